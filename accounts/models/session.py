"""A browser session."""

from typing import Any

from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models

from accounts.auth.session_store import SessionStore
from accounts.models.user import User
from messaging.database import Clock


class Session(AbstractBaseSession):
    """The session of one browser, signed in or not. The row's id may be shown, the session's never."""

    id = models.BigAutoField(primary_key=True)
    session_key = models.CharField(max_length=40, unique=True)  # a hash of the session's id: ``session_store.row_name``
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, null=True, related_name="sessions", db_index=False
    )  # the index below has only those that are somebody's
    ip = models.GenericIPAddressField(null=True)
    user_agent = models.CharField(max_length=200, default="")
    created_at = models.DateTimeField(db_default=Clock())
    seen_at = models.DateTimeField(db_default=Clock())
    # Until when a re-authentication covers what an administrator does here.
    proved_until = models.DateTimeField(null=True)

    class Meta(AbstractBaseSession.Meta):
        indexes = [models.Index(fields=["user"], name="session_of_user", condition=models.Q(user__isnull=False))]

    @classmethod
    def get_session_store_class(cls) -> Any:
        """Return the store that reads and writes these rows."""
        return SessionStore

    def holds_for(self, user: "User") -> bool:
        """Tell whether the person is still signed in here: neither password nor epoch has changed since."""
        return user.is_session_hash(self.get_decoded().get(HASH_SESSION_KEY, ""))
