"""K-03: the authenticator app. RFC 4226 and RFC 6238, sealed at rest, a step is used up once."""

import re
from datetime import UTC, datetime
from io import StringIO
from typing import Any

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command

from accounts.factors import FactorKind
from accounts.models import Account, AuditEvent, User
from messaging.database import Clock
from tests.conftest import PASSWORD, Browser, deliver, enrol, person, sent_to
from tests.database_dump import dump
from tests.tools import let_pass, page, production, settings_with
from twofactor import sealing
from twofactor.checks import check_factor_keys
from twofactor.doctor import check_sealed
from twofactor.exceptions import ChannelRefused, JourneyOver
from twofactor.factors import held
from twofactor.factors.app import flows, totp
from twofactor.factors.app.factor import AppFactor, owner
from twofactor.factors.base import complete
from twofactor.models import AppDevice, AppEnrolment, PendingSignIn, PhoneDevice, Reauthentication
from twofactor.purge import purge_journeys
from twofactor.restoring import end_what_was_under_way

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("policy")]

APP = "/entrar/app/"
CHANNEL = "/entrar/canal/"
FACTORS = "/meu-perfil/segunda-etapa/"
START = f"{FACTORS}app/"
CONFIRM = START
PROOF = "/confirmar-identidade/"
SECRET = b"12345678901234567890"


def now() -> datetime:
    """Return the time by the database's clock."""
    found: datetime = Account.objects.annotate(now=Clock()).values_list("now", flat=True)[0]
    return found


def token_now(secret: bytes = SECRET, *, steps: int = 0) -> str:
    return totp.token_of(secret, totp.step_at(now()) + steps)


def give_app(user: User, secret: bytes = SECRET, **facts: Any) -> AppDevice:
    """Give a person an app whose last step lies far back."""
    sealed = sealing.seal(owner(user.pk), secret)
    device: AppDevice = AppDevice.objects.create(
        user=user, name="work phone", sealed=sealed, key_id=sealing.newest_key_id(), **{"last_step": 0, **facts}
    )
    User.objects.filter(pk=user.pk).update(has_app=True)
    return device


@pytest.fixture
def bobs_app(bob: User, bobs_phone: PhoneDevice) -> AppDevice:
    return give_app(bob)


def wrong(token: str) -> str:
    """Return six digits that no step around now has."""
    near = {token_now(steps=steps) for steps in range(-2, 3)} | {token}
    return next(f"{number:06}" for number in range(1_000_000) if f"{number:06}" not in near)


# The arithmetic ---------------------------------------------------------------------------------

RFC_4226 = ["755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"]
# Appendix B gives eight digits; six of them are the last six.
RFC_6238 = {
    59: "287082",
    1111111109: "081804",
    1111111111: "050471",
    1234567890: "005924",
    2000000000: "279037",
    20000000000: "353130",
}


@pytest.mark.parametrize(("counter", "token"), list(enumerate(RFC_4226)))
def test_vectors_of_rfc_4226(counter: int, token: str) -> None:
    assert totp.token_of(SECRET, counter) == token


@pytest.mark.parametrize(("second", "token"), list(RFC_6238.items()))
def test_vectors_of_rfc_6238(second: int, token: str) -> None:
    assert totp.token_of(SECRET, totp.step_at(datetime.fromtimestamp(second, UTC))) == token


