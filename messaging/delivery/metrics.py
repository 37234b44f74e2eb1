"""Prometheus' view of the portal, counted in the database when asked: the same from every process."""

import secrets
from collections.abc import Callable, Iterator

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db.models import Avg, Count, DurationField, ExpressionWrapper, F, Min, Q
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from messaging.database import Clock, clock_plus
from messaging.delivery import flows
from messaging.delivery.models import Message, MessageQuerySet, OpenCircuit, State

WINDOW_SECONDS = 300


Family = Callable[[], GaugeMetricFamily]
_families: list[Family] = []


def measures(family: Family) -> Family:
    """Register the decorated function as the maker of a metric; apps above add theirs."""
    _families.append(family)
    return family


class PortalCollector(Collector):
    """Gauges over the last five minutes, and the state of now."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Return every metric."""
        return (family() for family in _families)


@measures
def messages() -> GaugeMetricFamily:
    """Count messages by kind, channel and state."""
    family = GaugeMetricFamily(
        "messaging_messages_5m", "Messages of the last 5 minutes", labels=["kind", "channel", "state"]
    )
    rows = _recent().values_list("kind", "channel", "state").annotate(Count("pk"))
    for kind, channel, state, count in rows:
        family.add_metric([kind, channel, state], count)
    return family


@measures
def seconds() -> GaugeMetricFamily:
    """Average the seconds from the click to the gateway, and to the handset."""
    family = GaugeMetricFamily(
        "messaging_token_seconds_5m", "Mean seconds from click, last 5 minutes", labels=["channel", "to"]
    )
    spans = {"gateway": _span("sent_at"), "handset": _span("reported_at", state=State.DELIVERED)}
    for channel, gateway, handset in _recent().filter(kind="token").values_list("channel").annotate(**spans):
        for goal, span in (("gateway", gateway), ("handset", handset)):
            if span is not None:
                family.add_metric([channel, goal], span.total_seconds())
    return family


@measures
def queue() -> GaugeMetricFamily:
    """Tell how old the oldest waiting message is, by channel."""
    family = GaugeMetricFamily(
        "messaging_queue_age_seconds", "Age of the oldest message that waits", labels=["channel"]
    )
    age = ExpressionWrapper(Clock() - F("oldest"), output_field=DurationField())
    waiting = Message.objects.sendable().values("channel").annotate(oldest=Min("created_at")).annotate(age=age)
    for row in waiting:
        family.add_metric([row["channel"]], row["age"].total_seconds())
    return family


@measures
def circuits() -> GaugeMetricFamily:
    """Tell which gateways are not used for now."""
    family = GaugeMetricFamily("messaging_circuit_open", "1 while a gateway is not used", labels=["gateway"])
    broken = set(OpenCircuit.objects.values_list("name", flat=True))
    for name in settings.SMS_GATEWAYS:
        family.add_metric([name], float(name in broken))
    return family


@measures
def silence() -> GaugeMetricFamily:
    """Tell for how long no worker and no poller has looked for messages."""
    seconds_silent = flows.silence()
    value = float("inf") if seconds_silent is None else seconds_silent
    return GaugeMetricFamily("messaging_sender_silence_seconds", "Since a sender last looked", value=value)


def _recent() -> MessageQuerySet:
    return Message.objects.filter(created_at__gt=clock_plus(-WINDOW_SECONDS))


def _span(until: str, **only: str) -> Avg:
    span = ExpressionWrapper(F(until) - F("created_at"), output_field=DurationField())
    return Avg(span, filter=Q(**only) if only else None)


REGISTRY = CollectorRegistry()
REGISTRY.register(PortalCollector())


@login_not_required
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Answer Prometheus, who brings the bearer token; 404 to everybody else outside of the embedded default."""
    offered = request.headers.get("Authorization", "").removeprefix("Bearer ")
    known = settings.METRICS_TOKEN and secrets.compare_digest(offered.encode(), settings.METRICS_TOKEN.encode())
    if not (known or settings.EMBEDDED):
        raise Http404
    return HttpResponse(generate_latest(REGISTRY), content_type=CONTENT_TYPE_LATEST)
