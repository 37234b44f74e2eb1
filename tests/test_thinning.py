"""A robot cannot fill the audit log: a few events are written one by one, the rest is counted (B-16)."""

from typing import Any

import pytest

from accounts.audit import descriptions, thinning
from accounts.audit.actions import Action
from accounts.auth import browser_links
from accounts.models import AuditEvent, RateLimit, User
from messaging.periodic.scheduler import Last
from tests.conftest import Browser, enrol
from tests.tools import let_pass
from twofactor.models import PhoneDevice, Reauthentication

pytestmark = pytest.mark.django_db

ELSEWHERE = "203.0.113.9"


def written(action: str) -> int:
    return AuditEvent.objects.filter(action=action).count()


def counted(action: str) -> list[tuple[str | None, int]]:
    """Let the hour end; return from where how many events of an action were counted only."""
    thinning.record_left_out(Last(None, None))
    events = AuditEvent.objects.filter(action="events.left_out", data__counted=action).order_by("ip")
    return [(event.ip, event.data["count"]) for event in events]


@pytest.mark.usefixtures("policy", "bobs_phone")
def test_a_thousand_right_passwords_are_ten_events_a_minute_and_a_number(bob: User) -> None:
    """B-16."""
    for _ in range(40):
        assert Browser().post_password("bob").status_code == 302
    assert written("sign_in.pending") == 10
    let_pass(61)
    Browser().post_password("bob")
    assert written("sign_in.pending") == 11
    assert counted("sign_in.pending") == [(None, 30)], "from everywhere"
    assert counted("sign_in.pending") == [(None, 30)], "each is counted once"


def test_right_passwords_without_the_policy_are_thinned_as_well(bob: User) -> None:
    """B-16."""
    for _ in range(15):
        Browser().post_password("bob")
    assert written("sign_in.password_only") == 10
    assert counted("sign_in.password_only") == [("127.0.0.1", 5)]


def test_the_link_of_a_browser_is_thinned(bob: User) -> None:
    """B-16: whoever reads a mailbox opens it as often as they like."""
    path = "/" + browser_links.link(bob).split("/", 3)[3]
    for _ in range(15):
        assert Browser().post(path).status_code == 302
    assert (written("browser.made_known"), counted("browser.made_known")) == (10, [("127.0.0.1", 5)])


@pytest.mark.usefixtures("policy")
def test_what_is_begun_and_never_proved_is_thinned(alice: User, bob: User) -> None:
    """B-16: a cookie is enough for it. What was posted is kept once (20,000 characters each filled the disk)."""
    enrol(alice)
    browser = Browser()
    browser.sign_in("alice")
    for number in range(15):
        browser.post("/meu-perfil/email/", {"email": f"a{number}@example.org"})
        browser.post("/meu-perfil/telefone/", {"country": "BR", "number": "11 98765-0002"})
        browser.post(f"/configuracoes/usuarios/{(alice.pk, bob.pk)[number % 2]}/desativar/", {"x": "y" * 9000})
    for begun in ("email.change_started", "phone.change_started", "reauthentication.started"):
        assert written(begun) == 10, begun
    assert Reauthentication.objects.filter(posted__isnull=False).count() == 1
    for _ in range(12):
        browser.post("/meu-perfil/email/", {"email": "b@example.org"})
        browser.post("/meu-perfil/email/confirmar/", {"action": "cancel"})
    assert written("email.change_cancelled") == 10


@pytest.mark.usefixtures("policy", "bobs_phone")
def test_refused_captchas_are_thinned(bob: User) -> None:
    """B-16: of one address; another one's are written down."""
    browser = Browser()
    browser.post_password("bob")
    for number in range(25):
        browser.post("/entrar/canal/", {"channel": "sms", "altcha": f"nonsense {number}"})
    assert written("captcha.refused") == 10
    other = Browser(REMOTE_ADDR=ELSEWHERE)
    other.post_password("bob")
    other.post("/entrar/canal/", {"channel": "sms", "altcha": "nonsense"})
    assert written("captcha.refused") == 11
    assert counted("captcha.refused") == [("127.0.0.1", 15)]


@pytest.mark.usefixtures("policy", "bobs_phone")
def test_sign_outs_half_way_are_thinned_and_whole_ones_are_not(bob: User) -> None:
    """B-16: only what needs no second factor."""
    for _ in range(14):
        browser = Browser()
        browser.post_password("bob")
        browser.post("/sair/")
    assert written("session.ended") == 10
    inside = Browser()
    inside.sign_in("bob")
    inside.post("/sair/")
    assert written("session.ended") == 11


