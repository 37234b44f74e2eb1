"""The page that takes the token of a sign-in, its delivery status, and sending another one."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.exceptions import Limited
from accounts.factors import FactorKind
from messaging.delivery.models import Channel
from twofactor import error_messages, journeys
from twofactor.exceptions import CaptchaNeeded, JourneyOver, SmsUsedUp
from twofactor.factors.base import Factor
from twofactor.factors.catalogue import open_to
from twofactor.factors.sent.factor import SentToken
from twofactor.forms import TokenForm
from twofactor.models import Challenge, PendingSignIn, Purpose
from twofactor.pages import delivery_status_answer, page, posted, token_context
from twofactor.sign_in import flows
from twofactor.sign_in.addresses import sending_page, waiting_page
from twofactor.sign_in.context import token_step, ways_beside
from twofactor.sign_in.decorators import pending_sign_in_at, second_click_follows_the_first
from twofactor.sign_in.entering import enter
from twofactor.sign_in.kept_pages import token_page
from twofactor.tokens import challenges


@pending_sign_in_at(lambda pending: bool(pending.sends))
@page
def token(request: HttpRequest, pending: PendingSignIn) -> HttpResponse:
    """Pop-up C: the token. Signs the person in."""
    form = TokenForm(posted(request))
    opened: HttpResponse | None = None
    if request.method == "POST":
        opened = form.attempt(lambda: _prove_sign_in(request, pending, form), at="token")
    return opened or _token_page(request, pending, form)


def _token_page(
    request: HttpRequest, pending: PendingSignIn, form: TokenForm, refusal: Limited | None = None
) -> HttpResponse:
    if refusal or form.limited:
        pending.refresh_from_db(fields=["sends"])  # the refusal rolled it back
    challenge = pending.just_issued or Challenge.objects.shown(pending)
    if challenge is None:
        return redirect(sending_page(pending))
    factors = open_to(pending.user)
    context = {
        **token_context(pending, challenge),
        "account": pending.user.account,
        "form": form,
        "steps": token_step(pending),
        "can_change_number": pending.purpose == Purpose.ENROL,
        "other_channel": _other_channel(factors, challenge),
        **ways_beside(factors),
        "unlocked": pending.can_send,
    }
    return token_page(request, context, refusal)


def _prove_sign_in(request: HttpRequest, pending: PendingSignIn, form: TokenForm) -> HttpResponse:
    challenge = challenges.verify(pending, form.cleaned_data["token"])
    if pending.needs_mailbox:
        flows.prove_mailbox(pending, challenge)
        return redirect(waiting_page(pending))
    return enter(request, pending, SentToken(challenge))


def _other_channel(factors: list[Factor], challenge: Challenge) -> str:
    kinds = {factor.kind for factor in factors}
    if not {FactorKind.SMS, FactorKind.EMAIL} <= kinds:
        return ""
    return Channel.SMS if challenge.channel == Channel.EMAIL else Channel.EMAIL


@pending_sign_in_at(lambda pending: bool(pending.sends))
@require_safe
def token_status(request: HttpRequest, pending: PendingSignIn) -> HttpResponse:
    """Return the delivery status of the last token's message, which the page shows without a reload."""
    return delivery_status_answer(pending)


@pending_sign_in_at(lambda pending: bool(pending.sends))
@second_click_follows_the_first
@require_POST
def token_resend(request: HttpRequest, pending: PendingSignIn) -> HttpResponse:
    """Send another token to where the last one went; when the captcha is used up, ask for it again."""
    try:
        journeys.resend(pending)
    except (CaptchaNeeded, JourneyOver, SmsUsedUp) as refusal:
        messages.warning(request, error_messages.of(refusal))
        return redirect(sending_page(pending))
    except Limited as refusal:
        return _token_page(request, pending, TokenForm(), refusal)
    messages.success(request, _("Another token is on its way. The one before is cancelled."))
    return redirect("token")
