"""The pop-ups, as hands use them: keyboard, mouse, finger, clipboard, Back button, small screens."""

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import ANY, SOME, Complaints, Fresh, Visit
from tests.browser.person import Person, resize, written
from tests.browser.seed import PASSWORD
from tests.browser.tour import TOURS

CONFIRM = "/meu-perfil/telefone/confirmar/"


@pytest.fixture
def newcomer(visit: Visit, fresh: Fresh) -> Person:
    """Return Bob before his first set-up."""
    household = fresh("on")
    return visit(household.bob, household.bobs_number)


@pytest.fixture
def bob(visit: Visit, fresh: Fresh) -> Person:
    """Return Bob with a phone."""
    household = fresh("enrolled")
    return visit(household.bob, household.bobs_number)


def at_phone(person: Person) -> None:
    person.type_password()
    person.is_at("/entrar/introducao/")
    person.press("/entrar/introducao/")
    person.is_at("/entrar/telefone/")


def at_channel(person: Person) -> None:
    person.type_password()
    person.is_at("/entrar/canal/")


def at_token(person: Person) -> None:
    at_channel(person)
    person.ask_for_token("sms")


def at_confirmation(person: Person) -> None:
    person.sign_in()
    person.go("/meu-perfil/")
    person.field("number").fill(written(person.new_number))
    person.press("/meu-perfil/telefone/")
    person.is_at(CONFIRM)


# Focus ----------------------------------------------------------------------------------------


def tab_stops(page: Page) -> list[str]:
    """Press Tab until the focus has gone round twice; return where it was."""
    script = """() => {
        const a = document.activeElement;
        if (!a || a === document.body) return "browser";
        const inside = a.closest("dialog") ? "" : "OUTSIDE ";
        return inside + (a.name || a.href || a.textContent.trim() || a.localName);
    }"""
    stops = []
    for _ in range(24):
        page.keyboard.press("Tab")
        stops.append(str(page.evaluate(script)))
    return stops


def test_focus_goes_round_inside_each_dialog(newcomer: Person) -> None:
    newcomer.type_password()
    newcomer.is_at("/entrar/introducao/")
    steps = {"/entrar/introducao/": tab_stops(newcomer.page)}
    newcomer.press("/entrar/introducao/")
    newcomer.is_at("/entrar/telefone/")
    steps["/entrar/telefone/"] = tab_stops(newcomer.page)
    newcomer.give_phone()
    newcomer.is_at("/entrar/token/")
    steps["/entrar/token/"] = tab_stops(newcomer.page)

    for path, stops in steps.items():
        assert not [stop for stop in stops if stop.startswith("OUTSIDE")], path
        first = next(stop for stop in stops if stop != "browser")
        assert stops.count(first) > 1, (path, stops)


def test_each_dialog_puts_the_focus_where_one_begins(newcomer: Person) -> None:
    page = newcomer.page
    newcomer.type_password()
    newcomer.is_at("/entrar/introducao/")
    expect(page.locator("h1")).to_be_focused()  # nothing to fill in: the screen reader begins to read
    newcomer.press("/entrar/introducao/")
    newcomer.is_at("/entrar/telefone/")
    expect(newcomer.field("number")).to_be_focused()  # there is one country only
    newcomer.give_phone("11 8765-4321")
    expect(newcomer.field("number")).to_have_attribute("aria-invalid", "true")
    expect(newcomer.field("number")).to_be_focused()
    newcomer.give_phone()
    newcomer.is_at("/entrar/token/")
    expect(newcomer.field("token")).to_be_focused()


def test_signing_in_begins_at_the_login_and_after_a_refusal_at_the_password(newcomer: Person) -> None:
    newcomer.go("/entrar/")
    expect(newcomer.field("username")).to_be_focused()
    newcomer.page.keyboard.type(newcomer.login)
    newcomer.page.keyboard.press("Tab")
    newcomer.page.keyboard.type("not the password")
    newcomer.page.keyboard.press("Enter")
    expect(newcomer.field("password")).to_be_focused()
    expect(newcomer.field("password")).to_have_accessible_description(re.compile("."))


BEGINNINGS = [
    pytest.param(at_channel, "altcha-widget input[type=checkbox]", id="channel"),
    pytest.param(at_token, "[name=token]", id="token"),
]


