"""What the image leaves out of the packages is nothing that the portal reads."""

import shutil
import subprocess
import sys
from pathlib import Path

import babel
import phonenumbers

from tests.tools import ROOT

USE = """
import sys
sys.path.insert(0, sys.argv[1])
import babel, phonenumbers
from accounts.countries import country_choices
assert babel.__file__.startswith(sys.argv[1]) and phonenumbers.__file__.startswith(sys.argv[1])
for language in ("pt-br", "en", "es"):
    print(country_choices(["BR", "DE"], language))
number = phonenumbers.parse("+5511987654321")
print(phonenumbers.is_valid_number(number), phonenumbers.region_code_for_number(number))
"""


def test_numbers_and_countries_are_known_without_what_is_taken_away(tmp_path: Path) -> None:
    for package in (babel, phonenumbers):
        folder = Path(str(package.__file__)).parent
        shutil.copytree(folder, tmp_path / folder.name, ignore=shutil.ignore_patterns("__pycache__"))
    before = size(tmp_path)
    subprocess.run([sys.executable, "scripts/trim-packages", tmp_path], cwd=ROOT, check=True)
    assert before - size(tmp_path) > 40e6
    done = subprocess.run(
        [sys.executable, "-c", USE, str(tmp_path)], cwd=ROOT, check=True, capture_output=True, text=True
    )
    portuguese, english, spanish, brazil = done.stdout.splitlines()
    assert ("Alemanha" in portuguese, "Germany" in english, "Alemania" in spanish) == (True, True, True)
    assert brazil == "True BR"


def size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
