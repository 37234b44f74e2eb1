"""What is written down: everything that matters, on one line, from where it really came, and no secret."""

import json
import logging
import logging.config
import re
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import RequestFactory
from django.utils import timezone

from accounts import new_device_alerts, policy_schedule
from accounts.audit.actions import Action
from accounts.audit.record import record_event
from accounts.invitations import flows as invitations
from accounts.models import Account, AuditEvent, Invitation, Role, Session, User
from accounts.passwords import flows as passwords
from accounts.policy import set_allowed_regions, set_sign_in_options
from accounts.request import context as request_context
from accounts.users import reminders
from accounts.users.flows import change_role, create_account, deactivate_user, reactivate_user, unlock_user
from messaging.delivery.models import Message
from messaging.periodic.scheduler import Last
from tests.conftest import (
    ALICES_NUMBER,
    BOBS_NUMBER,
    PASSWORD,
    Browser,
    deliver,
    enrol,
    last_token,
    person,
    sent_to,
)
from tests.pictures import png
from tests.tools import settings_with
from twofactor import devices, recovery
from twofactor.models import Challenge, PhoneDevice
from twofactor.tokens import lockout
from twofactor.tokens.challenges import note_undelivered
from twofactor.tokens.sms_of_the_day import USED_UP_AT

pytestmark = pytest.mark.django_db

CONFIRM = "/meu-perfil/telefone/confirmar/"
SETTINGS = "/configuracoes/minha-conta/"
EMAIL_CONFIRM = "/meu-perfil/email/confirmar/"
NEW_NUMBER = "+5521998877665"
NEW_PASSWORD = "a quite different staple"
WRONG_PASSWORD = "one that bob mistyped"


