"""The metrics for Prometheus: counted in the database when asked, in every process the same; except of requests."""

import logging
import secrets
from collections.abc import Iterator

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from accounts import metrics as accounts
from messaging import request_metrics
from messaging.delivery import metrics as delivery
from twofactor import metrics as twofactor

logger = logging.getLogger(__name__)

CONSTANTS = twofactor.CONSTANTS
FAMILIES = (*delivery.FAMILIES, *accounts.FAMILIES, *twofactor.FAMILIES)


class PortalCollector(Collector):
    """Gauges of the last five minutes, and of the current state."""

    def collect(self) -> Iterator[Metric]:
        """Return every metric; without the database those that need none, so that alarms work."""
        yield from (family() for family in CONSTANTS)
        try:
            counted = [family() for family in FAMILIES]
        except DatabaseError as error:
            logger.warning("metrics without the database: %s", type(error).__name__)
            counted = []
        yield from counted
        yield from request_metrics.families()
        yield GaugeMetricFamily("messaging_database_up", "1 while PostgreSQL answers", value=float(bool(counted)))


REGISTRY = CollectorRegistry()
REGISTRY.register(PortalCollector())


@login_not_required
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Answer Prometheus with its bearer token; 404 to everybody else outside of the embedded default."""
    offered = request.headers.get("Authorization", "").removeprefix("Bearer ")
    known = settings.METRICS_TOKEN and secrets.compare_digest(offered.encode(), settings.METRICS_TOKEN.encode())
    if not (known or settings.EMBEDDED):
        return HttpResponse(status=404)
    return HttpResponse(generate_latest(REGISTRY), content_type=CONTENT_TYPE_LATEST)
