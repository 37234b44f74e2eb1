"""O-20: requests, errors and seconds in the metrics, with few labels whatever is asked for."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client, RequestFactory

from messaging import request_metrics
from messaging.request_metrics import BOUNDS, RequestMetricsMiddleware, count, families, part_of, use_row

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def own_row() -> Iterator[None]:
    use_row(0)
    yield
    use_row(0)


def told() -> dict[tuple[str, ...], float]:
    """Return the value of every sample, by its name and labels."""
    return {
        (sample.name.removeprefix("messaging_"), *sample.labels.values()): sample.value
        for family in families()
        for sample in family.samples
    }


def grown(before: dict[tuple[str, ...], float]) -> dict[tuple[str, ...], float]:
    return {name: value - before[name] for name, value in told().items() if value != before[name]}


@pytest.mark.parametrize(
    ("path", "part"),
    [
        ("/entrar/", "sign_in"),
        ("/entrar/token/", "sign_in"),
        ("/", "portal"),
        ("/usuarios/", "portal"),
        ("/entrarx", "portal"),
        ("/no/such/page", "portal"),
        ("/metrics", "machine"),
        ("/metrics/x", "portal"),
        ("/admin/login/", "operators"),
        ("/static/app.css", "static"),
        ("/retorno/twilio/1/", "report"),
    ],
)
def test_a_path_belongs_to_one_of_few_parts(path: str, part: str) -> None:
    assert part_of(path) == part


def test_a_page_is_counted_once_with_its_status_and_its_seconds() -> None:
    before = told()
    assert Client().get("/entrar/").status_code == 200
    found = grown(before)
    assert found["requests_total", "sign_in", "2xx"] == 1
    assert found["request_seconds_bucket", "sign_in", "+Inf"] == 1
    assert found["request_seconds_count", "sign_in"] == 1
    assert {name[1] for name in found} == {"sign_in"}


@pytest.mark.parametrize(("status", "named"), [(200, "2xx"), (302, "3xx"), (404, "4xx"), (429, "4xx"), (503, "5xx")])
def test_an_answer_is_counted_by_its_class(status: int, named: str) -> None:
    before = told()
    RequestMetricsMiddleware(lambda _request: HttpResponse(status=status))(RequestFactory().get("/x/"))
    assert grown(before)["requests_total", "portal", named] == 1


def test_a_mistake_of_ours_is_counted_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("twofactor.sign_in.views.SignInForm", broken)
    before = told()
    assert Client(raise_request_exception=False).get("/entrar/").status_code == 500
    assert grown(before)["requests_total", "sign_in", "5xx"] == 1


def test_buckets_hold_what_took_as_long_or_less() -> None:
    before = told()
    for seconds in (0.01, BOUNDS[0], 0.3, 99.0):
        count("portal", 200, seconds)
    found = grown(before)
    assert found["request_seconds_bucket", "portal", "0.025"] == 2
    assert found["request_seconds_bucket", "portal", "0.25"] == 2
    assert found["request_seconds_bucket", "portal", "0.5"] == 3
    assert found["request_seconds_bucket", "portal", "30.0"] == 3
    assert found["request_seconds_bucket", "portal", "+Inf"] == 4
    assert found["request_seconds_sum", "portal"] == pytest.approx(99.335)


def test_rows_are_added_up_and_a_process_that_takes_a_place_goes_on() -> None:
    before = told()
    for row in (3, 5, 3):
        use_row(row)
        count("portal", 200, 0.01)
    use_row(0)
    assert grown(before)["requests_total", "portal", "2xx"] == 3


def test_anonymous_requests_make_no_new_labels() -> None:
    """A path, a method or a host of theirs is in no label."""
    before = set(told())
    for path in ("/a", "/b/c", "/entrar/zzz/", "/%ff"):
        Client().get(path)
        Client().generic("BREW", path)
    assert set(told()) == before
    assert len(before) < 150


class Worker:
    counters = -1


def test_a_new_process_gets_a_row_that_no_living_one_has() -> None:
    from messaging import gunicorn  # noqa: PLC0415 (gunicorn's own configuration)

    class Server:
        WORKERS = {1: Worker(), 2: Worker()}

    Server.WORKERS[1].counters, Server.WORKERS[2].counters = 0, 2
    new = Worker()
    gunicorn.pre_fork(Server, new)
    assert new.counters == 1
    gunicorn.post_fork(Server, new)
    assert request_metrics._row == 1