class Diary:
    """Whole journeys, with every secret that came up on the way."""

    def __init__(self) -> None:
        self.secrets: set[str] = {PASSWORD, NEW_PASSWORD, WRONG_PASSWORD}
        for number in (BOBS_NUMBER, ALICES_NUMBER, NEW_NUMBER):
            self.secrets |= {number, number[1:], number[3:], number[-8:]}
        self.browser = Browser()

    def note(self) -> None:
        """Remember the ids of the browser's session, and the names of all."""
        self.secrets |= {session.session_key for session in Session.objects.all()}
        self.secrets |= {cookie.value for name, cookie in self.browser.cookies.items() if name in {"session", "csrf"}}

    def captcha(self, path: str) -> str:
        captcha = self.browser.captcha(path)
        self.secrets.add(captcha)
        return captcha

    def token(self) -> str:
        token = last_token()
        self.secrets.add(token)
        return token

    def post(self, path: str, **fields: str) -> Any:
        response = self.browser.post(path, fields)
        self.note()
        return response

    def wrong_token(self, path: str) -> None:
        """Mistype the last digit: what was typed is nearly the secret."""
        token = self.token()
        mistyped = f"{token[:5]}{(int(token[5]) + 1) % 10}"
        self.secrets.add(mistyped)
        self.post(path, token=mistyped)

    def sign_in_first(self) -> None:
        """Walk journey 2, with what can go wrong on the way."""
        self.post("/entrar/", username="bob", password=WRONG_PASSWORD)
        self.post("/entrar/", username="bob", password=PASSWORD)
        self.post("/entrar/introducao/")
        captcha = self.captcha("/entrar/telefone/")
        self.post("/entrar/telefone/", country="BR", number=BOBS_NUMBER, altcha=captcha)
        self.post("/entrar/telefone/", country="BR", number=NEW_NUMBER, altcha=captcha)
        self.post("/entrar/token/reenviar/")
        self.wrong_token("/entrar/token/")
        self.post("/entrar/token/", token=self.token())

    def change_phone(self) -> None:
        """Walk journey 4, abandoned once."""
        self.post("/meu-perfil/telefone/", country="BR", number=NEW_NUMBER)
        self.post(CONFIRM, password=WRONG_PASSWORD, channel="sms")
        self.post(CONFIRM, action="cancel")
        self.post("/meu-perfil/telefone/", country="BR", number=NEW_NUMBER)
        self.post(CONFIRM, password=PASSWORD, channel="sms")
        self.post(CONFIRM, token=self.token())
        self.wrong_token(CONFIRM)
        self.post(CONFIRM, token=self.token())

    def sign_in_later(self, channel: str) -> None:
        """Walk journey 3."""
        self.post("/sair/")
        self.post("/entrar/", username="bob", password=PASSWORD)
        self.post("/entrar/canal/", channel=channel, altcha=self.captcha("/entrar/canal/"))
        self.post("/entrar/token/", token=self.token())

    def lose_password(self) -> None:
        """Change the password, forget it, and choose another."""
        self.post("/senha/alterar/", old_password=PASSWORD, new_password=NEW_PASSWORD)
        self.post("/sair/")
        self.post("/senha/esqueci/", email="bob@example.com")
        found = next(filter(None, (re.search(r"http://testserver(/senha/\S+)", entry["text"]) for entry in deliver())))
        self.secrets.add(found[1].rstrip("/").rsplit("/", 1)[1])
        form = self.browser.get(found[1]).headers["Location"]
        self.post(form, new_password=PASSWORD)

    def pass_the_fallback_captcha(self, login: str, settings: Any) -> None:
        """Enrol while reCAPTCHA is silent, with a phone that has had its SMS of the hour."""
        settings.LIMITS = {**settings.LIMITS, "phone": [(0, 600)]}
        settings.RECAPTCHA_ENABLED, settings.RECAPTCHA_DOMAIN = True, "127.0.0.1:1"
        settings.RECAPTCHA_PUBLIC_KEY, settings.RECAPTCHA_PRIVATE_KEY = "site-key", "site-secret"
        settings.CAPTCHA_FALLBACK = True
        self.browser = Browser()
        self.browser.post_password(login)
        self.post("/entrar/introducao/")
        self.post("/entrar/telefone/", country="BR", number=NEW_NUMBER, **{"g-recaptcha-response": "x"})
        self.browser.post_phone(NEW_NUMBER)

    def misbehave(self) -> None:
        """Do what the portal refuses and logs."""
        self.browser.get("/nowhere/")
        self.browser.get("/entrar/", headers={"host": "evil.example"})
        self.browser.handler.enforce_csrf_checks = True
        self.post("/entrar/", username="bob", password=PASSWORD)
        self.browser.handler.enforce_csrf_checks = False


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> Callable[[], str]:
    """Return all that was logged, at every level, with tracebacks."""
    caplog.set_level(logging.DEBUG)
    line = logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s")
    return lambda: "\n".join(line.format(record) for record in caplog.records)


def audited() -> str:
    return json.dumps(list(AuditEvent.objects.values()), default=str, ensure_ascii=False)


# J-02: no secret -----------------------------------------------------------------------------------


@pytest.mark.usefixtures("policy")
def test_neither_audit_nor_logs_hold_a_secret(bob: User, logged: Callable[[], str], settings: Any) -> None:
    """J-02: after whole journeys, with everything that went wrong in them."""
    diary = Diary()
    diary.sign_in_first()
    diary.sign_in_later("email")
    diary.change_phone()
    diary.lose_password()
    diary.misbehave()
    settings.SMS_GATEWAYS = []
    diary.sign_in_later("email")
    written = {"audit": audited(), "logs": logged()}
    assert AuditEvent.objects.count() > 20
    assert "Not Found: /nowhere/" in written["logs"]
    assert len(diary.secrets) > 20
    found = {(place, secret) for place, text in written.items() for secret in diary.secrets if holds(text, secret)}
    assert found == set()


def holds(text: str, secret: str) -> bool:
    """Tell whether a text holds a secret; six digits count only by themselves."""
    return bool(secret) and bool(re.search(rf"(?<![\d.:+]){re.escape(secret)}(?!\d)", text))


