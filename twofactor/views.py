"""Signing in in two steps, changing the phone, switching the policy. Views translate HTTP; flows decide."""

from collections.abc import Callable
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

from accounts import flows as accounts
from accounts import language
from accounts.decorators import administrators_only
from accounts.forms import ProfileForm
from accounts.http import SignedInRequest
from accounts.models import User
from messaging.delivery import circuit, gateways
from messaging.delivery.models import Channel
from twofactor import challenges, coming, flows, objections, phones, session, words
from twofactor.decorators import pending_sign_in_at, second_click_follows_the_first
from twofactor.exceptions import CaptchaNeeded, JourneyOver, SmsSpent
from twofactor.forms import (
    AccountSettingsForm,
    ChannelForm,
    EnrolmentForm,
    PhoneForm,
    ProofForm,
    SignInForm,
    TokenForm,
)
from twofactor.models import Challenge, Journey, PendingSignIn, PhoneChange

Proof = Callable[[SignedInRequest, PhoneChange, Any], HttpResponse]
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
    }
    return render(request, "twofactor/introduction.html", context)


@pending_sign_in_at(lambda pending: not pending.device and pending.introduced)
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
    return render(request, "twofactor/phone.html", {"form": form, "account": pending.user.account})


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
        "email_offered": not pending.user.mailbox_suspect,
        "email_refused_reason": _("E-mail is back after one sign-in by SMS: your password was just reset by e-mail."),
        "sms_available": circuit.sms_is_available(),
    }
    return render(request, "twofactor/channel.html", context)


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
    challenge = Challenge.objects.of(pending).with_fate().newest()
    if challenge is None:
        return redirect("channel" if pending.device else "phone")
    context = {
        **_token_context(pending, challenge),
        "account": pending.user.account,
        "form": form,
        "can_change_number": pending.device is None,
        "other_channel": _other_channel(pending, challenge),
        "unlocked": pending.can_send,
    }
    return render(request, "twofactor/token.html", context)


def _prove_sign_in(request: HttpRequest, pending: PendingSignIn, form: TokenForm) -> HttpResponse:
    challenge = challenges.verify(pending, form.cleaned_data["token"])
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


def _token_context(journey: Journey, challenge: Challenge) -> dict[str, Any]:
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
    if pending.device is None or pending.user.mailbox_suspect:
        return ""
    return Channel.SMS if challenge.channel == Channel.EMAIL else Channel.EMAIL


@pending_sign_in_at(lambda pending: bool(pending.sends))
@require_safe
def token_fate(request: HttpRequest, pending: PendingSignIn) -> HttpResponse:
    """Tell what became of the last token's message, for the page to show without a reload."""
    return _fate(Challenge.objects.of(pending).with_fate().newest())


def _fate(challenge: Challenge | None) -> HttpResponse:
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
        return redirect("channel" if pending.device else "phone")
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
    people = User.objects.filter(account=account, is_active=True)
    context = {
        "account": account,
        "form": form,
        "users_total": people.count(),
        "users_without_phone": people.filter(phone_device__isnull=True).count(),
        "gateway_ready": gateways.sms_is_possible(),
        "own_phone_needed": not session.is_verified(user),
        "changed_at": account.two_factor_changed_at,
        **coming.context(user),
    }
    return render(request, "twofactor/account_settings.html", context)


def _switch_policy(request: SignedInRequest, wanted: bool) -> HttpResponse:
    """Switch; an administrator who has not proved their own phone in this session does that first (A-02, D6)."""
    user = request.user
    if wanted and not session.is_verified(user):
        here = resolve_url("account-settings")
        return redirect(session.hold_sign_in(request, user, here, switches_policy_on=True).step)
    if accounts.set_two_factor_policy(user.account, wanted, actor=user):
        said = _("Two factor authentication is on.") if wanted else _("Two factor authentication is off.")
        messages.success(request, said)
    return redirect("account-settings")


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


@require_safe
def profile_phone_fate(request: SignedInRequest) -> HttpResponse:
    """Tell what became of the last token's message of a phone change."""
    change = session.phone_change(request)
    return _fate(Challenge.objects.of(change).with_fate().newest() if change else None)


@sensitive_post_parameters("password")
@page
def profile_phone_confirm(request: SignedInRequest) -> HttpResponse:
    """Ask for the proofs, one after the other: it is still you, then the new number."""
    change = session.phone_change(request)
    if change is None:
        messages.warning(request, _("The change of your phone took too long or was ended."))
        return redirect("profile")
    form = (ProofForm if change.step == "password" else TokenForm)(posted(request))
    if request.method == "POST" and (done := _advance(request, change, form)):
        return done
    return render(request, "twofactor/phone_change.html", _change_context(request, change, form))


def _advance(request: SignedInRequest, change: PhoneChange, form: Any) -> HttpResponse | None:
    """Take the step that was posted; None when it was refused."""
    action = request.POST.get("action")
    if action == "cancel":
        flows.cancel_phone_change(change)
        messages.info(request, _("Your phone was not changed."))
        return redirect("profile")
    if action == "resend" and change.step != "password":
        return _resend_change(request, change)
    steps: dict[str, Proof] = {"password": _prove_password, "current": _prove_holder, "new": _prove_new}
    field = "password" if change.step == "password" else "token"
    proved: HttpResponse | None = form.attempt(lambda: steps[change.step](request, change, form), at=field)
    return proved


def _prove_password(request: SignedInRequest, change: PhoneChange, form: ProofForm) -> HttpResponse:
    data = form.cleaned_data
    flows.prove_password(change, data["password"], data["channel"] or Channel.SMS)
    return redirect("profile-phone-confirm")


def _prove_holder(request: SignedInRequest, change: PhoneChange, form: TokenForm) -> HttpResponse:
    flows.prove_holder(change, challenges.verify(change, form.cleaned_data["token"]))
    return redirect("profile-phone-confirm")


def _prove_new(request: SignedInRequest, change: PhoneChange, form: TokenForm) -> HttpResponse:
    flows.complete_phone_change(change, challenges.verify(change, form.cleaned_data["token"]))
    session.keep_signed_in(request, change.user)
    messages.success(request, _("Your phone was changed. Your other sessions were ended."))
    return redirect("profile")


def _resend_change(request: SignedInRequest, change: PhoneChange) -> HttpResponse:
    try:
        flows.resend(change)
    except (CaptchaNeeded, JourneyOver, SmsSpent):
        flows.cancel_phone_change(change)
        messages.warning(request, _("Too many tokens for one change. Begin again."))
        return redirect("profile")
    messages.success(request, _("Another token is on its way. The one before is cancelled."))
    return redirect("profile-phone-confirm")


def _change_context(request: SignedInRequest, change: PhoneChange, form: Any) -> dict[str, Any]:
    user = request.user
    context = {
        "step": change.step,
        "form": form,
        "profile_form": ProfileForm(instance=user),
        "masked_new": phones.mask(change.number),
        "masked_phone": phones.mask(user.phone_device.number),
        "masked_email": phones.mask_email(user.email),
    }
    challenge = None if change.step == "password" else Challenge.objects.of(change).with_fate().newest()
    return context | (_token_context(change, challenge) if challenge else {})
