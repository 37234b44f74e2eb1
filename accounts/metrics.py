"""The metrics of this app for Prometheus."""

from django.db.models import Count
from prometheus_client.core import GaugeMetricFamily

from accounts.audit.action_rows import Shown
from accounts.audit.actions import Action
from accounts.models import AuditEvent
from messaging.database import ago
from messaging.delivery.metrics import WINDOW_SECONDS


def refusals() -> GaugeMetricFamily:
    """Count events that refused or limited something, by action."""
    family = GaugeMetricFamily("messaging_refusals_5m", "Refusals of the last 5 minutes", labels=["action"])
    recent = AuditEvent.objects.filter(action__in=Action.marked(Shown.REFUSAL), at__gt=ago(WINDOW_SECONDS))
    for action, count in recent.values_list("action").annotate(Count("pk")):
        family.add_metric([action], count)
    return family


FAMILIES = (refusals,)
