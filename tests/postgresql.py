"""The fast suite on PostgreSQL: ``python -m tests.postgresql [arguments of pytest]``.

On a server of its own where PostgreSQL is installed, else in a database on the server of this machine.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.services.parts import Postgres


def main(arguments: list[str]) -> int:
    """Return pytest's exit code; where there is no PostgreSQL, 0 on a laptop and 1 in CI."""
    with tempfile.TemporaryDirectory(prefix="messaging-postgresql-") as name:
        Path(name).chmod(0o711)  # PostgreSQL's own user walks into it
        try:
            server = Postgres(Path(name) / "postgres")
        except pytest.skip.Exception as missing:
            print(f"The tests did not run on PostgreSQL: {missing}")
            return 1 if os.environ.get("CI") else 0
        try:
            environment = {**os.environ, "DATABASE_URL": server.create("fast").url}
            return subprocess.run([sys.executable, "-m", "pytest", *arguments], env=environment, check=False).returncode
        finally:
            server.stop()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