@pytest.mark.usefixtures("policy")
def test_a_captcha_whose_verifier_is_down_is_not_logged(
    browser: Browser, bob: User, settings: Any, logged: Callable[[], str]
) -> None:
    """J-02, C-05."""
    browser.post_password("bob")
    browser.post("/entrar/introducao/")
    settings.RECAPTCHA_ENABLED, settings.RECAPTCHA_DOMAIN = True, "127.0.0.1:1"
    settings.RECAPTCHA_PUBLIC_KEY, settings.RECAPTCHA_PRIVATE_KEY = "site-key", "site-secret"
    fields = {"country": "BR", "number": BOBS_NUMBER, "g-recaptcha-response": "what-google-gave"}
    assert browser.post("/entrar/telefone/", fields).status_code == 200
    assert "verifier did not answer" in logged()
    for secret in ("what-google-gave", "site-secret", BOBS_NUMBER):
        assert secret not in logged()
        assert secret not in audited()


def test_a_password_typed_as_login_is_not_written_down(browser: Browser, bob: User, logged: Callable[[], str]) -> None:
    """J-02."""
    browser.post_password(PASSWORD, "bob")
    event = AuditEvent.objects.get()
    assert (event.action, event.user, event.data) == ("password.failed", None, {})
    assert PASSWORD not in audited()
    assert PASSWORD not in logged()


def test_the_twilio_client_does_not_log_addresses() -> None:
    """J-03."""
    loggers = settings_with(EMBEDDED="1")["LOGGING"]["loggers"]
    assert loggers["twilio.http_client"]["level"] == "WARNING"
    assert loggers["urllib3"]["level"] == "WARNING"


# J-04: one line ------------------------------------------------------------------------------------

INJECTION = "x\r\n2026-01-01 INFO forged \x1b[31m\u2028line\x00"


def test_a_user_agent_stays_on_one_line(browser: Browser, bob: User) -> None:
    """J-04."""
    browser.post("/entrar/", {"username": "bob", "password": "no"}, headers={"user-agent": INJECTION})
    agent = AuditEvent.objects.get().user_agent
    assert agent == "x  2026-01-01 INFO forged  [31m line "


def test_a_user_agent_without_end_is_cut(browser: Browser, bob: User) -> None:
    browser.post("/entrar/", {"username": "bob", "password": "no"}, headers={"user-agent": "x" * 9_000})
    assert AuditEvent.objects.get().user_agent == "x" * 200


def console(paper: StringIO) -> logging.Handler:
    """Return the console handler of the settings, writing on paper."""
    made = settings_with(EMBEDDED="1")["LOGGING"]
    maker: Any = logging.config.DictConfigurator(made)
    handler = logging.StreamHandler(paper)
    handler.setFormatter(maker.configure_formatter(made["formatters"][made["handlers"]["console"]["formatter"]]))
    for name in made["handlers"]["console"]["filters"]:
        handler.addFilter(maker.configure_filter(made["filters"][name]))
    return handler


def test_a_log_record_stays_on_one_line() -> None:
    """J-04: whatever a client made us write."""
    paper = StringIO()
    record = logging.makeLogRecord({"name": "x", "levelname": "WARNING", "msg": "refused: %s", "args": (INJECTION,)})
    console(paper).handle(record)
    written = paper.getvalue()
    assert written.endswith("\n")
    assert len(written.splitlines()) == 1
    assert "refused: x  2026-01-01 INFO forged" in written
    assert "\x1b" not in written


@pytest.mark.parametrize(("status", "lines"), [(403, 1), (500, 2)])
def test_a_traceback_is_for_a_fault_and_not_for_a_refusal(status: int, lines: int) -> None:
    paper = StringIO()
    fault = (ValueError, ValueError("x"), None)
    record = logging.makeLogRecord({"name": "x", "msg": "m", "status_code": status, "exc_info": fault})
    console(paper).handle(record)

    assert len(paper.getvalue().splitlines()) == lines


def test_a_log_record_of_a_request_has_its_id(browser: Browser, bob: User, caplog: pytest.LogCaptureFixture) -> None:
    """J-01: the id that the answer carries is the id of the audit."""
    response = browser.post_password("bob", "no")
    assert AuditEvent.objects.get().request_id == response.headers["X-Request-ID"]
    assert re.fullmatch(r"[0-9a-f]{16}", response.headers["X-Request-ID"])
    assert browser.get("/entrar/").headers["X-Request-ID"] != response.headers["X-Request-ID"]


