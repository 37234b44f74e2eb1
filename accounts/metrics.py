"""What this app adds to Prometheus' view of the portal."""

from django.db.models import Count
from prometheus_client.core import GaugeMetricFamily

from accounts.audit.actions import Shown, actions_shown
from accounts.models import AuditEvent
from messaging.database import clock_plus
from messaging.delivery.metrics import WINDOW_SECONDS


def refusals() -> GaugeMetricFamily:
    """Count what was refused or limited, by its audited action."""
    family = GaugeMetricFamily("messaging_refusals_5m", "Refusals of the last 5 minutes", labels=["action"])
    recent = AuditEvent.objects.filter(action__in=actions_shown(Shown.REFUSAL), at__gt=clock_plus(-WINDOW_SECONDS))
    for action, count in recent.values_list("action").annotate(Count("pk")):
        family.add_metric([action], count)
    return family


FAMILIES = (refusals,)
