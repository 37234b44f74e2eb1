"""Sessions in the database, with a rotation that costs one statement."""

from typing import Any

from django.contrib.sessions.backends import db
from django.contrib.sessions.backends.base import VALID_KEY_CHARS
from django.utils.crypto import get_random_string

KEY_LENGTH = 32


class SessionStore(db.SessionStore):
    """Django's database sessions, except for how an id is made and changed.

    Django looks whether a fresh 32-character id exists, deletes the old row, writes the new one, and writes it
    again when the response leaves. Here a fresh id is known at once, and when the response leaves the old row
    takes the new id and data in one UPDATE, so that the old id is dead (S-03). The write itself would find a clash.
    """

    fresh = False
    ended = False
    replaced: str | None = None

    @classmethod
    def get_model_class(cls) -> Any:
        """Return Django's model: the table is Django's own."""
        return db.SessionStore.get_model_class()

    def _validate_session_key(self, key: Any) -> bool:
        """Look for no id that was never made here: a quoted cookie may hold NUL, which PostgreSQL takes as an error."""
        return isinstance(key, str) and len(key) == KEY_LENGTH and set(key) <= set(VALID_KEY_CHARS)

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
        """Empty the session and give it a new id; the old one dies when the session is saved."""
        self._session_cache: dict[str, Any] = {}
        self._take_fresh_key()

    def cycle_key(self) -> None:
        """Give the same data a new id; the old one dies when the session is saved (S-03)."""
        self._session_cache = dict(self.items())
        self._take_fresh_key()

    def save(self, must_create: bool = False) -> None:
        """Write the session: under a fresh id over the old row if there is one, else as a new row."""
        if self.fresh and self.replaced and self._rename():
            self.fresh = False
            return
        super().save(must_create=must_create or self.fresh)
        self.fresh = False

    def delete(self, session_key: str | None = None) -> None:
        """Delete the session's row, in one statement."""
        if key := session_key or self.session_key:
            self.model.objects.filter(session_key=key).delete()

    def _take_fresh_key(self) -> None:
        if not self.fresh:
            self.replaced = self.session_key
            self._session_key = get_random_string(KEY_LENGTH, VALID_KEY_CHARS)
        self.fresh = self.modified = True

    def _rename(self) -> bool:
        new = self.create_model_instance(self._session_cache)
        facts = {"session_key": new.session_key, "session_data": new.session_data, "expire_date": new.expire_date}
        return bool(self.model.objects.filter(session_key=self.replaced).update(**facts))
