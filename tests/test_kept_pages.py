"""Pages that are rendered once and filled for each person: as if they were rendered for this one, and nobody else's."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from django.template.loader import get_template

from accounts.models import Account, User
from messaging.delivery.models import Message
from messaging.masking import mask_email
from tests.authenticator import give_passkey
from tests.conftest import PASSWORD, Browser, enrol, last_token, person
from tests.gateway_tools import open_circuit
from tests.test_app import give_app
from twofactor import kept_pages, phones
from twofactor.models import Challenge, PhoneDevice
from twofactor.tokens import challenges

pytestmark = pytest.mark.django_db

LANGUAGES = ["pt-br", "en", "es"]
SIGN_IN, CHANNEL, TOKEN = "/entrar/", "/entrar/canal/", "/entrar/token/"
CSRF = re.compile(r'csrfmiddlewaretoken" value="([^"]+)"')
CHANGES = r'name="csrfmiddlewaretoken" value="[^"]+"|challenge="[^"]+"'


@pytest.fixture(autouse=True)
def nothing_kept() -> Iterator[None]:
    kept_pages._parts.cache_clear()
    yield
    kept_pages._parts.cache_clear()


@pytest.fixture
def rendered(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the names of the templates that kept pages render, one each time."""
    names: list[str] = []

    def note(name: str) -> Any:
        names.append(name)
        return get_template(name)

    monkeypatch.setattr(kept_pages, "get_template", note)
    return names


@pytest.fixture
def as_kept_and_as_usual(monkeypatch: pytest.MonkeyPatch, rendered: list[str]) -> Callable[[Browser, str], None]:
    """Ask for a page three times: as it is kept, as it was kept, and as usual; all are the same."""
    monkeypatch.setattr(Challenge, "seconds_left", 171)
    monkeypatch.setattr(challenges, "cooldown", lambda *_: 23)

    def compare(browser: Browser, path: str) -> None:
        kept, again = read(browser, path), read(browser, path)
        assert len(rendered) == 1
        with monkeypatch.context() as usual:
            usual.setattr(kept_pages, "_is_plain", lambda *_: False)
            assert kept == again == read(browser, path)
        assert len(rendered) == 1

    return compare


Compare = Callable[[Browser, str], None]


def read(browser: Browser, path: str) -> str:
    answer = browser.get(path)
    assert answer.status_code == 200, answer
    text = str(answer.content.decode())
    assert "\ue000" not in text
    return re.sub(CHANGES, "", text)


def at_channel(login: str = "bob") -> Browser:
    browser = Browser()
    browser.post_password(login)
    return browser


# As usual -------------------------------------------------------------------------------------------


def test_the_sign_in_is_as_usual_in_each_language(
    browser: Browser, as_kept_and_as_usual: Compare, rendered: list[str]
) -> None:
    for language in LANGUAGES:
        assert browser.post("/idioma/", {"language": language}).status_code == 302
        rendered.clear()
        as_kept_and_as_usual(browser, SIGN_IN)


def test_the_sign_in_beside_passkeys_is_as_usual(
    browser: Browser, account: Account, as_kept_and_as_usual: Compare
) -> None:
    Account.objects.filter(pk=account.pk).update(passkeys_alone=True)
    as_kept_and_as_usual(browser, SIGN_IN)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("channel", ["sms", "email"])
def test_the_choice_and_the_token_are_as_usual(
    policy: Account,
    bob: User,
    bobs_phone: PhoneDevice,
    language: str,
    channel: str,
    as_kept_and_as_usual: Compare,
    rendered: list[str],
) -> None:
    User.objects.filter(pk=bob.pk).update(language=language)
    browser = at_channel()
    as_kept_and_as_usual(browser, CHANNEL)
    browser.post_channel(channel)
    for path in (TOKEN, CHANNEL):  # the choice again, which the captcha of before has unlocked
        rendered.clear()
        as_kept_and_as_usual(browser, path)


def without_phone(bob: User) -> None:
    Account.objects.update(sms_tokens=False)
    give_app(bob)


def without_email(bob: User) -> None:
    Account.objects.update(email_tokens=False)


def with_an_old_factor(bob: User) -> None:
    Account.objects.update(sms_tokens=False, email_tokens=False)


def without_sms_of_the_day(bob: User) -> None:
    Account.objects.update(sms_a_day=0)


def with_a_logo(bob: User) -> None:
    Account.objects.update(logo="0123456789abcdef-120x40", accent="green")


def with_a_name_of_markup(bob: User) -> None:
    Account.objects.update(name='<b>Padaria & "Aurora"</b> {{ account }} 100%', accent="red")


@pytest.mark.parametrize(
    "change",
    [
        give_app,
        give_passkey,
        without_email,
        without_phone,
        with_an_old_factor,
        without_sms_of_the_day,
        with_a_logo,
        with_a_name_of_markup,
        lambda bob: User.objects.filter(pk=bob.pk).update(mailbox_suspect=True),
        lambda bob: User.objects.filter(pk=bob.pk).update(preferred_factor="email"),
        lambda bob: open_circuit("twilio", 300),
    ],
)
def test_the_pages_of_other_people_are_as_usual(
    policy: Account,
    bob: User,
    bobs_phone: PhoneDevice,
    change: Callable[[User], object],
    as_kept_and_as_usual: Compare,
    rendered: list[str],
) -> None:
    change(bob)
    browser = at_channel()
    as_kept_and_as_usual(browser, CHANNEL)
    if "token" in browser.post_channel("sms").headers.get("Location", ""):
        rendered.clear()
        as_kept_and_as_usual(browser, TOKEN)


