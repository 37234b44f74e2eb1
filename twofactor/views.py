"""Signing in in two steps, wishing another phone, switching the policy. Views translate HTTP; flows decide."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, QueryDict
from django.shortcuts import redirect, render, resolve_url
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import figures, language
from accounts import flows as accounts
from accounts.decorators import administrators_only, for_person_of_account
from accounts.forms import ProfileForm
from accounts.http import SignedInRequest
from accounts.models import User
from accounts.reauthentication import Wish, carries_out, demand, reauthenticated
from messaging.delivery import circuit, gateways
from messaging.delivery.models import Channel
from twofactor import challenges, coming, countries, flows, objections, phones, session, spending, words
from twofactor.decorators import pending_sign_in_at, second_click_follows_the_first
from twofactor.exceptions import CaptchaNeeded, JourneyOver, NoPhone, OwnPhone, SmsSpent
from twofactor.forms import (
    AccountSettingsForm,
    ChannelForm,
    EnrolmentForm,
    MailboxForm,
    OptionsForm,
    PhoneForm,
    PhoneResetForm,
    SignInForm,
    TokenForm,
)
from twofactor.models import Challenge, Journey, PendingSignIn

page = require_http_methods(["GET", "HEAD", "POST"])


def posted(request: HttpRequest) -> QueryDict | None:
    """Return what a form is to be filled with: the body of a POST, even an empty one, and nothing else."""
    return request.POST if request.method == "POST" else None


# Signing in -----------------------------------------------------------------------------------


@login_not_required
@sensitive_post_parameters("password")
@page
def sign_in(request: HttpRequest) -> HttpResponse:
    """Ask for login and password; a right one opens the second step, or the door where there is no policy."""
    form = SignInForm(posted(request), initial={"next": request.GET.get("next", "")})
    if request.method == "POST" and form.is_valid() and form.user:
        target = _safe_target(request, form.cleaned_data["next"] or "")
        response = _open(request, form.user, target)
        if form.user.language:
            language.remember(response, form.user.language)
        return response
    if request.method != "POST" and request.user.is_authenticated:
        return redirect(_safe_target(request, request.GET.get("next", "")))
    return render(request, "twofactor/sign_in.html", {"form": form})


def _open(request: HttpRequest, user: User, target: str) -> HttpResponse:
    if user.two_factor_required:
        return redirect(session.hold_sign_in(request, user, target).step)
    flows.sign_in_without_policy(user)
    session.sign_in(request, user)
    return redirect(target)


def _safe_target(request: HttpRequest, wished: str) -> str:
    """Return the page first asked for, if it is one of ours and can be written down."""
    kept = wished.startswith("/") and wished.isprintable() and len(wished) <= flows.LONGEST_ADDRESS
    ours = kept and url_has_allowed_host_and_scheme(wished, {request.get_host()}, request.is_secure())
    return wished if ours else resolve_url("home")


@pending_sign_in_at(lambda pending: not pending.device)
@page
def introduction(request: HttpRequest, pending: PendingSignIn) -> HttpResponse:
    """Pop-up A: how two-step verification works here."""
    if request.method == "POST":
        flows.introduce(pending)
        return redirect("phone")
    context = {
        "account": pending.user.account,
        "policy_switched_on_by_you": pending.switches_policy_on,
        "steps": _steps(pending, "introduction"),
    }
    return render(request, "twofactor/introduction.html", context)


def _steps(pending: PendingSignIn, here: str) -> dict[str, object]:
    """Return where a first sign-in stands: with the mailbox before the phone it has a step more."""
    known = ["introduction", *(["mailbox"] if pending.user.mailbox_before_phone else []), "phone", "token"]
    return {"current": known.index(here) + 1, "of": range(1, len(known) + 1)}


@pending_sign_in_at(lambda pending: pending.introduced and pending.needs_mailbox)
@second_click_follows_the_first
@page
def mailbox(request: HttpRequest, pending: PendingSignIn) -> HttpResponse:
    """Send a token to the mailbox, where it comes before the first phone (D3, R-07)."""
    form = MailboxForm(posted(request))
    if request.method == "POST" and form.attempt(lambda: flows.start_mailbox_proof(pending, captcha=form.solved)):
        return redirect("token")
    context = {
        "account": pending.user.account,
        "form": form,
        "masked_email": phones.mask_email(pending.user.email),
        "was_reset": pending.user.phone_was_reset,
        "steps": _steps(pending, "mailbox"),
    }
    return render(request, "twofactor/mailbox.html", context)


@pending_sign_in_at(lambda pending: not pending.device and pending.introduced and not pending.needs_mailbox)
@second_click_follows_the_first
@page
def phone(request: HttpRequest, pending: PendingSignIn) -> HttpResponse:
    """Pop-up B: the first phone. Sends the SMS."""
    regions = pending.user.account.regions
    form = EnrolmentForm(posted(request), regions=regions, initial={"country": regions[0]})
    if request.method == "POST" and form.attempt(
        lambda: flows.start_enrolment(pending, form.phone, captcha=form.solved)
    ):
        return redirect("token")
    context = {"form": form, "account": pending.user.account, "steps": _steps(pending, "phone")}
    return render(request, "twofactor/phone.html", context)


@pending_sign_in_at(lambda pending: bool(pending.device))
@second_click_follows_the_first
@page
def channel(request: HttpRequest, pending: PendingSignIn) -> HttpResponse:
    """Ask for the captcha, which unlocks the choice of SMS or e-mail. Sends the token."""
    form = ChannelForm(posted(request), unlocked=pending.can_send)
    if request.method == "POST" and form.attempt(
        lambda: flows.start_sign_in_challenge(pending, form.cleaned_data["channel"], captcha=form.solved)
    ):
        return redirect("token")
    context = {
        "account": pending.user.account,
        "form": form,
        "unlocked": "captcha" not in form.fields,
        "masked_phone": phones.mask(pending.known_destination(Channel.SMS)),
        "masked_email": phones.mask_email(pending.user.email),
        "email_offered": pending.user.takes_tokens_by_email,
        "email_refused_reason": _no_email_because(pending.user),
        "sms_available": circuit.sms_is_available(),
        "sms_spent": words.of(SmsSpent()) if spending.no_sms_left(pending) else "",
    }
    return render(request, "twofactor/channel.html", context)


def _no_email_because(user: User) -> str:
    if not user.account.email_tokens:
        return _("Your account sends tokens by SMS only.")
    return _("E-mail is back after one sign-in by SMS: your password was just reset by e-mail.")


@pending_sign_in_at(lambda pending: bool(pending.sends))
@page
def token(request: HttpRequest, pending: PendingSignIn) -> HttpResponse:
    """Pop-up C: the token. Opens the door."""
    form = TokenForm(posted(request))
    opened: HttpResponse | None = None
    if request.method == "POST":
        opened = form.attempt(lambda: _prove_sign_in(request, pending, form), at="token")
    if opened:
        return opened
    challenge = Challenge.objects.shown(pending)
    if challenge is None:
        return redirect(pending.sends_from)
    context = {
        **token_context(pending, challenge),
        "account": pending.user.account,
        "form": form,
        "steps": None if pending.device else _steps(pending, "mailbox" if pending.needs_mailbox else "token"),
        "can_change_number": pending.device is None and not pending.needs_mailbox,
        "other_channel": _other_channel(pending, challenge),
        "unlocked": pending.can_send,
    }
    return render(request, "twofactor/token.html", context)


def _prove_sign_in(request: HttpRequest, pending: PendingSignIn, form: TokenForm) -> HttpResponse:
    challenge = challenges.verify(pending, form.cleaned_data["token"])
    if pending.needs_mailbox:
        flows.prove_mailbox(pending, challenge)
        return redirect("phone")
    device = flows.complete_sign_in(pending, challenge)
    session.sign_in(request, pending.user, device)
    if pending.user.failures >= settings.FAILURES_TOLD_AT:
        messages.warning(request, _say_failures(pending.user.failures))
    return redirect(pending.next_url or "home")


def _say_failures(count: int) -> str:
    """Tell whoever signs in at last how often somebody with the right password failed before (L-07)."""
    return _(
        "Before this sign-in there were %(count)s wrong tokens in a row. If they were not yours, somebody knows your "
        "password: choose another one."
    ) % {"count": count}


def token_context(journey: Journey, challenge: Challenge) -> dict[str, Any]:
    """Return what a token page shows: where it went, how long it lives, when another may be sent."""
    by_email = challenge.channel == Channel.EMAIL
    hide = phones.mask_email if by_email else phones.mask
    return {
        "challenge": challenge,
        "masked_destination": hide(challenge.destination),
        "seconds_left": challenge.seconds_left,
        "attempts_left": settings.TOKEN_ATTEMPTS - challenge.attempts,
        "lifetime": settings.TOKEN_LIFETIME_SECONDS,
        "fate": words.fate(challenge.message),
        "resend_in": challenges.cooldown(challenge, journey.sends),
    }


def _other_channel(pending: PendingSignIn, challenge: Challenge) -> str:
    if pending.device is None or not pending.user.takes_tokens_by_email:
        return ""
    return Channel.SMS if challenge.channel == Channel.EMAIL else Channel.EMAIL


@pending_sign_in_at(lambda pending: bool(pending.sends))
@require_safe
def token_fate(request: HttpRequest, pending: PendingSignIn) -> HttpResponse:
    """Tell what became of the last token's message, for the page to show without a reload."""
    return fate_of(pending)


