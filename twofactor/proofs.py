"""The pop-ups that ask again who it is: for a change of the phone, and before what matters. Views translate HTTP."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_safe

from accounts.http import SignedInRequest
from messaging.delivery.models import Channel
from twofactor import challenges, flows, phones, session
from twofactor.exceptions import CaptchaNeeded, JourneyOver, SmsSpent
from twofactor.forms import EmailForm, ProofForm, TokenForm
from twofactor.models import Challenge, EmailChange, PhoneChange, Proof, Reauthentication
from twofactor.views import fate_of, page, posted, token_context

Proved = Callable[[SignedInRequest, Any, Any], HttpResponse]


@dataclass(frozen=True, slots=True)
class Way:
    """How one kind of journey walks through its proofs: its page, what each token opens, and what is said."""

    here: str
    template: str
    current: Proved  # what the proof opens that it is still you
    new: Proved  # what the token after it opens
    cancelled: Promise
    spent: Promise
    back: Callable[[Any], str]  # where people go who give up


def _walk(request: SignedInRequest, journey: Proof, way: Way) -> HttpResponse:
    """Ask for the proof that is outstanding, or take it."""
    form = (ProofForm if journey.step == "password" else TokenForm)(posted(request))
    if request.method == "POST" and (done := _advance(request, journey, way, form)):
        return done
    return render(request, way.template, _context(request, journey, form))


def _advance(request: SignedInRequest, journey: Proof, way: Way, form: Any) -> HttpResponse | None:
    """Take the step that was posted; None when it was refused."""
    action = request.POST.get("action")
    if action == "cancel":
        flows.cancel(journey)
        messages.info(request, str(way.cancelled))
        return redirect(way.back(journey))
    if action == "resend" and journey.step != "password":
        return _resend(request, journey, way)
    if journey.step == "password":
        taken = form.attempt(lambda: _prove_password(request, journey, way, form), at="password")
    else:
        taken = form.attempt(lambda: _prove_token(request, journey, way, form), at="token")
    return taken or None


def _prove_password(request: SignedInRequest, journey: Proof, way: Way, form: ProofForm) -> HttpResponse:
    flows.prove_password(journey, form.cleaned_data["password"], form.cleaned_data["channel"] or Channel.SMS)
    return way.current(request, journey, None) if journey.holder_proved else redirect(way.here)


def _prove_token(request: SignedInRequest, journey: Proof, way: Way, form: TokenForm) -> HttpResponse:
    challenge = challenges.verify(journey, form.cleaned_data["token"])
    return (way.new if journey.holder_proved else way.current)(request, journey, challenge)


def _resend(request: SignedInRequest, journey: Proof, way: Way) -> HttpResponse:
    try:
        flows.resend(journey)
    except (CaptchaNeeded, JourneyOver, SmsSpent):
        flows.cancel(journey)
        messages.warning(request, str(way.spent))
        return redirect(way.back(journey))
    messages.success(request, _("Another token is on its way. The one before is cancelled."))
    return redirect(way.here)


def _context(request: SignedInRequest, journey: Proof, form: Any) -> dict[str, Any]:
    user = request.user
    context = {
        "step": journey.step,
        "form": form,
        "journey": journey,
        "masked_phone": phones.mask(journey.device.number) if journey.device else "",
        "masked_email": phones.mask_email(user.email),
        "email_offered": user.takes_tokens_by_email,
    }
    challenge = None if journey.step == "password" else Challenge.objects.shown(journey)
    return context | (token_context(journey, challenge) if challenge else {})


# Changing the phone ---------------------------------------------------------------------------


@sensitive_post_parameters("password")
@page
def phone_change(request: SignedInRequest) -> HttpResponse:
    """Ask for the proofs, one after the other: it is still you, then the new number."""
    change = session.phone_change(request)
    if change is None:
        messages.warning(request, _("The change of your phone took too long or was ended."))
        return redirect("profile")
    return _walk(request, change, PHONE_CHANGE)


@require_safe
def phone_change_fate(request: SignedInRequest) -> HttpResponse:
    """Tell what became of the last token's message of a phone change."""
    return fate_of(session.phone_change(request))


