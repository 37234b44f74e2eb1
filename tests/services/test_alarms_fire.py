"""Prometheus reads the rules, each alarm fires when it should, and none for a healthy portal (O-09)."""

import re
import shutil
import subprocess
from collections.abc import Callable

import pytest
import yaml

from tests.services.programs import PATIENCE
from tests.tools import ROOT

RULES = ROOT / "docs" / "prometheus" / "messaging-rules.yml"
PLAYED = ROOT / "tests" / "services" / "alarms.yml"

pytestmark = pytest.mark.services
Promtool = Callable[..., str]


@pytest.fixture
def promtool() -> Promtool:
    binary = shutil.which("promtool")
    if binary is None:
        pytest.skip("promtool is not installed (Debian package: prometheus)")

    def run(*arguments: str) -> str:
        done = subprocess.run([binary, *arguments], check=False, capture_output=True, text=True, timeout=PATIENCE)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


def test_prometheus_reads_the_rules_and_the_scraper_s_part(promtool: Promtool) -> None:
    checked = promtool("check", "rules", str(RULES))
    scraper = RULES.with_name("scrape.yml")
    promtool("check", "config", "--syntax-only", str(scraper))

    assert re.search(r"SUCCESS: \d+ rules found", checked)
    assert yaml.safe_load(scraper.read_text())["rule_files"] == [RULES.name]


def test_each_alarm_fires_and_none_for_a_healthy_portal(promtool: Promtool) -> None:
    promtool("test", "rules", str(PLAYED))


def test_every_alarm_is_played_both_ways() -> None:
    alarms = {rule["alert"] for rule in yaml.safe_load(RULES.read_text())["groups"][0]["rules"]}
    healthy, *ill = yaml.safe_load(PLAYED.read_text())["tests"]
    fires = {rule["alertname"] for test in ill for rule in test["alert_rule_test"] if rule.get("exp_alerts")}

    assert {rule["alertname"] for rule in healthy["alert_rule_test"]} == alarms
    assert fires == alarms
