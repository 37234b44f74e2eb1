"""The last release: its code, and a Python that has its packages.

``last_release.txt`` has its commit; whoever makes a release writes the next one there (docs/operations.md, Deploy).
"""

import io
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from pathlib import Path

from tests.services.portal import Release
from tests.services.programs import BASE_DIR

COMMIT = Path(__file__).with_name("last_release.txt").read_text().split()[0]
GIT = ["git", "-C", str(BASE_DIR)]
PIP = ["-m", "pip", "install", "-qq", "--disable-pip-version-check", "--require-hashes", "--no-deps"]


def has_history() -> bool:
    """Tell whether this copy has a history to take the last release from."""
    return subprocess.run([*GIT, "rev-parse", "--git-dir"], capture_output=True, check=False).returncode == 0


def unpack(folder: Path) -> Release:
    """Return the last release's code, with the packages it asks for."""
    if subprocess.run([*GIT, "cat-file", "-e", COMMIT], capture_output=True, check=False).returncode:
        subprocess.run([*GIT, "fetch", "--quiet", "--depth=1", "origin", COMMIT], check=True)
    archive = subprocess.run([*GIT, "archive", COMMIT], capture_output=True, check=True).stdout
    code = folder / "last-release"
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        files.extractall(code, filter="data")
    return Release(code, python_for(code), {"VAR_DIR": str(folder / "last-release-var")})


def python_for(code: Path) -> Path:
    """Return a Python that has the packages of a release: ours, unless its lock asks for others."""
    lock = "requirements.txt"
    if (code / lock).read_text() == (BASE_DIR / lock).read_text():
        return Path(sys.executable)
    environment = code.with_name(f"{code.name}-venv")
    subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    python = environment / "bin" / "python"
    subprocess.run([python, *PIP, "-r", code / lock], check=True)
    return python


def run(release: Release, env: Mapping[str, str], *arguments: str) -> None:
    """Run a release's own Python to its end, in the environment of an installation."""
    subprocess.run([release.python, *arguments], cwd=release.code, env={**env, **release.env}, check=True)
