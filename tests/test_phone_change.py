"""Journey 4: the change of the phone, over HTTP with literal paths."""

import re
from collections.abc import Callable
from typing import Any
from unittest import mock

import pytest

from accounts.auth import sessions as account_sessions
from accounts.models import Account, AuditEvent, RateLimit, User
from messaging.database import Clock
from messaging.delivery.models import Message
from tests.conftest import ALICES_NUMBER, BOBS_NUMBER, PASSWORD, Browser, deliver, last_token, sent_to
from tests.tools import let_pass, page
from twofactor.exceptions import JourneyOver
from twofactor.models import Challenge, PhoneChange, PhoneDevice
from twofactor.phone import flows

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("policy")]

PROFILE, SAVE, CONFIRM = "/meu-perfil/", "/meu-perfil/telefone/", "/meu-perfil/telefone/confirmar/"
NEW_NUMBER = "+5521998877665"
NEW_SHOWN = "+55 21 99887-7665"
OVER = "The change of your phone took too long or was ended."


@pytest.fixture
def signed_in(browser: Browser, bobs_phone: PhoneDevice) -> Browser:
    browser.sign_in("bob")
    return browser


def ask_for(browser: Browser, number: str = NEW_NUMBER, **fields: str) -> Any:
    return browser.post(SAVE, {"country": "BR", "number": number, **fields})


def prove_password(browser: Browser, password: str = PASSWORD, channel: str = "sms") -> Any:
    return browser.post(CONFIRM, {"password": password, "channel": channel})


def prove(browser: Browser, token: str, **fields: str) -> Any:
    return browser.post(CONFIRM, {"token": token, **fields})


def wrong(token: str) -> str:
    return "000000" if token != "000000" else "000001"


@pytest.fixture
def at_current(signed_in: Browser) -> Browser:
    """Return Bob's browser where the token of today's phone is asked for."""
    ask_for(signed_in)
    prove_password(signed_in)
    return signed_in


@pytest.fixture
def at_new(at_current: Browser) -> Browser:
    """Return Bob's browser where the token of the new number is asked for."""
    prove(at_current, last_token())
    return at_current


@pytest.fixture
def in_force(bob: User) -> Callable[[], str]:
    return lambda: str(PhoneDevice.objects.get(user=bob).number)


def test_a_phone_is_changed_after_both_tokens_and_both_are_notified(signed_in: Browser, bob: User) -> None:
    response = signed_in.post("/meu-perfil/telefone/", {"country": "BR", "number": "21 99887-7665"})
    assert response.headers["Location"] == CONFIRM
    assert signed_in.get(CONFIRM).status_code == 200

    assert signed_in.post(CONFIRM, {"password": PASSWORD, "channel": "sms"}).status_code == 302
    assert signed_in.get(CONFIRM).status_code == 200
    assert signed_in.post(CONFIRM, {"token": last_token()}).status_code == 302
    assert signed_in.get(CONFIRM).status_code == 200
    assert deliver()[0]["to"] == NEW_NUMBER

    response = signed_in.post(CONFIRM, {"token": last_token()})
    assert response.headers["Location"] == "/meu-perfil/"
    assert signed_in.is_in()
    bob.phone_device.refresh_from_db()
    assert (bob.phone_device.number, bob.phone_device.region) == (NEW_NUMBER, "BR")
    assert "changed" in sent_to(BOBS_NUMBER)[0]["text"]
    assert sent_to("bob@example.com")[0]["subject"] == "Your phone was changed"


def test_the_change_is_of_now_and_its_token_is_used_up(at_new: Browser, bobs_phone: PhoneDevice) -> None:
    """T-03."""
    before = bobs_phone.confirmed_at
    prove(at_new, last_token())
    bobs_phone.refresh_from_db()
    assert bobs_phone.confirmed_at > before
    assert not Challenge.objects.open().exists()


def test_a_change_that_was_ended_meanwhile_puts_nothing_in_force(at_new: Browser, in_force: Callable[[], str]) -> None:
    """F52: its page had read it before."""
    change = PhoneChange.objects.select_related("user__account").get()
    PhoneChange.objects.update(expires_at=Clock())
    with pytest.raises(JourneyOver):
        flows.complete_phone_change(change, mock.Mock())
    assert in_force() == BOBS_NUMBER


def test_a_change_under_way_puts_nothing_in_force_once_the_sessions_are_ended(
    at_new: Browser, bob: User, in_force: Callable[[], str]
) -> None:
    """W-04: by a new password, or from elsewhere, while its last request was on its way."""
    change = PhoneChange.objects.select_related("user__account").get()
    account_sessions.end_sessions(bob)
    with pytest.raises(JourneyOver):
        flows.complete_phone_change(change, mock.Mock())
    assert in_force() == BOBS_NUMBER


