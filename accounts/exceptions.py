"""Refusals with names; pages and forms give them words."""

from accounts.models import User


class Limited(Exception):
    """Too much, too soon. Answered with 429 and Retry-After, and written down.

    ``retry_after`` is in seconds, ``scope`` names the limit, ``user`` is whose it is, where that is known.
    """

    def __init__(self, retry_after: int, scope: str, user: User | None = None) -> None:
        super().__init__(retry_after)
        self.retry_after, self.scope, self.user = retry_after, scope, user


class LastAdministrator(Exception):
    """An account keeps at least one administrator who can sign in (A-02)."""


class LogoRefused(Exception):
    """A file is no logo; ``args[0]`` is why: "type", "large", "sides", "interlaced" or "broken"."""


class AddressTaken(Exception):
    """Somebody else has this e-mail address."""


class InvitationOver(Exception):
    """The invitation was used, revoked or replaced, or it is too old, or its address has a user by now."""
