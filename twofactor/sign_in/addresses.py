"""The page of each step of a pending sign-in."""

from django.http import HttpRequest
from django.shortcuts import resolve_url
from django.utils.http import url_has_allowed_host_and_scheme

from twofactor import journeys
from twofactor.models import PendingSignIn
from twofactor.steps import Step

PAGES: dict[Step, str] = {
    Step.PASSWORD: "sign-in-password",
    Step.INTRODUCTION: "introduction",
    Step.MAILBOX: "mailbox",
    Step.RECOVERY_CODE: "recovery-code",
    Step.PHONE: "phone",
    Step.SETUP: "setup",
    Step.CHANNEL: "channel",
    Step.APP: "app",
    Step.PASSKEY: "sign-in-passkey",
    Step.TOKEN: "token",
}


def waiting_page(pending: PendingSignIn) -> str:
    """Return the name of the address at which a pending sign-in waits."""
    return PAGES[pending.step]


def safe_target(request: HttpRequest, target: str) -> str:
    """Return the page first asked for, if it is one of ours and short enough to be kept; else the home page."""
    kept = target.startswith("/") and target.isprintable() and len(target) <= journeys.MAX_ADDRESS_LENGTH
    ours = kept and url_has_allowed_host_and_scheme(target, {request.get_host()}, request.is_secure())
    return target if ours else resolve_url("home")


def sending_page(pending: PendingSignIn) -> str:
    """Return the name of the address that sends the next token, or that leads there."""
    return PAGES[pending.sends_from]
