"""The parts of the pages in the states that hurt: high contrast, and a field that is filled and wrong."""

from playwright.sync_api import Page, expect

from tests.browser.conftest import Fresh, Visit
from tests.browser.person import Person

KNOB = "node => getComputedStyle(node, '::before').backgroundColor"
BACK = "node => getComputedStyle(node).backgroundColor"
SLOTS = "node => [getComputedStyle(node).paddingLeft, getComputedStyle(node).paddingRight]"


def gallery(visit: Visit, fresh: Fresh) -> Person:
    household = fresh("on")
    alice = visit(household.alice, household.alices_number)
    alice.go("/componentes/")
    return alice


def high_contrast(page: Page) -> None:
    page.emulate_media(forced_colors="active", color_scheme="light", reduced_motion="reduce")


def test_high_contrast_shows_which_switch_is_on(visit: Visit, fresh: Fresh) -> None:
    page = gallery(visit, fresh).page
    high_contrast(page)
    on = page.locator("input[role=switch]:checked").first
    off = page.locator("input[role=switch]:not(:checked, :disabled)").first

    assert on.evaluate(BACK) != off.evaluate(BACK)
    for switch in on, off:
        assert switch.evaluate(KNOB) not in {"rgba(0, 0, 0, 0)", switch.evaluate(BACK)}


def test_high_contrast_ticks_one_colour(visit: Visit, fresh: Fresh) -> None:
    page = gallery(visit, fresh).page
    high_contrast(page)
    ticks = page.locator(".swatches .icon")

    assert ticks.count() > 1
    assert [tick.is_visible() for tick in ticks.all()].count(True) == 1


def test_high_contrast_shows_where_one_is_and_what_is_ticked(visit: Visit, fresh: Fresh) -> None:
    household = fresh("off")
    alice = visit(household.alice)
    alice.type_password()
    alice.is_at("/")
    alice.go("/configuracoes/minha-conta/")
    high_contrast(alice.page)
    here, elsewhere = (
        alice.page.locator(f".menu a{which}").first for which in ("[aria-current=page]", ":not([aria-current])")
    )
    here_is, elsewhere_is = here.evaluate(BACK), elsewhere.evaluate(BACK)
    alice.go("/configuracoes/minha-conta/paises/")
    high_contrast(alice.page)
    ticked, blank = (alice.page.locator(f".chips input:{which}").first for which in ("checked", "not(:checked)"))

    assert here_is != elsewhere_is
    assert ticked.evaluate(BACK) != blank.evaluate(BACK)


def test_digits_stay_in_their_slots_when_they_are_wrong(visit: Visit, fresh: Fresh) -> None:
    alice = gallery(visit, fresh)
    good, wrong = alice.page.locator(".field-token input").all()
    for field in good, wrong:
        field.fill("123456")

    assert wrong.get_attribute("aria-invalid") == "true"
    assert wrong.evaluate(SLOTS) == good.evaluate(SLOTS)


def test_what_is_missing_is_said_in_the_language_of_the_page(visit: Visit, fresh: Fresh) -> None:
    """Not by the browser's own bubble, which speaks the browser's language."""
    household = fresh("off")
    bob = visit(household.bob, household.bobs_number, locale="es-ES")
    bob.type_password()
    bob.is_at("/")
    bob.go("/senha/alterar/")
    bob.press("/senha/alterar/")
    expect(bob.page.locator(".field-errors").first).to_contain_text("Este campo es obligatorio")
    expect(bob.field("old_password")).to_be_focused()
