"""Tools of the tests that the cast does not need: time that passes, pages as text, settings of other set-ups."""

import os
import re
import runpy
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import Any
from unittest import mock

from django.db import DataError
from django.db.models import DateTimeField, ExpressionWrapper, F

from accounts.models import RateLimit, Session
from accounts.rate_limits import PARTS, windows
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

MOVED = (
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
    "person": "person",
    "person_first": "person",
    "system": "system",
}


def let_pass(seconds: float) -> None:
    """Let time pass: the database's clock cannot be set, so its rows move into the past."""
    for model in MOVED:
        times = [field.name for field in model._meta.concrete_fields if isinstance(field, DateTimeField)]
        shift = timedelta(seconds=seconds)
        earlier = {name: ExpressionWrapper(F(name) - shift, output_field=DateTimeField()) for name in times}
        model._default_manager.update(**earlier)
    money = {key: rows for name in OF_MONEY for key, rows in _of_money(name).items()}
    RateLimit.objects.exclude(key__in=money).update(until=F("until") - int(seconds))
    for rows in money.values():
        _move_parts(rows, int(seconds))


def _of_money(name: str) -> dict[str, list[RateLimit]]:
    """Return the rows of a limit in money, by what they count."""
    found: dict[str, list[RateLimit]] = {}
    for row in RateLimit.objects.filter(key__startswith=f"{name} "):
        found.setdefault(row.key, []).append(row)
    return found


def _move_parts(rows: list[RateLimit], passed: int) -> None:
    """Move parts of a span into the past: the number of a part says when it was, so each becomes another one."""
    window = windows(OF_MONEY[rows[0].key.partition(" ")[0]], "")[0]
    RateLimit.objects.filter(pk__in=[row.pk for row in rows]).delete()
    parts: Counter[int] = Counter()
    for row in rows:
        parts[-(-(row.until - passed) // window.part)] += row.used
    RateLimit.objects.bulk_create(
        RateLimit(key=rows[0].key, seconds=window.rows[-1] - end % (PARTS + 1), used=used, until=end * window.part)
        for end, used in parts.items()
    )


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
