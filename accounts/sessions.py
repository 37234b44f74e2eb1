"""Sessions in the database, with a rotation that costs two statements."""

from typing import Any

from django.contrib.sessions.backends import db
from django.contrib.sessions.backends.base import VALID_KEY_CHARS
from django.utils.crypto import get_random_string


class SessionStore(db.SessionStore):
    """Django's database sessions, except for how an id is made and changed.

    Django looks whether a fresh 32-character id exists, writes the row, and writes it again when the response
    leaves. Here a fresh id is known at once and its row is written once, when the response leaves; the
    INSERT itself would find a clash.
    """

    fresh = False
    ended = False

    @classmethod
    def get_model_class(cls) -> Any:
        """Return Django's model: the table is Django's own."""
        return db.SessionStore.get_model_class()

    def flush(self) -> None:
        """End the session."""
        super().flush()
        self.ended = True

    def is_empty(self) -> bool:
        """Tell whether the browser is to forget its cookie: only when the session was ended by this very request.

        An id that is dead already may belong to the first click of two, whose answer brought a new one (F46).
        """
        return self.ended and super().is_empty()

    def renew(self) -> None:
        """Kill the session and start an empty one under a new id."""
        self.flush()
        self._take_fresh_key()

    def cycle_key(self) -> None:
        """Kill the old id at once; the same data gets a new one (S-03)."""
        data = dict(self.items())
        self.delete()
        self._session_cache = data
        self._take_fresh_key()

    def save(self, must_create: bool = False) -> None:
        """Write the session: the first time under a fresh id as an INSERT, later as an UPDATE."""
        super().save(must_create=must_create or self.fresh)
        self.fresh = False

    def delete(self, session_key: str | None = None) -> None:
        """Delete the session's row, in one statement."""
        if key := session_key or self.session_key:
            self.model.objects.filter(session_key=key).delete()

    def _take_fresh_key(self) -> None:
        self._session_key = get_random_string(32, VALID_KEY_CHARS)
        self.fresh = self.modified = True
