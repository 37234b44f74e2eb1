"""The first phone: who may enrol one, what is bound to the person and when, and what the pages give away."""

import re
from typing import Any

import pytest

from accounts.models import Account, AuditEvent, User
from messaging.delivery.models import Message
from tests.conftest import ALICES_NUMBER, BOBS_NUMBER, Browser, deliver, enrol, last_token, person, sent_to
from tests.tools import let_pass, page
from twofactor.models import Challenge, PhoneDevice
from twofactor.sign_in import query

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("policy")]

OTHER_NUMBER = "+5521998877665"


@pytest.fixture
def enrolling(browser: Browser, bob: User) -> Browser:
    """Return a browser at pop-up B."""
    browser.post_password("bob")
    browser.post("/entrar/introducao/")
    return browser


def phone_of(user: User) -> PhoneDevice | None:
    found: PhoneDevice | None = PhoneDevice.objects.filter(user=user).first()
    return found


def shows_only_the_last_two(number: str, response: Any) -> bool:
    """Tell whether a page shows the end of a number and no three digits of it in a row."""
    digits, shown = number[1:], page(response)
    rows = {digits[start : start + 3] for start in range(len(digits) - 2)}
    text = re.sub(r"<svg.*?</svg>", "", shown, flags=re.DOTALL)
    return f"•{digits[-2:]}" in text and not any(row in text for row in rows)


# P-05: only who has no phone --------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/entrar/introducao/", "/entrar/telefone/"])
def test_who_has_a_phone_cannot_enrol_another_with_the_password_alone(
    browser: Browser, bobs_phone: PhoneDevice, path: str
) -> None:
    """P-05."""
    browser.post_password("bob")
    captcha = browser.captcha("/entrar/canal/")
    fields = {"country": "BR", "number": OTHER_NUMBER, "altcha": captcha}
    for response in (browser.get(path), browser.post(path, fields)):
        assert (response.status_code, response.headers["Location"]) == (302, "/entrar/canal/")
    as_program = browser.post(path, fields, headers={"accept": "application/json"})
    assert (as_program.status_code, as_program.json()) == (403, {"detail": "second_factor_required"})
    assert deliver() == []
    bobs_phone.refresh_from_db()
    assert bobs_phone.number == BOBS_NUMBER


def test_who_enrolled_elsewhere_meanwhile_cannot_enrol_here_as_well(
    enrolling: Browser, other_browser: Browser, bob: User
) -> None:
    """P-05: the token to the second number was right and sent before the first one was bound."""
    enrolling.post_phone(OTHER_NUMBER)
    token = last_token()
    other_browser.enrol("bob", BOBS_NUMBER)
    enrolling.post_token(token)
    assert not enrolling.is_in()
    device = phone_of(bob)
    assert device
    assert device.number == BOBS_NUMBER


def test_the_risk_of_sms_is_stated_before_the_number_is_asked_for(browser: Browser, bob: User) -> None:
    """D2."""
    browser.post_password("bob")
    assert "An SMS can be intercepted. Never share the token with anybody" in page(browser.get("/entrar/introducao/"))


def test_the_number_is_not_asked_for_before_the_explanation(browser: Browser, bob: User) -> None:
    browser.post_password("bob")
    assert browser.get("/entrar/telefone/").headers["Location"] == "/entrar/introducao/"
    response = browser.post("/entrar/telefone/", {"country": "BR", "number": BOBS_NUMBER})
    assert response.headers["Location"] == "/entrar/introducao/"
    assert browser.get("/entrar/canal/").headers["Location"] == "/entrar/introducao/"
    assert browser.get("/entrar/token/").headers["Location"] == "/entrar/introducao/"


def test_the_mailbox_is_told_about_the_first_phone(browser: Browser, bob: User) -> None:
    """P-05, D3."""
    browser.enrol("bob")
    notice = sent_to("bob@example.com")[0]
    assert notice["subject"] == "A phone was added to your login"
    assert "•••••••21" in notice["text"]
    assert "98765" not in notice["text"]
    assert not re.search(r"\d{3}", re.sub(r"http\S+", "", notice["text"]))  # the signed link may hold any digits


# P-06: nothing is bound before the proof ----------------------------------------------------------


