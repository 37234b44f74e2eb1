"""The rules of docs/requirements.md and the tests that name them.   python -m tests.requirements"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

ROOT = Path(__file__).parent.parent
CATALOGUE = ROOT / "docs" / "requirements.md"
ID = re.compile(r"(?<![\w#-])(?:(?:PW|[ABCGJKLOPQRSTW])-\d\d|[DF][1-9]\d?)(?!\w)")
ROW = re.compile(rf"^\| ({ID.pattern}) \| (.+?) \| (.+?) \| (.+?) \|$")
NOT_YET_BUILT, IN_PART, NOT_TESTABLE = "not yet built", "in part: ", "not testable here: "
FILES_SHOWN = 3

FOLDERS = (".ci", "accounts", "benchmarks", "docs", "messaging", "scripts", "static", "templates", "tests", "twofactor")
SUFFIXES = {"", ".css", ".example", ".html", ".js", ".md", ".py", ".sh", ".svg", ".toml", ".txt", ".yml"}
NOT_OURS = {"requirements.txt", "requirements-dev.txt"}
# Beside the repository, written by a run of the tests or by who runs the portal.
LEFT_BEHIND = (".coverage", ".env")
ABOUT_IDS = {"requirements.py", "test_requirements.py"}


@dataclass(frozen=True, slots=True)
class Rule:
    """A row of the catalogue."""

    id: str
    sentence: str
    source: str
    tested: str

    @property
    def files(self) -> list[str]:
        """The files of tests that the row names."""
        return re.findall(r"`([^`]+)`", self.tested)

    @property
    def is_open(self) -> bool:
        """Whether no test is asked for."""
        return self.tested == NOT_YET_BUILT or self.tested.startswith(NOT_TESTABLE)

    def __str__(self) -> str:
        return f"| {self.id} | {self.sentence} | {self.source} | {self.tested} |"


def rules(text: str) -> list[Rule]:
    """Return the rows of the catalogue in their order."""
    return [Rule(*row.groups()) for row in map(ROW.match, text.splitlines()) if row]


def texts() -> Iterator[tuple[Path, str]]:
    """Return every text file of the repository that people write, with its path from the root."""
    everywhere = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*")]
    for path in sorted([*ROOT.glob("*"), *everywhere]):
        ours = path.suffix in SUFFIXES and path.name not in NOT_OURS and path.name not in LEFT_BEHIND
        if ours and path.is_file() and "__pycache__" not in path.parts:
            yield path.relative_to(ROOT), path.read_text()


def used() -> dict[str, list[str]]:
    """Return where each id is used, the catalogue and what is about ids left out."""
    places: dict[str, list[str]] = {}
    for path, text in texts():
        if path != CATALOGUE.relative_to(ROOT) and path.name not in ABOUT_IDS:
            for one in set(ID.findall(text)):
                places.setdefault(one, []).append(path.as_posix())
    return places


def named_by_tests() -> dict[str, list[str]]:
    """Return the test files that name each id, those first that name it most."""
    counted: dict[str, list[tuple[int, str]]] = {}
    for path, text in texts():
        if path.parts[0] == "tests" and path.name.startswith("test_") and path.name not in ABOUT_IDS:
            for one in set(ids := ID.findall(text)):
                counted.setdefault(one, []).append((-ids.count(one), path.as_posix().removeprefix("tests/")))
    return {one: [name for _, name in sorted(files)] for one, files in counted.items()}


def with_tests(rule: Rule, named: list[str]) -> Rule:
    """Return the row with the files that still name it, or with others where none of those does."""
    if not named or rule.tested.startswith(NOT_TESTABLE):
        return rule
    files = [name for name in rule.files if name in named] or named[:FILES_SHOWN]
    prefix = IN_PART if rule.tested.startswith(IN_PART) else ""
    return replace(rule, tested=prefix + ", ".join(f"`{name}`" for name in files))


def rewritten(text: str) -> str:
    """Return the catalogue with its last column as the tests are now."""
    named = named_by_tests()
    for rule in rules(text):
        text = text.replace(str(rule), str(with_tests(rule, named.get(rule.id, []))))
    return text


if __name__ == "__main__":
    CATALOGUE.write_text(rewritten(CATALOGUE.read_text()))
