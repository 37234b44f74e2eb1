"""Refusals as named exceptions; pages and forms word them."""

from accounts.models import User


class Limited(Exception):
    """A limit was reached. Answered with 429 and Retry-After, and audited.

    ``retry_after`` is in seconds, ``scope`` names the limit, ``user`` is the person it belongs to, if known.
    """

    def __init__(self, retry_after: int, scope: str, user: User | None = None) -> None:
        super().__init__(retry_after)
        self.retry_after, self.scope, self.user = retry_after, scope, user


class LockedByFailures(Exception):
    """The password is right, but a hundred wrong tokens have locked the person (L-03)."""


class LastAdministrator(Exception):
    """The account would have no administrator left who can sign in (A-02)."""


class LogoRefused(Exception):
    """A file is not a valid logo; ``args[0]`` is the reason: "type", "large", "sides", "interlaced" or "broken"."""


class AddressTaken(Exception):
    """Somebody else has this e-mail address."""


class InvitationOver(Exception):
    """The invitation was used, revoked or replaced, or it is too old, or its address has a user by now."""
