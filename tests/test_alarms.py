"""Prometheus' rules and Grafana's dashboard name metrics that there are. ``tests/services`` plays the rules."""

import json
import re

import yaml

from tests.test_metrics import FAMILIES
from tests.tools import ROOT

METRIC = re.compile(r"\bmessaging_\w+?(?=(?:_total|_bucket)?\b)")
RULES = yaml.safe_load((ROOT / "docs/prometheus/messaging-rules.yml").read_text())["groups"][0]["rules"]
BOARD = json.loads((ROOT / "docs/grafana/dashboard.json").read_text())


def test_every_alarm_asks_for_metrics_that_there_are() -> None:
    assert {name for rule in RULES for name in METRIC.findall(rule["expr"])} <= FAMILIES
    assert len({rule["alert"] for rule in RULES}) == len(RULES)
    assert all(rule["labels"]["severity"] in {"page", "ticket"} and rule["annotations"]["summary"] for rule in RULES)


def test_the_absence_of_metrics_is_an_alarm() -> None:
    """Else a portal that is gone is a quiet one."""
    assert any(rule["expr"].startswith("absent(messaging_database_up)") for rule in RULES)


def test_the_dashboard_shows_every_metric() -> None:
    shown = {name for panel in BOARD["panels"] for one in panel["targets"] for name in METRIC.findall(one["expr"])}
    assert shown == FAMILIES


def test_every_metric_of_an_alarm_is_in_the_handbook() -> None:
    handbook = (ROOT / "docs/operations.md").read_text()
    for rule in RULES:
        assert METRIC.search(rule["expr"])[0] in handbook, rule["alert"]  # type: ignore[index]
