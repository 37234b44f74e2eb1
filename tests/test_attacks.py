"""Ways round, up and out that a reviewer tried; each one worked before its guard."""

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from accounts import policy
from accounts.audit.actions import Action
from accounts.audit.record import record_event
from accounts.invitations import flows as invitations
from accounts.models import Account, AuditEvent, Invitation, Role, User
from accounts.notifications.notify import notify, notify_administrators
from messaging.delivery.models import Message
from tests.altcha import challenge_on, solve
from tests.conftest import PASSWORD, Browser, last_token, person, sent_to
from tests.tools import let_pass, page, refuse_nul
from twofactor import disavowal
from twofactor.models import PendingSignIn, PhoneDevice

pytestmark = pytest.mark.django_db


@pytest.fixture
def as_strict_as_postgresql() -> Iterator[None]:
    with connection.execute_wrapper(refuse_nul):
        yield


@pytest.mark.usefixtures("as_strict_as_postgresql", "policy")
@pytest.mark.parametrize("target", ["/\x00", "/a\x00b", "/a\r\nb", "/\u2028"])
def test_the_page_to_go_back_to_holds_nothing_that_cannot_be_kept(browser: Browser, bob: User, target: str) -> None:
    """Never 500: PostgreSQL refuses the row of a pending sign-in whose address has a NUL."""
    assert browser.post_password("bob", next=target).headers["Location"] == "/entrar/introducao/"
    assert PendingSignIn.objects.get().next_url == "/"


@pytest.mark.usefixtures("as_strict_as_postgresql")
@pytest.mark.parametrize("cookie", ['"aaaaaaaaaaaaaaaa\\000aaaaaaaaaaaaaaa"', "a" * 31, "é" * 32, "a" * 4000])
@pytest.mark.parametrize("path", ["/", "/entrar/token/", "/entrar/"])
def test_a_session_id_that_was_never_made_here_is_nobody(db: None, cookie: str, path: str) -> None:
    """Never 500: a quoted cookie may hold any byte."""
    answer = Browser().get(path, headers={"cookie": f"session={cookie}"})
    assert answer.status_code in {200, 302}


def test_a_stolen_session_cannot_guess_the_password(browser: Browser, bob: User) -> None:
    """Changing the password asks for today's: with the limit of the sign-in page, and written down."""
    browser.post_password("bob")
    fields = {"new_password": "a thiefs own password"}
    for guess in range(5):
        assert browser.post("/senha/alterar/", {"old_password": f"guess {guess}", **fields}).status_code == 200
    answer = browser.post("/senha/alterar/", {"old_password": PASSWORD, **fields})
    assert answer.status_code == 429
    assert answer.headers["Retry-After"]
    assert AuditEvent.objects.filter(action="password.failed", user=bob).count() == 5
    bob.refresh_from_db()
    assert bob.check_password(PASSWORD)


def test_nobody_floods_a_mailbox_with_links(browser: Browser, bob: User) -> None:
    """The fourth request within an hour sends nothing, and its answer is the same."""
    answers = [browser.post("/senha/esqueci/", {"email": "bob@example.com"}) for _ in range(6)]
    unknown = browser.post("/senha/esqueci/", {"email": "nobody@example.com"})
    assert {answer.headers["Location"] for answer in answers} == {unknown.headers["Location"]}
    assert len(links_to("bob@example.com")) == 3
    assert AuditEvent.objects.filter(action="password.reset_limited", user=bob).count() == 3
    let_pass(3601)
    browser.post("/senha/esqueci/", {"email": "bob@example.com"})
    assert len(links_to("bob@example.com")) == 4


def links_to(address: str) -> list[dict[str, str]]:
    return [entry for entry in sent_to(address) if "/senha/redefinir/" in entry["text"]]


def kinds_of_statements(act: Callable[[], object]) -> list[str]:
    """Return what is done to which table, statement by statement."""
    with CaptureQueriesContext(connection) as context:
        act()
    return [" ".join(re.findall(r"\A\w+|(?<=FROM |INTO )\S+", query["sql"])) for query in context.captured_queries]


def test_a_forgotten_password_costs_the_same_for_every_address(bob: User) -> None:
    """C-09: the time tells nobody who exists, for the statements are the same; up to the limit and beyond."""
    person("gone", bob.account, is_active=False)
    person("locked", bob.account, locked_at=timezone.now())

    def ask(name: str) -> list[str]:
        return kinds_of_statements(lambda: Browser().post("/senha/esqueci/", {"email": f"{name}@example.com"}))

    names = ("bob", "nobody", "gone", "locked")
    first, *_more, fifth = ([ask(name) for name in names] for _ in range(5))
    assert len(first[0]) >= 4
    assert first[0] != fifth[0]
    for costs in (first, fifth):
        assert costs == [costs[0]] * len(names)