@pytest.mark.parametrize(("reach", "beginning"), BEGINNINGS)
def test_a_dialog_begins_where_one_types_and_escape_does_nothing(
    bob: Person, reach: Callable[[Person], None], beginning: str
) -> None:
    reach(bob)
    expect(bob.page.locator(beginning)).to_be_focused()
    address, posts = bob.page.url, len(bob.posts)
    for _ in range(4):  # Chromium closes a dialog at the second Escape if only its "cancel" event is refused
        bob.page.keyboard.press("Escape")

    expect(bob.page.locator("dialog:modal")).to_be_visible()
    assert bob.page.evaluate("document.activeElement.closest('dialog') !== null")
    assert bob.page.url == address
    assert len(bob.posts) == posts


def test_escape_cancels_where_a_dialog_offers_it(bob: Person) -> None:
    at_confirmation(bob)
    expect(bob.page.locator("[name=password]")).to_be_focused()
    bob.page.keyboard.press("Escape")

    bob.is_at("/meu-perfil/")
    assert bob.posts[-1] == CONFIRM


# Sending once ---------------------------------------------------------------------------------


def test_a_double_click_on_send_token_sends_one(newcomer: Person) -> None:
    at_phone(newcomer)
    newcomer.field("number").fill(newcomer.typed_number)
    newcomer.tick_captcha()
    newcomer.press_twice(newcomer.submit_of("/entrar/telefone/"), "/entrar/telefone/")
    newcomer.is_at("/entrar/token/")
    newcomer.portal.token(newcomer.number)

    assert newcomer.posts.count("/entrar/telefone/") == 1
    assert len(newcomer.portal.outbox(newcomer.number)) == 1


@pytest.mark.parametrize("channel", ["sms", "email"])
def test_a_double_click_on_a_channel_sends_one(bob: Person, channel: str) -> None:
    at_channel(bob)
    bob.tick_captcha()
    bob.press_twice(bob.page.locator(f"button[name=channel][value={channel}]"), "/entrar/canal/")
    bob.is_at("/entrar/token/")
    to = bob.number if channel == "sms" else bob.email
    bob.portal.token(to)

    assert bob.posts.count("/entrar/canal/") == 1
    assert len(bob.portal.outbox(to)) == 1


def test_a_double_click_on_validate_signs_in(bob: Person) -> None:
    at_token(bob)
    token = bob.portal.token(bob.number)
    bob.field("token").evaluate("(field, token) => (field.value = token)", token)  # as some password managers do
    bob.press_twice(bob.page.locator("[data-main]"), "/entrar/token/")
    bob.is_at("/")

    assert bob.posts.count("/entrar/token/") == 1


def test_a_complete_token_is_sent_by_itself_and_once(bob: Person) -> None:
    """Also for whoever presses Enter after the sixth digit, as everywhere else."""
    at_token(bob)
    token = bob.portal.token(bob.number)
    with bob.hold("/entrar/token/") as held:
        bob.field("token").press_sequentially(token[:5])
        assert bob.posts.count("/entrar/token/") == 0, "sent before it was complete"
        bob.field("token").press_sequentially(token[5])
        first = held.first()
        bob.page.keyboard.press("Enter")
        first.continue_()
        bob.is_at("/")

    assert bob.posts.count("/entrar/token/") == 1


def test_after_a_refusal_the_person_says_when(bob: Person) -> None:
    at_token(bob)
    page, token = bob.page, bob.portal.token(bob.number)
    wrong = "000000" if token != "000000" else "111111"
    bob.enter_token(wrong)
    expect(page.locator(".field-errors")).to_be_visible()
    page.wait_for_load_state()
    bob.field("token").fill(wrong)
    bob.field("token").fill(token)
    assert bob.posts.count("/entrar/token/") == 1
    page.keyboard.press("Enter")

    bob.is_at("/")
    assert bob.posts.count("/entrar/token/") == 2


