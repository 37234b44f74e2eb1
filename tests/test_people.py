"""F45 to F56: what people do without meaning harm. Each fault has its test here, or is named with the file that has it.

F46 two clicks on "Validar token", F47 reload and Back, F49 two devices, F56 lost cookies: ``test_sign_in.py``.
F50 a switch during a form: ``test_sessions.py``. F55 three hundred behind one address: ``test_send_limits.py``.
Many at once, on both databases: ``services/test_people_at_once.py``.
"""

import pytest

from accounts import policy
from accounts.models import Account, AuditEvent, User
from accounts.profile.forms import ProfileForm
from accounts.users import flows as users
from messaging.delivery.models import Message
from tests.conftest import Browser, deliver, last_token, person
from tests.tools import let_pass, page
from twofactor.models import Challenge, PhoneDevice
from twofactor.tokens import challenges, derive

pytestmark = pytest.mark.django_db


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> int:
    """Let two clicks lie as far apart as a slow machine puts them; return the seconds."""
    monkeypatch.setattr(challenges, "DOUBLE_CLICK_SECONDS", 20)
    return 21


@pytest.fixture
def asking(browser: Browser, policy: Account, bobs_phone: PhoneDevice) -> Browser:
    """Bob's browser at the token page."""
    browser.post_password("bob")
    browser.post_channel("sms")
    return browser


@pytest.mark.parametrize("path", ["/entrar/canal/", "/entrar/token/reenviar/"])
def test_f45_a_second_click_on_send_is_answered_as_the_first(asking: Browser, patient: int, path: str) -> None:
    """F45: without a script that locks the button, people see the answer to the last of their clicks."""
    let_pass(31)
    fields = {"channel": "sms", "csrfmiddlewaretoken": "as a form posts it"}
    assert [asking.post(path, fields).headers["Location"] for _ in range(2)] == ["/entrar/token/"] * 2
    assert Message.objects.count() == Challenge.objects.count() == 2
    let_pass(patient)
    assert asking.post(path, fields).status_code == 429


def test_f45_a_used_captcha_of_the_same_click_is_no_mistake(
    browser: Browser, patient: int, policy: Account, bob: User
) -> None:
    """F45: in the first set-up, with a captcha for each submission; a while later it is a mistake again."""
    browser.post_password("bob")
    browser.post("/entrar/introducao/")
    captcha = browser.captcha("/entrar/telefone/")
    clicks = [browser.post_phone(altcha=captcha, csrfmiddlewaretoken="as a form posts it") for _ in range(2)]
    assert [click.headers["Location"] for click in clicks] == ["/entrar/token/"] * 2
    assert len(deliver()) == 1
    for seconds, status in ((patient, 429), (31, 200)):  # told the cool-down first, then that the captcha is used up
        let_pass(seconds)
        assert browser.post_phone(altcha=captcha, csrfmiddlewaretoken="as a form posts it").status_code == status


def test_f53_who_signs_out_ends_what_a_token_opened_in_the_same_moment(
    asking: Browser, other_browser: Browser, bob: User
) -> None:
    """F53: the sign-out that left with the cookie of before the token wins afterwards, and history stays."""
    other_browser.cookies["session"] = asking.cookies["session"].value
    asking.post_token(last_token())
    assert asking.is_in()
    person("carla", bob.account)
    Browser().post_password("carla")  # a colleague is half way
    other_browser.post("/sair/")
    assert not asking.is_in()
    assert Challenge.objects.get().verified_at
    assert AuditEvent.objects.filter(action="session.ended", user=bob).count() == 1


def test_f48_two_tabs_ask_and_the_first_one_is_told_of_a_newer_token(asking: Browser) -> None:
    """F48: two tabs of one browser share the cookie; what the first one waits for is cancelled, and it says so."""
    first = last_token()
    let_pass(31)
    asking.post("/entrar/token/reenviar/")
    second = last_token()
    assert "A newer token was sent to you. Use the newest one." in page(asking.post_token(first))
    assert asking.post_token(second).headers["Location"] == "/"
    assert len(deliver()) == 2


def test_f51_on_and_off_quickly_leaves_the_last_state_and_the_phones(
    browser: Browser, other_browser: Browser, account: Account, alice: User, bobs_phone: PhoneDevice
) -> None:
    """F51: the next request of everybody follows the last committed state; the audit log has each switch."""
    browser.post_password("bob")
    for required in (True, False, True, False):
        policy.set_two_factor_policy(account, required, actor=alice)
    assert browser.is_in()
    other_browser.post_password("bob")
    assert other_browser.is_in()
    policy.set_two_factor_policy(account, True, actor=alice)
    assert not browser.is_in()
    assert browser.get("/").headers["Location"] == "/entrar/canal/"
    policy.set_two_factor_policy(account, False, actor=alice)
    assert PhoneDevice.objects.get() == bobs_phone
    assert AuditEvent.objects.filter(action__startswith="policy.switched").count() == 6


def test_f51_a_person_stopped_in_between_finishes_or_begins_again(
    browser: Browser, account: Account, alice: User, bobs_phone: PhoneDevice
) -> None:
    """F51: a pending sign-in of a policy that is off again is still good for the second step, and for nothing else."""
    browser.post_password("bob")
    policy.set_two_factor_policy(account, True, actor=alice)
    assert browser.get("/").headers["Location"] == "/entrar/canal/"
    policy.set_two_factor_policy(account, False, actor=alice)
    assert browser.get("/meu-perfil/").headers["Location"] == "/entrar/canal/"
    browser.post_channel("sms")
    assert browser.post_token(last_token()).headers["Location"] == "/"


@pytest.mark.parametrize(("seconds", "opens"), [(178.5, True), (180.01, False)])
def test_f54_the_last_moment_counts(asking: Browser, seconds: float, opens: bool) -> None:
    """F54: by the database's clock, at the statement that claims the attempt."""
    token = last_token()
    let_pass(seconds)
    assert (asking.post_token(token).status_code == 302) is opens
    assert asking.is_in() is opens


def test_f54_it_is_decided_once(asking: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    """F54: a token claimed in time opens, though its time ends before the answer is ready."""
    token = last_token()
    let_pass(178)
    same = derive.same

    def slowly(one: str, other: str) -> bool:
        let_pass(10)
        return same(one, other)

    monkeypatch.setattr(derive, "same", slowly)
    assert asking.post_token(token).headers["Location"] == "/"
    assert Challenge.objects.get().verified_at
    assert asking.is_in()


def test_a_profile_that_is_saved_opens_no_lock_that_came_meanwhile(bob: User) -> None:
    """Only what the form asks for is written."""
    opened = User.objects.get(pk=bob.pk)
    users.lock_user(bob, reason="x")
    form = ProfileForm({"first_name": "Bob", "last_name": "", "language": ""}, instance=opened)
    assert form.is_valid()
    form.save()
    bob.refresh_from_db()
    assert (bob.first_name, bob.locked_at is None) == ("Bob", False)
