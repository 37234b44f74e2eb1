"""The lockout schedule of the second step: exact, per person, and reset only by the same phone or mailbox."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts import rate_limits
from accounts.audit.actions import Action
from accounts.audit.descriptions import describe
from accounts.audit.record import record_event
from accounts.models import AuditEvent, User
from accounts.passwords import flows as passwords
from accounts.users.flows import unlock_user
from tests.conftest import PASSWORD, Browser, deliver, enrol, last_token, sent_to
from tests.tools import let_pass, page
from twofactor.exceptions import JourneyOver
from twofactor.models import PhoneDevice
from twofactor.tokens import challenges, lockout

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("policy", "many_sends")]

NEW_PASSWORD = "Another-apple-9-window"
CONFIRM = "/meu-perfil/telefone/confirmar/"


def wrong() -> str:
    """Return a token that is not the last one."""
    return f"{(int(last_token()) + 1) % 1_000_000:06}"


def at_token(login: str = "bob", channel: str = "sms") -> Browser:
    """Bring somebody to the token page in a session of their own."""
    browser = Browser()
    browser.post_password(login)
    browser.post_channel(channel)
    return browser


def fail(times: int, channel: str = "sms") -> Any:
    """Fail so often, five times a sign-in; return the last answer."""
    browser, answer = at_token(channel=channel), None
    for number in range(times):
        if number and number % 5 == 0:
            browser = at_token(channel=channel)
        answer = browser.post_token(wrong())
    return answer


def failures(user: User) -> int:
    user.refresh_from_db()
    return user.failures


def rest(user: User) -> None:
    """Let the lock run out."""
    User.objects.filter(pk=user.pk).update(failures_until=timezone.now() - timedelta(seconds=1))


def test_failures_are_counted_across_tokens_sign_ins_and_channels(bob: User, bobs_phone: PhoneDevice) -> None:
    """L-02: three, a resend, three, a new sign-in by the other channel, four: ten in all, and locked."""
    browser = at_token()
    for _ in range(3):
        browser.post_token(wrong())
    let_pass(31)
    browser.post("/entrar/token/reenviar/")
    for _ in range(3):
        browser.post_token(wrong())
    assert failures(bob) == 6
    assert fail(4, "email").status_code == 429
    assert failures(bob) == 10
    assert at_token_refused("bob")


def at_home() -> Browser:
    """Return a browser in which Bob has signed in, and is signed out again."""
    browser = at_token()
    browser.post_token(last_token())
    browser.post("/sair/")
    return browser


def test_the_owner_s_browser_does_not_wait_while_a_thief_s_does(bob: User, bobs_phone: PhoneDevice) -> None:
    """B-02, B-12: whoever knows the password locks new browsers; the owner signs in, and that ends the pause."""
    home = at_home()
    fail(10)
    assert at_token_refused("bob")
    home.post_password("bob")
    assert home.post_channel().status_code == 302
    assert home.post_token(last_token()).headers["Location"] == "/"
    assert failures(bob) == 0


def test_a_known_browser_has_a_few_attempts_during_the_pause_and_they_count(bob: User, bobs_phone: PhoneDevice) -> None:
    """L-02: a stolen cookie beside the password is no way round the schedule, nor round the hundred."""
    home = at_home()
    fail(10)
    for _ in range(5):
        home.post_password("bob")
        home.post_channel()
        home.post_token(wrong())
    assert failures(bob) == 15
    assert bob.failures_until is not None
    assert bob.failures_until > timezone.now() + timedelta(minutes=50)  # the step at fifteen is an hour
    home.post_password("bob")
    assert home.post_channel().status_code == 429
    assert failures(bob) == 15


def test_an_owner_who_is_locked_again_after_each_sign_in_runs_out_of_no_attempts(
    bob: User, bobs_phone: PhoneDevice
) -> None:
    """B-02: a right attempt of a known browser during the pause is given back."""
    home = at_home()
    for _time in range(6):
        User.objects.filter(pk=bob.pk).update(failures=10, failures_until=timezone.now() + timedelta(hours=1))
        home.post_password("bob")
        home.post_channel()
        assert home.post_token(last_token()).headers["Location"] == "/"


@pytest.mark.parametrize("by_reset", [True, False])
def test_a_reset_by_e_mail_ends_the_pause_and_not_the_count(bob: User, bobs_phone: PhoneDevice, by_reset: bool) -> None:
    """B-05, L-02: whoever failed knew the old password; another change of it, and the next failures, go on."""
    fail(10)
    assert "a new one ends the break" in page(at_channel().post_channel())
    passwords.change_password(bob, NEW_PASSWORD, by_reset=by_reset)
    browser = Browser()
    browser.post_password("bob", NEW_PASSWORD)
    assert browser.post_channel().status_code == (302 if by_reset else 429)
    assert failures(bob) == 10
    if by_reset:
        assert browser.post_token(last_token()).headers["Location"] == "/"
        assert failures(bob) == 0


def test_failures_are_shown_at_the_next_sign_in(bob: User, bobs_phone: PhoneDevice) -> None:
    """L-07: five and more; fewer are the slips of every day."""
    for count in (4, 5):
        fail(count)
        browser = at_token()
        browser.post_token(last_token())
        assert (f"there were {count} wrong tokens in a row" in browser.get("/").content.decode()) is (count == 5)
        assert failures(bob) == 0


def at_channel() -> Browser:
    browser = Browser()
    browser.post_password("bob")
    return browser


def at_token_refused(login: str) -> bool:
    """Tell whether a right password leads to no token."""
    browser = Browser()
    browser.post_password(login)
    before = len(deliver())
    answer = browser.post_channel("sms")
    return bool(answer.status_code == 429 and answer.headers["Retry-After"] and len(deliver()) == before)


@pytest.mark.parametrize(
    ("language", "pause"),
    [
        ("en", "Try again in about 15 minutes."),
        ("pt-br", "Tente de novo em cerca de 15 minutos."),
        ("es", "Vuelva a intentarlo en unos 15 minutos."),
    ],
)
def test_the_wrong_token_that_begins_a_pause_says_so_at_once(
    bob: User, bobs_phone: PhoneDevice, language: str, pause: str
) -> None:
    """L-03: not the next one, which its owner would type in vain."""
    fail(8)
    User.objects.filter(pk=bob.pk).update(language=language)
    browser = at_token()
    ninth, tenth = browser.post_token(wrong()), browser.post_token(wrong())
    assert (ninth.status_code, tenth.status_code) == (200, 429)
    assert pause not in page(ninth)
    assert pause in page(tenth)
    assert 890 <= int(tenth.headers["Retry-After"]) <= 900
    assert failures(bob) == 10


def test_in_a_known_browser_the_last_of_its_own_attempts_says_the_pause(bob: User, bobs_phone: PhoneDevice) -> None:
    """L-03, B-02: the pause of the others is none there."""
    home = at_home()
    fail(9)
    answers = []
    for _ in range(6):
        home.post_password("bob")
        home.post_channel()
        answers.append(home.post_token(wrong()).status_code)
    assert answers == [200, 200, 200, 200, 200, 429]


def test_the_tenth_attempt_counts_if_it_is_right(bob: User, bobs_phone: PhoneDevice) -> None:
    """L-03: nine failures do not lock, and the tenth attempt is judged."""
    fail(9)
    browser = at_token()
    assert browser.post_token(last_token()).status_code == 302
    assert failures(bob) == 0


@pytest.mark.parametrize(("count", "seconds"), [(10, 900), (15, 3600), (20, 14_400), (25, 86_400), (95, 86_400)])
def test_each_step_of_the_schedule_keeps_from_trying_for_its_time(
    bob: User, bobs_phone: PhoneDevice, count: int, seconds: int
) -> None:
    """L-03."""
    User.objects.filter(pk=bob.pk).update(failures=count - 1)
    fail(1)
    assert failures(bob) == count
    assert abs(lockout.seconds_locked(bob) - seconds) <= 2
    assert at_token_refused("bob")
    rest(bob)
    assert fail(1).status_code == 200
    assert failures(bob) == count + 1


def test_between_the_steps_nobody_is_locked(bob: User, bobs_phone: PhoneDevice) -> None:
    """L-03."""
    User.objects.filter(pk=bob.pk).update(failures=11)
    fail(1)
    assert lockout.seconds_locked(bob) == 0


def test_the_hundredth_failure_locks_the_person(bob: User, bobs_phone: PhoneDevice) -> None:
    """L-03: NIST's ceiling; only a recovery opens it."""
    User.objects.filter(pk=bob.pk).update(failures=99)
    fail(1)
    bob.refresh_from_db()
    assert bob.locked_at
    assert Browser().post_password("bob").status_code == 200


