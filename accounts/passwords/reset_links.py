"""The token in the link to a new password."""

from typing import Any

from django.contrib.auth.tokens import PasswordResetTokenGenerator


class ResetTokenGenerator(PasswordResetTokenGenerator):
    """Django's tokens, except that a sign-in ends none.

    Somebody else who knows an address can use up the three links an hour that its mailbox gets, and the person may then
    sign in by a stored password. If ``last_login`` were in the hash, as in Django's own, the person would have no good
    link for that hour. A new password or address ends every link (R-05).
    """

    def _make_hash_value(self, user: Any, timestamp: int) -> str:
        return f"{user.pk}{user.password}{timestamp}{user.email}"


reset_tokens = ResetTokenGenerator()
