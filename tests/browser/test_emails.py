"""E-mails as mail programs draw them: light and dark, wide and narrow, with axe, and with nothing fetched."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from django.utils import translation
from playwright.sync_api import Browser, Page, Request

from accounts.models import Accent, Account
from accounts.notifications.notice import Notice
from messaging.delivery.models import Channel
from tests.browser.conftest import Pictures
from tests.browser.person import resize
from tests.browser.portal import PATIENCE
from tests.browser.wcag import violations
from twofactor.models import Purpose
from twofactor.tokens import texts

ACCOUNT = Account(name="Padaria Aurora", accent=Accent.GREEN)
LINK = "https://portal.example/nao-fui-eu/" + "Mw:1xW09I:ON5PT9eB580viGP" * 4
# What a page owes and a message does not: a mail program has landmarks and headings of its own.
OF_PAGES = {"landmark-one-main", "page-has-heading-one", "region"}


def token() -> str:
    return texts._email("042917", Purpose.SIGN_IN, ACCOUNT, at=datetime(2026, 11, 28, 12, tzinfo=UTC)).html


def notice() -> str:
    told = Notice(
        heading=translation.gettext("A phone was added to your login"),
        paragraphs=[
            translation.gettext("The phone %(number)s now receives the tokens to sign in.") % {"number": "•••••••21"},
            translation.gettext(
                "If it was not you, press the button: we remove the phone and lock your login until it is settled."
            ),
        ],
        action={"action_url": LINK, "action_label": translation.gettext("It was not me")},
    )
    return told.content(Channel.EMAIL, ACCOUNT).html


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context(viewport={"width": 390, "height": 700}, reduced_motion="reduce")
    context.set_default_timeout(PATIENCE * 1000)
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("language", ["pt-br", "en", "es"])
@pytest.mark.parametrize("write", [token, notice])
def test_an_e_mail_is_drawn_well(page: Page, pictures: Pictures, language: str, write: object) -> None:
    """T-12: and it opens with words, never with the token."""
    asked: list[Request] = []
    page.on("request", lambda request: asked.append(request))  # noqa: PLW0108 (Playwright wraps functions only)
    with translation.override(language):
        page.set_content(write())  # type: ignore[operator]
    if language == "pt-br":
        pictures.take(page, "e-mail" if write is token else "aviso", whole=True)

    for width in (320, 600):
        resize(page, {"width": width, "height": 700})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert [told for told in violations(page) if told.split(": ")[1] not in OF_PAGES] == []
    assert asked == []