def test_an_abandoned_enrolment_leaves_no_phone(enrolling: Browser, other_browser: Browser, bob: User) -> None:
    """P-06."""
    enrolling.post_phone(OTHER_NUMBER)
    assert phone_of(bob) is None
    response = other_browser.post_password("bob")
    assert response.headers["Location"] == "/entrar/introducao/"
    assert phone_of(bob) is None
    other_browser.post("/entrar/introducao/")
    assert "99887" not in page(other_browser.get("/entrar/telefone/"))
    assert other_browser.get("/entrar/canal/").headers["Location"] == "/entrar/telefone/"


def test_an_unverified_number_is_gone_with_its_pending_sign_in(enrolling: Browser, bob: User) -> None:
    """P-06, S-02: ten minutes."""
    enrolling.post_phone()
    token = last_token()
    let_pass(601)
    Challenge.objects.update(expires_at="2999-01-01T00:00:00Z")
    assert enrolling.post_token(token).headers["Location"] == "/entrar/"
    assert phone_of(bob) is None
    assert not enrolling.is_in()


def test_a_wrong_token_binds_nothing(enrolling: Browser, bob: User) -> None:
    """P-06."""
    enrolling.post_phone()
    wrong = "000000" if last_token() != "000000" else "000001"
    assert "Wrong token. Check the six digits and try again." in page(enrolling.post_token(wrong))
    assert phone_of(bob) is None
    assert not enrolling.is_in()


# P-07: the number in the challenge is bound ------------------------------------------------------------


def test_posting_another_number_with_the_token_has_no_effect(enrolling: Browser, bob: User) -> None:
    """P-07."""
    enrolling.post_phone(BOBS_NUMBER)
    fields = {"number": OTHER_NUMBER, "country": "PT", "destination": OTHER_NUMBER, "channel": "email"}
    response = enrolling.post("/entrar/token/", {"token": last_token(), **fields})
    assert response.headers["Location"] == "/"
    device = phone_of(bob)
    assert device
    assert (device.number, device.region) == (BOBS_NUMBER, "BR")


def test_a_first_phone_cannot_be_skipped_by_email(enrolling: Browser) -> None:
    """P-05, T-05."""
    enrolling.post_phone()
    fields = {"channel": "email", "altcha": enrolling.captcha("/entrar/telefone/")}
    assert enrolling.post("/entrar/canal/", fields).headers["Location"] == "/entrar/token/"
    assert sent_to("bob@example.com") == []


def test_going_back_to_change_the_number_supersedes_the_token_before(enrolling: Browser, bob: User) -> None:
    """T-04, P-07."""
    enrolling.post_phone(BOBS_NUMBER)
    old = last_token()
    assert enrolling.get("/entrar/telefone/").status_code == 200
    assert enrolling.post_phone(OTHER_NUMBER).status_code == 302
    new = last_token()
    assert new != old
    assert "A newer token was sent to you. Use the newest one." in page(enrolling.post_token(old))
    assert phone_of(bob) is None
    assert enrolling.post_token(new).headers["Location"] == "/"
    device = phone_of(bob)
    assert device
    assert device.number == OTHER_NUMBER


def test_what_was_typed_stays_in_the_form_when_it_is_wrong(enrolling: Browser, settings: Any) -> None:
    settings.ALLOWED_REGIONS = ["BR", "PT"]
    Account.objects.update(allowed_regions=["PT"])
    shown = page(enrolling.post_phone("11 8765-4321", "PT"))
    assert 'value="11 8765-4321"' in shown
    assert re.search(r'<option value="PT"\s+selected>', shown)


# P-08: one phone, several people --------------------------------------------------------------------


def holders(account: Account, count: int) -> None:
    for number in range(count):
        enrol(person(f"holder{number}", account), BOBS_NUMBER)


def test_a_phone_may_serve_five_people_of_an_account(browser: Browser, bob: User, account: Account) -> None:
    """P-08."""
    holders(account, 4)
    browser.enrol("bob")
    assert browser.is_in()