@pytest.mark.usefixtures("policy")
@pytest.mark.parametrize("field", ["username", "next", "password"])
def test_line_breaks_in_a_field_write_no_line(
    browser: Browser, bob: User, logged: Callable[[], str], field: str
) -> None:
    """J-04."""
    fields = {"username": "bob", "password": PASSWORD, "next": "/", field: "a%0d%0aFORGED\r\nFORGED"}
    browser.post("/entrar/", fields)
    browser.get("/x%0d%0aFORGED/")
    assert not [line for line in logged().splitlines() if line.startswith("FORGED")]
    assert "FORGED" not in audited()


# J-01: everything that matters ----------------------------------------------------------------------


def reset_and_come_back(bob: User, alice: User) -> None:
    """Walk a lost phone, the mailbox before the next one, and two changes of the address."""
    Account.objects.update(two_factor_required=True)
    User.objects.filter(pk=bob.pk).update(failures=0, failures_until=None, mailbox_suspect=False)
    if not PhoneDevice.objects.filter(user=bob).exists():
        enrol(bob)
    devices.reset_phone(bob, reason="lost", actor=alice)
    set_sign_in_options(alice.account, mailbox_before_phone=True, actor=alice)
    diary = Diary()
    diary.post("/entrar/", username="bob", password=PASSWORD)
    diary.post("/entrar/introducao/")
    diary.post("/entrar/email/", altcha=diary.captcha("/entrar/email/"))
    diary.post("/entrar/token/", token=diary.token())
    diary.post("/entrar/", username="bob", password=PASSWORD)
    diary.post("/entrar/introducao/")
    diary.post("/entrar/codigo/", code=recovery.issue_if_wanted(bob, actor=alice))
    diary.post("/entrar/telefone/", country="BR", number=BOBS_NUMBER, altcha=diary.captcha("/entrar/telefone/"))
    diary.post("/entrar/token/", token=diary.token())
    for address in (alice.email, "robert@example.com"):
        diary.post("/meu-perfil/email/", email=address)
        diary.post(EMAIL_CONFIRM, action="cancel")
        diary.post("/meu-perfil/email/", email=address)
        diary.post(EMAIL_CONFIRM, password=PASSWORD, channel="sms")
        diary.post(EMAIL_CONFIRM, token=diary.token())
    diary.post(EMAIL_CONFIRM, token=diary.token())


def invite_and_remind(administrator: User) -> None:
    account = administrator.account
    Account.objects.filter(pk=account.pk).update(two_factor_required=True)
    invitations.invite(account, {"nina@example.com": "", "gone@example.com": ""}, actor=administrator, language="en")
    asked = {"ada@example.com": "Ada"}
    invitations.invite(account, asked, actor=administrator, language="en", role=Role.ADMINISTRATOR)
    wanted, unwanted = (Invitation.objects.get(email=f"{name}@example.com") for name in ("nina", "gone"))
    nina = invitations.accept(wanted, first_name="Nina", last_name="", password=PASSWORD)
    invitations.revoke(unwanted, actor=administrator)
    reminders.remind(account, actor=administrator, user=nina)
    person("olga", account)
    reminders.remind(account, actor=administrator)