@pytest.mark.parametrize("state", ["delivered", "failed"])
def test_the_token_whose_delivery_is_known_is_as_usual(
    policy: Account, bob: User, bobs_phone: PhoneDevice, state: str, as_kept_and_as_usual: Compare, rendered: list[str]
) -> None:
    browser = at_channel()
    browser.post_channel()
    rendered.clear()
    Message.objects.update(state=state)
    Challenge.objects.update(attempts=3)
    as_kept_and_as_usual(browser, TOKEN)


def test_the_token_of_a_first_phone_is_as_usual(policy: Account, bob: User, as_kept_and_as_usual: Compare) -> None:
    browser = at_channel()
    browser.post("/entrar/introducao/")
    browser.post_phone()
    as_kept_and_as_usual(browser, TOKEN)


# Each person's own ----------------------------------------------------------------------------------


def test_people_of_one_shape_share_a_page_and_see_their_own_values(
    policy: Account, bob: User, bobs_phone: PhoneDevice, rendered: list[str]
) -> None:
    other = Account.objects.create(name="Oficina Boreal", two_factor_required=True, accent=policy.accent)
    zoe = person("zoe", other)
    own = [owned_by(bob, bobs_phone.number), owned_by(zoe, enrol(zoe, "+5521912344398").number)]
    browsers = [at_channel("bob"), at_channel("zoe")]
    pages = [browser.get(CHANNEL).content.decode() for browser in browsers]
    is_of_each(CHANNEL, pages, own)
    for browser in browsers:
        browser.post_channel()
    is_of_each(TOKEN, [browser.get(TOKEN).content.decode() for browser in browsers], own)
    assert rendered == ["twofactor/channel.html", "twofactor/token.html"]


def is_of_each(path: str, pages: list[str], own: list[dict[str, set[str]]]) -> None:
    for number, page in enumerate(pages):
        assert all(value in page for value in own[number][path])
        assert not any(value in page for value in own[1 - number][path])
    first, second = (set(CSRF.findall(page)) for page in pages)
    assert len(first) == len(second) == 1
    assert first != second


def owned_by(user: User, number: str) -> dict[str, set[str]]:
    """Return what a page shows of a person, by its address."""
    seen = {user.account.name, phones.mask(number)}
    return {CHANNEL: seen | {mask_email(user.email)}, TOKEN: seen}


def test_what_is_kept_holds_nothing_of_a_person(
    policy: Account, bob: User, bobs_phone: PhoneDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts: list[str] = []
    fill = kept_pages._filled

    def note(parts: list[str], own: Mapping[str, Any]) -> str:
        texts.append("".join(parts))
        return fill(parts, own)

    browser = at_channel()
    monkeypatch.setattr(kept_pages, "_filled", note)
    answers = {CHANNEL: browser.get(CHANNEL).content.decode()}
    browser.post_channel()
    texts.pop()  # the same page, from which it took the captcha
    answers[TOKEN] = browser.get(TOKEN).content.decode()
    for text, (path, answer) in zip(texts, answers.items(), strict=True):
        for value in {*owned_by(bob, bobs_phone.number)[path], *CSRF.findall(answer)}:
            assert value in answer
            assert value not in text


def test_a_page_with_a_message_or_a_question_is_rendered_as_usual(
    policy: Account, bob: User, bobs_phone: PhoneDevice, rendered: list[str]
) -> None:
    browser = Browser()
    browser.post_password("bob")
    browser.post("/sair/")
    assert "You have signed out." in browser.get(SIGN_IN).content.decode()
    assert 'value="/meu-perfil/"' in browser.get(SIGN_IN, {"next": "/meu-perfil/"}).content.decode()
    assert "Login or password is wrong" in browser.post_password("bob", "wrong").content.decode()
    assert rendered == []
    assert "You have signed out." not in browser.get(SIGN_IN).content.decode()
    assert rendered == ["twofactor/sign_in.html"]


def test_a_token_whose_time_is_nearly_up_is_rendered_as_usual(
    policy: Account, bob: User, bobs_phone: PhoneDevice, rendered: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = at_channel()
    browser.post_channel()
    rendered.clear()
    monkeypatch.setattr(Challenge, "seconds_left", 30)
    assert "countdown-low" in browser.get(TOKEN).content.decode()
    assert rendered == []


def test_the_kept_page_signs_in(policy: Account, bob: User, bobs_phone: PhoneDevice, rendered: list[str]) -> None:
    """The CSRF token that is filled in is this browser's."""
    for _ in range(2):
        browser = Browser(enforce_csrf_checks=True)
        post(browser, SIGN_IN, username="bob", password=PASSWORD)
        post(browser, CHANNEL, channel="sms", altcha=browser.captcha(CHANNEL))
        assert post(browser, TOKEN, token=last_token()).headers["Location"] == "/"
    assert sorted(rendered) == ["twofactor/channel.html", "twofactor/sign_in.html", "twofactor/token.html"]


def post(browser: Browser, path: str, **fields: str) -> Any:
    """Send a page's form with the CSRF token of that page."""
    return browser.post(path, {"csrfmiddlewaretoken": CSRF.findall(browser.get(path).content.decode())[0], **fields})
