"""Whether a password has leaked elsewhere: the range API of Pwned Passwords, which sees five digits of a hash."""

from functools import cache
from typing import TYPE_CHECKING

from django.conf import settings

from accounts.audit.actions import Action
from accounts.audit.record import record_event
from messaging.deadline import DeadlinePassed, TooManyCalls, within

if TYPE_CHECKING:
    from pwned_passwords_django.api import PwnedPasswords


def has_leaked(password: str) -> bool:
    """Tell whether a password is in the list. No answer in time counts as no, and is recorded (PW-06)."""
    from pwned_passwords_django.exceptions import PwnedPasswordsError  # noqa: PLC0415 (brings an HTTP client)

    try:
        found: int = within(
            settings.BREACHED_PASSWORDS_SECONDS,
            lambda: _client(settings.BREACHED_PASSWORDS_URL).check_password(password),
        )
    except (PwnedPasswordsError, DeadlinePassed, TooManyCalls):
        record_event(Action.PASSWORD_BREACH_CHECK_FAILED)
        return False
    return found > 0


@cache
def _client(url: str) -> "PwnedPasswords":
    from pwned_passwords_django.api import PwnedPasswords  # noqa: PLC0415

    class Client(PwnedPasswords):
        api_endpoint = url

    return Client()
