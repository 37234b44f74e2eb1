"""A person at a browser. Everything is found by path and field name, which every language shares."""

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import BrowserContext, Locator, Page, Request, Route, ViewportSize, expect

from tests.browser.input_devices import Mouse
from tests.browser.portal import Portal, wait_for
from tests.browser.seed import PASSWORD

# A word in the console for each click, after whatever the click has sent.
TELL_CLICKS = """() => {
    let clicks = 0;
    addEventListener("click", () => setTimeout(() => console.log(`click ${++clicks}`)), { capture: true });
}"""


class Held:
    """Requests that wait for a word to go on."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.routes: list[Route] = []

    def take(self, route: Route) -> None:
        if route.request.method == "POST":
            self.routes.append(route)
        else:
            route.continue_()

    def first(self) -> Route:
        """Wait for the first one; Playwright brings it while it waits itself."""

        def look() -> Route | None:
            self.page.wait_for_timeout(20)
            return self.routes[0] if self.routes else None

        return wait_for(look, "a request to hold")


class Person:
    """Somebody with a login, a phone, and one tab of a browser."""

    def __init__(
        self, portal: Portal, context: BrowserContext, login: str, number: str, *, scripted: bool = True
    ) -> None:
        self.portal, self.context, self.login, self.number = portal, context, login, number
        self.scripted = scripted
        self.domain = "example.com"
        self.typed_login = login
        self.hands = Mouse()
        self.page: Page = context.new_page()
        self.typed_tokens: Counter[str] = Counter()
        self.posts: list[str] = []
        self.page.on("request", self._note)

    def _note(self, request: Request) -> None:
        if request.method == "POST":
            self.posts.append(_path(request.url))

    @property
    def email(self) -> str:
        return f"{self.login}@{self.domain}"

    @property
    def typed_number(self) -> str:
        return written(self.number)

    @property
    def new_number(self) -> str:
        """Return the number that the person changes to."""
        return f"+5531{self.number[5:10]}9876"

    def go(self, path: str) -> None:
        self.page.goto(self.portal.base + path)

    def is_at(self, path: str) -> None:
        """Wait until the address is this one, whatever its query, and the page is complete.

        The address changes before the page has come; its scripts run at its end, and do what a test looks at.
        """
        expect(self.page).to_have_url(re.compile(re.escape(self.portal.base + path) + r"(\?.*)?$"))
        self.page.wait_for_load_state()

    def submit_of(self, path: str) -> Locator:
        """Return the main button of the form that posts to a path."""
        return self.page.locator(f"form[action='{path}'] button[type=submit]").first

    def press(self, path: str) -> None:
        self.hands.press(self.submit_of(path))

    def press_twice(self, button: Locator, path: str) -> None:
        """Click again while the answer to the first click is still on its way, however quick the server is."""
        expect(button).to_be_enabled()
        self.page.wait_for_load_state()
        self.page.evaluate(TELL_CLICKS)
        with self.hold(path) as held:
            button.scroll_into_view_if_needed()
            box = button.bounding_box()
            assert box
            spot = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
            self.page.mouse.click(*spot)
            first = held.first()
            with self.page.expect_console_message(lambda message: message.text == "click 2"):
                self.page.mouse.click(*spot)
            assert len(held.routes) == 1, "sent twice"
            first.continue_()

    @contextmanager
    def hold(self, path: str) -> Iterator["Held"]:
        """Hold what is posted to a path until it is let go."""
        held, address = Held(self.page), self.portal.base + path
        self.page.route(address, held.take)
        yield held
        self.page.unroute(address)

    def field(self, name: str) -> Locator:
        return self.page.locator(f"[name={name}]:not([type=hidden])")

    def type_password(self) -> None:
        """Fill in the sign-in page and send it."""
        self.type_password_but_send()
        self.press("/entrar/")

    def type_password_but_send(self) -> None:
        self.go("/entrar/")
        self.write("username", self.typed_login)
        self.write("password", PASSWORD)

    def write(self, name: str, text: str) -> None:
        """Write into the field of a name."""
        self.hands.write(self.field(name), text)

    def tick_captcha(self) -> None:
        self.hands.press(self.page.locator("altcha-widget input[type=checkbox]"))
        self.captcha_is_done()

    def captcha_is_done(self) -> None:
        expect(self.page.locator("altcha-widget [data-state=verified]")).to_be_visible()

    def give_phone(self, typed: str = "") -> None:
        """Fill in pop-up B and send it."""
        self.write("number", typed or self.typed_number)
        self.page.wait_for_load_state()
        if not self.page.locator("[data-captcha-kept]").count():  # solved before, beside a wrong number
            self.tick_captcha()
        self.press("/entrar/telefone/")

    def ask_for_token(self, channel: str = "sms") -> None:
        """Tick the captcha of a later sign-in and choose a channel."""
        self.tick_captcha()
        self.hands.press(self.page.locator(f"button[name=channel][value={channel}]"))
        self.is_at("/entrar/token/")

    def type_token(self, to: str = "") -> None:
        """Read the token sent to a number or address after those that were typed before, and send it back."""
        to = to or self.number
        self.typed_tokens[to] += 1
        self.enter_token(self.portal.token(to, self.typed_tokens[to]))

    def enter_token(self, token: str) -> None:
        """Write six digits, which a page with JavaScript sends by itself unless it has just refused some."""
        self.page.wait_for_load_state()  # the script is at the page's end
        by_itself = self.scripted and not self.field("token").get_attribute("aria-invalid")
        self.write("token", token)
        if not by_itself:
            self.hands.press(self.page.locator("[data-main]"))

    def enrol(self) -> None:
        """Walk the whole first sign-in, from the sign-in page."""
        self.type_password()
        self.is_at("/entrar/introducao/")
        self.press("/entrar/introducao/")
        self.is_at("/entrar/telefone/")
        self.give_phone()
        self.is_at("/entrar/token/")
        self.type_token()

    def sign_in(self) -> None:
        """Walk a whole later sign-in by e-mail, which spares the phone's allowance of tokens."""
        self.type_password()
        self.is_at("/entrar/canal/")
        self.ask_for_token("email")
        self.type_token(self.email)
        self.is_at("/")

    def sign_out(self) -> None:
        self.hands.press(self.page.locator("details.profile-menu summary"))
        self.press("/sair/")
        self.is_at("/entrar/")

    def state(self) -> Any:
        """Return the cookies, to go on in another browser."""
        return self.context.storage_state()


def resize(page: Page, size: ViewportSize) -> None:
    """Give the window another size, and wait until the page has it."""
    page.set_viewport_size(size)
    page.wait_for_function("width => innerWidth === width", arg=size["width"])


def written(number: str) -> str:
    """Return a number as a Brazilian writes it: DDD, then the nine digits."""
    return f"{number[3:5]} {number[5:10]}-{number[10:]}"


def _path(url: str) -> str:
    return re.sub(r"^https?://[^/]+|\?.*$", "", url)
