"""The logo: the browser makes of any picture the PNG that the server takes."""

import base64
import re

import pytest
from playwright.sync_api import FilePayload, expect

from tests.browser.conftest import Fresh, Visit
from tests.browser.person import Person
from tests.browser.wcag import violations
from tests.pictures import png

LOGO, APPEARANCE = "/configuracoes/minha-conta/logotipo/", "/configuracoes/minha-conta/aparencia/"
# A picture as people have them: white paper, and on it a band six times as wide as high.
BAND = """() => {
    const sheet = Object.assign(document.createElement("canvas"), { width: 1600, height: 1200 });
    const pen = sheet.getContext("2d");
    pen.fillStyle = "white";
    pen.fillRect(0, 0, 1600, 1200);
    pen.fillStyle = "#204080";
    pen.fillRect(200, 500, 1200, 200);
    return sheet.toDataURL("image/jpeg").split(",")[1];
}"""
# What no PNG makes small.
NOISE = """() => {
    const sheet = Object.assign(document.createElement("canvas"), { width: 900, height: 900 });
    const pen = sheet.getContext("2d");
    const picture = pen.createImageData(900, 900);
    let seed = 1;
    picture.data.forEach((_old, at) => {
        seed = (seed * 48271) % 2147483647;
        picture.data[at] = at % 4 === 3 ? 255 : seed & 255;
    });
    pen.putImageData(picture, 0, 0);
    return sheet.toDataURL("image/png").split(",")[1];
}"""


@pytest.fixture
def alice(visit: Visit, fresh: Fresh) -> Person:
    household = fresh("off")
    alice = visit(household.alice, household.alices_number)
    alice.type_password()
    alice.is_at("/")
    alice.go(LOGO)
    return alice


def choose(alice: Person, data: bytes, kind: str) -> None:
    alice.page.set_input_files("#id_logo", FilePayload(name="logo", mimeType=kind, buffer=data))


def saved(alice: Person) -> tuple[int, int]:
    """Save what was chosen, and return its width and height as the server keeps it."""
    alice.press(LOGO)
    alice.is_at(APPEARANCE)
    address = alice.page.locator(".topbar .account-logo").get_attribute("src") or ""
    width, height = map(int, re.findall(r"-(\d+)x(\d+)\.png", address)[0])
    return width, height


def test_a_photograph_becomes_a_logo_cut_and_scaled(alice: Person) -> None:
    choose(alice, base64.b64decode(alice.page.evaluate(BAND)), "image/jpeg")
    drawn = alice.page.locator("[data-logo-drawn] canvas")
    expect(drawn).to_be_visible()
    assert violations(alice.page) == []
    width, height = saved(alice)
    assert width == 512
    assert abs(height - 512 / 6) <= 3


def test_what_weighs_too_much_is_made_smaller_until_it_fits(alice: Person) -> None:
    choose(alice, base64.b64decode(alice.page.evaluate(NOISE)), "image/png")
    expect(alice.page.locator("[data-logo-drawn] canvas")).to_be_visible()
    width, height = saved(alice)
    assert width == height
    assert 64 <= width < 168


def test_what_fits_is_sent_as_it_is(alice: Person) -> None:
    choose(alice, png(320, 40), "image/png")
    assert saved(alice) == (320, 40)


def test_what_is_no_picture_is_refused_by_the_server(alice: Person) -> None:
    choose(alice, b"GIF89a", "image/gif")
    alice.press(LOGO)
    expect(alice.page.locator(".field-errors")).to_contain_text("PNG")
    expect(alice.page.locator("[data-logo-drawn]")).to_be_hidden()


@pytest.mark.parametrize("width", [320, 390])
def test_a_wide_logo_leaves_the_menu_its_place_on_a_phone(alice: Person, width: int) -> None:
    choose(alice, png(320, 40), "image/png")
    saved(alice)
    alice.page.set_viewport_size({"width": width, "height": 800})
    logo = alice.page.locator(".topbar .account-logo").bounding_box()
    menu = alice.page.locator(".profile-menu").bounding_box()
    assert logo
    assert menu
    assert 48 <= logo["width"] <= menu["x"] - logo["x"]