@pytest.mark.usefixtures("policy", "many_sends")
def test_every_event_of_the_code_is_written_down_by_the_journeys(bob: User, alice: User, settings: Any) -> None:
    """J-01: a new event needs a walk that shows it."""
    settings.USERS_PER_PHONE_ALARM = 1
    diary = Diary()
    diary.sign_in_first()
    diary.change_phone()
    diary.lose_password()
    enrol(alice, ALICES_NUMBER)
    browser = Browser()
    browser.sign_in("alice")
    for fields in ({}, {"two_factor_required": "on"}):
        browser.post(SETTINGS, fields)
        browser.prove_identity()
    browser.post(SETTINGS, {})
    browser.post("/confirmar-identidade/", {"action": "cancel"})
    browser.post(f"{SETTINGS}aparencia/", {"accent": "blue"})
    browser.post(f"{SETTINGS}logotipo/", {"logo": SimpleUploadedFile("logo.png", png())})
    Account.objects.update(two_factor_required=False, two_factor_announced_at=None)
    Browser().post_password("alice")
    other = Browser()
    other.post_password("alice")
    browser.post(f"/meu-perfil/sessoes/{Session.objects.latest('pk').pk}/encerrar/")
    browser.prove_identity()
    tomorrow = timezone.now() + timedelta(hours=20)
    set_allowed_regions(alice.account, ["BR"], actor=alice)
    policy_schedule.announce(alice.account, actor=alice)
    policy_schedule.schedule(alice.account, tomorrow, actor=alice)
    Account.objects.update(two_factor_reminded=None)
    policy_schedule.keep_dates(Last(None, None))
    policy_schedule.unschedule(alice.account, actor=alice)
    elsewhere = AuditEvent.objects.create(account=alice.account, user=alice, action="sign_in.verified", ip="192.0.2.1")
    elsewhere.refresh_from_db()
    new_device_alerts.look_at(elsewhere)
    devices.disavow(AuditEvent.objects.filter(action="phone.enrolled").latest("pk"))
    unlock_user(bob)
    passwords.send_password_reset(bob, actor=alice)
    change_role(bob, Role.ADMINISTRATOR, actor=alice)
    deactivate_user(bob, actor=alice)
    reactivate_user(bob, actor=alice)
    for _ in range(4):
        Browser().post("/senha/esqueci/", {"email": "bob@example.com"})
    for failures in (5, 10):
        lockout.note_wrong_answer(bob, failures, "login")
    reset_and_come_back(bob, alice)
    invite_and_remind(alice)
    luna = create_account("Sapataria Lua", login="luna", email="luna@example.com", password=PASSWORD)
    Account.objects.filter(pk=luna.account_id).update(two_factor_required=True)
    diary.pass_the_fallback_captcha("luna", settings)
    note_undelivered(Message.objects.filter(kind="token").latest("pk"), "number")
    # Whole days are used up in tests/test_send_limits.py; the breach check fails in tests/services.
    tested_elsewhere = {action.value for scope in USED_UP_AT.values() for action in scope.values()}
    tested_elsewhere |= {
        Action.PASSWORD_BREACH_CHECK_FAILED.value,
        # tests/test_thinning.py, tests/test_thief_with_the_password.py
        Action.EVENTS_LEFT_OUT.value,
        Action.SIGN_IN_UNFINISHED.value,
        # tests/test_send_limits.py
        Action.RANGE_CLOSED.value,
        Action.CHALLENGE_WITHHELD.value,
        # tests/test_account_notices.py, tests/test_passkey_alone.py
        Action.ACCOUNT_NOTICES_CHANGED.value,
        Action.PASSKEYS_ALONE_ALLOWED.value,
        Action.PASSKEYS_ALONE_FORBIDDEN.value,
        Action.AUDIT_ARCHIVED.value,  # tests/services/test_audit_months.py
        # tests/test_known_browsers.py
        Action.BROWSER_LINK_SENT.value,
        Action.BROWSER_MADE_KNOWN.value,
        Action.PASSWORD_GUESSED.value,
        Action.USER_LIMITS_FORGOTTEN.value,
        Action.USER_ERASED.value,  # tests/test_erasure.py
        # tests/test_app.py, tests/test_own_codes.py, tests/test_factor_list.py, tests/test_passkeys.py
        # tests/test_choosing_factors.py, tests/test_factors_that_count.py, tests/test_disavowal.py
        *(action.value for action in Action if action.value.startswith("policy.factors_")),
        Action.PHONE_REMOVED.value,
        Action.SIGN_IN_DISAVOWED.value,
        *(action.value for action in Action if action.value.partition(".")[0] in {"app", "codes", "factor", "passkey"}),
    }
    assert set(Action.values) - tested_elsewhere - set(AuditEvent.objects.values_list("action", flat=True)) == set()