def test_what_the_change_sent_is_given_back_and_is_no_failure(at_new: Browser, bob: User) -> None:
    """B-07, L-04: of all sends and of those by one channel; an error of before stays counted."""
    User.objects.filter(pk=bob.pk).update(failures=2)
    assert counted_sends() == {0, 1}
    prove(at_new, last_token())
    assert counted_sends() == {0}
    bob.refresh_from_db()
    assert bob.failures == 2


def counted_sends() -> set[int]:
    return set(RateLimit.objects.filter(key__startswith="user").values_list("used", flat=True))


def test_the_next_sign_in_goes_to_the_new_number(at_new: Browser, other_browser: Browser) -> None:
    prove(at_new, last_token())
    other_browser.post_password("bob")
    other_browser.post_channel("sms")
    assert len(sent_to(NEW_NUMBER)) == 2
    assert other_browser.post_token(last_token()).headers["Location"] == "/"


# password and token, fresh, for this change only -------------------------------------------


def test_a_stolen_session_alone_changes_nothing(signed_in: Browser, in_force: Callable[[], str]) -> None:
    """R-01."""
    ask_for(signed_in)
    sent = len(deliver())
    for fields in ({"token": "123456"}, {"password": "", "channel": "sms"}, {"channel": "sms"}, {}):
        assert signed_in.post(CONFIRM, fields).status_code == 200
    assert len(deliver()) == sent
    assert in_force() == BOBS_NUMBER


def test_a_wrong_password_sends_nothing(signed_in: Browser) -> None:
    """R-01."""
    ask_for(signed_in)
    sent = len(deliver())
    response = prove_password(signed_in, "not bob's password")
    assert response.status_code == 200
    assert "This is not your password." in page(response)
    assert len(deliver()) == sent
    assert AuditEvent.objects.filter(action="reauthentication.refused").count() == 1


def test_the_first_token_goes_to_todays_phone(signed_in: Browser) -> None:
    """R-01."""
    ask_for(signed_in)
    prove_password(signed_in)
    assert deliver()[0]["to"] == BOBS_NUMBER
    assert sent_to(NEW_NUMBER) == []


def test_the_first_token_goes_to_the_mailbox_when_the_phone_is_lost(
    signed_in: Browser, in_force: Callable[[], str]
) -> None:
    """R-01."""
    ask_for(signed_in)
    assert prove_password(signed_in, channel="email").status_code == 302
    assert "b•••@example.com" in page(signed_in.get(CONFIRM))
    assert deliver()[0]["to"] == "bob@example.com"
    prove(signed_in, last_token())
    prove(signed_in, last_token())
    assert in_force() == NEW_NUMBER


def test_the_token_of_todays_phone_is_not_the_last_proof(at_current: Browser, in_force: Callable[[], str]) -> None:
    """R-01, T-05."""
    token = last_token()
    prove(at_current, token)
    assert prove(at_current, token).status_code == 200
    assert in_force() == BOBS_NUMBER


def test_a_wrong_first_token_proves_nothing(at_current: Browser) -> None:
    """R-01."""
    sent = len(deliver())
    assert "Wrong token." in page(prove(at_current, wrong(last_token())))
    assert len(deliver()) == sent
    assert sent_to(NEW_NUMBER) == []


def test_the_proofs_are_old_after_five_minutes(at_new: Browser, in_force: Callable[[], str]) -> None:
    """R-01: 300 s after the re-authentication, whatever the token's own life."""
    token = last_token()
    let_pass(301)
    Challenge.objects.update(expires_at="2999-01-01T00:00:00Z")
    assert OVER in page(at_new.post(CONFIRM, {"token": token}, follow=True))
    assert in_force() == BOBS_NUMBER


def test_the_proofs_hold_for_almost_five_minutes(at_new: Browser, in_force: Callable[[], str]) -> None:
    """R-01."""
    token = last_token()
    let_pass(295)
    Challenge.objects.update(expires_at="2999-01-01T00:00:00Z")
    prove(at_new, token)
    assert in_force() == NEW_NUMBER


def test_the_proofs_are_good_for_one_number_only(at_new: Browser, in_force: Callable[[], str]) -> None:
    """R-01: another number begins again with the password."""
    token = last_token()
    assert ask_for(at_new, "11 91234-5678").headers["Location"] == CONFIRM
    assert "password" in page(at_new.get(CONFIRM))
    assert prove(at_new, token).status_code == 200
    assert in_force() == BOBS_NUMBER


