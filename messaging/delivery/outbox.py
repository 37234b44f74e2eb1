"""The outbox of the embedded default: messages are kept as files beside the database instead of being sent.

They are files, not rows, so that no database ever holds a token (T-06). It is in use only while
``settings.OUTBOX_ENABLED``, never with a real gateway or mail server.
"""

import json
import uuid
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend

KEPT = 500


def put(channel: str, to: str, subject: str, text: str) -> str:
    """Keep one message; return its id."""
    now = datetime.now(UTC)  # noqa: TID251 (only shown, in the demo)
    entry_id = f"{now:%Y%m%d%H%M%S%f}-{uuid.uuid4().hex[:8]}"
    entry = {
        "id": entry_id,
        "channel": channel,
        "to": to,
        "subject": subject,
        "text": text,
        "created_at": now.isoformat(),
    }
    settings.OUTBOX_DIR.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = settings.OUTBOX_DIR / f".{entry_id}"
    draft.write_text(json.dumps(entry), encoding="utf-8")
    draft.replace(settings.OUTBOX_DIR / f"{entry_id}.json")
    return entry_id


def entries() -> Iterator[dict[str, str]]:
    """Return the messages, newest first; delete those beyond the newest 500."""
    paths = sorted(settings.OUTBOX_DIR.glob("*.json"), reverse=True)
    for path in paths[KEPT:]:
        path.unlink(missing_ok=True)
    for path in paths[:KEPT]:
        yield json.loads(path.read_text(encoding="utf-8"))


class EmailBackend(BaseEmailBackend):
    """Django's e-mail backend that writes into the outbox."""

    def __init__(self, fail_silently: bool = False, **options: Any) -> None:
        super().__init__(fail_silently=fail_silently)

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        for email in email_messages:
            put("email", ", ".join(email.to), str(email.subject), str(email.body))
        return len(email_messages)