def test_the_phone_offers_the_token_by_itself(bob: Person) -> None:
    """WebOTP, where the browser has it; here a browser that hands out whatever the test says."""
    at_token(bob)
    token = bob.portal.token(bob.number)
    bob.page.add_init_script(
        f"""window.OTPCredential = window.OTPCredential || class {{}};
        navigator.credentials.get = (asked) => Promise.resolve(asked.otp && asked.signal && {{ code: "{token}" }});"""
    )
    bob.page.reload()

    bob.is_at("/")
    assert bob.posts.count("/entrar/token/") == 1


def test_a_double_click_in_the_change_of_phone_sends_one(bob: Person) -> None:
    at_confirmation(bob)
    bob.field("password").fill(PASSWORD)
    bob.press_twice(bob.submit_of(CONFIRM), CONFIRM)
    expect(bob.field("token")).to_be_visible()
    token = bob.portal.token(bob.number)
    bob.field("token").evaluate("(field, token) => (field.value = token)", token)
    bob.press_twice(bob.page.locator("[data-main]"), CONFIRM)
    expect(bob.page.locator(".progress .done")).to_have_count(2)
    bob.portal.token(bob.new_number)

    assert bob.posts.count(CONFIRM) == 2
    assert (len(bob.portal.outbox(bob.number)), len(bob.portal.outbox(bob.new_number))) == (1, 1)


def test_back_never_sends_again(newcomer: Person) -> None:
    page = newcomer.page
    at_phone(newcomer)
    newcomer.give_phone()
    newcomer.is_at("/entrar/token/")
    token, posts = newcomer.portal.token(newcomer.number), list(newcomer.posts)
    page.go_back()
    newcomer.is_at("/entrar/telefone/")
    expect(newcomer.submit_of("/entrar/telefone/")).to_be_visible()
    page.go_forward()
    newcomer.is_at("/entrar/token/")

    assert newcomer.posts == posts
    newcomer.enter_token(token)  # the first one still opens
    newcomer.is_at("/")
    assert len(newcomer.portal.outbox(newcomer.number)) == 1


def test_pages_that_answer_a_form_are_asked_for_again_at_their_own_address(bob: Person) -> None:
    """F47: Reload and Back send nothing, although neither page was led to (twofactor/sign_in/next_page.py)."""
    page, gets = bob.page, []
    page.on("request", lambda request: gets.append(request.url) if request.method == "GET" else None)
    at_token(bob)
    bob.is_at("/entrar/token/")
    assert not [url for url in gets if url.endswith(("/entrar/canal/", "/entrar/token/"))], "no way to be led"
    posts = list(bob.posts)
    page.reload()
    bob.is_at("/entrar/token/")
    page.go_back()
    bob.is_at("/entrar/canal/")
    page.go_forward()
    bob.is_at("/entrar/token/")

    assert bob.posts == posts
    bob.type_token()
    bob.is_at("/")
    assert len(bob.portal.outbox(bob.number)) == 1


def test_back_after_a_refusal_shows_the_form(newcomer: Person) -> None:
    """A refused form is the answer to a POST; the browser must neither repeat it nor show its own error page."""
    page = newcomer.page
    at_phone(newcomer)
    newcomer.give_phone("11 8765-4321")
    expect(page.locator(".field-errors")).to_be_visible()
    newcomer.give_phone()
    newcomer.is_at("/entrar/token/")
    newcomer.portal.token(newcomer.number)
    posts = list(newcomer.posts)
    page.go_back()

    newcomer.is_at("/entrar/telefone/")
    expect(newcomer.field("number")).to_be_visible()
    assert newcomer.posts == posts


def test_back_after_signing_in_stays_in(bob: Person) -> None:
    at_token(bob)
    bob.type_token()
    bob.is_at("/")
    posts = list(bob.posts)
    bob.page.go_back()
    bob.is_at("/")

    assert bob.posts == posts


# The token ------------------------------------------------------------------------------------


def test_a_token_may_be_pasted_as_it_came(bob: Person) -> None:
    bob.context.grant_permissions(["clipboard-read", "clipboard-write"])
    at_token(bob)
    bob.enter_token("000000")
    expect(bob.page.locator(".field-errors")).to_be_visible()  # so that nothing goes by itself
    for pasted in ("#123 456", " 123456\n", "123-456", "token: 123456."):
        bob.field("token").fill("")
        bob.page.evaluate("text => navigator.clipboard.writeText(text)", pasted)
        bob.page.keyboard.press("Control+V")
        expect(bob.field("token")).to_have_value("123456")


