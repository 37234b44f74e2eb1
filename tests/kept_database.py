"""The empty database of the tests, kept between runs: migrating it takes three seconds of each process.

Of SQLite only, and under a name of what makes it. ``migrate`` runs all the same, and finds nothing to do.
"""

import os
import sqlite3
from contextlib import closing
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

from django.db import connection

from tests.tools import ROOT

# Whose tables stand beside ours; everything of ours counts, because migrations import it.
PACKAGES = ("Django", "django-otp", "django-recaptcha")
OURS = ("accounts", "messaging", "twofactor")


def name() -> str:
    """Return a name that is another one as soon as anything that makes the database has changed."""
    made_of = sha256(" ".join([sqlite3.sqlite_version, *map(version, PACKAGES)]).encode())
    for path in sorted(path for part in OURS for path in (ROOT / part).rglob("*.py")):
        made_of.update(f"\n{path.relative_to(ROOT)}\n".encode() + path.read_bytes())
    return f"{version('Django')}-{made_of.hexdigest()}.sqlite3"


def take(kept: Path) -> sqlite3.Connection | None:
    """Fill the tests' database, which lives as long as somebody is connected to it, with what is kept."""
    if connection.vendor != "sqlite" or not kept.exists():
        return None
    tests = sqlite3.connect(connection.creation._get_test_db_name(), uri=True)  # type: ignore[attr-defined]
    with closing(sqlite3.connect(f"file:{kept}?mode=ro", uri=True)) as file:
        file.backup(tests)
    return tests


def keep(kept: Path) -> None:
    """Keep the tests' database as it is now, in place of those that were kept before with the same Django."""
    if connection.vendor != "sqlite" or kept.exists():
        return
    draft = kept.with_suffix(f".{os.getpid()}")
    with closing(sqlite3.connect(draft)) as file:
        connection.connection.backup(file)
    draft.replace(kept)
    for old in set(kept.parent.glob(f"{version('Django')}-*.sqlite3")) - {kept}:
        old.unlink(missing_ok=True)