def fate_of(journey: Journey | None) -> HttpResponse:
    """Tell what became of the last token's message of a journey."""
    challenge = Challenge.objects.shown(journey) if journey else None
    fate = words.fate(challenge.message if challenge else None)
    return JsonResponse({"state": fate.state, "text": fate.text})


@pending_sign_in_at(lambda pending: bool(pending.sends))
@second_click_follows_the_first
@require_POST
def token_resend(request: HttpRequest, pending: PendingSignIn) -> HttpResponse:
    """Send another token where the last one went; when the captcha is spent, ask for it again."""
    try:
        flows.resend(pending)
    except (CaptchaNeeded, JourneyOver, SmsSpent) as refusal:
        messages.warning(request, words.of(refusal))
        return redirect(pending.sends_from)
    messages.success(request, _("Another token is on its way. The one before is cancelled."))
    return redirect("token")


@login_not_required
@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """End the session, signed in or half-way."""
    session.sign_out(request)
    return redirect("sign-in")


@login_not_required
@page
def not_me(request: HttpRequest, signed: str) -> HttpResponse:
    """Take back a phone that somebody else added: asked first, for mail programs open links by themselves."""
    event = objections.event_of(signed)
    if event is None:
        raise Http404
    if request.method == "POST":
        flows.disown_phone(event)
        session.sign_out(request)
    return render(request, "twofactor/not_me.html", {"done": request.method == "POST"})


