"""What an administrator who was never here before has to do, each in under two minutes: clicks and keys are counted.

A script is quicker than a person. What it counts is the effort: an expert needs 1.1 s a click and 0.3 s a key (the
keystroke-level model of Card, Moran and Newell), and somebody new to the pages is given twice that.
"""

import re

import pytest
from playwright.sync_api import Route, expect

from tests.browser.conftest import Fresh, Visit
from tests.browser.person import Person
from tests.browser.seed import LEAVERS, PASSWORD
from tests.browser.wcag import violations

USERS, AUDIT, BULK, PROOF = (
    "/configuracoes/usuarios/",
    "/configuracoes/auditoria/",
    "/configuracoes/usuarios/varios/",
    "/confirmar-identidade/",
)
SAID, STATUS = "said", "document.querySelector('[data-working]')"
CLICK, KEY, NEW_HERE, MOST = 1.1, 0.3, 2, 120


def seconds(person: Person) -> float:
    """Return what the clicks and keys so far would take somebody who is new here."""
    return NEW_HERE * (person.hands.clicks * CLICK + person.hands.keys * KEY)


@pytest.fixture
def alice(visit: Visit, fresh: Fresh) -> Person:
    household = fresh("crowded")
    alice = visit(household.alice, household.alices_number)
    alice.sign_in()
    alice.hands.clicks = alice.hands.keys = 0
    return alice


def menu(alice: Person, path: str) -> None:
    alice.hands.press(alice.page.locator(f"nav a[href='{path}']"))
    alice.is_at(path)


def prove(alice: Person) -> None:
    """Prove who it is by SMS, for the mailbox has just been used."""
    alice.is_at(PROOF)
    alice.write("password", PASSWORD)
    alice.hands.press(alice.page.locator("[name=channel][value=sms]"))
    alice.press(PROOF)
    alice.type_token()


def test_twenty_five_leavers_are_deactivated(alice: Person) -> None:
    """Those who have not been here for longest come first; one page, one proof, one result each."""
    page = alice.page
    menu(alice, USERS)
    heading = page.locator("th a.sort[href*='seen']")
    for order in ("descending", "ascending"):  # the latest first, then the earliest
        alice.hands.press(heading)
        expect(page.locator(f"th[aria-sort={order}] a.sort[href*='seen']")).to_be_visible()
    expect(page.locator("tbody tr")).to_have_count(LEAVERS)
    for box in page.locator("tbody input[name=person]").all():
        alice.hands.press(box)
    page.locator("#bulk-action").select_option("deactivate")
    alice.hands.clicks += 2  # the list, and what stands in it
    alice.hands.press(page.locator("#bulk button"))
    alice.is_at(BULK)
    expect(page.locator(".bulk-people").first.locator("li")).to_have_count(LEAVERS)
    assert violations(page) == []
    alice.press(BULK)
    prove(alice)
    expect(page.locator(".bulk-people .badge-on")).to_have_count(LEAVERS)
    assert violations(page) == []
    assert seconds(alice) < MOST
    assert alice.hands.clicks <= 36
    alice.go(f"{USERS}?state=deactivated")
    expect(page.locator("tbody tr")).to_have_count(LEAVERS)


def test_what_takes_longer_than_a_second_says_so(alice: Person) -> None:
    """A bar and a word, announced."""
    page = alice.page
    alice.go(f"{BULK}?action=deactivate&all=1")
    expect(page.locator("[data-working] progress")).to_have_count(0)
    held: list[Route] = []
    page.route(f"**{BULK}", lambda route: held.append(route))  # noqa: PLW0108 (Playwright needs a function)
    page.evaluate(f"new MutationObserver(() => console.log('{SAID}')).observe({STATUS}, {{ childList: true }})")
    with page.expect_console_message(lambda message: message.text == SAID):
        alice.submit_of(BULK).focus()
        page.keyboard.press("Enter")
    held[0].fulfill(status=204)  # Playwright looks at nothing while a page is on its way; this one stays
    bar = page.locator("[role=status][data-working]")
    expect(bar.locator("progress")).to_be_visible()
    expect(bar).to_have_text("Isto leva alguns segundos. Fique nesta página.")
    assert violations(page) == []


def test_ten_people_are_invited(alice: Person) -> None:
    page = alice.page
    menu(alice, USERS)
    alice.hands.press(page.locator(f"a[href='{USERS}convidar/']"))
    addresses = [f"nova{index}.{alice.login}@example.com" for index in range(10)]
    alice.write("addresses", "\n".join(addresses))
    alice.hands.keys = 2  # a list of ten is pasted, not typed
    alice.press(f"{USERS}convidar/")
    expect(page.locator(".report .badge")).to_have_text(["Convidado"] * 10)
    assert seconds(alice) < MOST
    assert alice.hands.clicks <= 4


def test_a_person_is_found_by_surname(alice: Person) -> None:
    page = alice.page
    menu(alice, USERS)
    alice.write("q", "Souza")
    page.keyboard.press("Enter")
    expect(page.locator("tbody a.who-name")).to_have_text(["João Batista de Souza"])
    assert seconds(alice) < MOST
    assert alice.hands.clicks <= 2


def test_yesterdays_lock_is_explained(alice: Person) -> None:
    """From the first page: who, since when, until when and why, without opening the audit log."""
    page = alice.page
    alice.hands.press(page.locator(f".tasks a[href='{USERS}?state=locked'], a[href='{USERS}?state=locked']").first)
    alice.hands.press(page.locator("tbody a.who-name"))
    facts = page.locator(".facts").first
    expect(facts).to_contain_text("até um administrador desbloquear")
    expect(facts).to_contain_text(re.compile("Íris Falcão"))
    assert seconds(alice) < MOST
    assert alice.hands.clicks <= 2


def test_a_sign_in_opens_to_its_steps_by_the_keys(alice: Person) -> None:
    """The audit log tells a sign-in in one line; Enter opens it, and closes it again."""
    page = alice.page
    alice.go(AUDIT)
    steps = page.locator(".event-steps").first
    expect(steps.locator(".event").first).to_be_hidden()
    steps.locator("summary").first.focus()
    page.keyboard.press("Enter")
    expect(steps.locator(".event")).to_have_count(2)
    for step in steps.locator(".event").all():
        expect(step).to_be_visible()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('.event-steps') !== null")
    assert violations(page) == []
    steps.locator("summary").first.focus()
    page.keyboard.press("Enter")
    expect(steps.locator(".event").first).to_be_hidden()
