"""The page of each step of a pending sign-in."""

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


def sending_page(pending: PendingSignIn) -> str:
    """Return the name of the address that sends the next token, or leads there."""
    return PAGES[pending.sends_from]
