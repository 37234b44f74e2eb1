"""What this app adds to Prometheus' view of the portal."""

from django.db.models import Count, Q
from prometheus_client.core import GaugeMetricFamily

from accounts.models import AuditEvent
from messaging.database import clock_plus
from messaging.delivery.metrics import WINDOW_SECONDS, measures

REFUSED = Q(action__endswith=".refused") | Q(action__endswith=".failed") | Q(action__endswith=".limited")


@measures
def refusals() -> GaugeMetricFamily:
    """Count what was refused or limited, by its audited action."""
    family = GaugeMetricFamily("messaging_refusals_5m", "Refusals of the last 5 minutes", labels=["action"])
    recent = AuditEvent.objects.filter(REFUSED, at__gt=clock_plus(-WINDOW_SECONDS))
    for action, count in recent.values_list("action").annotate(Count("pk")):
        family.add_metric([action], count)
    return family