@pytest.mark.parametrize(("steps", "accepted"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_a_clock_may_be_one_step_early_or_late(steps: int, accepted: bool) -> None:
    moment = datetime.fromtimestamp(1_234_567_890, UTC)
    step = totp.step_at(moment) + steps
    found = totp.matching_step(SECRET, totp.token_of(SECRET, step), moment)
    assert found == (step if accepted else None)


def test_a_secret_has_160_bits_and_is_copied_in_groups_of_four() -> None:
    secrets = {totp.new_secret() for _time in range(50)}
    assert len(secrets) == 50
    assert {len(secret) for secret in secrets} == {20}
    assert totp.written(SECRET) == "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ"


def test_the_address_in_the_code_names_the_issuer() -> None:
    """Apps read a blank as %20, not as a plus."""
    assert "/Acme%20%26%20Co:bob?" in totp.uri(SECRET, issuer="Acme & Co", login="bob")
    assert "issuer=Acme%20%26%20Co&" in totp.uri(SECRET, issuer="Acme & Co", login="bob")
    assert totp.uri(SECRET, issuer="Messaging", login="bob@example.com") == (
        "otpauth://totp/Messaging:bob@example.com?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
        "&issuer=Messaging&algorithm=SHA1&digits=6&period=30"
    )


# Signing in ---------------------------------------------------------------------------------------


def test_the_app_signs_in_without_a_message_and_without_a_captcha(
    browser: Browser, bob: User, bobs_app: AppDevice
) -> None:
    User.objects.filter(pk=bob.pk).update(preferred_factor=FactorKind.APP)
    assert browser.post_password("bob").headers["Location"] == APP
    shown = page(browser.get(APP))
    assert "TOKEN" in shown
    assert "Validate token" in shown
    assert "altcha" not in shown
    assert "data-countdown" not in shown
    assert browser.post(APP, {"token": token_now()}).headers["Location"] == "/"
    assert browser.is_in()
    assert deliver() == []
    event = AuditEvent.objects.get(action="sign_in.verified")
    assert event.data["channel"] == "app"
    bobs_app.refresh_from_db()
    assert bobs_app.last_used_at


def test_the_app_that_was_used_last_stands_above_the_captcha(browser: Browser, bob: User, bobs_app: AppDevice) -> None:
    """The sign-in still begins with the choice: only a person's own word changes that (K-02)."""
    User.objects.filter(pk=bob.pk).update(last_factor=FactorKind.APP)
    assert browser.post_password("bob").headers["Location"] == CHANNEL
    shown = page(browser.get(CHANNEL))
    assert shown.index(f'href="{APP}" data-first') < shown.index("altcha-widget")


HEADINGS = {
    "pt-br": ("Onde você quer receber o token?", "Como você quer confirmar que é você?"),
    "en": ("Where do you want the token?", "How do you want to confirm that it is you?"),
    "es": ("¿Dónde quiere recibir el token?", "¿Cómo quiere confirmar que es usted?"),
}


@pytest.mark.parametrize("language", list(HEADINGS))
def test_the_heading_asks_for_a_way_where_the_app_is_among_them(
    browser: Browser, bob: User, bobs_phone: PhoneDevice, language: str
) -> None:
    """K-03: where a token is received is asked only where all that is offered is received."""
    User.objects.filter(pk=bob.pk).update(language=language)
    where, how = HEADINGS[language]
    browser.post_password("bob")
    shown = page(browser.get(CHANNEL))
    assert (shown.count(where), shown.count(how)) == (2, 0), "in the title and above the form"
    give_app(bob)
    shown = page(browser.get(CHANNEL))
    assert (shown.count(where), shown.count(how)) == (0, 2)


@pytest.mark.parametrize("language", list(HEADINGS))
def test_a_proof_asks_for_a_way_where_the_app_is_among_them(
    browser: Browser, bob: User, bobs_phone: PhoneDevice, language: str
) -> None:
    """R-01."""
    browser.sign_in("bob")
    browser.cookies[settings.LANGUAGE_COOKIE_NAME] = language
    browser.post(START)
    where, how = HEADINGS[language]
    shown = page(browser.get(PROOF))
    assert (where in shown, how in shown) == (True, False)
    give_app(bob)
    shown = page(browser.get(PROOF))
    assert (where in shown, how in shown) == (False, True)


def test_the_channel_page_offers_the_app_beside_what_is_sent(browser: Browser, bobs_app: AppDevice) -> None:
    assert browser.post_password("bob").headers["Location"] == CHANNEL
    assert f'href="{APP}"' in page(browser.get(CHANNEL))
    assert browser.post(APP, {"token": token_now()}).status_code == 302
    assert browser.is_in()


def test_with_an_app_the_sms_still_signs_in(browser: Browser, bobs_app: AppDevice) -> None:
    browser.sign_in("bob")
    assert browser.is_in()


def test_who_has_no_app_is_offered_none(browser: Browser, bobs_phone: PhoneDevice) -> None:
    browser.post_password("bob")
    assert APP not in page(browser.get(CHANNEL))
    assert browser.get(APP).headers["Location"] == CHANNEL
    assert browser.post(APP, {"token": token_now()}).headers["Location"] == CHANNEL


def test_without_the_password_the_app_opens_nothing(browser: Browser, bobs_app: AppDevice) -> None:
    assert browser.post(APP, {"token": token_now()}).headers["Location"] == "/entrar/"
    assert not browser.is_in()


def test_the_token_of_somebody_else_opens_nothing(browser: Browser, alice: User, bobs_app: AppDevice) -> None:
    enrol(alice, "+5521987651234")
    give_app(alice, b"another secret, 20 b")
    browser.post_password("alice")
    browser.post(APP, {"token": token_now()})
    assert not browser.is_in()
    browser.post(APP, {"token": token_now(b"another secret, 20 b")})
    assert browser.is_in()


def test_a_token_of_one_person_uses_up_no_step_of_another(browser: Browser, alice: User, bobs_app: AppDevice) -> None:
    """A-04."""
    alices = give_app(alice)
    browser.post_password("bob")
    browser.post(APP, {"token": token_now()})
    assert browser.is_in()
    alices.refresh_from_db()
    assert (alices.last_step, alices.last_used_at) == (0, None)


def test_a_token_is_used_once_also_in_another_browser(
    browser: Browser, other_browser: Browser, bobs_app: AppDevice
) -> None:
    token = token_now()
    for each in (browser, other_browser):
        each.post_password("bob")
        each.post(APP, {"token": token})
    assert browser.is_in()
    assert not other_browser.is_in()
    assert "already used" in page(other_browser.post(APP, {"token": token}))


def test_an_older_step_opens_nothing_after_a_newer_one(
    browser: Browser, other_browser: Browser, bobs_app: AppDevice
) -> None:
    older = token_now(steps=-1)
    browser.post_password("bob")
    browser.post(APP, {"token": token_now()})
    other_browser.post_password("bob")
    other_browser.post(APP, {"token": older})
    assert browser.is_in()
    assert not other_browser.is_in()
    other_browser.post(APP, {"token": token_now(steps=1)})
    assert other_browser.is_in()


def test_a_sign_in_that_was_completed_is_over(browser: Browser, bobs_app: AppDevice) -> None:
    """S-06: the cookie of before the sign-in opens nothing a second time."""
    browser.post_password("bob")
    before = browser.cookies["session"].value
    browser.post(APP, {"token": token_now()})
    thief = Browser()
    thief.cookies["session"] = before
    assert thief.post(APP, {"token": token_now(steps=1)}).headers["Location"] == "/entrar/"
    assert not thief.is_in()


def test_a_sign_in_is_completed_once_also_by_two_right_tokens(browser: Browser, bobs_app: AppDevice) -> None:
    browser.post_password("bob")
    pending = PendingSignIn.objects.get()
    complete(pending)
    with pytest.raises(JourneyOver):
        complete(pending)


@pytest.mark.parametrize("typed", ["", "12345", "1234567", "abcdef", "١٢٣٤٥٦", "0x1234", "1e5", "-12345", "9" * 500])
def test_what_is_no_token_is_refused_and_counts_nothing(
    browser: Browser, bob: User, bobs_app: AppDevice, typed: str
) -> None:
    browser.post_password("bob")
    assert browser.post(APP, {"token": typed}).status_code == 200
    bob.refresh_from_db()
    assert bob.failures == 0


def test_one_lockout_counts_the_failures_of_all_kinds(browser: Browser, bob: User, bobs_app: AppDevice) -> None:
    """K-01, L-02: three kinds give no more guesses than one."""
    browser.post_password("bob")
    for _time in range(7):
        assert "Wrong token" in page(browser.post(APP, {"token": wrong(token_now())}))
    browser.post_channel("sms")
    for _time in range(3):
        browser.post_token(wrong(token_now()))
    bob.refresh_from_db()
    assert bob.failures == 10
    limited = browser.post(APP, {"token": token_now()})
    assert limited.status_code == 429
    assert not browser.is_in()


def test_a_right_token_clears_the_failures(browser: Browser, bob: User, bobs_app: AppDevice) -> None:
    """L-04: whoever mistypes is not kept out."""
    browser.post_password("bob")
    browser.post(APP, {"token": wrong(token_now())})
    browser.post(APP, {"token": token_now()})
    bob.refresh_from_db()
    assert bob.failures == 0
    assert browser.is_in()


def test_where_the_account_lets_no_app_count_it_opens_nothing(
    browser: Browser, bobs_app: AppDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser.post_password("bob")
    browser.post(APP, {"token": token_now()})
    assert browser.is_in()
    monkeypatch.setattr(Account, "accepts", lambda _account, kind, due=False: kind != FactorKind.APP)
    assert browser.get("/meu-perfil/").status_code == 302
    again = Browser()
    again.post_password("bob")
    assert again.post(APP, {"token": token_now(steps=1)}).headers["Location"] == CHANNEL
    again.sign_in("bob")
    assert again.is_in()


def test_an_app_that_no_longer_counts_is_refused_before_its_token_is_compared(bob: User, bobs_app: AppDevice) -> None:
    """K-06: it counted when it was chosen; and the attempt is none."""
    journey = PendingSignIn.begin(bob, session_hash="bobs")
    Account.objects.update(app_tokens=False)
    journey.user = held.joined(User.objects.select_related("account")).get(pk=bob.pk)
    with pytest.raises(ChannelRefused):
        AppFactor().verify(journey, token_now())
    bob.refresh_from_db()
    assert bob.failures == 0


def test_after_a_reset_by_email_the_app_signs_in_and_brings_the_mailbox_back(
    browser: Browser, bob: User, bobs_app: AppDevice
) -> None:
    """R-06: an app is no mailbox."""
    User.objects.filter(pk=bob.pk).update(mailbox_suspect=True)
    browser.post_password("bob")
    browser.post(APP, {"token": token_now()})
    bob.refresh_from_db()
    assert browser.is_in()
    assert not bob.mailbox_suspect


# Setting it up ------------------------------------------------------------------------------------


@pytest.fixture
def inside(browser: Browser, bobs_phone: PhoneDevice) -> Browser:
    browser.sign_in("bob")
    return browser


def begin(browser: Browser) -> bytes:
    """Prove who it is, and return the secret that the page shows."""
    assert browser.reauthenticate(START).headers["Location"] == CONFIRM
    enrolment = AppEnrolment.objects.get()
    secret = sealing.unseal(owner(enrolment.user_id), enrolment.sealed)
    shown = browser.get(CONFIRM).content.decode()
    assert totp.written(secret) in shown
    assert re.search(r'<svg [^>]*class="qr"', shown)
    assert "data:" not in shown
    return secret


def test_between_the_code_and_the_field_for_the_token_there_is_the_secret_only(inside: Browser) -> None:
    """K-03: the field has the focus; whatever stands between scrolls the code out of view. Once six digits are in, the
    form is sent: the name comes before."""
    begin(inside)
    shown = inside.get(CONFIRM).content.decode()
    places = [shown.index(mark) for mark in ('name="name"', 'class="qr-code"', 'id="secret"', 'name="token"')]
    assert places == sorted(places)
    assert 'class="help' not in shown[places[1] : places[3]]


def test_an_app_is_set_up_after_a_proof_and_the_person_is_notified(inside: Browser, bob: User) -> None:
    User.objects.filter(pk=bob.pk).update(phone_was_reset=True)
    secret = begin(inside)
    done = inside.post(CONFIRM, {"token": token_now(secret), "name": "work phone"})
    assert done.headers["Location"] == FACTORS
    assert AppDevice.objects.get(user=bob).name == "work phone"
    assert not AppEnrolment.objects.exists()
    assert inside.is_in()
    notice = sent_to("bob@example.com")[0]["text"]
    assert "authenticator app was added" in notice
    assert "replaced" not in notice
    assert "What you had before stays as it is." in notice
    assert "/nao-fui-eu/" in notice
    assert AuditEvent.objects.get(action="app.enrolled", user=bob).data == {"name": "work phone"}
    bob.refresh_from_db()
    assert bob.preferred_factor == "app", "the next sign-in begins with it"
    assert (bob.has_app, bob.phone_was_reset) == (True, False)
    assert AppDevice.objects.get().key_id == sealing.newest_key_id()


def test_setting_an_app_up_leaves_everybody_elses_as_it_was(inside: Browser, alice: User) -> None:
    """A-04."""
    alices = give_app(alice)
    User.objects.filter(pk=alice.pk).update(preferred_factor=FactorKind.PASSKEY, phone_was_reset=True)
    inside.post(CONFIRM, {"token": token_now(begin(inside))})
    assert AppDevice.objects.filter(pk=alices.pk).exists()
    alice.refresh_from_db()
    assert (alice.preferred_factor, alice.phone_was_reset) == ("passkey", True)


def test_without_a_proof_no_secret_is_made(inside: Browser) -> None:
    assert inside.post(START).headers["Location"] == PROOF
    assert inside.get(CONFIRM).headers["Location"] == PROOF
    assert inside.post(CONFIRM, {"token": "123456"}).headers["Location"] == FACTORS
    assert not AppEnrolment.objects.exists()


def test_the_token_that_set_it_up_opens_nothing(inside: Browser, other_browser: Browser) -> None:
    secret = begin(inside)
    token = token_now(secret)
    inside.post(CONFIRM, {"token": token})
    other_browser.post_password("bob")
    other_browser.post(APP, {"token": token})
    assert not other_browser.is_in()
    other_browser.post(APP, {"token": token_now(secret, steps=1)})
    assert other_browser.is_in()


def test_beginning_twice_leaves_the_second_secret_only(inside: Browser, bob: User) -> None:
    inside.reauthenticate(START)
    old = AppEnrolment.objects.get()
    let_pass(60)
    inside.post(START)
    new = AppEnrolment.objects.get()
    assert new.pk == old.pk
    assert new.sealed != old.sealed
    assert new.created_at > old.created_at
    old.now = now()  # as ``enrolment_of`` hands it over
    with pytest.raises(JourneyOver):
        flows.complete_enrolment(old, token_now(flows.secret_of(old)), name="old")
    assert not AppDevice.objects.exists()


def test_a_wrong_token_sets_nothing_up_and_the_page_stays(inside: Browser, bob: User) -> None:
    secret = begin(inside)
    wrong = f"{(int(token_now(secret)) + 1) % 1_000_000:06}"
    for typed, said in (
        (wrong, "Enter the six digits that the app shows now."),
        ("12345", "The token has six digits."),
    ):
        answer = inside.post(CONFIRM, {"token": typed})
        assert answer.status_code == 200
        assert said in page(answer)
        assert totp.written(secret) in answer.content.decode()
    assert not AppDevice.objects.exists()
    bob.refresh_from_db()
    assert bob.failures == 0


def test_a_secret_whose_key_is_gone_is_made_anew(inside: Browser, settings: Any) -> None:
    secret = begin(inside)
    settings.FACTOR_KEYS = ["new" * 20]
    assert inside.post(CONFIRM, {"token": token_now(secret)}).headers["Location"] == FACTORS
    assert "Begin again." in page(inside.get(FACTORS))
    shown = inside.get(CONFIRM)
    assert shown.status_code == 200
    assert totp.written(secret) not in shown.content.decode()
    assert not AppDevice.objects.exists()


def test_a_secret_is_of_one_session_and_of_ten_minutes(inside: Browser, other_browser: Browser) -> None:
    secret = begin(inside)
    other_browser.sign_in("bob")
    assert other_browser.post(CONFIRM, {"token": token_now(secret)}).headers["Location"] == FACTORS
    let_pass(601)
    assert inside.post(CONFIRM, {"token": token_now(secret)}).headers["Location"] == FACTORS
    assert not AppDevice.objects.exists()


def test_replacing_ends_the_app_before_and_the_sessions_that_it_opened(
    browser: Browser, other_browser: Browser, bobs_app: AppDevice
) -> None:
    other_browser.post_password("bob")
    other_browser.post(APP, {"token": token_now()})
    browser.sign_in("bob")
    secret = begin(browser)
    browser.post(CONFIRM, {"token": token_now(secret)})
    assert AppDevice.objects.get().pk != bobs_app.pk
    assert browser.is_in()
    assert not other_browser.is_in()
    again = Browser()
    again.post_password("bob")
    again.post(APP, {"token": token_now(steps=1)})
    assert not again.is_in()
    assert AuditEvent.objects.filter(action="app.replaced").exists()
    notice = sent_to("bob@example.com")[0]
    assert notice["subject"] == "Your authenticator app was replaced"
    assert "the one before no longer does" in notice["text"]


def test_before_the_first_phone_no_app_is_set_up(browser: Browser, policy: Account, bob: User) -> None:
    """The first set-up stays the phone (M5-M9)."""
    Account.objects.filter(pk=policy.pk).update(two_factor_required=False)
    browser.post_password("bob")
    browser.reauthenticate(START)
    assert not AppEnrolment.objects.exists()


def test_a_disavowal_removes_the_app_and_the_phone(inside: Browser, bob: User) -> None:
    secret = begin(inside)
    inside.post(CONFIRM, {"token": token_now(secret)})
    notice = sent_to("bob@example.com")[0]["text"]
    address = notice[notice.index("/nao-fui-eu/") :].split()[0]
    Browser().post(address)
    assert not AppDevice.objects.exists()
    bob.refresh_from_db()
    assert bob.locked_at


# Removing -----------------------------------------------------------------------------------------


def remove_path(device: AppDevice) -> str:
    return f"{FACTORS}app/{device.pk}/remover/"


def test_removing_asks_for_a_proof_tells_and_keeps_this_session(
    browser: Browser, other_browser: Browser, bobs_app: AppDevice
) -> None:
    for each, steps in ((browser, 0), (other_browser, 1)):
        each.post_password("bob")
        each.post(APP, {"token": token_now(steps=steps)})
    assert browser.reauthenticate(remove_path(bobs_app)).headers["Location"] == FACTORS
    assert not AppDevice.objects.exists()
    assert browser.is_in()
    assert not other_browser.is_in()
    assert "authenticator app was removed" in sent_to("bob@example.com")[0]["text"]
    assert AuditEvent.objects.filter(action="app.removed").exists()


def test_nobody_removes_or_renames_the_app_of_somebody_else(browser: Browser, alice: User, bobs_app: AppDevice) -> None:
    enrol(alice, "+5521987651234")
    browser.sign_in("alice")
    assert browser.reauthenticate(remove_path(bobs_app)).status_code == 404
    assert browser.post(f"{FACTORS}app/{bobs_app.pk}/nome/", {"name": "mine"}).status_code == 404
    bobs_app.refresh_from_db()
    assert bobs_app.name == "work phone"


def test_an_administrators_reset_takes_the_app_away_too(
    browser: Browser, alice: User, bob: User, bobs_app: AppDevice
) -> None:
    """R-07: what was on the lost phone went with it."""
    enrol(alice, "+5521987651234")
    browser.sign_in("alice")
    browser.reauthenticate(f"/configuracoes/usuarios/{bob.pk}/telefone/", reason="phone lost")
    assert not AppDevice.objects.exists()


# Proving again who it is --------------------------------------------------------------------------


def test_the_app_serves_for_re_authentication(inside: Browser, bob: User) -> None:
    give_app(bob)
    sent = len(deliver())
    inside.post(START)
    asked = inside.post(PROOF, {"password": PASSWORD, "channel": "app"})
    assert asked.headers["Location"] == PROOF
    shown = page(inside.get(PROOF))
    assert "authenticator app shows" in shown
    assert "data-resend" not in shown
    assert inside.post(PROOF, {"token": token_now()}).headers["Location"] == CONFIRM
    assert len(deliver()) == sent


def test_a_wrong_token_of_the_app_proves_nothing(inside: Browser, bob: User) -> None:
    give_app(bob)
    inside.post(START)
    inside.post(PROOF, {"password": PASSWORD, "channel": "app"})
    assert inside.post(PROOF, {"token": wrong(token_now())}).status_code == 200
    assert not Reauthentication.objects.filter(holder_proved=True).exists()
    bob.refresh_from_db()
    assert bob.failures == 1


def test_the_token_of_a_sign_in_proves_nothing_again(browser: Browser, bobs_app: AppDevice) -> None:
    token = token_now()
    browser.post_password("bob")
    browser.post(APP, {"token": token})
    browser.post(START)
    browser.post(PROOF, {"password": PASSWORD, "channel": "app"})
    assert browser.post(PROOF, {"token": token}).status_code == 200
    assert not AppEnrolment.objects.exists()


def test_who_has_no_app_cannot_choose_it(inside: Browser) -> None:
    inside.post(START)
    refused = inside.post(PROOF, {"password": PASSWORD, "channel": "app"})
    assert refused.status_code == 200
    assert not Reauthentication.objects.filter(password_proved=True).exists()


def test_resending_is_nothing_for_the_app(inside: Browser, bob: User) -> None:
    give_app(bob)
    inside.post(START)
    inside.post(PROOF, {"password": PASSWORD, "channel": "app"})
    sent = len(deliver())
    assert inside.post(PROOF, {"action": "resend"}).status_code == 302
    assert len(deliver()) == sent


# At rest ------------------------------------------------------------------------------------------


def test_a_dump_holds_no_secret(inside: Browser) -> None:
    secret = begin(inside)
    inside.post(CONFIRM, {"token": token_now(secret)})
    rows = repr(dump())
    assert totp.written(secret).replace(" ", "") not in rows
    assert secret.hex() not in rows
    assert repr(secret)[2:-1] not in rows


def test_a_secret_does_not_open_in_the_row_of_somebody_else(browser: Browser, alice: User, bobs_app: AppDevice) -> None:
    """Whoever can write to the database, and not read the keys, gives nobody their own app."""
    enrol(alice, "+5521987651234")
    give_app(alice)
    AppDevice.objects.filter(user=alice).update(sealed=bobs_app.sealed)
    browser.post_password("alice")
    assert "cannot be checked" in page(browser.post(APP, {"token": token_now()}))
    assert not browser.is_in()
    alice.refresh_from_db()
    assert alice.failures == 0


def reseal() -> str:
    out = StringIO()
    call_command("reseal_secrets", stdout=out)
    return out.getvalue()


def test_secrets_go_under_the_newest_key_and_the_old_one_can_go(
    browser: Browser, bobs_app: AppDevice, settings: Any
) -> None:
    old = settings.FACTOR_KEYS[0]
    settings.FACTOR_KEYS = ["new" * 20, old]
    browser.post_password("bob")
    browser.post(APP, {"token": token_now()})
    assert browser.is_in(), "the old key still opens"
    assert reseal() == "1 secrets sealed anew.\n"
    assert reseal() == "0 secrets sealed anew.\n"
    settings.FACTOR_KEYS = ["new" * 20]
    again = Browser()
    again.post_password("bob")
    again.post(APP, {"token": token_now(steps=1)})
    assert again.is_in()


def test_each_of_several_secrets_is_resealed_or_counted_as_lost(alice: User, bob: User, settings: Any) -> None:
    people = [alice, bob, *(person(f"more{number}", bob.account) for number in range(3))]
    old, gone = settings.FACTOR_KEYS[0], "gone" * 20
    for keys, holders in ((gone, people[:2]), (old, people[2:])):
        settings.FACTOR_KEYS = [keys]
        for holder in holders:
            give_app(holder)
    settings.FACTOR_KEYS = ["new" * 20, old]
    assert flows.reseal() == (3, 2)
    assert len({device.sealed for device in AppDevice.objects.all()}) == 5


def test_without_its_key_an_app_says_that_it_cannot_be_checked_and_the_phone_signs_in(
    browser: Browser, bobs_app: AppDevice, settings: Any
) -> None:
    settings.FACTOR_KEYS = ["new" * 20]
    browser.post_password("bob")
    assert "cannot be checked" in page(browser.post(APP, {"token": token_now()}))
    with pytest.raises(CommandError, match="No key opens 1"):
        reseal()
    browser.sign_in("bob")
    assert browser.is_in()


def test_doctor_says_what_is_under_an_old_key_and_what_no_key_opens(bobs_app: AppDevice, settings: Any) -> None:
    def said() -> list[str]:
        return [f"{finding.state}: {finding.sentence}" for finding in check_sealed()]

    old = settings.FACTOR_KEYS[0]
    assert said() == [f"ok: Factor keys: {sealing.newest_key_id()} seals; 1 apps are under it."]
    settings.FACTOR_KEYS = ["new" * 20, old]
    assert said()[1] == "warning: Factor keys: 1 apps are under an old key; run manage.py reseal_secrets."
    settings.FACTOR_KEYS = ["new" * 20]
    assert said()[1].startswith("broken: Factor keys: no key opens 1 apps")


@pytest.mark.parametrize("key", ["short", "the same"])
def test_a_weak_factor_key_stops_the_start(settings: Any, key: str) -> None:
    def found() -> list[str | None]:
        return [problem.id for problem in check_factor_keys()]

    assert found() == []
    settings.FACTOR_KEYS = [settings.FACTOR_KEYS[0], settings.TOKEN_KEY if key == "the same" else key]
    assert found() == ["twofactor.E005"]


def test_production_asks_for_the_factor_keys() -> None:
    with pytest.raises(ImproperlyConfigured, match=r"Set FACTOR_KEYS\."):
        settings_with(**production(FACTOR_KEYS=""))
    assert settings_with(**production(FACTOR_KEYS="one, two"))["FACTOR_KEYS"] == ["one", "two"]


# Kept, and forgotten ------------------------------------------------------------------------------


def test_a_secret_that_nobody_confirmed_is_deleted_and_an_app_is_not(inside: Browser, bob: User) -> None:
    begin(inside)
    give_app(bob)
    purge_journeys()
    assert AppEnrolment.objects.exists()
    let_pass(601)
    purge_journeys()
    assert not AppEnrolment.objects.exists()
    assert AppDevice.objects.exists()


def test_a_restored_backup_confirms_no_secret(inside: Browser) -> None:
    begin(inside)
    end_what_was_under_way()
    assert not AppEnrolment.objects.exists()


def test_the_file_of_what_is_kept_names_the_app_and_not_its_secret(inside: Browser, bob: User) -> None:
    device = give_app(bob)
    kept = inside.get("/meu-perfil/dados/").content.decode()
    assert '"work phone"' in kept
    assert device.sealed not in kept
