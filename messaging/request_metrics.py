"""The number, outcome and seconds of requests, counted in memory for all processes of one gunicorn.

Other metrics are counted in the database (``messaging.portal.metrics``); these have to work without it. gunicorn's
first process loads this module before it starts the others (``messaging.gunicorn``), so all share the memory below.
Each writes into a row of its own, and a reader adds the rows. A process that replaces another one continues its row, so
that no counter ever decreases.
"""

import mmap
import threading
import time
from bisect import bisect_left
from collections.abc import Callable, Iterator

from django.http import HttpRequest, HttpResponseBase
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric

# There are few labels, whatever is requested: parts of the portal by the beginning of the path, and classes of answers.
PARTS = {"/entrar/": "sign_in", "/static/": "static", "/retorno/": "report", "/admin/": "operators"}
MACHINES = frozenset({"/healthz", "/readyz", "/metrics"})
NAMES = ("sign_in", "portal", "report", "operators", "static", "machine")
CLASSES = ("2xx", "3xx", "4xx", "5xx")
BOUNDS = (0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)  # seconds

ROWS = 64  # processes at the same time
_BUCKETS = len(BOUNDS) + 1
_CELLS = len(CLASSES) + _BUCKETS + 1  # of a part: answers by class, answers by seconds, the sum of microseconds
_WIDTH = _CELLS * len(NAMES)

_memory = memoryview(mmap.mmap(-1, 8 * ROWS * _WIDTH)).cast("Q")
_lock = threading.Lock()
_row = 0


def use_row(number: int) -> None:
    """Write into this row from now on; called once in each process."""
    global _row  # noqa: PLW0603 (one for each process)
    _row = number % ROWS


def part_of(path: str) -> str:
    """Return the part of the portal that a path belongs to."""
    if path in MACHINES:
        return "machine"
    return next((name for begin, name in PARTS.items() if path.startswith(begin)), "portal")


def count(part: str, status: int, seconds: float) -> None:
    """Count one answer."""
    first = _row * _WIDTH + NAMES.index(part) * _CELLS
    outcome = min(max(status // 100, 2), 5) - 2
    bucket = len(CLASSES) + bisect_left(BOUNDS, seconds)
    with _lock:
        _memory[first + outcome] += 1
        _memory[first + bucket] += 1
        _memory[first + _CELLS - 1] += int(seconds * 1_000_000)


def _total(part: str) -> list[int]:
    """Return the cells of a part, added over all rows."""
    first = NAMES.index(part) * _CELLS
    rows = (_memory[row * _WIDTH + first : row * _WIDTH + first + _CELLS] for row in range(ROWS))
    return [sum(cells) for cells in zip(*rows, strict=True)]


def families() -> Iterator[Metric]:
    """Return the metrics for Prometheus."""
    answers = CounterMetricFamily("messaging_requests", "Requests answered", labels=["part", "status"])
    seconds = HistogramMetricFamily("messaging_request_seconds", "Seconds to the answer", labels=["part"])
    for part in NAMES:
        cells = _total(part)
        for name, number in zip(CLASSES, cells, strict=False):
            answers.add_metric([part, name], number)
        buckets, below = [], 0
        for bound, number in zip((*map(str, BOUNDS), "+Inf"), cells[len(CLASSES) : -1], strict=True):
            below += number
            buckets.append((bound, below))
        seconds.add_metric([part], buckets, cells[-1] / 1_000_000)
    yield answers
    yield seconds


class RequestMetricsMiddleware:
    """Count every answer, as the outermost middleware."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        begin = time.monotonic()
        response = self.get_response(request)
        count(part_of(request.path_info), response.status_code, time.monotonic() - begin)
        return response
