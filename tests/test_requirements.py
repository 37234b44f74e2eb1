"""Every rule has a sentence and a test, and no document names what is not in the repository."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import requirements
from tests.requirements import CATALOGUE, ROOT, Rule

Places = dict[str, list[str]]

# Where else a path may start than at the root or beside the file that names it.
SHORT_FOR = {Path("docs/requirements.md"): ROOT / "tests", Path("docs/design.md"): ROOT / "templates"}
NOT_IN_THE_REPOSITORY = re.compile(
    r"""
    \b[Ss]ection\s\d            # numbers of chapters: of which document?
    | \bPR\s?\#\d               # pull requests
    | \b[\w.-]+/[\w.-]+\#\d     # the same, by repository
    | \bshared/\w
    """,
    re.VERBOSE,
)
ADDRESS = re.compile(r"\w+://[^\s)>]+")
DOCUMENT = re.compile(r"[\w./-]*\w\.md\b")
PATH = re.compile(r"(?<![\w/.-])[\w.-]+/[\w./-]*\w\.(?:py|html|css|js|md|yml)\b")
LINK = re.compile(r"\]\(([^)#]+)")
TEST = re.compile(r"::(test_\w+)")


def unproved(rules: list[Rule], named: Places) -> Iterator[str]:
    """Find rows whose last column is not true."""
    for rule in rules:
        tests = named.get(rule.id, [])
        if rule.is_open and tests:
            yield f"{rule.id} is called “{rule.tested}”, and {tests[0]} names it"
        elif not rule.is_open and not rule.files:
            yield f"{rule.id} is named by no test"
        yield from (f"{rule.id} is not named by {name}" for name in rule.files if name not in tests)


def undefined(rules: list[Rule], used: Places) -> list[str]:
    """Find ids without a row."""
    return [f"{one} in {', '.join(used[one])}" for one in sorted(used.keys() - {rule.id for rule in rules})]


def dead_references(path: Path, text: str) -> Iterator[str]:
    """Find what a file names that is not in the repository."""
    text = ADDRESS.sub("", text).replace('" / "', "/")
    yield from (f"{path}: {found.group()}" for found in NOT_IN_THE_REPOSITORY.finditer(text))
    names = DOCUMENT.findall(text)
    if path.suffix == ".md":
        names += [*PATH.findall(text), *LINK.findall(text)]
    folders = [ROOT, ROOT / path.parent, SHORT_FOR.get(path, ROOT)]
    yield from (f"{path}: {name}" for name in names if not any((folder / name).exists() for folder in folders))


def row(one: str, tested: str) -> Rule:
    return Rule(one, "A sentence.", "a source", tested)


CATALOGUED = requirements.rules(CATALOGUE.read_text())


def test_every_rule_that_is_named_is_defined() -> None:
    assert undefined(CATALOGUED, requirements.used()) == []


def test_every_rule_is_named_by_the_tests_that_it_shows() -> None:
    """Put right by `python -m tests.requirements`, once a test names the rule."""
    assert list(unproved(CATALOGUED, requirements.named_by_tests())) == []


def test_every_row_is_read_and_no_rule_is_defined_twice() -> None:
    ids = [rule.id for rule in CATALOGUED]
    rows = re.findall(r"^\| +([A-Z]+-?\d+)", CATALOGUE.read_text(), re.MULTILINE)
    assert ids == rows
    assert len(ids) == len(set(ids)) > 200


def test_nothing_is_named_that_is_not_in_the_repository() -> None:
    files = [(path, text) for path, text in requirements.texts() if path.name != Path(__file__).name]
    assert len(files) > 300
    assert [found for path, text in files for found in dead_references(path, text)] == []


def test_every_test_that_a_document_names_exists() -> None:
    tests = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    defined = set(re.findall(r"def (test_\w+)", tests))
    named = {name for path in (ROOT / "docs").glob("*.md") for name in TEST.findall(path.read_text())}
    assert len(named) > 30
    assert named - defined == set()


@pytest.mark.parametrize(
    ("rule", "named", "found"),
    [
        (row("T-01", "-"), {}, ["T-01 is named by no test"]),
        (row("T-01", "`test_a.py`"), {"T-01": ["test_b.py"]}, ["T-01 is not named by test_a.py"]),
        (row("T-01", "in part: `test_a.py`"), {}, ["T-01 is not named by test_a.py"]),
        (
            row("T-01", "not yet built"),
            {"T-01": ["test_a.py"]},
            ["T-01 is called “not yet built”, and test_a.py names it"],
        ),
        (row("T-01", "not yet built"), {}, []),
        (row("T-01", "not testable here: a list"), {}, []),
        (row("T-01", "in part: `test_a.py`"), {"T-01": ["test_a.py"]}, []),
        (row("T-01", "`test_a.py`"), {"T-01": ["test_a.py", "test_b.py"]}, []),
    ],
)
def test_a_row_that_is_not_true_is_seen(rule: Rule, named: Places, found: list[str]) -> None:
    assert list(unproved([rule], named)) == found


def test_an_id_without_a_row_is_seen() -> None:
    assert undefined([row("T-01", "-")], {"T-01": ["a.py"], "T-99": ["b.py"]}) == ["T-99 in b.py"]


@pytest.mark.parametrize(
    "text", ["T-05", "(T-05)", "F20, F5", "D1", "PW-08: longer", "T-01 to T-12", '"""F9: twice."""', "K-01…"]
)
def test_an_id_is_seen(text: str) -> None:
    assert requirements.ID.search(text)


@pytest.mark.parametrize("text", ["UTF-16", "SHA-256", "#F5", "#D1", "F401", "D102", "M12 4", "T-1", "A-2026", "F0"])
def test_what_looks_like_an_id_is_not_one(text: str) -> None:
    assert requirements.ID.search(text) is None


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("accounts/models.py", "as architecture.md says"),
        ("accounts/models.py", "security.md F39"),
        ("tests/test_tokens.py", "Section 3: five in an hour"),
        ("tests/test_tokens.py", "somebody PR#902"),
        ("tests/test_tokens.py", "somebody/something#902"),
        ("README.md", "see ../shared/x.txt"),
        ("docs/security.md", "[here](nowhere.md)"),
        ("docs/security.md", "![picture](pictures/nothing.png)"),
        ("docs/security.md", "the gate (`twofactor/no_such_module.py`)"),
    ],
)
def test_a_reference_to_what_does_not_exist_is_reported(path: str, text: str) -> None:
    assert list(dead_references(Path(path), text))


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("accounts/models.py", "docs/security.md, “Limits in force”"),
        ("tests/test_commands.py", '(ROOT / "docs" / "security.md")'),
        ("docs/scaling.md", "[figures.md](figures.md) and `tests/test_statements.py`"),
        ("docs/requirements.md", "`services/test_races.py`"),
        ("README.md", "https://example.com/architecture.md and */*.md"),
    ],
)
def test_a_reference_to_what_exists_is_not_reported(path: str, text: str) -> None:
    assert list(dead_references(Path(path), text)) == []


def test_the_column_of_tests_is_kept_while_it_is_true() -> None:
    kept = requirements.with_tests(row("T-01", "in part: `test_b.py`"), ["test_a.py", "test_b.py"])
    assert kept.tested == "in part: `test_b.py`"
    moved = requirements.with_tests(row("T-01", "`test_gone.py`"), ["test_a.py", "b.py", "c.py", "d.py"])
    assert moved.tested == "`test_a.py`, `b.py`, `c.py`"
    assert requirements.with_tests(row("T-01", "not yet built"), ["test_a.py"]).tested == "`test_a.py`"
    assert requirements.with_tests(row("T-01", "not yet built"), []).tested == "not yet built"
