"""What docs/operations.md gives whoever runs the portal without Docker: the units, and a file that no shell reads."""

import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.tools import ROOT

UNITS = ROOT / "docs" / "systemd"
WITH_ENV = ROOT / "scripts" / "with-env"


def env_of(path: Path) -> dict[str, str]:
    """Return what a command finds in its environment when the file is read for it."""
    done = subprocess.run([WITH_ENV, path, "env", "-0"], env={"PATH": "/usr/bin:/bin"}, capture_output=True, check=True)
    return dict(pair.split("=", 1) for pair in done.stdout.decode().split("\0") if pair)


def test_a_value_is_taken_as_it_stands(tmp_path: Path) -> None:
    """O-10: as systemd and Docker read the same file."""
    path = tmp_path / "messaging.env"
    path.write_text("# SECRET=no\n\nSENDER=Portal <no-reply@example.com>\nKEY=a$HOME`id`\"b';c\\d e=f\nEMPTY=\nLAST=x")
    found = env_of(path)
    expected = {"SENDER": "Portal <no-reply@example.com>", "KEY": "a$HOME`id`\"b';c\\d e=f", "EMPTY": "", "LAST": "x"}
    assert {name: value for name, value in found.items() if name not in {"PATH", "PWD"}} == expected


def test_the_command_s_exit_code_is_kept() -> None:
    done = subprocess.run([WITH_ENV, ROOT / ".env.example", "sh", "-c", "exit 3"], check=False)
    assert done.returncode == 3


def test_systemd_reads_the_units(tmp_path: Path) -> None:
    binary = shutil.which("systemd-analyze")
    if not binary:
        pytest.skip("systemd-analyze is not installed (Debian package: systemd)")
    for unit in UNITS.iterdir():
        # Programs stand elsewhere here.
        here = unit.read_text().replace("/srv/messaging/current/.venv/bin/", "/bin/echo ")
        (tmp_path / unit.name.replace("@.", "@1.")).write_text(here)
    done = subprocess.run(
        [binary, "verify", "--man=no", *sorted(map(str, tmp_path.iterdir()))],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def command_of(unit: str) -> str:
    (line,) = [line for line in (UNITS / unit).read_text().splitlines() if line.startswith("ExecStart=")]
    return line.partition("/bin/")[2]


def test_the_units_start_what_the_image_and_the_compose_file_start() -> None:
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["worker"]["command"]
    options = {option.split("=")[0]: option.partition("=")[2] for option in compose if option.startswith("--")}
    worker = command_of("messaging-worker@.service").replace(" --hostname worker%i@%%h", "")
    options["--concurrency"] = "${WORKER_CONCURRENCY}"
    expected = " ".join(
        f"{name} {value}".strip() for name, value in options.items() if name != "--quiet" and name != "--app"
    )
    assert worker == f"celery --quiet --app messaging worker {expected}"
    assert command_of("messaging-web.service") == "gunicorn --config python:messaging.gunicorn messaging.wsgi"
    assert '"gunicorn", "--config", "python:messaging.gunicorn", "messaging.wsgi"' in (ROOT / "Dockerfile").read_text()