def test_the_sixth_gets_the_same_answer_and_no_message(
    browser: Browser, other_browser: Browser, bob: User, account: Account
) -> None:
    """P-08, C-09."""
    person("dora", account)
    answers = []
    for one, login in ((browser, "bob"), (other_browser, "dora")):
        one.post_password(login)
        one.post("/entrar/introducao/")
        response = one.post_phone(BOBS_NUMBER)
        answers.append((response.status_code, response.headers["Location"], page(one.get("/entrar/token/"))))
        holders(account, 0 if login == "dora" else 5)
    assert answers[0] == answers[1]
    assert len(sent_to(BOBS_NUMBER)) == 1
    assert Message.objects.count() == 1


def test_the_sixth_cannot_get_in_by_guessing_what_was_not_sent(browser: Browser, bob: User, account: Account) -> None:
    """P-08: the answers to a wrong token are the ordinary ones."""
    holders(account, 5)
    browser.post_password("bob")
    browser.post("/entrar/introducao/")
    browser.post_phone(BOBS_NUMBER)
    challenge = Challenge.objects.get()
    wrong = "000000" if challenge.token() != "000000" else "000001"
    assert "Check the six digits and try again." in page(browser.post_token(wrong))


def test_people_of_other_accounts_do_not_count(browser: Browser, bob: User) -> None:
    """P-08, A-04."""
    holders(Account.objects.create(name="Oficina Boreal"), 6)
    browser.enrol("bob")
    assert browser.is_in()


# P-09: what the pages give away --------------------------------------------------------------------


def test_the_token_page_of_an_enrolment_shows_two_digits_of_the_number(enrolling: Browser) -> None:
    """P-09."""
    enrolling.post_phone(BOBS_NUMBER)
    assert shows_only_the_last_two(BOBS_NUMBER, enrolling.get("/entrar/token/"))


def test_changing_the_number_begins_with_the_one_that_was_typed(enrolling: Browser, other_browser: Browser) -> None:
    """Of this very sign-in only."""
    enrolling.post_phone("11 98765-4320")
    assert 'value="(11) 98765-4320"' in page(enrolling.get("/entrar/telefone/"))
    other_browser.post_password("bob")
    other_browser.post("/entrar/introducao/")
    assert "98765-4320" not in page(other_browser.get("/entrar/telefone/"))


def test_the_choice_of_the_channel_shows_two_digits_and_a_letter(browser: Browser, bob: User) -> None:
    """P-09."""
    enrol(bob, ALICES_NUMBER)
    browser.post_password("bob")
    response = browser.get("/entrar/canal/")
    assert shows_only_the_last_two(ALICES_NUMBER, response)
    assert "b•••@example.com" in page(response)
    assert "bob@" not in page(response)


@pytest.mark.parametrize("channel", ["sms", "email"])
def test_the_token_page_of_a_later_sign_in_gives_no_more_away(
    browser: Browser, bobs_phone: PhoneDevice, channel: str
) -> None:
    """P-09."""
    browser.post_password("bob")
    browser.post_channel(channel)
    response = browser.get("/entrar/token/")
    if channel == "sms":
        assert shows_only_the_last_two(BOBS_NUMBER, response)
    else:
        assert "b•••@example.com" in page(response)
    assert "bob@" not in page(response)
    assert "98765" not in page(response)


# The journey's own order ---------------------------------------------------------------------------


def test_signing_out_half_way_ends_the_enrolment(enrolling: Browser, bob: User) -> None:
    """S-06."""
    enrolling.post_phone()
    token = last_token()
    assert enrolling.post("/sair/").headers["Location"] == "/entrar/"
    assert enrolling.post_token(token).headers["Location"] == "/entrar/"
    assert not query.alive().exists()
    assert phone_of(bob) is None


def test_the_enrolment_is_written_down_with_a_masked_number(browser: Browser, bob: User) -> None:
    """J-01, J-02."""
    browser.enrol("bob")
    event = AuditEvent.objects.get(action="phone.enrolled")
    assert (event.user, event.actor, event.account) == (bob, bob, bob.account)
    assert event.data == {"number": "•••••••21"}


@pytest.mark.usefixtures("no_trigger")
def test_the_flow_that_binds_a_phone_writes_down_that_the_person_has_one(browser: Browser, bob: User) -> None:
    """What lists begin at; the flow that takes a phone away is in test_recovery."""
    assert not User.objects.get(pk=bob.pk).has_phone
    browser.enrol("bob")
    assert User.objects.get(pk=bob.pk).has_phone
