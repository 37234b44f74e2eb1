"""The account's colour: chosen by its administrator, shown to its people, readable in every palette."""

import re
from typing import Any

import pytest

from accounts.models import Accent, Account, AuditEvent, User
from accounts.notifications.notice import ACCENTS
from messaging.delivery.models import Message
from messaging.delivery.renderers import render
from tests.conftest import Browser, last_token
from tests.tools import ROOT
from twofactor.models import PhoneDevice

APPEARANCE = "/configuracoes/minha-conta/aparencia/"


# Choosing it ----------------------------------------------------------------------------------


def test_an_administrator_chooses_the_colour_of_the_account(browser: Browser, alice: User, charlie: User) -> None:
    browser.post_password("alice")
    response = browser.post(APPEARANCE, {"accent": "violet"}, follow=True)

    assert response.redirect_chain == [(APPEARANCE, 302)]
    assert 'data-accent="violet">' in response.content.decode()
    assert "The colour of your account was changed." in response.content.decode()
    assert set(Account.objects.values_list("accent", flat=True)) == {"violet", "green"}
    event = AuditEvent.objects.get(action="account.accent_changed")
    assert (event.user, event.data) == (alice, {"before": "green", "after": "violet"})


def test_the_same_colour_again_is_no_event(browser: Browser, alice: User) -> None:
    browser.post_password("alice")
    browser.post(APPEARANCE, {"accent": "green"})

    assert not AuditEvent.objects.filter(action="account.accent_changed").exists()


@pytest.mark.parametrize("accent", ["", "#ff0000", 'red" style="'])
def test_a_colour_that_is_not_of_the_palette_changes_nothing(browser: Browser, alice: User, accent: str) -> None:
    browser.post_password("alice")

    assert browser.post(APPEARANCE, {"accent": accent}).status_code == 302
    assert Account.objects.get().accent == "green"


def test_a_member_chooses_nothing(browser: Browser, bob: User) -> None:
    browser.post_password("bob")

    assert browser.post(APPEARANCE, {"accent": "pink"}).status_code == 403
    assert Account.objects.get().accent == "green"


def test_the_pop_ups_have_the_colour_and_the_initial(
    browser: Browser, bobs_phone: PhoneDevice, policy: Account
) -> None:
    Account.objects.update(accent="blue")
    browser.post_password("bob")
    page = browser.get("/entrar/canal/").content.decode()

    assert '<html lang="en" data-accent="blue">' in page
    assert re.search(r'<span class="monogram" aria-hidden="true">P</span>\s+Padaria Aurora', page)
    assert "data-accent" not in browser.get("/senha/esqueci/").content.decode()  # nobody knows yet whose it is


# Reading it -----------------------------------------------------------------------------------

# (what is written or drawn, on what, the least contrast): WCAG 2.2, 1.4.3 and 1.4.11.
PAIRS = [
    *(("--ink", ground, 7.0) for ground in ("--bg", "--surface", "--surface-2", "--primary-soft")),
    *(("--ink-2", ground, 4.5) for ground in ("--bg", "--surface", "--surface-2")),
    *(("--primary", ground, 4.5) for ground in ("--bg", "--surface", "--surface-2", "--primary-soft")),
    *(("--primary-2", ground, 4.5) for ground in ("--surface", "--primary-soft")),
    ("--on-primary", "--primary", 4.5),
    ("--on-primary", "--primary-2", 4.5),
    ("--on-danger", "--danger", 4.5),
    ("--on-danger", "--danger-2", 4.5),
    *((f"--{tone}", ground, 4.5) for tone in ("ok", "warn", "danger") for ground in ("--surface", f"--{tone}-soft")),
    *((drawn, ground, 3.0) for drawn in ("--line-strong", "--focus") for ground in ("--bg", "--surface")),
    *(("--brand-ink", ground, 7.0) for ground in ("--brand-1", "--brand-2")),
    *(("--brand-ink-2", ground, 4.5) for ground in ("--brand-1", "--brand-2")),
    ("--brand-3", "--brand-1", 3.0),
]


def palettes() -> dict[tuple[str, str], dict[str, str]]:
    """Return the colours of each accent in light and in dark, as the style sheet gives them."""
    css = (ROOT / "static" / "css" / "app.css").read_text()
    css = re.sub(r"/\*.*?\*/", "", css, flags=re.DOTALL)
    found: dict[tuple[str, str], dict[str, str]] = {}
    for accent in Accent.values:
        light: dict[str, str] = {}
        dark: dict[str, str] = {}
        for name in ("green", accent):
            in_light, in_dark = re.findall(rf'\[data-accent="{name}"\] {{(.*?)}}', css, re.DOTALL)
            light |= dict(re.findall(r"(--[\w-]+): (#\w{6});", in_light))
            dark |= dict(re.findall(r"(--[\w-]+): (#\w{6});", in_dark))
        found |= {(accent, "light"): light, (accent, "dark"): light | dark}
    return found


def luminance(colour: str) -> float:
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def test_contrast_is_measured_rightly() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)


@pytest.mark.parametrize("accent", Accent.values)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_palette_can_be_read(accent: str, scheme: str) -> None:
    colours: Any = palettes()[accent, scheme]
    measured = {pair: round(contrast(colours[pair[0]], colours[pair[1]]), 2) for pair in PAIRS}

    assert {pair: ratio for pair, ratio in measured.items() if ratio < pair[2]} == {}


# In e-mails -----------------------------------------------------------------------------------


def test_every_colour_of_an_e_mail_is_that_of_the_pages_and_bears_white() -> None:
    for accent, colour in ACCENTS.items():
        assert colour == palettes()[accent, "light"]["--primary"]
        assert contrast(colour, "#ffffff") >= 4.5
    assert set(ACCENTS) == set(Accent)


def test_e_mails_have_the_accounts_look(browser: Browser, bobs_phone: PhoneDevice, policy: Account) -> None:
    """T-12: and what a lock screen shows of them is the first sentence, never the token."""
    Account.objects.update(accent="pink")
    browser.post_password("bob")
    browser.post_channel("email")
    browser.post("/senha/esqueci/", {"email": "bob@example.com"})
    contents = [render(message) for message in Message.objects.order_by("pk")]

    for content in contents:
        assert ">Padaria Aurora</td>" in content.html
        assert "background-color:#a8276f" in content.html
    token = last_token()
    before, _token, _after = contents[0].html.partition(token)
    assert "Here is your token to sign in to Messaging." in before
    assert len(re.sub(r"<style>.*</style>|<[^>]*>|\s+", "", before, flags=re.DOTALL)) > 200
    assert token not in contents[0].subject
