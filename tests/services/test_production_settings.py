"""Production does not start half configured, and says what is missing."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.services.parts import SqliteDatabase
from tests.services.portal import manage, production
from tests.services.programs import BASE_DIR, PATIENCE, clean_environment, free_port, module

# Google's, which accept everybody.
TEST_KEYS = {
    "RECAPTCHA_PUBLIC_KEY": "6LeIxAcTAAAAAJcZVRqyHh71UMIEGNQ_MXjiZKhI",
    "RECAPTCHA_PRIVATE_KEY": "6LeIxAcTAAAAAGG-vFI1TnRWxMZNFuojJ4WifJWe",
}


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Return a complete production over https. Nothing of it is reached: nothing has to run."""
    complete = production(
        database_url="postgres://messaging:secret@db.example/messaging",
        broker_url="redis://redis.example/0",
        twilio_url="",
        mail_port=25,
        port=8000,
    )
    complete |= {
        "PUBLIC_URL": "https://portal.example",
        "TRUSTED_PROXY_COUNT": "1",
        "ALLOWED_HOSTS": "portal.example",
        "RECAPTCHA_PUBLIC_KEY": "public-key-of-our-own",
        "RECAPTCHA_PRIVATE_KEY": "private-key-of-our-own",
        "VAR_DIR": str(tmp_path),
    }
    return clean_environment(**complete)


def check(environment: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    return manage(environment, "check", "--deploy", "--fail-level", "WARNING")


def test_a_complete_environment_is_clean(environment: dict[str, str]) -> None:
    """W-01."""
    done = check(environment)
    assert done.returncode == 0, done.stderr
    assert "no issues" in done.stdout


NEEDED = ["SECRET_KEY", "TOKEN_KEY", "PUBLIC_URL", "DATABASE_URL", "REDIS_URL", "EMAIL_URL"]
# Loads the settings again and again, without one variable or with an empty one, and prints what they said.
LOAD = """
import importlib, json, os, sys
from django.core.exceptions import ImproperlyConfigured
complete = dict(os.environ)
def load(changed):
    os.environ.clear()
    os.environ.update(changed)
    sys.modules.pop("messaging.settings", None)
    try:
        importlib.import_module("messaging.settings")
    except ImproperlyConfigured as error:
        return str(error)
said = {"complete": [load(complete)]}
for name in sys.argv[1:]:
    lacking = {key: value for key, value in complete.items() if key != name}
    said[name] = [load(lacking), load({**complete, name: ""})]
print(json.dumps(said))
"""


def test_a_missing_variable_is_named(environment: dict[str, str]) -> None:
    """By the settings themselves, so no program of ours starts. An empty one is a missing one."""
    command = [sys.executable, "-c", LOAD, *NEEDED]
    done = subprocess.run(command, check=True, cwd=BASE_DIR, env=environment, capture_output=True, text=True)
    said = json.loads(done.stdout)
    assert said.pop("complete") == [None]
    assert list(said) == NEEDED
    for name, sentences in said.items():
        for sentence in sentences:
            assert f"Set {name}." in sentence


@pytest.mark.parametrize(
    ("changes", "said"),
    [({"TOKEN_KEY": ""}, "Set TOKEN_KEY."), ({"TOKEN_KEY": "short"}, "twofactor.E003: TOKEN_KEY must have 32")],
    ids=["missing", "unsafe"],
)
def test_no_server_starts_half_configured(environment: dict[str, str], changes: dict[str, str], said: str) -> None:
    """Gunicorn ends, and the log says why in one line; a process that fails is not started again for ever."""
    environment |= changes
    command = [*module("gunicorn", "--bind", f"127.0.0.1:{free_port()}", "--no-control-socket"), "messaging.wsgi"]
    done = subprocess.run(
        command, check=False, cwd=BASE_DIR, env=environment, capture_output=True, text=True, timeout=PATIENCE
    )
    assert done.returncode == 3
    assert [line for line in done.stderr.splitlines() if line.startswith(said)]
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "command",
    [
        (sys.executable, "manage.py", "migrate"),
        (sys.executable, "manage.py", "doctor"),
        module("celery", "--app", "messaging", "worker"),
        module("celery", "--app", "messaging", "beat"),
    ],
    ids=["migrate", "doctor", "worker", "beat"],
)
def test_what_is_wrong_with_a_setting_is_one_sentence(environment: dict[str, str], command: tuple[str, ...]) -> None:
    environment |= {"REDIS_URL": "sentinel://redis.example/0"}
    done = subprocess.run(
        command, check=False, cwd=BASE_DIR, env=environment, capture_output=True, text=True, timeout=PATIENCE
    )
    assert done.returncode == 3
    assert done.stderr == "REDIS_URL must begin with redis:// or rediss://.\n"


def test_a_deploy_ends_at_its_migration(environment: dict[str, str], tmp_path: Path) -> None:
    """C-04: the first command of a deploy refuses test keys and half a gateway, and changes nothing."""
    database = SqliteDatabase(tmp_path / "untouched.sqlite3")
    environment |= {"DATABASE_URL": database.url, "TWILIO_AUTH_TOKEN": "", **TEST_KEYS}
    done = manage(environment, "migrate")
    assert done.returncode != 0
    assert "twofactor.E002" in done.stderr
    assert "delivery.E002" in done.stderr
    assert database.rows("SELECT name FROM sqlite_master") == []


@pytest.mark.parametrize(
    ("changes", "problems"),
    [
        (
            {
                "DEBUG": "1",
                "PUBLIC_URL": "http://portal.example",
                "SECRET_KEY": "short",
                "TOKEN_KEY": "short",
                "TWILIO_AUTH_TOKEN": "",
                **TEST_KEYS,
            },
            "security.W004 security.W008 security.W009 security.W012 security.W016 security.W018"
            " twofactor.E002 twofactor.E003 delivery.E002",
        ),
        (
            {
                "SMS_GATEWAYS": "twilio,pigeon,outbox",
                "TWILIO_MESSAGING_SERVICE_SID": "",
                "RECAPTCHA_PRIVATE_KEY": "",
            },
            "delivery.E001 delivery.E002 delivery.E003 twofactor.E001",
        ),
    ],
)
def test_the_deploy_check_finds(environment: dict[str, str], changes: dict[str, str], problems: str) -> None:
    """W-01, C-04."""
    done = check({**environment, **changes})
    assert done.returncode != 0
    assert set(re.findall(r"\((\w+\.[EW]\d+)\)", done.stderr)) == set(problems.split())