def test_one_address_asks_for_sixty_links_an_hour_and_then_for_each_with_a_captcha(bob: User) -> None:
    """C-08, B-03: a robot fills neither queue nor audit log; its neighbours go on, nobody else notices."""
    answers = [Browser().post("/senha/esqueci/", {"email": f"p{n}@example.com"}).status_code for n in range(61)]
    assert answers == [302] * 60 + [200]
    asked = Browser().post("/senha/esqueci/", {"email": "bob@example.com"})
    assert links_to("bob@example.com") == []
    solved = solve(challenge_on(asked))
    for status in (302, 200):  # it pays once
        answer = Browser().post("/senha/esqueci/", {"email": "bob@example.com", "altcha": solved})
        assert answer.status_code == status
    assert len(links_to("bob@example.com")) == 1
    elsewhere = Browser(REMOTE_ADDR="203.0.113.9").post("/senha/esqueci/", {"email": "bob@example.com"})
    assert elsewhere.status_code == 302
    assert len(links_to("bob@example.com")) == 2


def test_a_setting_changed_back_and_forth_sends_a_limited_number_of_e_mails(
    alice: User, bob: User, charlie: User
) -> None:
    """B-15, B-18: one customer with many administrators of theirs filled the queue of notices; each is written down."""
    for _time in range(15):
        for on in (True, False):
            policy.set_two_factor_policy(alice.account, on, actor=alice)
    off = AuditEvent.objects.filter(action="policy.switched_off")
    told = Message.objects.filter(kind="notice", destination=alice.email, subject_id__in=off.values("pk"))
    assert (off.count(), told.count()) == (15, 15)
    for _time in range(10):
        for on in (True, False):
            policy.set_two_factor_policy(alice.account, on, actor=alice)
    assert (off.count(), told.count()) == (25, 20)
    event = record_event(Action.PASSWORD_CHANGED, user=alice)
    for _time in range(25):
        notify(alice, event)
    assert Message.objects.filter(subject_id=event.pk).count() == 20


def test_a_notice_of_another_kind_account_or_day_is_sent(alice: User, charlie: User) -> None:
    """B-15: whom it must not reach."""
    event = record_event(Action.PASSWORD_CHANGED, user=alice)
    for _time in range(25):
        notify(alice, event)
        notify_administrators(alice.account, event)
    others = [record_event(Action.EMAIL_CHANGED, user=alice), record_event(Action.PASSWORD_CHANGED, user=charlie)]
    notify(alice, others[0])
    notify(charlie, others[1])
    assert Message.objects.filter(subject_id__in=[event.pk for event in others]).count() == 2
    notify_administrators(charlie.account, others[1])
    assert Message.objects.filter(subject_id=others[1].pk).count() == 2
    let_pass(86_401)
    again = record_event(Action.PASSWORD_CHANGED, user=alice)
    notify(alice, again)
    assert Message.objects.filter(subject_id=again.pk).count() == 1


def test_a_robot_that_is_told_to_wait_does_not_fill_the_audit_log(bob: User) -> None:
    """J-01: of a limit that somebody keeps running into, ten times a minute are written down."""
    for guess in range(30):
        Browser().post_password("bob", f"guess {guess}")
    assert AuditEvent.objects.filter(action="limit.hit").count() == 10
    let_pass(61)
    Browser().post_password("bob")
    assert AuditEvent.objects.filter(action="limit.hit").count() == 11


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("", {}),
        ("opcoes/", {"mailbox_before_phone": "on"}),
        ("chaves/", {"passkeys_alone": "on"}),
        ("paises/", {"regions": ["PT"]}),
        ("data/", {"starts": "tomorrow"}),
    ],
)
def test_a_pending_action_ends_with_the_role_it_was_made_in(
    browser: Browser, alices_phone: PhoneDevice, bob: User, settings: Any, path: str, fields: dict[str, Any]
) -> None:
    """A-01: an administrator who is demoted while they are asked who they are changes nothing for everybody."""
    settings.ALLOWED_REGIONS = ["BR", "PT"]
    account = bob.account
    account.two_factor_required = path != "data/"
    account.save()
    if path == "data/":
        browser.post_password("alice")
        browser.post("/configuracoes/minha-conta/", {"two_factor_required": "on"})
        browser.post_channel()
        browser.post_token(last_token())
        let_pass(61)
        Account.objects.update(two_factor_required=False)
        fields = {"starts": (timezone.localdate() + timedelta(days=3)).isoformat()}
    else:
        browser.sign_in("alice")
    before = Account.objects.values().get(pk=account.pk)
    answer = browser.post(f"/configuracoes/minha-conta/{path}", fields)
    assert answer.headers["Location"] == "/confirmar-identidade/"
    User.objects.filter(username="alice").update(role=Role.MEMBER)
    assert browser.prove_identity().status_code == 403
    assert Account.objects.values().get(pk=account.pk) == before


