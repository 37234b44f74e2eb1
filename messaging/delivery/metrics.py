"""Delivery's metrics for Prometheus."""

from django.conf import settings
from django.db.models import Avg, Count, DurationField, ExpressionWrapper, F, Max, Q
from prometheus_client.core import GaugeMetricFamily

from messaging.database import Clock, ago
from messaging.delivery import flows
from messaging.delivery.models import GatewayFailure, Message, MessageQuerySet, OpenCircuit, State

WINDOW_SECONDS = 300


def messages() -> GaugeMetricFamily:
    """Count messages by kind, channel and state."""
    family = GaugeMetricFamily(
        "messaging_messages_5m", "Messages of the last 5 minutes", labels=["kind", "channel", "state"]
    )
    rows = _recent().values_list("kind", "channel", "state").annotate(Count("pk"))
    for kind, channel, state, count in rows:
        family.add_metric([kind, channel, state], count)
    return family


def seconds() -> GaugeMetricFamily:
    """Return the average seconds from the click to the gateway, and to the handset."""
    family = GaugeMetricFamily(
        "messaging_token_seconds_5m", "Mean seconds from click, last 5 minutes", labels=["channel", "to"]
    )
    spans = {"gateway": _span("sent_at"), "handset": _span("reported_at", state=State.DELIVERED)}
    for channel, gateway, handset in _recent().filter(kind="token").values_list("channel").annotate(**spans):
        for goal, span in (("gateway", gateway), ("handset", handset)):
            if span is not None:
                family.add_metric([channel, goal], span.total_seconds())
    return family


def queue() -> GaugeMetricFamily:
    """Return the age of the oldest waiting message, by channel."""
    family = GaugeMetricFamily(
        "messaging_queue_age_seconds", "Age of the oldest message that waits", labels=["channel"]
    )
    # The clock is inside of the aggregate: outside, PostgreSQL would group by it, and no two rows have the same.
    age = Max(ExpressionWrapper(Clock() - F("created_at"), output_field=DurationField()))
    for row in Message.objects.sendable().values("channel").annotate(age=age):
        family.add_metric([row["channel"]], row["age"].total_seconds())
    return family


def circuits() -> GaugeMetricFamily:
    """Return the gateways that are not used now."""
    family = GaugeMetricFamily("messaging_circuit_open", "1 while a gateway is not used", labels=["gateway"])
    broken = set(OpenCircuit.objects.values_list("name", flat=True))
    for name in settings.SMS_GATEWAYS:
        family.add_metric([name], float(name in broken))
    return family


def failures() -> GaugeMetricFamily:
    """Count the failed calls of gateways and of the mail server, by fault; "ours" needs an operator."""
    family = GaugeMetricFamily(
        "messaging_gateway_failures_5m", "Calls that failed in the last 5 minutes", labels=["gateway", "fault"]
    )
    recent = GatewayFailure.objects.filter(at__gt=ago(WINDOW_SECONDS))
    for name, fault, count in recent.values_list("name", "fault").annotate(Count("pk")):
        family.add_metric([name, fault], count)
    return family


def silence() -> GaugeMetricFamily:
    """Return for how long no worker and no poller has looked for messages."""
    seconds_silent = flows.silence()
    value = float("inf") if seconds_silent is None else seconds_silent
    return GaugeMetricFamily("messaging_sender_silence_seconds", "Since a sender last looked", value=value)


def _recent() -> MessageQuerySet:
    return Message.objects.filter(created_at__gt=ago(WINDOW_SECONDS))


def _span(until: str, **only: str) -> Avg:
    span = ExpressionWrapper(F(until) - F("created_at"), output_field=DurationField())
    return Avg(span, filter=Q(**only) if only else None)


FAMILIES = (messages, seconds, queue, circuits, failures, silence)
