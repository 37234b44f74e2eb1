"""Sessions in the database: whose, since when, from where; limits of their own; a rotation that costs one statement."""

from datetime import timedelta
from hashlib import sha256
from secrets import token_hex
from typing import Any

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends import db
from django.contrib.sessions.backends.base import VALID_KEY_CHARS, CreateError, UpdateError
from django.db import IntegrityError, transaction
from django.db.models import CharField, DateTimeField, DurationField, Expression, ExpressionWrapper, F
from django.db.models.functions import Least

from accounts.request import context as request_context
from messaging.database import Clock, Compiled, Insert, Slot, Statement, clock_plus, delete_in_batches, slots

KEY_LENGTH = 32
NAME_LENGTH = 40  # of a row, in hexadecimal digits: not the length of an id, so that no name is taken for one
SEEN_SECONDS = 300  # how coarsely it is noted when a session was last seen


def row_name(key: str | None) -> str:
    """Return under which name the database keeps the session of an id: a dump of it opens no session (S-14).

    An id has 165 random bits, so nobody finds it by its hash, and no key is needed. No row has the name of no id.
    """
    return sha256(key.encode()).hexdigest()[:NAME_LENGTH] if key else ""


class SessionStore(db.SessionStore):
    """Django's database sessions, except for their limits and for how an id is kept, made and changed.

    A session ends an hour after it was last seen and twelve after the sign-in, on the server and by the database's
    clock (S-07). When it was seen is noted every five minutes at most, so that a page costs no statement more.

    Django looks whether a fresh 32-character id exists, deletes the old row, writes the new one, and writes it
    again when the response leaves. Here a fresh id is known at once, and when the response leaves the old row
    takes the new id and data in one UPDATE, so that the old id is dead (S-03). The write itself would find a clash.
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
        """Forget sessions that are over."""
        cls.purge_expired()

    @classmethod
    def purge_expired(cls) -> int:
        """Forget sessions that are over, in batches. Return how many."""
        return delete_in_batches(cls.get_model_class().objects.filter(expire_date__lt=Clock()))

    def load(self) -> dict[str, Any]:
        """Read the session, and note now and then that it was seen."""
        row = LIVE.row(name=row_name(self.session_key)) or self._adopted(self.session_key)
        if row is None:
            self._session_key = None
            return {}
        if row.idle.total_seconds() > SEEN_SECONDS:
            self._row(self.session_key).update(seen_at=Clock(), expire_date=_end(), **_place())
        return self.decode(row.session_data)

    def _adopted(self, key: str | None) -> Any:
        """Give a session of release 0.1, which kept ids as they are, its name. To be dropped with the next release."""
        if self.model.objects.filter(session_key=key).update(session_key=row_name(key)):
            return LIVE.row(name=row_name(key))
        return None

    @property
    def row(self) -> Any:
        """Return the row of this session, as a queryset."""
        return self._row(self.session_key)

    def exists(self, session_key: str) -> bool:
        """Tell whether there is a session of this id."""
        return bool(self._row(session_key).exists())

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
        self.renewed, self.is_proof = True, False
        self._take_fresh_key()

    def cycle_key(self) -> None:
        """Give the same data a new id; the old one dies when the session is saved (S-03). A proof ends with it."""
        self._session_cache = dict(self.items())
        self.is_proof = False
        self._take_fresh_key()

    def prove(self) -> None:
        """Note that it was just proved who sits here, under a new id (S-13)."""
        self.cycle_key()
        self.is_proof = True

    def save(self, must_create: bool = False) -> None:
        """Write the session: under a fresh id over the old row if there is one, else as a new row.

        Raises UpdateError when the session was ended meanwhile: only a sign-in makes a new one of it (F53).
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
            self._session_key = token_hex(KEY_LENGTH // 2)  # 128 bits; Django's way asks 32 times for a letter
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
        """Write over a row. A sign-in starts its time anew; nothing else does."""
        if self.renewed:
            return bool(BEGIN.changed(old=row_name(key), proof=self._proof(), **facts))
        proved = {"proved_until": self._proof() and Clock() + self._proof()} if self.fresh else {}
        return bool(self._row(key).update(seen_at=Clock(), expire_date=_end(), **facts, **proved))

    def _proof(self) -> timedelta | None:
        """Return for how long the proof holds that a person has just given."""
        return timedelta(seconds=settings.REAUTHENTICATION_SECONDS) if self.is_proof else None

    def _insert(self, facts: dict[str, Any]) -> None:
        try:
            with transaction.atomic():
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
    told = slots(model, "session_key", "session_data", "user_id", "ip", "user_agent")
    return {**told, "seen_at": Clock(), "expire_date": _first_end(), "proved_until": proved}


def _begin() -> Statement[Any]:
    old = SessionStore.get_model_class().objects.filter(session_key=Slot("old", CharField()))
    return Statement(old, created_at=Clock(), **_begun())


# Run for each request. Built once 49 µs, each time 2.0 ms.
LIVE = Compiled(_live)
# Once in a sign-in each. Built once 50 and 31 µs, each time 0.3 ms.
ADD = Compiled(lambda: Insert(SessionStore.get_model_class(), **_begun()), "SESSION_COOKIE_AGE", "SESSION_IDLE_SECONDS")
BEGIN = Compiled(_begin, "SESSION_COOKIE_AGE", "SESSION_IDLE_SECONDS")


def _first_end() -> Expression:
    """Return when a session ends that begins now."""
    return clock_plus(min(settings.SESSION_IDLE_SECONDS, settings.SESSION_COOKIE_AGE))


def _end() -> Least:
    """Return when a session ends that is seen now: idle, or too old."""
    absolute = ExpressionWrapper(
        F("created_at") + timedelta(seconds=settings.SESSION_COOKIE_AGE), output_field=DateTimeField()
    )
    return Least(clock_plus(settings.SESSION_IDLE_SECONDS), absolute)


def _place() -> dict[str, Any]:
    here = request_context.current.get()
    return {"ip": here.ip, "user_agent": here.user_agent}