def test_the_lockout_schedule_is_that_of_the_documents(settings: Any) -> None:
    """L-03."""
    schedule = settings.LOCKOUT_SCHEDULE
    assert [schedule[count] for count in (10, 15, 20)] == [900, 3600, 14_400]
    assert {schedule[count] for count in range(25, 100, 5)} == {86_400}
    assert settings.FAILURES_DISABLED_AT == 100


def test_proving_a_new_phone_elsewhere_resets_nothing(bob: User, bobs_phone: PhoneDevice) -> None:
    """L-04: nine failures, a phone change from another session, one more failure: locked."""
    inside = Browser()
    inside.sign_in("bob")
    fail(9)
    inside.post("/meu-perfil/telefone/", {"country": "BR", "number": "21 99887-7665"})
    inside.post(CONFIRM, {"password": PASSWORD, "channel": "sms"})
    inside.post(CONFIRM, {"token": last_token()})
    inside.post(CONFIRM, {"token": last_token()})
    bob.phone_device.refresh_from_db()
    assert bob.phone_device.number == "+5521998877665"
    assert failures(bob) == 9
    fail(1)
    assert lockout.seconds_locked(bob)


def test_a_sign_in_of_somebody_else_resets_nothing(bob: User, alice: User, bobs_phone: PhoneDevice) -> None:
    """L-04: allauth's IP-wide reset of 65.8.1 does not happen here."""
    enrol(alice, "+5521987651234")
    fail(4)
    Browser().sign_in("alice")
    assert failures(bob) == 4
    assert failures(alice) == 0


