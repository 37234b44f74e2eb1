"""The format of log records: always one line, whatever a client sent (J-04)."""

import json
import logging
from datetime import UTC, datetime
from typing import Any

from accounts.request.context import printable

LINE = "%(asctime)s %(levelname)s %(name)s [%(request_id)s] %(message)s"


class RefusalFilter(logging.Filter):
    """Keep tracebacks of faults only: a refusal (403, 404, 429) is nothing to repair."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let everything pass."""
        if getattr(record, "status_code", 500) < 500:
            record.exc_info = None
        return True


class LineFormatter(logging.Formatter):
    """Keep a record on one line, whatever a client sent. Tracebacks follow, each line indented."""

    def __init__(self) -> None:
        super().__init__(LINE)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 (logging's name)
        """Return the line."""
        return printable(super().formatMessage(record))

    def formatException(self, ei: Any) -> str:  # noqa: N802 (logging's name)
        """Return the traceback, indented, so that no line of it looks like a record of its own."""
        return "\n".join(f"    {printable(line)}" for line in super().formatException(ei).splitlines())


class JsonFormatter(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """Write the record with its request id; JSON escapes characters that cannot be printed."""
        entry = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "request_id": getattr(record, "request_id", "-"),
            "message": record.getMessage(),
        }
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return json.dumps(entry)