def test_a_number_that_is_not_proved_is_forgotten_after_ten_minutes(signed_in: Browser) -> None:
    ask_for(signed_in)
    let_pass(601)
    assert OVER in page(signed_in.get(CONFIRM, follow=True))


@pytest.mark.parametrize("channel", ["fax", "SMS", "\x00"])
def test_the_token_travels_by_sms_or_email_only(signed_in: Browser, channel: str) -> None:
    ask_for(signed_in)
    sent = len(deliver())
    assert prove_password(signed_in, channel=channel).status_code == 200
    assert len(deliver()) == sent


# P-07: the saved number is what is bound ------------------------------------------------------------


def test_posting_another_number_at_the_confirmation_has_no_effect(
    signed_in: Browser, in_force: Callable[[], str]
) -> None:
    """P-07."""
    other = {"number": ALICES_NUMBER, "country": "BR", "destination": ALICES_NUMBER, "channel": "sms"}
    ask_for(signed_in)
    signed_in.post(CONFIRM, {"password": PASSWORD, **other})
    prove(signed_in, last_token(), **other)
    prove(signed_in, last_token(), **other)
    assert sent_to(ALICES_NUMBER) == []
    assert in_force() == NEW_NUMBER


def test_a_step_cannot_be_named_by_the_browser(signed_in: Browser, in_force: Callable[[], str]) -> None:
    """R-01: the server knows which proof is outstanding."""
    ask_for(signed_in)
    for step in ("new", "current"):
        fields = {"step": step, "action": step, "token": "000000", "password_proved": "on", "holder_proved": "on"}
        assert signed_in.post(CONFIRM, fields).status_code == 200
    assert not Challenge.objects.filter(phone_change__isnull=False).exists()


# the old phone stays in force -----------------------------------------------------------------


@pytest.mark.parametrize(("left", "changes"), [(1, False), (2, True)])
def test_a_change_takes_no_sms_that_the_account_does_not_have(
    at_current: Browser, bob: User, in_force: Callable[[], str], settings: Any, left: int, changes: bool
) -> None:
    """B-10, R-03: two hundred people who each had a change under way were sent 400 SMS of 200."""
    sms = Message.objects.filter(channel="sms")
    there = sms.count() + left
    settings.ACCOUNT_SMS_PER_USER = settings.ACCOUNT_SMS_KEPT = 0
    settings.LIMITS = {**settings.LIMITS, "account": [(there, 86_400)]}
    prove(at_current, last_token())
    prove(at_current, last_token())
    assert (in_force() != BOBS_NUMBER) == changes
    assert sms.count() == (there if changes else there - left)


def test_the_old_phone_works_until_the_new_one_is_verified(
    at_new: Browser, other_browser: Browser, in_force: Callable[[], str]
) -> None:
    """R-02."""
    assert "•••••••21" in page(at_new.get("/"))
    other_browser.post_password("bob")
    other_browser.post_channel("sms")
    assert deliver()[0]["to"] == BOBS_NUMBER
    assert other_browser.post_token(last_token()).headers["Location"] == "/"
    assert in_force() == BOBS_NUMBER


@pytest.mark.parametrize("at", ["signed_in", "at_current", "at_new"])
def test_cancelling_leaves_all_as_it_was(request: pytest.FixtureRequest, at: str, in_force: Callable[[], str]) -> None:
    """R-02."""
    browser: Browser = request.getfixturevalue(at)
    if at == "signed_in":
        ask_for(browser)
    token = last_token()
    said = page(browser.post(CONFIRM, {"action": "cancel"}, follow=True))
    assert "Your phone was not changed." in said
    assert AuditEvent.objects.filter(action="phone.change_cancelled", user__username="bob").count() == 1
    assert OVER in page(browser.post(CONFIRM, {"token": token}, follow=True))
    assert in_force() == BOBS_NUMBER
    assert not PhoneChange.objects.exists()
    assert browser.is_in()


# the old number and the mailbox are told ------------------------------------------------------


