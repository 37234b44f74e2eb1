"""Refusals with names; pages and forms give them words."""


class Limited(Exception):
    """Too much, too soon. Answered with 429 and Retry-After; ``retry_after`` is in seconds."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(retry_after)
        self.retry_after = retry_after


class LastAdministrator(Exception):
    """An account keeps at least one administrator who can sign in (A-02)."""


class AddressTaken(Exception):
    """Somebody else has this e-mail address."""


class AppendOnly(Exception):
    """The audit trail can be read and added to, and nothing else (J-01)."""
