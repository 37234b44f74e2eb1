"""Tables as CSV that a spreadsheet opens by a double click, and that runs nothing in it."""

import csv
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from io import StringIO
from typing import Any

from django.http import StreamingHttpResponse
from django.utils.translation import get_language, override

BOM = "\ufeff"  # Excel takes a file without it for Latin-1
# What a spreadsheet takes for a formula, also behind the blanks that it skips (OWASP, CSV injection).
DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
# Excel separates by what the language does not use in its numbers.
SEPARATORS = {"en": ","}

Cells = list[Any]


def response(name: str, head: Cells, chunks: Iterable[Iterable[Cells]]) -> StreamingHttpResponse:
    """Stream a table in the reader's language. ``chunks`` are made one after the other, while they are sent."""
    language = get_language() or "en"
    answer = StreamingHttpResponse(_lines(language, head, chunks), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return answer


def _lines(language: str, head: Cells, chunks: Iterable[Iterable[Cells]]) -> Iterator[str]:
    """Write chunk after chunk. The language is set inside each only: between two, the thread is not ours."""
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
    csv.writer(text, delimiter=separator).writerows([cell(value) for value in row] for row in rows)
    return text.getvalue()


def cell(value: Any) -> str:
    """Return a value as text that no spreadsheet runs; times are in UTC, as ISO 8601 writes them."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    text = str(value)
    return f"'{text}" if text.lstrip(" ").startswith(DANGEROUS) else text