def test_the_old_number_and_the_mailbox_are_told_once_and_masked(at_new: Browser) -> None:
    """R-03."""
    prove(at_new, last_token())
    texts = [entry["text"] for entry in sent_to(BOBS_NUMBER) if "changed" in entry["text"]]
    assert texts == ["Messaging: your phone for tokens was changed. Not you? Tell your administrator at once."]
    mails = [entry for entry in sent_to("bob@example.com") if entry["subject"] == "Your phone was changed"]
    assert len(mails) == 1
    assert "•••••••65 instead of •••••••21" in mails[0]["text"]
    assert "/nao-fui-eu/" in mails[0]["text"]
    words = re.sub(r"http://testserver/nao-fui-eu/\S+", "", mails[0]["text"])
    for text in (texts[0], words):
        assert not re.search(r"\d{3}", text)
        assert "http" not in text
    assert not [entry for entry in sent_to(NEW_NUMBER) if "changed" in entry["text"]]


def test_the_change_is_written_down_with_masked_numbers(at_new: Browser, bob: User) -> None:
    """J-01, J-02."""
    started = AuditEvent.objects.get(action="phone.change_started")
    assert (started.user, started.data) == (bob, {"number": "•••••••65"})
    prove(at_new, last_token())
    event = AuditEvent.objects.get(action="phone.changed")
    assert (event.user, event.actor) == (bob, bob)
    assert event.data == {"before": "•••••••21", "after": "•••••••65"}


# the other sessions end -----------------------------------------------------------------------


def test_the_other_sessions_and_pending_sign_ins_end(
    at_new: Browser, make_browser: Callable[..., Browser], in_force: Callable[[], str]
) -> None:
    """R-04, S-06."""
    pending, other = make_browser(), make_browser()
    last = last_token()
    other.sign_in("bob", "email")
    assert other.is_in()
    pending.post_password("bob")
    pending.post_channel("sms")
    token = last_token()
    prove(at_new, last)
    assert in_force() == NEW_NUMBER
    assert other.get("/").headers["Location"] == "/entrar/"
    assert pending.post_token(token).headers["Location"] == "/entrar/"
    assert at_new.is_in()


def test_the_session_that_stays_gets_a_new_id(at_new: Browser) -> None:
    """S-03."""
    before = at_new.cookies["session"].value
    prove(at_new, last_token())
    assert at_new.cookies["session"].value != before
    stolen = Browser()
    stolen.cookies["session"] = before
    assert not stolen.is_in()


def test_of_two_changes_at_once_the_verified_one_wins(
    at_new: Browser, other_browser: Browser, in_force: Callable[[], str]
) -> None:
    """F52."""
    token = last_token()
    other_browser.sign_in("bob", "email")
    ask_for(other_browser, "11 91234-5678")
    prove(at_new, token)
    assert in_force() == NEW_NUMBER
    alive = PhoneChange.objects.filter(expires_at__gt=Clock())
    assert [change.number for change in alive] == [NEW_NUMBER], "a second click on it still finds what it has done"
    assert not other_browser.is_in()


def test_a_verified_change_ends_no_change_of_anybody_else(
    at_new: Browser, other_browser: Browser, alices_phone: PhoneDevice
) -> None:
    """A-04."""
    token = last_token()
    other_browser.sign_in("alice")
    ask_for(other_browser, "11 91234-5678")
    prove(at_new, token)
    assert PhoneChange.objects.filter(user=alices_phone.user, expires_at__gt=Clock()).exists()


# Somebody else's session ----------------------------------------------------------------------------


def test_somebody_elses_session_cannot_confirm(
    at_new: Browser, other_browser: Browser, alices_phone: PhoneDevice, in_force: Callable[[], str]
) -> None:
    """T-05, A-04."""
    token = last_token()
    other_browser.sign_in("alice")
    assert other_browser.post(CONFIRM, {"token": token}).headers["Location"] == PROFILE
    ask_for(other_browser, "11 91234-5678")
    prove_password(other_browser)
    assert prove(other_browser, token).status_code == 200
    alices_phone.refresh_from_db()
    assert alices_phone.number == ALICES_NUMBER
    assert in_force() == BOBS_NUMBER


def test_another_session_of_the_same_person_cannot_confirm(
    at_new: Browser, other_browser: Browser, in_force: Callable[[], str]
) -> None:
    """T-05: bound to the session that proved."""
    token = last_token()
    other_browser.sign_in("bob", "email")
    assert prove(other_browser, token).headers["Location"] == PROFILE
    assert in_force() == BOBS_NUMBER


def test_without_the_second_factor_there_is_no_change(
    bobs_phone: PhoneDevice, browser: Browser, in_force: Callable[[], str]
) -> None:
    """S-01."""
    browser.post_password("bob")
    for path in (SAVE, CONFIRM):
        response = browser.post(path, {"country": "BR", "number": NEW_NUMBER, "password": PASSWORD})
        assert response.headers["Location"] == "/entrar/canal/"
    assert not PhoneChange.objects.exists()
    assert in_force() == BOBS_NUMBER


