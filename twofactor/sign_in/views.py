"""The pages of a sign-in, in two steps."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from accounts.exceptions import Limited
from accounts.factors import FactorKind
from accounts.models import User
from accounts.passwords.limits import ANYWHERE
from accounts.request import language
from accounts.request.limited import limited
from messaging.delivery import circuit
from messaging.masking import mask_email
from twofactor import error_messages, phones, session_state
from twofactor.exceptions import SmsUsedUp
from twofactor.factors import held
from twofactor.factors.catalogue import open_to
from twofactor.factors.codes.views import CODES, own_code
from twofactor.factors.passkeys import alone
from twofactor.models import PendingSignIn
from twofactor.pages import answer, page, posted
from twofactor.sign_in import flows
from twofactor.sign_in.addresses import safe_target, waiting_page
from twofactor.sign_in.context import later_step, steps, ways_beside, ways_in_order
from twofactor.sign_in.decorators import pending_sign_in_at, second_click_follows_the_first
from twofactor.sign_in.forms import (
    ChannelForm,
    EnrolmentForm,
    MailboxForm,
    OwnPasswordForm,
    RecoveryForm,
    SignInForm,
    typed_before,
)
from twofactor.sign_in.kept_pages import SIGN_IN_PAGE, beside_passkeys, channel_page
from twofactor.sign_in.next_page import next_page
from twofactor.steps import Step
from twofactor.tokens import sms_of_the_day


@login_not_required
@sensitive_post_parameters("password")
@page
def sign_in(request: HttpRequest) -> HttpResponse:
    """Ask for login and password. A right one leads to the second step, or into the portal without the policy."""
    form = SignInForm(posted(request), initial={"next": request.GET.get("next", "")})
    try:
        is_right = request.method == "POST" and form.is_valid()
    except Limited as refusal:
        return _refuse(request, form, refusal)
    if is_right and form.user:
        target = safe_target(request, form.cleaned_data["next"] or "")
        response = open_portal(request, form.user, target)
        if form.user.language:
            language.remember(response, form.user.language)
        return response
    if request.method != "POST" and request.user.is_authenticated:
        return redirect(safe_target(request, request.GET.get("next", "")))
    context = _with_passkey({"form": form})
    return SIGN_IN_PAGE.answer(request, context, shape={"passkeys": "alone" in context})


def _with_passkey(context: dict[str, Any]) -> dict[str, Any]:
    """Add the passkey button where some account lets a passkey alone sign in (K-04)."""
    return beside_passkeys(context) if alone.is_offered() else context


def _refuse(request: HttpRequest, form: SignInForm, refusal: Limited) -> HttpResponse:
    """Keep a person who reached a limit on the page, with the wait and the other ways (B-13)."""
    context = _with_passkey({"form": form, "refused": True, "needs_mailbox": refusal.scope == ANYWHERE})
    return limited(request, refusal, "twofactor/sign_in.html", context)


def open_portal(request: HttpRequest, user: User, target: str) -> HttpResponse:
    """Sign in a person whose password was right, or ask for the second factor first."""
    if user.two_factor_required:
        pending = session_state.begin_pending_sign_in(request, user, target)
        # In another language the page begins with the next request.
        page_name = waiting_page(pending)
        if user.language not in {"", get_language()}:
            return redirect(page_name)
        return next_page(request, page_name, pending)
    flows.sign_in_without_policy(user)
    session_state.sign_in(request, user)
    return redirect(target)


@pending_sign_in_at(lambda pending: pending.needs_password, before_password=True)
@sensitive_post_parameters("password")
@page
def own_password(request: HttpRequest, pending: PendingSignIn) -> HttpResponse:
    """Ask for the password before the second step, where the sign-in comes out of an open session (R-09).

    It is a page of its own, because the next page differs: the introduction, or the choice of a channel with a captcha.
    A person who typed the password within the last five minutes never sees it.
    """
    form = OwnPasswordForm(posted(request))
    if request.method == "POST" and (proved := form.attempt(lambda: _prove_password(pending, form), at="password")):
        return redirect(waiting_page(proved))
    context = {"account": pending.user.account, "form": form, "login": pending.user.username}
    return answer(request, "twofactor/own_password.html", context)


def _prove_password(pending: PendingSignIn, form: OwnPasswordForm) -> PendingSignIn:
    flows.prove_password(pending, form.cleaned_data["password"])
    return pending


@pending_sign_in_at(lambda pending: not pending.has_factor and not pending.needs_old_factor)
@page
def introduction(request: HttpRequest, pending: PendingSignIn) -> HttpResponse:
    """Show pop-up A: how two-step verification works here."""
    if request.method == "POST":
        flows.introduce(pending)
        pending.introduced = True
        return redirect(waiting_page(pending))
    context = {
        "account": pending.user.account,
        "policy_switched_on_by_you": pending.switches_policy_on,
        "policy_date": session_state.policy_date(request, pending),
        "steps": steps(pending, "introduction"),
        "by_phone": pending.user.accepts(FactorKind.SMS),
        "old_factor_proved": pending.old_factor_proved,
    }
    return render(request, "twofactor/introduction.html", context)


@pending_sign_in_at(lambda pending: pending.introduced and pending.needs_mailbox and not pending.needs_code)
@second_click_follows_the_first
@page
def mailbox(request: HttpRequest, pending: PendingSignIn) -> HttpResponse:
    """Send a token to the mailbox, where that comes before the first phone (D3, R-07)."""
    form = MailboxForm(posted(request))
    if request.method == "POST" and form.attempt(lambda: flows.start_mailbox_proof(pending, captcha=form.solved)):
        return redirect("token")
    context = {
        "account": pending.user.account,
        "form": form,
        "masked_email": mask_email(pending.user.email),
        "was_reset": pending.user.phone_was_reset,
        "steps": steps(pending, "mailbox"),
    }
    return answer(request, "twofactor/mailbox.html", context)


@pending_sign_in_at(lambda pending: CODES.is_open_to(pending.user) or (pending.introduced and pending.needs_mailbox))
@page
def recovery_code(request: HttpRequest, pending: PendingSignIn) -> HttpResponse:
    """Take a recovery code: one's own in place of a factor (K-05), or an administrator's before a first one (R-10)."""
    if pending.has_factor or pending.needs_old_factor:
        return own_code(request, pending)
    form = RecoveryForm(posted(request))
    if request.method == "POST" and (proved := form.attempt(lambda: _prove_code(pending, form), at="code")):
        return redirect(waiting_page(proved))
    context = {
        "account": pending.user.account,
        "form": form,
        "is_the_only_way": pending.needs_code,
        "reset_by_email": pending.user.mailbox_suspect,
        "steps": steps(pending, "mailbox"),
    }
    return answer(request, "twofactor/recovery_code.html", context)


def _prove_code(pending: PendingSignIn, form: RecoveryForm) -> PendingSignIn:
    flows.prove_recovery_code(pending, form.cleaned_data["code"])
    return pending


@pending_sign_in_at(lambda pending: pending.sends_from == Step.PHONE)
@second_click_follows_the_first
@page
def phone(request: HttpRequest, pending: PendingSignIn) -> HttpResponse:
    """Show pop-up B, the first phone, and send the SMS."""
    regions = pending.user.account.regions
    form = EnrolmentForm(posted(request), regions=regions, initial=typed_before(pending) or {"country": regions[0]})
    if request.method == "POST" and form.attempt(
        lambda: flows.start_enrolment(pending, form.phone, captcha=form.solved)
    ):
        return redirect("token")
    context = {
        "form": form,
        "account": pending.user.account,
        "steps": steps(pending, "phone"),
        "sms_available": circuit.sms_is_available(),
    }
    return answer(request, "twofactor/phone.html", context)


@pending_sign_in_at(lambda pending: pending.has_factor or pending.needs_old_factor)
@second_click_follows_the_first
@page
def channel(request: HttpRequest, pending: PendingSignIn) -> HttpResponse:
    """Ask for the captcha, which allows the choice of SMS or e-mail, and send the token."""
    form = ChannelForm(posted(request), unlocked=pending.can_send)
    if request.method == "POST" and form.attempt(
        lambda: flows.start_sign_in_challenge(pending, form.cleaned_data["channel"], captcha=form.solved)
    ):
        return next_page(request, "token", pending)
    factors = open_to(pending.user)
    kinds = {factor.kind for factor in factors}
    sms_available = circuit.sms_is_available()
    context = {
        "account": pending.user.account,
        "form": form,
        "steps": later_step(1),
        "old_factor": pending.needs_old_factor,
        "unlocked": "captcha" not in form.fields,
        "masked_phone": phones.mask(pending.phone.number) if pending.phone and FactorKind.SMS in kinds else "",
        **ways_beside(factors),
        **ways_in_order(pending.user, factors),
        "masked_email": mask_email(pending.user.email),
        "email_offered": FactorKind.EMAIL in kinds,
        "email_refused_reason": _no_email_because(pending.user),
        "sms_available": sms_available,
        "nothing_works": not sms_available and kinds == {FactorKind.SMS},
        "others_work": bool(kinds - {FactorKind.SMS}),
        "sms_used_up": error_messages.of(SmsUsedUp()) if sms_of_the_day.no_sms_left(pending) else "",
    }
    return channel_page(request, context)


def _no_email_because(user: User) -> str:
    if not user.accepts(FactorKind.EMAIL):
        return _("Your account sends tokens by SMS only.")
    if held.email_yields(user):
        return _("Your account sends no tokens by e-mail to whoever has an authenticator app or a passkey.")
    return _("E-mail is back after one sign-in by SMS: your password was just reset by e-mail.")


@login_not_required
@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """End the session, signed in or pending."""
    if session_state.sign_out(request):
        messages.info(request, _("You have signed out."))
    return redirect("sign-in")
