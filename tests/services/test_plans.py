"""What the administrators' pages ask for is found by an index, however much there is."""

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tests.services import plans
from tests.services.conftest import MakePortal
from tests.services.portal import PATIENT
from tests.services.programs import BASE_DIR

BIG = {"accounts_user", "accounts_auditevent", "accounts_session", "delivery_message", "twofactor_phonedevice"}
# As many rows as a page may sort or go through: what a search finds, four times as much as is counted.
FEW = 4004
# Counts who is in a session now, for which it reads the open ones: seldom asked for, and measured in docs/figures.md.
COUNTING = "Minha conta, before switching on"
COUNTED_BY = "user_counted_by_factor"  # 100,000 entries of it are 80 pages of 8 kB
# Those that this account cannot do without; the others earn their keep where the numbers are different.
INDEXES = [
    "audit_by_action",
    "audit_by_actor",
    "audit_by_address",
    "audit_by_user",
    "user_administrators",
    "user_by_last_sign_in",
    "user_by_name",
    "user_counted_by_factor",
    "user_deactivated",
    "user_locked",
    "user_name_like",
    "user_never_signed_in",
    "user_surname_like",
]

Plans = dict[str, dict[str, list[Any]]]


@pytest.fixture(scope="module")
def looked(make_portal: MakePortal) -> Plans:
    portal = make_portal("plans", **PATIENT)
    command = [sys.executable, "-m", plans.__name__, *INDEXES]
    done = subprocess.run(command, check=False, cwd=BASE_DIR, env=portal.env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found: Plans = json.loads(done.stdout)
    return found


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", []):
        yield from nodes(child)


def faults(page: list[dict[str, Any]]) -> list[str]:
    """Return where a page goes through a whole table, or reads or sorts a great deal of it."""
    found = []
    for node in (node for plan in page for node in nodes(plan)):
        kind, table = node["Node Type"], node.get("Relation Name", "")
        read = (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
        if kind == "Seq Scan" and table in BIG:
            found.append(f"all of {table}")
        if "Scan" in kind and read > FEW and node.get("Index Name") != COUNTED_BY:
            found.append(f"reads {read} rows of {table} by {node.get('Index Name', 'none')}")
        if kind == "Sort" and (rows := node["Plans"][0]["Actual Rows"]) > FEW:
            found.append(f"sorts {rows} rows by {node['Sort Key']}")
    return found


def test_no_page_goes_through_a_whole_table_or_sorts_it(looked: Plans) -> None:
    found = {page: faults(seen) for page, seen in looked[""].items() if page != COUNTING}
    assert {page: told for page, told in found.items() if told} == {}


@pytest.mark.parametrize("index", INDEXES)
def test_without_an_index_some_page_does(looked: Plans, index: str) -> None:
    assert any(faults(seen) for page, seen in looked[index].items() if page != COUNTING)