def test_one_persons_flood_hides_nobody_else(bob: User, alice: User) -> None:
    """B-16: ten a minute are of one person from one network."""
    for _ in range(12):
        Browser().post_password("bob")
    Browser().post_password("alice")
    Browser(REMOTE_ADDR=ELSEWHERE).post_password("bob")
    assert written("sign_in.password_only") == 12


def test_many_networks_write_a_hundred_a_minute_of_one_person(bob: User) -> None:
    """B-16: a botnet has thousands of addresses."""
    for number in range(120):
        Browser(REMOTE_ADDR=f"198.51.{number}.1").post_password("bob")
    assert written("sign_in.password_only") == 100
    assert counted("sign_in.password_only") == [(None, 20)], "in one row: one for each network filled the table"


@pytest.mark.usefixtures("policy")
def test_many_networks_with_the_right_password_leave_one_row(bob: User) -> None:
    """B-16: beyond ten right passwords a minute, from however many networks."""
    for number in range(15):
        Browser(REMOTE_ADDR=f"198.51.{number}.1").post_password("bob")
    assert RateLimit.objects.filter(key__startswith="left out ").count() == 1


def test_a_large_network_of_ipv6_is_bounded(db: None) -> None:
    """B-14, B-16: a /56 has forty a minute."""
    for number in range(60):
        Browser(REMOTE_ADDR=f"2001:db8:7:{number:x}::1").post_password(f"invented{number}", "wrong")
    assert written("password.failed") == 40


@pytest.mark.parametrize(
    ("path", "fields", "action"),
    [
        ("/senha/esqueci/", {"email": "invented{}@example.com"}, "password.reset_requested"),
        ("/entrar/navegador/", {"username": "invented{}", "altcha": "x"}, "captcha.refused"),
        ("/entrar/", {"username": "invented{}", "password": "wrong"}, "password.failed"),
    ],
)
def test_what_nobody_did_is_bounded_from_all_networks_together(
    path: str, fields: dict[str, str], action: str, monkeypatch: Any
) -> None:
    """B-16: 1,200 events in half a minute, each from another network, in a log that is kept."""
    monkeypatch.setattr(thinning, "NOTES_OF_NOBODY", 2)
    for number in range(60):
        told = {name: value.format(number) for name, value in fields.items()}
        Browser(REMOTE_ADDR=f"198.51.{number}.1").post(path, told)
    most = 2 * thinning.SHARES_OF_NOBODY
    assert 0 < written(action) <= most
    assert counted(action) == [(None, 60 - written(action))], "one event says how many more, without a network"


def test_links_to_browsers_that_nobody_has_are_thinned(db: None) -> None:
    """B-16: ten a minute from one network."""
    for number in range(12):
        browser_links.request_link(f"invented{number}")
    assert written("browser.link_sent") == 10


def test_links_for_one_person_are_bounded(bob: User) -> None:
    """B-16: from one network."""
    for _ in range(12):
        Browser().post("/senha/esqueci/", {"email": "bob@example.com"})
    assert written("password.reset_requested") == 3


def test_what_came_meanwhile_is_counted_with_the_next_hour(bob: User, monkeypatch: Any) -> None:
    """B-16: a count that grows while it is written is not lost."""
    for _ in range(12):
        Browser().post_password("bob")
    before = RateLimit.objects.get(key__startswith="left out")
    monkeypatch.setattr(
        RateLimit.objects, "filter", lambda real=RateLimit.objects.filter, **wanted: _grown(real, wanted)
    )
    thinning.record_left_out(Last(None, None))
    monkeypatch.undo()
    assert not AuditEvent.objects.filter(action="events.left_out").exists()
    assert RateLimit.objects.get(pk=before.pk).used == before.used + 1


def _grown(real: Any, wanted: dict[str, Any]) -> Any:
    """Let another event be counted between the reading of a count and its deletion."""
    if "used" in wanted:
        real(pk=wanted["pk"]).update(used=wanted["used"] + 1)
    return real(**wanted)


def test_the_sentence_names_the_action(bob: User) -> None:
    event = AuditEvent(action=Action.EVENTS_LEFT_OUT, user=bob, data={"counted": "captcha.refused", "count": 7})
    said = descriptions.describe(event)
    assert said == "7 more events “Captcha refused” about bob were counted, and not written one by one."


@pytest.mark.usefixtures("policy")
def test_an_honest_morning_is_written_in_full(bob: User, bobs_phone: PhoneDevice) -> None:
    """B-16: whom it must not touch."""
    for _ in range(3):
        browser = Browser()
        browser.sign_in("bob")
        browser.post("/sair/")
        let_pass(1200)
    assert [written(action) for action in ("sign_in.pending", "sign_in.verified", "session.ended")] == [3, 3, 3]
    assert not RateLimit.objects.filter(key__startswith="left out").exists()