def _old_phone_proved(request: SignedInRequest, change: PhoneChange, challenge: Challenge) -> HttpResponse:
    flows.prove_old_phone(change, challenge)
    return redirect("profile-phone-confirm")


def _new_phone_proved(request: SignedInRequest, change: PhoneChange, challenge: Challenge) -> HttpResponse:
    flows.complete_phone_change(change, challenge)
    session.keep_signed_in(request, change.user)
    messages.success(request, _("Your phone was changed. Your other sessions were ended."))
    return redirect("profile")


PHONE_CHANGE = Way(
    here="profile-phone-confirm",
    template="twofactor/phone_change.html",
    current=_old_phone_proved,
    new=_new_phone_proved,
    cancelled=gettext_lazy("Your phone was not changed."),
    spent=gettext_lazy("Too many tokens for one change. Begin again."),
    back=lambda change: resolve_url("profile"),
)


# Changing the address -------------------------------------------------------------------------


@page
def email(request: SignedInRequest) -> HttpResponse:
    """Ask for the new address; the proofs come next (R-08)."""
    form = EmailForm(posted(request))
    here = session.session_hash(request)
    started = request.method == "POST" and form.attempt(
        lambda: flows.start_email_change(request.user, form.cleaned_data["email"], session_hash=here), at="email"
    )
    return redirect("email-confirm") if started else render(request, "twofactor/email.html", {"form": form})


@sensitive_post_parameters("password")
@page
def email_change(request: SignedInRequest) -> HttpResponse:
    """Ask for the proofs, one after the other: it is still you, then the new mailbox."""
    change = session.email_change(request)
    if change is None:
        messages.warning(request, _("The change of your e-mail address took too long or was ended."))
        return redirect("profile")
    return _walk(request, change, EMAIL_CHANGE)


@require_safe
def email_change_fate(request: SignedInRequest) -> HttpResponse:
    """Tell what became of the last token's message of a change of the address."""
    return fate_of(session.email_change(request))


def _old_mailbox_proved(request: SignedInRequest, change: EmailChange, challenge: Challenge | None) -> HttpResponse:
    flows.prove_before_email(change, challenge)
    return redirect("email-confirm")


def _new_mailbox_proved(request: SignedInRequest, change: EmailChange, challenge: Challenge) -> HttpResponse:
    flows.complete_email_change(change, challenge)
    session.keep_signed_in(request, change.user)
    messages.success(request, _("Your e-mail address was changed. Your other sessions were ended."))
    return redirect("profile")


EMAIL_CHANGE = Way(
    here="email-confirm",
    template="twofactor/email_change.html",
    current=_old_mailbox_proved,
    new=_new_mailbox_proved,
    cancelled=gettext_lazy("Your e-mail address was not changed."),
    spent=gettext_lazy("Too many tokens for one change. Begin again."),
    back=lambda change: resolve_url("profile"),
)


# Before what matters --------------------------------------------------------------------------


@sensitive_post_parameters("password")
@page
def reauthentication(request: SignedInRequest) -> HttpResponse:
    """Ask for the proofs that it is still you, then lead back to the page that needs them."""
    journey = session.reauthentication(request)
    if journey is None:
        messages.warning(request, _("The confirmation took too long or was ended. Begin again."))
        return redirect("home")
    if journey.holder_proved:  # a second click, or Back
        return redirect(journey.next_url)
    return _walk(request, journey, REAUTHENTICATION)


@require_safe
def reauthentication_fate(request: SignedInRequest) -> HttpResponse:
    """Tell what became of the last token's message of a re-authentication."""
    return fate_of(session.reauthentication(request))


def _identity_proved(request: SignedInRequest, journey: Reauthentication, challenge: Challenge | None) -> HttpResponse:
    done = flows.complete_reauthentication(journey, challenge)
    messages.success(request, done or _("Identity confirmed. You have 5 minutes to go on."))
    return redirect(journey.next_url)


REAUTHENTICATION = Way(
    here="reauthentication",
    template="twofactor/reauthentication.html",
    current=_identity_proved,
    new=_identity_proved,
    cancelled=gettext_lazy("Nothing was changed."),
    spent=gettext_lazy("Too many tokens for one confirmation. Begin again."),
    back=lambda journey: resolve_url("home"),
)