# What may be asked for ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        ("11 98765-4321", "This is already your phone. Enter the new number."),
        ("+55 11 98765 4321", "This is already your phone. Enter the new number."),
        ("11 3265-4321", "This number cannot receive SMS. Use a mobile phone, not a landline."),
        ("11 8765-4321", "The ninth digit is missing: mobile numbers in Brazil have a 9 after the area code."),
        ("+18765550123", "We send tokens only to: Brazil (+55)."),
        ("", "This field is required."),
    ],
)
def test_an_unusable_number_is_refused(signed_in: Browser, number: str, sentence: str) -> None:
    """P-02, P-03, P-04 hold for every phone, not only for the first one."""
    response = ask_for(signed_in, number)
    assert response.status_code == 200
    assert sentence in page(response)
    assert not number or f'value="{number}"' in page(response)
    assert not PhoneChange.objects.exists()


def test_a_country_that_is_not_allowed_is_refused(signed_in: Browser) -> None:
    """P-03."""
    assert "We send tokens only to: Brazil (+55)." in page(ask_for(signed_in, "202 555 0123", country="US"))
    assert not PhoneChange.objects.exists()


# Other tokens, and the end of patience --------------------------------------------------------------


def test_another_token_can_be_asked_for_and_cancels_the_one_before(at_new: Browser) -> None:
    """T-04."""
    old = last_token()
    assert at_new.post(CONFIRM, {"action": "resend"}).status_code == 429
    let_pass(61)
    assert "Another token is on its way." in page(at_new.post(CONFIRM, {"action": "resend"}, follow=True))
    new = last_token()
    assert deliver()[0]["to"] == NEW_NUMBER
    assert "A newer token was sent to you." in page(prove(at_new, old))
    assert prove(at_new, new).headers["Location"] == PROFILE


def test_nothing_is_resent_before_the_password(signed_in: Browser) -> None:
    """R-01."""
    ask_for(signed_in)
    sent = len(deliver())
    assert signed_in.post(CONFIRM, {"action": "resend"}).status_code == 200
    assert len(deliver()) == sent


@pytest.mark.usefixtures("many_sends")
def test_a_change_has_three_sends_for_each_proof(at_current: Browser) -> None:
    """C-06: a change cannot be used to send without end."""
    for _ in range(2):
        let_pass(121)
        assert at_current.post(CONFIRM, {"action": "resend"}).headers["Location"] == CONFIRM
    let_pass(121)
    said = page(at_current.post(CONFIRM, {"action": "resend"}, follow=True))
    assert "Too many tokens for one change. Begin again." in said
    assert not PhoneChange.objects.exists()
    assert Message.objects.filter(kind="token").count() == 1 + 3


def test_five_wrong_tokens_close_the_proof(at_new: Browser, in_force: Callable[[], str]) -> None:
    """L-01."""
    token = last_token()
    for _ in range(5):
        prove(at_new, wrong(token))
    assert "Too many attempts with this token." in page(prove(at_new, token))
    assert in_force() == BOBS_NUMBER


# Where the section is shown -------------------------------------------------------------------------


def test_the_section_shows_the_phone_to_its_owner(signed_in: Browser) -> None:
    shown = page(signed_in.get(PROFILE))
    assert 'id="phone"' in shown
    assert "Confirmed" in shown


def test_the_pop_up_shows_the_number_that_was_typed_and_masks_todays(at_current: Browser) -> None:
    """P-09: a wrong digit of the new one can be seen."""
    shown = page(at_current.get(CONFIRM))
    assert NEW_SHOWN in shown
    assert "•••••••" in shown
    assert "98765" not in shown


def test_there_is_no_section_where_the_policy_is_off(
    browser: Browser, bobs_phone: PhoneDevice, policy: Account
) -> None:
    Account.objects.filter(pk=policy.pk).update(two_factor_required=False)
    browser.post_password("bob")
    assert 'id="phone"' not in page(browser.get(PROFILE))
    assert ask_for(browser).status_code == 404
    assert not PhoneChange.objects.exists()


def test_looking_at_the_confirmation_sends_nothing(at_current: Browser) -> None:
    """C-07."""
    sent = len(deliver())
    for _ in range(5):
        assert at_current.get(CONFIRM).status_code == 200
        assert at_current.head(CONFIRM).status_code == 200
    at_current.get(CONFIRM, {"action": "resend"})
    assert at_current.get(SAVE).status_code == 405
    assert len(deliver()) == sent