@pytest.mark.usefixtures("policy")
def test_events_say_who_when_and_from_where(browser: Browser, bob: User) -> None:
    """J-01."""
    browser.post("/entrar/", {"username": "bob", "password": PASSWORD}, headers={"user-agent": "Netscape 4"})
    event = AuditEvent.objects.get()
    assert (event.action, event.user, event.actor, event.account) == ("sign_in.pending", bob, bob, bob.account)
    assert (event.ip, event.user_agent) == ("127.0.0.1", "Netscape 4")
    assert event.at.tzinfo
    assert str(event).startswith("sign_in.pending 20")


@pytest.mark.usefixtures("policy")
def test_a_challenge_is_written_down_with_purpose_and_channel(browser: Browser, bobs_phone: PhoneDevice) -> None:
    """J-01."""
    browser.sign_in("bob", "email")
    issued, verified = AuditEvent.objects.filter(action__in=["challenge.issued", "sign_in.verified"]).order_by("pk")
    challenge = Challenge.objects.get()
    assert issued.data == {"purpose": "login", "channel": "email", "challenge": challenge.pk, "number": 1}
    assert verified.data == {"channel": "email"}


def test_outside_of_requests_there_is_no_origin(bob: User) -> None:
    event = record_event(Action.SESSIONS_ENDED, user=bob)
    assert (event.ip, event.user_agent, event.request_id) == (None, "", "-")


# C-10: where a request comes from -------------------------------------------------------------------

FORGED = "6.6.6.6, 198.51.100.7, 203.0.113.9"


@pytest.mark.parametrize(
    ("proxies", "forwarded", "client"),
    [
        (0, FORGED, "192.0.2.1"),
        (0, "", "192.0.2.1"),
        (1, FORGED, "203.0.113.9"),
        (1, "203.0.113.9", "203.0.113.9"),
        (1, "", "192.0.2.1"),
        (2, FORGED, "198.51.100.7"),
        (2, "203.0.113.9", "192.0.2.1"),
        (1, "6.6.6.6, 2001:db8::1", "2001:db8::1"),
        (1, "6.6.6.6, fe80::1%eth0", "fe80::1"),
        (1, "6.6.6.6, unknown", "192.0.2.1"),
        (1, "6.6.6.6, 1.2.3.4'; DROP TABLE", "192.0.2.1"),
    ],
)
def test_the_client_is_what_the_last_trusted_proxy_saw(
    browser: Browser, bob: User, settings: Any, proxies: int, forwarded: str, client: str
) -> None:
    """C-10; what cannot be read counts as the peer's (B-14)."""
    settings.TRUSTED_PROXY_COUNT = proxies
    fields = {"username": "bob", "password": "no"}
    browser.post("/entrar/", fields, headers={"x-forwarded-for": forwarded}, REMOTE_ADDR="192.0.2.1")
    assert AuditEvent.objects.get().ip == client


@pytest.mark.parametrize("address", ["", "not an address", "unix:"])
def test_a_client_without_an_address_has_no_ip(address: str) -> None:
    assert request_context.client_ip(RequestFactory().get("/", REMOTE_ADDR=address)) is None


@pytest.mark.parametrize("proxies", [0, 1])
def test_the_scheme_is_believed_only_behind_a_trusted_proxy(proxies: int) -> None:
    """C-10, W-01."""
    made = settings_with(EMBEDDED="1", TRUSTED_PROXY_COUNT=str(proxies))
    assert ("SECURE_PROXY_SSL_HEADER" in made) is bool(proxies)


def test_a_notice_about_a_person_goes_to_that_person_only(browser: Browser, bob: User, alice: User) -> None:
    """A-04."""
    browser.post_password("bob")
    fields = {"old_password": PASSWORD, "new_password": NEW_PASSWORD}
    browser.post("/senha/alterar/", fields)
    assert len(sent_to("bob@example.com")) == Message.objects.count() == 1