def seconds_shown(page: Page) -> int:
    minutes, seconds = page.locator("[data-digits]").inner_text().split(":")
    return int(minutes) * 60 + int(seconds)


def test_the_countdown_runs_from_the_servers_seconds(bob: Person) -> None:
    at_token(bob)
    page, digits = bob.page, bob.page.locator("[data-digits]")
    expect(digits).to_have_text(re.compile(r"^\d:\d\d$"))
    first = seconds_shown(page)
    assert 120 < first <= 180
    expect(digits).not_to_have_text(f"{first // 60}:{first % 60:02d}")
    assert seconds_shown(page) < first
    page.reload()
    expect(digits).to_have_text(re.compile(r"^\d:\d\d$"))
    shown = seconds_shown(page)
    since = page.evaluate("performance.now() / 1000")  # as long as the page is here, at most
    given = int(page.locator("[data-countdown]").get_attribute("data-countdown") or 0)
    assert given < first  # the server's clock went on, and a new page does not begin again
    assert given - since <= shown <= given


def test_the_countdown_ends_whatever_the_clock_on_the_wall_says(bob: Person) -> None:
    at_token(bob)
    page = bob.page
    page.clock.install()
    page.reload()
    expect(page.locator("[data-digits]")).to_have_text(re.compile(r"^[12]:\d\d$"))
    page.clock.set_system_time("2001-01-01T00:00:00Z")
    page.clock.run_for(1000)
    expect(page.locator("[data-digits]")).to_have_text(re.compile(r"^[12]:\d\d$"))
    expect(page.locator(".countdown-ended")).to_be_hidden()
    page.clock.run_for(181_000)

    expect(page.locator("[data-digits]")).to_have_text("0:00")
    expect(page.locator(".countdown-ended")).to_be_visible()
    expect(page.locator("[data-say]")).not_to_be_empty()
    expect(page.locator("[data-resend]")).not_to_have_class(re.compile("secondary"))


# The captcha ----------------------------------------------------------------------------------


def test_the_buttons_wait_for_the_captcha(bob: Person) -> None:
    at_channel(bob)
    buttons = bob.page.locator("button[name=channel]")
    for button in buttons.all():
        expect(button).to_be_disabled()
    bob.tick_captcha()
    for button in buttons.all():
        expect(button).to_be_enabled()


def test_send_token_waits_for_the_captcha(newcomer: Person) -> None:
    at_phone(newcomer)
    newcomer.field("number").fill(newcomer.typed_number)
    expect(newcomer.submit_of("/entrar/telefone/")).to_be_disabled()
    newcomer.page.keyboard.press("Enter")  # in the number's field
    newcomer.tick_captcha()
    expect(newcomer.submit_of("/entrar/telefone/")).to_be_enabled()

    assert newcomer.posts.count("/entrar/telefone/") == 0


# The telephone number --------------------------------------------------------------------------


def test_a_brazilian_number_is_spaced_as_it_is_typed(newcomer: Person) -> None:
    at_phone(newcomer)
    field, keyboard = newcomer.field("number"), newcomer.page.keyboard
    field.press_sequentially("11987654321")
    expect(field).to_have_value("11 98765-4321")
    keyboard.press("Home")
    for _ in range(4):
        keyboard.press("ArrowRight")  # behind the 9
    keyboard.press("Backspace")
    expect(field).to_have_value("11 8765-4321")
    keyboard.type("9")  # where the caret was left
    expect(field).to_have_value("11 98765-4321")


@pytest.mark.parametrize("typed", ["+55 11 98765 4321", "11 98765 x", "011 98765 43210"])
def test_what_is_no_brazilian_number_stays_as_typed(newcomer: Person, typed: str) -> None:
    at_phone(newcomer)
    newcomer.field("number").press_sequentially(typed)

    expect(newcomer.field("number")).to_have_value(typed)


# The connection --------------------------------------------------------------------------------


