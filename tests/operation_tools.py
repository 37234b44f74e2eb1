"""What the tests of operations share."""

from typing import Any

import pytest
from django.db import OperationalError as DatabaseDown
from django.db import connection

from messaging.database import clock_plus
from messaging.delivery.models import Message
from tests.conftest import BOBS_NUMBER

READY, ALIVE, METRICS = "/readyz", "/healthz", "/metrics"
DAY, HOUR = 86_400, 3_600


def break_database(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any, **options: Any) -> Any:
        raise DatabaseDown("the database is away")

    monkeypatch.setattr(connection, "cursor", refuse)


def message(**fields: Any) -> Message:
    """Put a message into the queue, some seconds ago."""
    age = fields.pop("age", 0)
    row = {"channel": "sms", "destination": BOBS_NUMBER, "kind": "token", "subject_id": 0, "language": "en"}
    made: Message = Message.objects.create(**{**row, **fields})
    if age:
        Message.objects.filter(pk=made.pk).update(created_at=clock_plus(-age))
    made.refresh_from_db()
    return made


def aged(row: Any, field: str, seconds: float) -> Any:
    """Let a row be that old."""
    type(row)._default_manager.filter(pk=row.pk).update(**{field: clock_plus(-seconds)})
    return row
