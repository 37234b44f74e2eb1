"""Tables as CSV that a spreadsheet opens by a double click, and that runs nothing in it."""

import csv
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from io import StringIO
from typing import Any

from django.http import StreamingHttpResponse
from django.utils.text import slugify
from django.utils.timezone import localdate
from django.utils.translation import get_language, override

BOM = "\ufeff"  # Excel takes a file without it for Latin-1
# What a spreadsheet takes for a formula, also behind the blanks that it skips (OWASP, CSV injection).
DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
# A spreadsheet may part by another separator than ours, and quotes do not stop every one of them (W-07).
FORMULA_AFTER_SEPARATOR = re.compile(rf"([,;\t|]\s*)(?=[{re.escape(''.join(DANGEROUS))}])")
# Excel separates by what the language does not use in its numbers.
SEPARATORS = {"en": ","}

Cells = list[Any]


def file_name(what: str, account: str, *days: date | None) -> str:
    """Return what a table is saved as: what it is, whose, and of which days; without days, of today."""
    named = [day.isoformat() for day in days if day] or [localdate().isoformat()]
    return "-".join(part for part in (what, slugify(account), *named) if part)


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
    csv.writer(text, delimiter=separator, quoting=csv.QUOTE_ALL).writerows(
        [cell(value) for value in row] for row in rows
    )
    return text.getvalue()


def cell(value: Any) -> str:
    """Return a value as text that no spreadsheet runs; times are in UTC, as ISO 8601 writes them."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    text = str(value)
    return FORMULA_AFTER_SEPARATOR.sub(r"\1'", f"'{text}" if text.lstrip(" ").startswith(DANGEROUS) else text)
