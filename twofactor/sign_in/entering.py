"""The last step of every sign-in, whatever the factor."""

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from accounts.auth import known_browsers
from accounts.request import language
from twofactor import session_state
from twofactor.account_settings import pending_actions
from twofactor.factors.base import Verified
from twofactor.models import FactorDevice, PendingSignIn
from twofactor.sign_in import flows
from twofactor.sign_in.addresses import waiting_page


def enter(request: HttpRequest, pending: PendingSignIn, verified: Verified) -> HttpResponse:
    """Sign in a person whose second factor was right. No other function turns a pending sign-in into a session.

    A right answer of a kind that no longer counts leads to the enrolment of one that does (K-06).
    """
    if pending.needs_old_factor:
        flows.prove_old_factor(pending, verified)
        return redirect(waiting_page(pending))
    policy_date = session_state.policy_date(request, pending)
    device = flows.complete_sign_in(pending, verified, policy_date)
    session_state.sign_in(request, pending.user, device, verified.kind)
    if done := pending_actions.say_carried_out(pending, policy_date):
        messages.success(request, done)
    return let_in(request, pending)


def enter_alone(request: HttpRequest, pending: PendingSignIn, device: FactorDevice) -> HttpResponse:
    """Sign in a person whose sign-in began and ended with a passkey, and end what was begun in this browser (K-04)."""
    session_state.leave(request)
    session_state.sign_in(request, pending.user, device, device.factor)
    response = let_in(request, pending)
    if pending.user.language:
        language.remember(response, pending.user.language)
    return response


def let_in(request: HttpRequest, pending: PendingSignIn) -> HttpResponse:
    """Return the redirect to the page first asked for, and make the browser a known one."""
    response = redirect(pending.next_url or "home")
    known_browsers.remember(response, pending.user)
    if pending.user.failures >= settings.FAILURES_NOTIFIED_AT:
        messages.warning(request, _say_failures(pending.user.failures))
    return response


def _say_failures(count: int) -> str:
    """Tell a person who signs in how often somebody with the right password failed before (L-07)."""
    return _(
        "Before this sign-in there were %(count)s wrong tokens in a row. If they were not yours, somebody knows your "
        "password: choose another one."
    ) % {"count": count}