def test_a_robot_writes_nothing_into_our_e_mails(bob: User, bobs_phone: PhoneDevice, policy: Account) -> None:
    """L-07: what a browser calls itself is not quoted; who fails at the second step could write a link there."""
    robot = Browser(headers={"user-agent": "Chrome/1 Windows https://evil.example/ call us"})
    robot.post_password("bob")
    robot.post_channel()
    for _ in range(5):
        robot.post_token(wrong(last_token()))
    (told,) = [entry for entry in sent_to(bob.email) if "second step" in entry["subject"]]
    assert "evil" not in told["text"]
    assert "127.0.0.1 (Chrome on Windows)" in told["text"]


def test_a_signed_link_serves_one_purpose(browser: Browser, alice: User, bob: User) -> None:
    """T-05: what was signed for one purpose is worth nothing for another, nor for somebody else."""
    event = record_event(Action.PHONE_ENROLLED, user=bob)
    invitations.invite(alice.account, {"new@example.com": ""}, actor=alice, language="en")
    disavow = disavowal.link(event).rpartition("/nao-fui-eu/")[2]
    join = invitations.link(Invitation.objects.get()).rpartition("/convite/")[2]
    assert browser.get(f"/nao-fui-eu/{disavow}").status_code == 200
    assert 'name="new_password"' in page(browser.get(f"/convite/{join}"))
    assert browser.post(f"/nao-fui-eu/{join}").status_code == 404
    assert 'name="new_password"' not in page(browser.post(f"/convite/{disavow}"))
    browser.post("/senha/esqueci/", {"email": bob.email})
    token = re.findall(r"/senha/redefinir/[^/]+/([^/]+)/", links_to(bob.email)[0]["text"])[0]
    alices = urlsafe_base64_encode(force_bytes(alice.pk))
    assert "This link no longer works" in page(browser.get(f"/senha/redefinir/{alices}/{token}/"))
    assert not AuditEvent.objects.filter(action="phone.disowned").exists()


# A right token is no failure ---------------------------------------------------------------------


@pytest.fixture
def bobs(browser: Browser, bobs_phone: PhoneDevice, policy: Account) -> Browser:
    browser.sign_in("bob")
    return browser


@pytest.mark.parametrize(
    ("begin", "confirm", "fields"),
    [
        ("/meu-perfil/telefone/", "/meu-perfil/telefone/confirmar/", {"country": "BR", "number": "21 99887-7665"}),
        ("/meu-perfil/email/", "/meu-perfil/email/confirmar/", {"email": "robert@example.com"}),
    ],
)
def test_a_right_token_whose_next_send_has_to_wait_is_no_failure(
    bobs: Browser, bob: User, settings: Any, begin: str, confirm: str, fields: dict[str, str]
) -> None:
    """L-04: nor is it used up."""
    bobs.post(begin, fields)
    bobs.post(confirm, {"password": PASSWORD, "channel": "sms"})
    token, limits = last_token(), settings.LIMITS
    User.objects.filter(pk=bob.pk).update(failures=3)
    settings.LIMITS = {**limits, "user": [(0, 900)]}
    assert bobs.post(confirm, {"token": token}).status_code == 429
    assert failures(bob) == 3
    settings.LIMITS = limits
    assert bobs.post(confirm, {"token": token}).status_code == 302
    assert failures(bob) == 3


def test_a_wrong_token_is_one_whatever_comes_next(bobs: Browser, bob: User, settings: Any) -> None:
    """L-02."""
    bobs.post("/meu-perfil/telefone/", {"country": "BR", "number": "21 99887-7665"})
    bobs.post("/meu-perfil/telefone/confirmar/", {"password": PASSWORD, "channel": "sms"})
    settings.LIMITS = {**settings.LIMITS, "user": [(1, 900)]}
    bobs.post("/meu-perfil/telefone/confirmar/", {"token": wrong(last_token())})
    assert failures(bob) == 1


def failures(user: User) -> int:
    user.refresh_from_db()
    return user.failures


def wrong(token: str) -> str:
    return f"{(int(token) + 1) % 10**6:06d}"


def test_a_refused_captcha_says_whose_it_was(browser: Browser, policy: Account, bob: User) -> None:
    """J-01."""
    browser.post_password("bob")
    browser.post("/entrar/introducao/")
    answer = browser.post_phone(altcha="nonsense")
    assert "has expired" in page(answer)
    event = AuditEvent.objects.get(action="captcha.refused")
    assert (event.user, event.actor, event.account) == (bob, bob, bob.account)
    browser.post("/sair/")
    Browser().post_password("nobody")
    assert AuditEvent.objects.latest("pk").user is None


def test_no_number_is_too_long_to_page_by(browser: Browser, alice: User) -> None:
    """Never 500: Python reads no number of more than 4,300 digits."""
    browser.post_password("alice")
    for path in ("/configuracoes/auditoria/", "/configuracoes/usuarios/"):
        assert browser.get(path, {"after": "9" * 5000}).status_code == 200
