"""The documents against the code: what they list is there, and what is there is listed."""

import re

from django.conf import settings
from django.core.management import get_commands

from tests.tools import ROOT

OURS = ("messaging", "accounts", "twofactor")


def text(path: str) -> str:
    return (ROOT / path).read_text()


def source() -> str:
    return "\n".join(path.read_text() for part in OURS for path in (ROOT / part).rglob("*.py"))


def test_every_command_is_in_the_operators_table() -> None:
    ours = {name for name, app in get_commands().items() if str(app).startswith(OURS)}
    table = text("docs/operations.md").split("## Commands")[1].split("\n## ")[0]
    assert set(re.findall(r"^\| `(\w+)", table, re.MULTILINE)) == ours | {"createsuperuser"}


def test_every_variable_of_the_environment_is_in_the_readme() -> None:
    read = set(re.findall(r"(?:env(?:\.\w+)?|required)\(\s*\"([A-Z_]+)\"", text("messaging/settings.py")))
    read -= {"LIMIT_"}  # the beginning of several
    assert len(read) > 30
    assert read - set(re.findall(r"`([A-Z_]+)[`=]", text("README.md"))) == set()


def test_every_metric_of_an_alarm_exists() -> None:
    told = text("docs/operations.md") + text("docs/security.md")
    named = {name.removesuffix("_total") for name in re.findall(r"messaging_[a-z0-9_]+", told)}
    assert len(named) > 5
    assert {name for name in named if f'"{name}"' not in source()} == set()


def test_no_document_promises_what_the_database_is_not_asked_for() -> None:
    """docs/scaling.md: nothing needs a session of the database; who skips locked rows says so."""
    assert not re.search(r"pg_advisory|\bLISTEN\b|CREATE TEMP", source())
    assert ("SKIP LOCKED" in text("docs/scaling.md")) == ("skip_locked" in source())


def test_the_days_until_deletion_are_those_of_the_settings() -> None:
    """J-05."""
    said = " ".join(text("docs/operations.md").split())
    assert f"after {settings.CHALLENGE_DAYS} days" in said
    assert f"after {settings.MESSAGE_DAYS} days" in said


def test_what_goes_one_release_later_is_in_the_list_of_a_release() -> None:
    """O-02: code that serves only the release before is not forgotten one release later."""
    listed = text("CONTRIBUTING.md").split("**A release.**")[1].split("\n\nThe names ")[0]
    files = [path for part in OURS for path in (ROOT / part).rglob("*.py")]
    marked = {str(path.relative_to(ROOT)) for path in files if "Dropped one release later" in path.read_text()}
    assert len(marked) == 3
    assert {path for path in marked if f"`{path}`" not in listed} == set()
    assert {path for path in re.findall(r"`([\w/]+\.py)`", listed) if not (ROOT / path).exists()} == set()