def test_a_lost_connection_says_so_and_nothing_is_lost(newcomer: Person) -> None:
    at_phone(newcomer)
    page, said = newcomer.page, newcomer.page.locator("dialog [data-connection]")
    newcomer.field("number").fill(newcomer.typed_number)
    newcomer.tick_captcha()
    newcomer.context.set_offline(True)
    expect(said).to_be_visible()
    newcomer.press("/entrar/telefone/")
    expect(said).to_have_attribute("data-connection", "lost")
    expect(newcomer.field("number")).to_have_value(newcomer.typed_number)
    assert newcomer.posts.count("/entrar/telefone/") == 0
    newcomer.context.set_offline(False)
    expect(said).to_have_attribute("data-connection", "back")
    newcomer.press("/entrar/telefone/")

    newcomer.is_at("/entrar/token/")
    expect(page.locator("[data-connection]")).to_be_hidden()


def test_a_token_typed_without_a_connection_waits_for_it(bob: Person, complaints: Complaints) -> None:
    at_token(bob)
    page, said, token = bob.page, bob.page.locator("dialog [data-connection]"), bob.portal.token(bob.number)
    bob.context.set_offline(True)
    bob.field("token").press_sequentially(token)
    expect(said).to_have_attribute("data-connection", "lost")
    page.keyboard.press("Enter")
    expect(bob.field("token")).to_have_value(token)
    expect(bob.field("token")).to_be_focused()
    assert bob.posts.count("/entrar/token/") == 0
    bob.context.set_offline(False)
    expect(said).to_have_attribute("data-connection", "back")
    page.keyboard.press("Enter")

    bob.is_at("/")
    assert bob.posts.count("/entrar/token/") == 1
    assert len(bob.portal.outbox(bob.number)) == 1
    complaints.forgive("ERR_INTERNET_DISCONNECTED", ANY)  # the page may ask for the delivery status meanwhile


def test_a_connection_that_carries_nothing_is_noticed(bob: Person, complaints: Complaints) -> None:
    """What the browser cannot know: the network is there, and no answer comes; here to the question for the status."""
    status = "**/entrar/token/estado/"
    at_channel(bob)
    bob.page.route(status, lambda route: route.abort())
    bob.ask_for_token("sms")
    said = bob.page.locator("dialog [data-connection]")
    bob.page.evaluate("document.querySelector('[data-delivery-status]').dataset.state = 'going'")
    expect(said).to_have_attribute("data-connection", "lost")
    bob.page.unroute(status)
    expect(said).to_have_attribute("data-connection", "back")
    complaints.forgive("ERR_FAILED", SOME)


# Every answer to ``fetch`` begins at once and never ends.
ENDLESS = """window.fetch = (_address, { signal }) => {
    console.log("asked");
    const body = new ReadableStream({
        start: (answer) => signal.addEventListener("abort", () => answer.error(signal.reason)),
    });
    return Promise.resolve(new Response(body));
};"""


def test_a_token_is_sent_while_the_answer_about_the_last_one_is_half_here(bob: Person) -> None:
    """The question is given up without a word: an error of a script would be a complaint (see conftest)."""
    bob.page.add_init_script(ENDLESS)
    with bob.page.expect_console_message(lambda message: message.text == "asked"):
        at_token(bob)
    bob.type_token()
    bob.is_at("/")


def test_what_was_pressed_keeps_the_focus_until_the_answer_comes(bob: Person) -> None:
    at_channel(bob)
    bob.tick_captcha()
    button = bob.page.locator("button[name=channel][value=email]")
    bob.page.route("**/entrar/canal/", lambda route: route.fulfill(status=204))  # an answer that never leads on
    button.focus()
    bob.page.keyboard.press("Enter")
    expect(button).to_have_attribute("aria-disabled", "true")
    expect(button).to_be_focused()
    bob.page.keyboard.press("Enter")

    assert bob.posts.count("/entrar/canal/") == 1


# The keyboard alone ---------------------------------------------------------------------------


def tab_to(page: Page, selector: str) -> None:
    """Press Tab until something has the focus."""
    for _ in range(30):
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"Tab never reaches {selector}")


