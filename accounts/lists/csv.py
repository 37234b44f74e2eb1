"""Exports as CSV that a spreadsheet opens by a double click, and that runs nothing in it."""

import csv
import re
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from io import StringIO
from threading import Lock
from typing import Any

from django.http import StreamingHttpResponse
from django.utils.text import slugify
from django.utils.timezone import localdate
from django.utils.translation import get_language, override

from accounts.exceptions import Limited
from accounts.models import Account

BOM = "\ufeff"  # without it Excel reads the file as Latin-1
# What a spreadsheet reads as a formula, also after the blanks that it skips (OWASP, CSV injection).
DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
# A spreadsheet may use another separator than ours, and quotes do not stop all of them (W-07).
FORMULA_AFTER_SEPARATOR = re.compile(rf"([,;\t|\r\n]\s*)(?=[{re.escape(''.join(DANGEROUS))}])")
# Excel separates by a character that the language does not use in its numbers.
SEPARATORS = {"en": ","}

# A process makes so many exports of one account at the same time. A large export takes half a minute of a thread, and a
# process has eight threads: with sixteen exports one administrator kept everybody else out for four minutes.
AT_ONCE = 2
WAIT_SECONDS = 30
FORGOTTEN_SECONDS = 300  # after this time an export that was never closed no longer counts

Cells = list[Any]
_running: dict[int, list[float]] = {}  # by account: when the exports in progress began
_lock = Lock()


class Export(Iterator[str]):
    """The lines of an export, which counts as one of its account's until it is closed."""

    def __init__(self, account: int, lines: Iterator[str]) -> None:
        """Count the export. Raises Limited while as many are in progress as are allowed."""
        self.account, self.lines, self.begun = account, lines, time.monotonic()
        with _lock:
            begun = [each for each in _running.get(account, []) if each > self.begun - FORGOTTEN_SECONDS]
            if len(begun) >= AT_ONCE:
                raise Limited(WAIT_SECONDS, "exports")
            _running[account] = [*begun, self.begun]

    def __next__(self) -> str:
        """Return the next lines, and close the export after the last one."""
        try:
            return next(self.lines)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Count the export no longer. Django calls this when the response is sent or the client is gone."""
        with _lock:
            _running[self.account] = [each for each in _running.get(self.account, []) if each != self.begun]
            if not _running[self.account]:
                del _running[self.account]


def file_name(what: str, account: str, *days: date | None) -> str:
    """Return the file's name: what it is, of which account, and of which days; without days, of today."""
    named = [day.isoformat() for day in days if day] or [localdate().isoformat()]
    return "-".join(part for part in (what, slugify(account), *named) if part)


def response(name: str, head: Cells, chunks: Iterable[Iterable[Cells]], *, account: Account) -> StreamingHttpResponse:
    """Stream an export in the reader's language. ``chunks`` are made one after the other, while they are sent.

    Raises Limited while the account has as many exports in progress as are allowed.
    """
    export = Export(account.pk, _lines(get_language() or "en", head, chunks))
    answer = StreamingHttpResponse(export, content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return answer


def _lines(language: str, head: Cells, chunks: Iterable[Iterable[Cells]]) -> Iterator[str]:
    """Write chunk after chunk. The language is set inside each: between two, the thread serves others."""
    separator = SEPARATORS.get(language, ";")
    yield BOM + _written([head], separator)
    waiting = iter(chunks)
    while True:
        with override(language):
            if (chunk := next(waiting, None)) is None:
                return
            text = _written(chunk, separator)
        yield text


def _written(rows: Iterable[Cells], separator: str) -> str:
    text = StringIO()
    csv.writer(text, delimiter=separator, quoting=csv.QUOTE_ALL).writerows(
        [cell(value) for value in row] for row in rows
    )
    return text.getvalue()


def cell(value: Any) -> str:
    """Return a value as text that no spreadsheet runs; times are in UTC, in ISO 8601."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    text = str(value)
    return FORMULA_AFTER_SEPARATOR.sub(r"\1'", f"'{text}" if text.lstrip(" ").startswith(DANGEROUS) else text)