def test_a_first_phone_clears_its_own_attempt_only(bob: User) -> None:
    """L-04: the first phone proves nothing about who failed before it."""
    User.objects.filter(pk=bob.pk).update(failures=7)
    Browser().enrol("bob")
    assert failures(bob) == 7


def test_a_right_token_is_no_failure_although_what_it_opens_is_refused(bob: User) -> None:
    """L-04."""
    lockout.count_attempt(bob)
    with pytest.raises(JourneyOver), challenges.opening(bob):
        raise JourneyOver
    assert failures(bob) == 0


def test_wrong_passwords_do_not_touch_the_count(bob: User, bobs_phone: PhoneDevice) -> None:
    """L-06: outsiders cannot lock anybody's second step."""
    for _ in range(20):
        Browser().post_password("bob", "wrong")
    assert failures(bob) == 0


def test_malformed_and_late_tokens_are_not_counted(bob: User, bobs_phone: PhoneDevice) -> None:
    """T-08: only what is compared is counted."""
    browser = at_token()
    browser.post_token("12ab")
    token = wrong()
    let_pass(181)
    browser.post_token(token)
    assert failures(bob) == 0


def test_while_locked_right_and_wrong_look_the_same(bob: User, bobs_phone: PhoneDevice) -> None:
    """L-08."""
    one, other = at_token(), at_token()
    right = last_token()
    User.objects.filter(pk=bob.pk).update(
        failures=10, failures_until=timezone.now() + timedelta(minutes=5, seconds=0.5)
    )
    answers = [one.post_token("000000" if right != "000000" else "000001"), other.post_token(right)]
    assert [answer.status_code for answer in answers] == [429, 429]
    typed = re.compile(r'value="\d{6}"')
    assert typed.sub("", page(answers[0])) == typed.sub("", page(answers[1]))
    assert 290 <= int(answers[0].headers["Retry-After"]) <= 301, "the true wait"
    assert not other.is_in()


