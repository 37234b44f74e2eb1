"""The empty database that the tests keep is never one that other migrations have made."""

from pathlib import Path

import pytest

from tests import kept_database


def test_a_changed_migration_gives_the_kept_database_another_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_database, "ROOT", tmp_path)
    folder = tmp_path / "twofactor" / "migrations"
    folder.mkdir(parents=True)
    names = [kept_database.name()]
    (folder / "0001_initial.py").write_text("a")
    names.append(kept_database.name())
    (folder / "0001_initial.py").write_text("b")
    names.append(kept_database.name())
    (folder / "0001_initial.py").rename(folder / "0002_more.py")
    names.append(kept_database.name())
    assert len(set(names)) == 4
    assert kept_database.name() == names[-1]


def test_a_changed_package_gives_the_kept_database_another_name(monkeypatch: pytest.MonkeyPatch) -> None:
    before = kept_database.name()
    monkeypatch.setattr(kept_database, "version", lambda package: "99" if package == "Django" else "1")
    assert kept_database.name() != before
