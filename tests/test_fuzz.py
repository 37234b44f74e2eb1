"""A few of the hostile requests of ``make fuzz``, the same ones each time, and proof that a finding is found."""

import pytest
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.urls import include, path

from accounts.models import AuditEvent, User
from tests.conftest import Browser
from tests.fuzz.campaign import shoot
from tests.fuzz.requests import Shot
from tests.fuzz.verdict import Range
from tests.walk.people import (
    Arrival,
    administrator,
    anonymous,
    ids,
    make_world,
    member,
    pending_at_the_token,
)

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("arrive", [anonymous, pending_at_the_token, administrator], ids=ids)
def test_hostile_requests_break_and_change_nothing(arrive: Arrival) -> None:
    """T-08, J-04, S-01, A-04: never 500, never somebody else's row, never sent elsewhere, never run in a page."""
    answers = shoot(arrive, 50, again=False)
    assert answers.total() == 50
    assert answers[200] + answers[302] >= 10  # the others are refused before any view of ours


# Views with the faults that the verdict has to see ----------------------------------------------------


@login_not_required
def echo(request: HttpRequest) -> HttpResponse:
    return HttpResponse(request.POST["x"])


@login_not_required
def onward(request: HttpRequest) -> HttpResponse:
    return HttpResponse(status=302, headers={"Location": request.POST["x"]})


@login_not_required
def promote(request: HttpRequest) -> HttpResponse:
    User.objects.filter(username=request.POST["x"]).update(role="administrator")
    return HttpResponse()


@login_not_required
def set_password(request: HttpRequest) -> HttpResponse:
    User.objects.filter(username=request.POST["x"]).update(password="plain")
    return HttpResponse()


@login_not_required
def blame(request: HttpRequest) -> HttpResponse:
    AuditEvent.objects.create(action=request.POST["x"])
    return HttpResponse(status=500)


urlpatterns = [
    path("echo/", echo),
    path("onward/", onward),
    path("promote/", promote),
    path("set-password/", set_password),
    path("blame/", blame),
    path("", include("messaging.urls")),
]


@pytest.mark.urls("tests.test_fuzz")
@pytest.mark.parametrize(
    ("arrive", "address", "text", "finding"),
    [
        (anonymous, "echo", "<script>x9x9</script>", "runs in the page"),
        (anonymous, "onward", "https://evil.example/", "sends to"),
        (anonymous, "onward", "//evil.example", "sends to"),
        (anonymous, "blame", "x", "500"),
        (anonymous, "promote", "bob", "who somebody is"),
        (member, "promote", "bob", "other rights"),
        (member, "set-password", "charlie", "not theirs"),
        (member, "set-password", "bob", "without the password"),
    ],
)
def test_a_finding_is_found(arrive: Arrival, address: str, text: str, finding: str) -> None:
    world, browser = make_world(), Browser()
    arrive(world, browser)
    here = Range(world, browser, arrive, "")
    shot = Shot("POST", f"/{address}/", f"x={text}".encode(), "application/x-www-form-urlencoded", ())
    with pytest.raises(AssertionError, match=finding):
        here.shoot(shot)