def test_the_person_is_told_at_the_fifth_and_at_each_step_once(bob: User, bobs_phone: PhoneDevice) -> None:
    """L-07: one message a step, with the address it came from, and no token in it."""
    fail(9)
    told = [entry for entry in sent_to("bob@example.com") if "failing" in entry["subject"]]
    assert len(told) == 1
    assert "127.0.0.1" in told[0]["text"]
    fail(1)
    told = [entry for entry in sent_to("bob@example.com") if "failing" in entry["subject"]]
    assert len(told) == 2
    assert AuditEvent.objects.filter(action="second_factor.locked", user=bob).count() == 1


def test_unlocking_clears_the_count(bob: User, bobs_phone: PhoneDevice) -> None:
    """L-03: what an administrator or the operator may do."""
    User.objects.filter(pk=bob.pk).update(failures=30, failures_until=timezone.now() + timedelta(hours=1))
    assert unlock_user(bob)
    assert failures(bob) == 0
    assert not lockout.seconds_locked(bob)


@pytest.mark.parametrize("by_operator", [True, False])
def test_unlocking_is_written_down_once_with_who_did_it(alice: User, bob: User, by_operator: bool) -> None:
    """J-01, B-05: a lock and its limits are one event; limits alone are another."""
    actor = None if by_operator else alice
    User.objects.filter(pk=bob.pk).update(locked_at=timezone.now())
    for _time in range(2):
        rate_limits.count(rate_limits.windows("user", bob.pk))
        assert unlock_user(bob, actor=actor)
    assert not unlock_user(bob, actor=actor)
    events = AuditEvent.objects.filter(user=bob).order_by("pk")
    assert [(event.action, event.actor, event.data) for event in events] == [
        (action, actor or bob, {"by_operator": by_operator}) for action in ("user.unlocked", "user.limits_forgotten")
    ]


@pytest.mark.parametrize("scope", ["lockout", "ladder"])
def test_the_audit_log_tells_a_lockout_in_words(bob: User, scope: str) -> None:
    """L-07: also in events of releases that called it otherwise."""
    event = record_event(Action.LIMIT_HIT, user=bob, scope=scope)
    assert "wrong tokens in a row" in describe(event)


def test_a_right_answer_during_the_pause_does_not_end_it_for_the_others(bob: User, bobs_phone: PhoneDevice) -> None:
    """L-04: a proof in a known browser takes its own attempt back, and nothing more; a thief waits as before."""
    home = at_token()
    home.post_token(last_token())
    fail(10)
    let_pass(120)
    assert home.reauthenticate("/meu-perfil/segunda-etapa/codigos/").status_code == 200
    assert failures(bob) == 10
    assert bob.failures_until
    assert bob.failures_until > timezone.now() + timedelta(minutes=10)
    assert at_token_refused("bob")


def test_a_right_answer_that_would_have_begun_the_pause_ends_it(bob: User, bobs_phone: PhoneDevice) -> None:
    """L-04: the tenth in a row is right."""
    fail(9)
    lockout.count_attempt(bob)
    assert failures(bob) == 10
    assert bob.failures_until
    lockout.take_back(bob)
    assert failures(bob) == 9
    assert bob.failures_until is None
