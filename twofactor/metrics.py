"""What this app adds to Prometheus' view of the portal: which limits are hit, and what the day has cost."""

from django.conf import settings
from django.db.models import Count, Sum
from django.db.models.fields.json import KT
from prometheus_client.core import GaugeMetricFamily

from accounts.models import AuditEvent, Budget
from messaging.database import Epoch, clock_plus
from messaging.delivery.metrics import WINDOW_SECONDS, measures


@measures
def limits_hit() -> GaugeMetricFamily:
    """Count the limits that were hit, told to the person or not, by scope."""
    family = GaugeMetricFamily("messaging_limits_hit_5m", "Limits hit in the last 5 minutes", labels=["scope"])
    hit = AuditEvent.objects.filter(action__in=["limit.hit", "challenge.withheld"], at__gt=clock_plus(-WINDOW_SECONDS))
    for scope, count in hit.annotate(scope=KT("data__scope")).values_list("scope").annotate(Count("pk")):
        family.add_metric([scope], count)
    return family


@measures
def sms_of_the_day() -> GaugeMetricFamily:
    """Count the SMS of the system's day so far: times the price of one, its cost."""
    used = Budget.objects.filter(key="system sms", until__gt=Epoch()).aggregate(used=Sum("used"))["used"]
    return GaugeMetricFamily("messaging_sms_of_the_day", "SMS of the running day", value=used or 0)


@measures
def sms_a_day() -> GaugeMetricFamily:
    """Tell the ceiling of the system's day."""
    return GaugeMetricFamily("messaging_sms_a_day", "SMS allowed a day", value=settings.LIMITS["system"][0][0])
