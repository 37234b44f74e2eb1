"""Sessions in the database: stored under a hash of their id, with limits of their own, rotated in one statement."""

from contextlib import nullcontext
from datetime import timedelta
from hashlib import sha256
from secrets import token_hex
from typing import Any

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends import db
from django.contrib.sessions.backends.base import VALID_KEY_CHARS, CreateError, UpdateError
from django.db import IntegrityError, connection, transaction
from django.db.models import CharField, DateTimeField, DurationField, Expression, ExpressionWrapper, F
from django.db.models.functions import Least

from accounts.request import context as request_context
from messaging.database import Clock, Compiled, Insert, Slot, Statement, ago, clock_plus, delete_in_batches, slots

KEY_LENGTH = 32
NAME_LENGTH = 40  # of a row's name, in hexadecimal digits; an id has another length, so no name can be used as an id
SEEN_SECONDS = 300  # how often it is recorded, at most, that a session is in use


def row_name(key: str | None) -> str:
    """Return the name under which the database has the session of an id: a dump of it opens no session (S-14).

    An id has 128 random bits or more, so nobody finds it by its hash, and no key is needed. A missing id has the empty
    name, which no row has.
    """
    return sha256(key.encode()).hexdigest()[:NAME_LENGTH] if key else ""


class SessionStore(db.SessionStore):
    """Django's database sessions, except for their limits and for how an id is stored, made and changed.

    A session ends an hour after its last use and twelve hours after the sign-in, on the server and by the database's
    clock (S-07). Its use is recorded every five minutes at most, so that a page usually costs no extra statement.

    Django checks whether a fresh 32-character id exists, deletes the old row, writes the new one, and writes it again
    when the response leaves. Here a fresh id is not checked, and when the response leaves one UPDATE gives the old row
    the new id and data, so that the old id no longer works (S-03). That write would fail if the id existed.
    """

    fresh = False
    renewed = False
    ended = False
    is_proof = False
    replaced: str | None = None

    @classmethod
    def get_model_class(cls) -> Any:
        """Return the portal's own model."""
        from accounts.models import Session  # noqa: PLC0415 (models cannot be imported before the apps are ready)

        return Session

    @classmethod
    def clear_expired(cls) -> None:
        """Delete expired sessions."""
        cls.purge_expired()

    @classmethod
    def purge_expired(cls) -> int:
        """Delete expired sessions, in batches. Return how many."""
        return delete_in_batches(cls.get_model_class().objects.filter(expire_date__lt=ago(0)))

    def load(self) -> dict[str, Any]:
        """Read the session, and now and then record its use."""
        row = LIVE.row(name=row_name(self.session_key)) or self._adopted(self.session_key)
        if row is None:
            self._session_key = None
            return {}
        if row.idle.total_seconds() > SEEN_SECONDS:
            self._row(self.session_key).update(seen_at=Clock(), expire_date=_end(), **_place())
        return self.decode(row.session_data)

    def _adopted(self, key: str | None) -> Any:
        """Rename a session of 0.1.0, which stores ids unhashed. Dropped one release later."""
        if self.model.objects.filter(session_key=key).update(session_key=row_name(key)):
            return LIVE.row(name=row_name(key))
        return None

    @property
    def row(self) -> Any:
        """Return the row of this session, as a queryset."""
        return self._row(self.session_key)

    def exists(self, session_key: str) -> bool:
        """Tell whether there is a session with this id."""
        return bool(self._row(session_key).exists())

    def _validate_session_key(self, key: Any) -> bool:
        """Refuse an id that was never made here: a quoted cookie may have NUL, which is an error for PostgreSQL."""
        return isinstance(key, str) and len(key) == KEY_LENGTH and set(key) <= set(VALID_KEY_CHARS)

    def flush(self) -> None:
        """End the session."""
        super().flush()
        self.ended = True

    def is_empty(self) -> bool:
        """Tell whether the browser is to delete its cookie: only when this request ended the session.

        An id that no longer works may belong to the first of two clicks, whose answer brought a new one (F46).
        """
        return self.ended and super().is_empty()

    def renew(self) -> None:
        """Empty the session and give it a new id; the old one ends when the session is saved."""
        self._session_cache: dict[str, Any] = {}
        self.renewed, self.is_proof = True, False
        self._take_fresh_key()

    def cycle_key(self) -> None:
        """Give the same data a new id; the old one ends when the session is saved (S-03). A re-authentication ends."""
        self._session_cache = dict(self.items())
        self.is_proof = False
        self._take_fresh_key()

    def prove(self) -> None:
        """Record a re-authentication, under a new id (S-13)."""
        self.cycle_key()
        self.is_proof = True

    def save(self, must_create: bool = False) -> None:
        """Write the session: over the old row under a fresh id if there is an old row, else as a new row.

        Raises UpdateError when the session was ended meanwhile: only a sign-in starts a new one then (F53).
        """
        if self.session_key is None:
            self.create()
            return
        if must_create and not hasattr(self, "_session_cache"):
            self._session_cache = {}
        facts = self._facts(dict(self.items()))
        old = self.replaced if self.fresh else None if must_create else self.session_key
        if not (old and self._write(old, facts)):
            if old and not self.renewed:
                raise UpdateError
            self._insert(facts)
        self.fresh = self.is_proof = False

    def delete(self, session_key: str | None = None) -> None:
        """Delete the session's row, in one statement."""
        if key := session_key or self.session_key:
            self._row(key).delete()

    def _take_fresh_key(self) -> None:
        if not self.fresh:
            self.replaced = self.session_key
            self._session_key = token_hex(KEY_LENGTH // 2)  # 128 bits; Django's way draws 32 random letters one by one
        self.fresh = self.modified = True

    def _row(self, key: str | None) -> Any:
        return self.model.objects.filter(session_key=row_name(key))

    def _facts(self, data: dict[str, Any]) -> dict[str, Any]:
        user_id = data.get(SESSION_KEY)
        return {
            "session_key": row_name(self.session_key),
            "session_data": self.encode(data),
            "user_id": int(user_id) if user_id else None,
            **_place(),
        }

    def _write(self, key: str, facts: dict[str, Any]) -> bool:
        """Write over a row. Only a sign-in resets the time at which the session began."""
        if self.renewed:
            return bool(BEGIN.changed(old=row_name(key), proof=self._proof(), **facts))
        proved = {"proved_until": self._proof() and Clock() + self._proof()} if self.fresh else {}
        return bool(self._row(key).update(seen_at=Clock(), expire_date=_end(), **facts, **proved))

    def _proof(self) -> timedelta | None:
        """Return for how long the re-authentication just given is valid."""
        return timedelta(seconds=settings.REAUTHENTICATION_SECONDS) if self.is_proof else None

    def _insert(self, facts: dict[str, Any]) -> None:
        try:
            # Alone it is a transaction by itself: BEGIN and COMMIT would be two more round trips of a sign-in.
            with transaction.atomic() if connection.in_atomic_block else nullcontext():
                ADD.changed(proof=self._proof(), **facts)
        except IntegrityError:
            raise CreateError from None


def _live() -> Statement[Any]:
    idle = ExpressionWrapper(Clock() - F("seen_at"), output_field=DurationField())
    sessions = SessionStore.get_model_class().objects.filter(session_key=Slot("name", CharField()))
    return Statement(sessions.filter(expire_date__gt=Clock()).annotate(idle=idle))


def _begun() -> dict[str, Any]:
    """Return the columns of a session that begins now."""
    model = SessionStore.get_model_class()
    proved = ExpressionWrapper(Clock() + Slot("proof", DurationField()), output_field=DateTimeField())
    given = slots(model, "session_key", "session_data", "user_id", "ip", "user_agent")
    return {**given, "seen_at": Clock(), "expire_date": _first_end(), "proved_until": proved}


def _begin() -> Statement[Any]:
    old = SessionStore.get_model_class().objects.filter(session_key=Slot("old", CharField()))
    return Statement(old, created_at=Clock(), **_begun())


# Run for each request. Built once 49 µs, each time 2.0 ms.
LIVE = Compiled(_live)
# Once in a sign-in each. Built once 50 and 31 µs, each time 0.3 ms.
ADD = Compiled(lambda: Insert(SessionStore.get_model_class(), **_begun()), "SESSION_COOKIE_AGE", "SESSION_IDLE_SECONDS")
BEGIN = Compiled(_begin, "SESSION_COOKIE_AGE", "SESSION_IDLE_SECONDS")


def _first_end() -> Expression:
    """Return the end of a session that begins now."""
    return clock_plus(min(settings.SESSION_IDLE_SECONDS, settings.SESSION_COOKIE_AGE))


def _end() -> Least:
    """Return the end of a session that is used now: by idle time or by age."""
    absolute = ExpressionWrapper(
        F("created_at") + timedelta(seconds=settings.SESSION_COOKIE_AGE), output_field=DateTimeField()
    )
    return Least(clock_plus(settings.SESSION_IDLE_SECONDS), absolute)


def _place() -> dict[str, Any]:
    here = request_context.current.get()
    return {"ip": here.ip, "user_agent": here.user_agent}
