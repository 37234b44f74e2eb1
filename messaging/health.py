"""The addresses for load balancers, orchestrators and Prometheus, which are asked from inside and by address."""

from collections.abc import Callable

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import Error as DatabaseError
from django.db import connection
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.urls import resolve
from django.utils.cache import add_never_cache_headers
from django.views.decorators.http import require_safe
from kombu.exceptions import OperationalError

from messaging.delivery import flows, wakeup


def database_answers() -> bool:
    """Tell whether the database runs a statement."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return False
    return True


def broker_answers() -> bool:
    """Tell whether the broker accepts a connection within the time-outs of a wake-up."""
    try:
        wakeup.ping()
    except (OperationalError, OSError):
        return False
    return True


def sender_looks() -> bool:
    """Tell whether a worker or a poller has looked for messages within the last minute."""
    try:
        silence = flows.silence()
    except DatabaseError:
        return False
    return silence is not None and silence < settings.SENDER_SILENCE_SECONDS


CHECKS: dict[str, Callable[[], bool]] = {
    "database": database_answers,
    "broker": broker_answers,
    "sender": sender_looks,
}
# Without the broker the poller still sends tokens, some seconds later.
ESSENTIAL = {"database"}


@login_not_required
@require_safe
def alive(request: HttpRequest) -> HttpResponse:
    """Answer as long as the process serves requests; this needs no dependency (Q-06)."""
    return HttpResponse("ok\n", content_type="text/plain")


@login_not_required
@require_safe
def ready(request: HttpRequest) -> HttpResponse:
    """Name each dependency and its state; 503 when an essential one is missing (Q-06)."""
    states = {name: check() for name, check in CHECKS.items()}
    status = 200 if all(states[name] for name in ESSENTIAL) else 503
    return JsonResponse({name: "ok" if ok else "down" for name, ok in states.items()}, status=status)


class MachinesMiddleware:
    """Answer the addresses for machines on any host: a probe knows only an IP address or a service's name.

    The answers repeat nothing of the request, so a forged host is of no use. ``SECURE_REDIRECT_EXEMPT`` keeps redirects
    to https from them.
    """

    paths = ("/healthz", "/readyz", "/metrics")

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path_info in self.paths:
            answer: HttpResponse = resolve(request.path_info).func(request)
            add_never_cache_headers(answer)
            return answer
        return self.get_response(request)
