"""Tools of the tests that the cast does not need: time that passes, pages as text, settings of other set-ups."""

import os
import re
import runpy
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from functools import cache
from html import unescape
from pathlib import Path
from typing import Any
from unittest import mock

from django.db import DataError, connection
from django.db.models import DateTimeField, ExpressionWrapper, F, Model

from accounts.models import RateLimit, Session
from accounts.rate_limits import PARTS, Window, windows
from messaging.delivery.models import BlockedPrefix, GatewayFailure, Heartbeat, Message, OpenCircuit
from twofactor.models import (
    AppEnrolment,
    Challenge,
    EmailChange,
    PasskeyRegistration,
    PendingSignIn,
    PhoneChange,
    Reauthentication,
    RecoveryCode,
)

ROOT = Path(__file__).parent.parent
# What changes with every rendering and belongs to nobody: CSRF tokens and captcha challenges.
_RANDOM = re.compile(
    r'name="csrfmiddlewaretoken" value="[^"]*"|<altcha-widget challenge="[^"]*"|data-wait-clock="[^"]*"'
)

MOVED: tuple[type[Model], ...] = (
    AppEnrolment,
    BlockedPrefix,
    Challenge,
    EmailChange,
    GatewayFailure,
    Heartbeat,
    Message,
    OpenCircuit,
    PasskeyRegistration,
    PendingSignIn,
    PhoneChange,
    Reauthentication,
    RecoveryCode,
    Session,
)


# First words of the keys of limits in money, and the scope of settings.LIMITS whose span they have.
OF_MONEY = {
    "account": "account",
    "account_all": "account",
    "account_first": "account",
    "person": "person",
    "person_first": "person",
    "system": "system",
}


def let_pass(seconds: float) -> None:
    """Let time pass: the database's clock cannot be set, so its rows move into the past."""
    shift = timedelta(seconds=seconds)
    for model in _with_rows():
        model._default_manager.update(**{name: _earlier(name, shift) for name in _times(model)})
    limits = list(RateLimit.objects.all())
    money = [row for row in limits if row.key.startswith(tuple(f"{name} " for name in OF_MONEY))]
    if len(limits) > len(money):
        RateLimit.objects.exclude(pk__in=[row.pk for row in money]).update(until=F("until") - int(seconds))
    if money:
        _move_parts(money, int(seconds))


def _with_rows() -> list[type[Model]]:
    """Return the models that have anything to move: one look costs less than an UPDATE of each table."""
    quoted = [connection.ops.quote_name(model._meta.db_table) for model in MOVED]
    looks = [f"SELECT {number} WHERE EXISTS (SELECT 1 FROM {table})" for number, table in enumerate(quoted)]  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(looks))
        return [MOVED[number] for (number,) in cursor.fetchall()]


@cache
def _times(model: type[Model]) -> list[str]:
    return [field.name for field in model._meta.concrete_fields if isinstance(field, DateTimeField)]


def _earlier(name: str, shift: timedelta) -> Any:
    return ExpressionWrapper(F(name) - shift, output_field=DateTimeField())


def _move_parts(rows: list[RateLimit], passed: int) -> None:
    """Move parts of a span into the past: the number of a part says when it was, so each becomes another one."""
    parts: Counter[tuple[str, int]] = Counter()
    for row in rows:
        parts[row.key, -(-(row.until - passed) // _window(row.key).part)] += row.used
    RateLimit.objects.filter(pk__in=[row.pk for row in rows]).delete()
    RateLimit.objects.bulk_create(
        RateLimit(key=key, seconds=_window(key).rows[-1] - end % (PARTS + 1), used=used, until=end * _window(key).part)
        for (key, end), used in parts.items()
    )


def _window(key: str) -> Window:
    return windows(OF_MONEY[key.partition(" ")[0]], "")[0]


def refuse_nul(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
    """Refuse NUL in values, as PostgreSQL does and SQLite does not: for ``connection.execute_wrapper``."""
    if any("\x00" in str(value) for value in params or ()):
        raise DataError("PostgreSQL text fields cannot contain NUL (0x00) bytes")
    return execute(sql, params, many, context)


def page(response: Any) -> str:
    """Return what a page says, without what is random in it."""
    return unescape(_RANDOM.sub("", response.content.decode()))


def settings_with(**environment: str) -> dict[str, Any]:
    """Return what settings.py makes of these environment variables (and of no other of its own)."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "VAR_DIR") if name in os.environ}
    with mock.patch.dict(os.environ, {**kept, **environment}, clear=True):
        return runpy.run_path(str(ROOT / "messaging" / "settings.py"))


def production(**environment: str) -> dict[str, str]:
    """Return the least environment of production."""
    return {
        "PUBLIC_URL": "https://portal.example",
        "TRUSTED_PROXY_COUNT": "1",
        "SECRET_KEY": "secret-" * 10,
        "TOKEN_KEY": "tokens-" * 10,
        "FACTOR_KEYS": "factor-" * 10,
        "DATABASE_URL": "sqlite:////tmp/messaging-never-made.sqlite3",
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "EMAIL_URL": "smtp://127.0.0.1:1",
        "SMS_GATEWAYS": "twilio",
        "TWILIO_ACCOUNT_SID": "AC0",
        "TWILIO_AUTH_TOKEN": "auth",
        "TWILIO_FROM": "+15005550006",
        **environment,
    }
