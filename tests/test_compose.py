"""The compose file, checked against the schema that check-jsonschema carries; no engine needed."""

import json
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

ROOT = Path(__file__).parent.parent
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SECRET = re.compile(r"KEY|SECRET|TOKEN|PASSWORD|SID|_URL$")
# A value with no literal secret: only ${…}, or a URL without a password of its own.
HARMLESS = re.compile(r"\$\{\w+(:[-?][^}]*)?\}|[a-z]+://([a-z]+:\$\{[^}]+\}@)?[a-z]+:\d+(/\w+)?(\?sslmode=disable)?")


def example() -> dict[str, str]:
    lines = (ROOT / ".env.example").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def test_the_file_fits_the_compose_specification() -> None:
    vendored = files("check_jsonschema") / "builtin_schemas" / "vendor" / "compose-spec.json"
    jsonschema.validate(COMPOSE, json.loads(vendored.read_text()))


def test_all_parts_of_the_system_are_there() -> None:
    parts = {"db", "redis", "migrate", "web", "worker", "mailpit"}
    assert set(COMPOSE["services"]) == parts


@pytest.mark.parametrize("name", COMPOSE["services"])
def test_each_service_has_a_health_check(name: str) -> None:
    assert COMPOSE["services"][name]["healthcheck"]["test"][0] in {"CMD", "CMD-SHELL"}


@pytest.mark.parametrize("name", COMPOSE["services"])
def test_no_secret_is_written_out(name: str) -> None:
    environment = COMPOSE["services"][name].get("environment", {})
    written = {key for key in environment if SECRET.search(key)}
    assert [key for key in written if not HARMLESS.fullmatch(environment[key])] == []


def test_dependencies_name_services_that_exist() -> None:
    wanted = {name for s in COMPOSE["services"].values() for name in s.get("depends_on", {})}
    assert wanted <= set(COMPOSE["services"])


def test_required_variables_are_asked_for_and_explained() -> None:
    asked = set(re.findall(r"\$\{(\w+):\?", (ROOT / "docker-compose.yml").read_text()))
    assert asked == {"SECRET_KEY", "TOKEN_KEY", "FACTOR_KEYS", "PUBLIC_URL", "POSTGRES_PASSWORD"}
    assert asked <= set(example())


def test_every_required_setting_is_given_to_the_containers() -> None:
    settings = (ROOT / "messaging" / "settings.py").read_text()
    required = set(re.findall(r'required\("(\w+)"\)', settings))
    assert required
    assert required <= set(COMPOSE["services"]["web"]["environment"])


def test_the_example_holds_no_secret() -> None:
    assert [key for key, value in example().items() if SECRET.search(key) and value] == []