def test_a_later_sign_in_needs_no_mouse(bob: Person) -> None:
    page = bob.page
    bob.go("/meu-perfil/")
    tab_to(page, "[name=username]")
    page.keyboard.type(bob.login)
    tab_to(page, "[name=password]")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    bob.is_at("/entrar/canal/")
    expect(page.locator("altcha-widget input[type=checkbox]")).to_be_focused()
    page.keyboard.press("Space")
    bob.captcha_is_done()
    tab_to(page, "button[name=channel][value=sms]")
    page.keyboard.press("Enter")
    bob.is_at("/entrar/token/")
    expect(bob.field("token")).to_be_focused()
    page.keyboard.type(bob.portal.token(bob.number))

    bob.is_at("/meu-perfil/")  # the page first asked for


# The "i" --------------------------------------------------------------------------------------


@pytest.fixture
def alice(visit: Visit, fresh: Fresh) -> Person:
    """Return Alice at Account Settings, the policy off."""
    household = fresh("off")
    alice = visit(household.alice)
    _open_settings(alice)
    return alice


def _open_settings(alice: Person) -> None:
    alice.type_password()
    alice.is_at("/")
    alice.go("/configuracoes/minha-conta/")


def test_the_info_icon_explains_on_hover_and_on_focus(alice: Person) -> None:
    page, text = alice.page, alice.page.locator(".tip-text")
    expect(text).to_be_hidden()
    page.locator(".tip-button").hover()
    expect(text).to_be_visible()
    text.hover()  # it stays while one reads it (WCAG 1.4.13)
    expect(text).to_be_visible()
    page.keyboard.press("Escape")
    expect(text).to_be_hidden()
    page.mouse.move(0, 0)
    tab_to(page, ".tip-button")
    expect(text).to_be_visible()
    expect(text).to_contain_text("180")
    described = page.locator(".tip-button").get_attribute("aria-describedby")
    assert described == text.get_attribute("id")
    page.keyboard.press("Tab")
    expect(text).to_be_hidden()


def test_the_info_icon_explains_on_touch(visit: Visit, fresh: Fresh) -> None:
    options = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
    alice = visit(fresh("off").alice, **options)
    _open_settings(alice)
    text = alice.page.locator(".tip-text")
    expect(text).to_be_hidden()
    alice.page.locator(".tip-button").tap()
    expect(text).to_be_visible()
    box = text.bounding_box()
    assert box
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390
    alice.page.touchscreen.tap(195, 20)
    expect(text).to_be_hidden()


# Small screens --------------------------------------------------------------------------------

# What hangs over the right edge, in the page or in the pop-up over it.
OVERHANG = """() => [document.documentElement, ...document.querySelectorAll("dialog")]
    .filter((box) => box.scrollWidth > box.clientWidth)
    .map((box) => [...box.querySelectorAll("*")]
        .filter((node) => node.getBoundingClientRect().right > box.getBoundingClientRect().right + 0.5)
        .slice(0, 3).map((node) => node.outerHTML.slice(0, 160)).join(" | ") || box.localName)"""


def overhangs(person: Person, stops: Iterator[str], *widths: int) -> dict[str, list[str]]:
    """Return what hangs over, at which stop and width."""
    found = {}
    for stop in stops:
        for width in widths:
            resize(person.page, {"width": width, "height": 640})
            found[f"{stop} at {width}"] = person.page.evaluate(OVERHANG)
    return {stop: overhang for stop, overhang in found.items() if overhang}


@pytest.mark.parametrize("language", ["pt-BR", "es-ES"])
@pytest.mark.parametrize("who", TOURS)
def test_no_stop_scrolls_sideways(visit: Visit, fresh: Fresh, complaints: Complaints, who: str, language: str) -> None:
    """320 px are 400 % of 1280 (WCAG 1.4.10), and 640 are 200 %."""
    tour = TOURS[who]
    person = tour.seat(visit, fresh, locale=language)
    found = overhangs(person, tour.stops(person), 320, 390, 640)

    complaints.forgive(tour.complaint)
    assert found == {}


@pytest.mark.parametrize("who", TOURS)
def test_letters_may_be_twice_as_large(
    visit: Visit, fresh: Fresh, complaints: Complaints, large_letters: Browser, who: str
) -> None:
    """WCAG 1.4.4."""
    tour = TOURS[who]
    person = tour.seat(visit, fresh, browser=large_letters)
    found = overhangs(person, tour.stops(person), 1280, 640)

    complaints.forgive(tour.complaint)
    assert found == {}