# Account Settings -----------------------------------------------------------------------------


@administrators_only
@page
def account_settings(request: SignedInRequest) -> HttpResponse:
    """Show and switch the account's policy (journey 1)."""
    user = request.user
    account = user.account
    form = AccountSettingsForm(posted(request), instance=account)
    if request.method == "POST" and form.is_valid():
        wanted = form.cleaned_data["two_factor_required"]
        account.refresh_from_db()
        if wanted and not gateways.sms_is_possible():
            form.add_error(None, _("No SMS gateway is configured: nobody could get a token."))
        else:
            return _switch_policy(request, wanted)
    context = {
        "account": account,
        "form": form,
        "people": figures.people(account),
        "gateway_ready": gateways.sms_is_possible(),
        "own_phone_needed": not session.is_verified(user),
        "options": OptionsForm(instance=account),
        "countries": countries.CountriesForm(account=account),
        "changed_at": account.two_factor_changed_at,
        **coming.context(user),
    }
    return render(request, "twofactor/account_settings.html", context)


def _switch_policy(request: SignedInRequest, wanted: bool) -> HttpResponse:
    """Ask who it is, then switch (A-01).

    An administrator who has not proved their own phone in this session does that first, and it counts (A-02, D6).
    """
    user = request.user
    if wanted == user.account.two_factor_required:
        return redirect("account-settings")
    if wanted and not session.is_verified(user):
        here = resolve_url("account-settings")
        return redirect(session.hold_sign_in(request, user, here, switches_policy_on=True).step)
    return demand(request, "policy", wish={"two_factor_required": wanted})


@carries_out("policy")
def _carry_out_policy(user: User, wish: Wish) -> str:
    wanted = bool(wish["two_factor_required"])
    accounts.set_two_factor_policy(user.account, wanted, actor=user)
    return _("Two factor authentication is on.") if wanted else _("Two factor authentication is off.")


@administrators_only
@require_POST
def account_options(request: SignedInRequest) -> HttpResponse:
    """Ask who it is, then change what the account adds to the second factor (D1, D3)."""
    form = OptionsForm(request.POST, instance=request.user.account)
    if form.is_valid() and not form.has_changed():
        return redirect("account-settings")
    if not form.cleaned_data["email_tokens"] and not gateways.sms_is_possible():
        messages.error(request, _("No SMS gateway is configured: nobody could get a token."))
        return redirect("account-settings")
    return demand(request, "policy.options", path=resolve_url("account-settings"), wish=form.cleaned_data)


@carries_out("policy.options")
def _carry_out_options(user: User, wish: Wish) -> str:
    accounts.set_sign_in_options(user.account, actor=user, **wish)
    return _("Your settings were saved.")


# Helping who lost a phone ---------------------------------------------------------------------


@administrators_only
@for_person_of_account
@reauthenticated("user.reset_phone")
@page
def phone_reset(request: SignedInRequest, person: User) -> HttpResponse:
    """Take a lost phone away, with the reason (R-07)."""
    form = PhoneResetForm(posted(request))
    if request.method == "POST" and form.is_valid():
        try:
            flows.reset_phone(person, reason=form.cleaned_data["reason"], actor=request.user)
        except (OwnPhone, NoPhone) as refusal:
            messages.error(request, words.of(refusal))
        else:
            messages.success(request, _("The phone of %(person)s was removed.") % {"person": person.full_name})
        return redirect("user", person.pk)
    device = getattr(person, "phone_device", None)
    context = {"form": form, "person": person, "masked_phone": phones.mask(device.number) if device else ""}
    return render(request, "twofactor/phone_reset.html", context)


# Changing the phone ---------------------------------------------------------------------------


@require_POST
def profile_phone(request: SignedInRequest) -> HttpResponse:
    """Take the wished number; the proofs come next (journey 4)."""
    user = request.user
    if not (user.two_factor_required and hasattr(user, "phone_device")):
        raise Http404
    form = PhoneForm(request.POST, regions=user.account.regions)
    started = form.attempt(
        lambda: flows.start_phone_change(user, form.phone, session_hash=session.session_hash(request)),
        at="number",
    )
    if started:
        return redirect("profile-phone-confirm")
    context = {"form": ProfileForm(instance=user), "phone_form": form}
    return render(request, "accounts/profile.html", context)
