"""The cast and the tools of every test: Alice (administrator), Bob (member), Charlie (another account)."""

import gc
import os
import re
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import translation
from xdist.scheduler import LoadScopeScheduling

from accounts.lists import csv
from accounts.models import Account, AuditEvent, Role, User
from messaging.bad_requests import hide_codecs
from messaging.delivery import flows as delivery
from messaging.delivery import outbox
from messaging.delivery.models import Message
from tests import kept_database
from tests.altcha import challenge_in, solve
from tests.doubles import MemoryGateway, in_place_of_a_gateway
from tests.fake_network import Wire, in_place_of_the_network
from twofactor.factors.passkeys.alone import forget_offer
from twofactor.models import PhoneDevice

PASSWORD = "correct horse battery"
BOBS_NUMBER = "+5511987654321"
ALICES_NUMBER = "+5521987651234"
OPTIONS = dict(connection.settings_dict["OPTIONS"])  # before any migration


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Turn skips into failures in CI: there, nothing may be missing."""
    outcome: Any = yield
    report = outcome.get_result()
    if report.skipped and os.environ.get("CI") and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped in CI: {report.longrepr}"


class Together(LoadScopeScheduling):  # type: ignore[misc]
    """Hand out one test at a time, but all those to one process that share what takes seconds to make."""

    FILES = (
        "tests/test_locale.py",  # a walk through everything in each language
        "tests/browser/test_passkey_alone.py",  # in a portal of its own
        "tests/services/",  # each file breaks an installation of its own
    )

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return file if file.startswith(self.FILES) else nodeid


# What takes longest comes first: last, it would keep one process busy while the other has nothing left to do.
LONGEST = (
    "tests/services/test_last_release.py",
    "tests/services/test_audit_months.py",
    "tests/services/test_migrate.py",
    "tests/browser/test_accessibility.py",
    "tests/browser/test_the_administrators_day.py",
    "tests/browser/test_other_engines.py",
    "tests/browser/test_passkey_alone.py",
    "tests/test_locale.py",
)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: not item.nodeid.startswith(LONGEST))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Together:
    config.option.loadscopereorder = False  # the order of a file is not the number of its tests
    return Together(config, log)


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Let the garbage collector forget what lives as long as the run, and come less often: it took a twelfth of it."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 50, 20)


@pytest.fixture(scope="session")
def database_kept_at(pytestconfig: pytest.Config) -> Path | None:
    """Return where the empty database is kept between runs; with pytest's cache switched off, nowhere."""
    cache = getattr(pytestconfig, "cache", None)
    return cache.mkdir("database") / kept_database.name() if cache else None


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings: None, database_kept_at: Path | None) -> Iterator[None]:
    """Begin with the tables of the run before, so that ``migrate`` finds nothing to do."""
    held = kept_database.take(database_kept_at) if database_kept_at else None
    yield
    if held:
        held.close()


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any, database_kept_at: Path | None) -> None:
    """Let Django empty the tables after a transactional test: the audit log's triggers step aside for that.

    ``migrate`` has made this process patient; the tests run with the time-outs of the portal.
    """
    connection.settings_dict["OPTIONS"] = OPTIONS
    with django_db_blocker.unblock():
        connection.close()
        away, back = without_triggers()
        if database_kept_at:
            kept_database.keep(database_kept_at)
    empty = connection.ops.sql_flush

    def flush(*args: Any, **options: Any) -> list[str]:
        return [*away, *empty(*args, **options), *back]

    connection.ops.sql_flush = flush  # type: ignore[method-assign]


def without_triggers() -> tuple[list[str], list[str]]:
    """Return the statements that put the triggers aside, and those that bring them back."""
    if connection.vendor == "postgresql":
        table = connection.ops.quote_name(AuditEvent._meta.db_table)
        return [f"ALTER TABLE {table} DISABLE TRIGGER USER"], [f"ALTER TABLE {table} ENABLE TRIGGER USER"]
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
        triggers = dict(cursor.fetchall())
    return [f"DROP TRIGGER {connection.ops.quote_name(name)}" for name in triggers], list(triggers.values())


@pytest.fixture(autouse=True)
def own_outbox(settings: Any, tmp_path: Path) -> None:
    """Give each test an outbox of its own."""
    settings.OUTBOX_DIR = tmp_path / "outbox"
    settings.EMAIL_BACKEND = "messaging.delivery.outbox.EmailBackend"  # Django's test runner swaps it


@pytest.fixture(autouse=True)
def offer_not_looked_up() -> None:
    """Let each test find out whether passkeys alone sign in: what is known of it outlives the database of a test."""
    forget_offer()


@pytest.fixture(autouse=True)
def no_export_in_progress() -> None:
    """Forget exports that an earlier test began and did not read: the accounts of all tests have the same ids."""
    csv._running.clear()


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    """Read English, the source language, unless a test says otherwise."""
    with translation.override("en"):
        yield


@pytest.fixture
def account(db: None) -> Account:
    return Account.objects.create(name="Padaria Aurora")


def person(login: str, account: Account, role: str = Role.MEMBER, **fields: Any) -> User:
    """Create a person of an account."""
    email = f"{login}@example.com"
    return User.objects.create_user(login, email, PASSWORD, account=account, role=role, **fields)


def many(account: Account, count: int, **fields: Any) -> list[User]:
    """Create people p00, p01, … of an account who cannot sign in, at once."""
    logins = [f"p{number:02d}" for number in range(count)]
    people = [User(account=account, username=login, email=f"{login}@example.com", **fields) for login in logins]
    return User.objects.bulk_create(people)


@pytest.fixture
def alice(account: Account) -> User:
    return person("alice", account, Role.ADMINISTRATOR)


@pytest.fixture
def bob(account: Account) -> User:
    return person("bob", account)


@pytest.fixture
def charlie(db: None) -> User:
    other = Account.objects.create(name="Oficina Boreal", two_factor_required=True)
    return person("charlie", other, Role.ADMINISTRATOR)


@pytest.fixture
def policy(account: Account) -> Account:
    """Switch the policy of Alice's and Bob's account on."""
    Account.objects.filter(pk=account.pk).update(two_factor_required=True)
    account.refresh_from_db()
    return account


@pytest.fixture
def many_sends(settings: Any) -> None:
    """Lift the limits of sends, for tests that ask for more tokens than a person may."""
    kept = ("password", "links", "token_known")
    others = {scope: windows for scope, windows in settings.LIMITS.items() if any(part in scope for part in kept)}
    sends = {scope: [(10_000, seconds) for _, seconds in windows] for scope, windows in settings.LIMITS.items()}
    settings.LIMITS = sends | others


def enrol(user: User, number: str = BOBS_NUMBER) -> PhoneDevice:
    """Give a person a proved phone."""
    device: PhoneDevice = PhoneDevice.objects.create(user=user, name="phone", number=number, region="BR", kind="mobile")
    User.objects.filter(pk=user.pk).update(has_phone=True)
    return device


@pytest.fixture
def no_trigger(db: None) -> None:
    """Take away what notes beside a person that they hold a phone: the release before needs it, ours must not."""
    statements = import_module("twofactor.migrations.0005_phone_beside_the_person").SQL[connection.vendor]["backwards"]
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


@pytest.fixture
def bobs_phone(bob: User) -> PhoneDevice:
    return enrol(bob)


@pytest.fixture
def alices_phone(alice: User) -> PhoneDevice:
    return enrol(alice, ALICES_NUMBER)


@pytest.fixture
def memory(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[MemoryGateway]:
    """Have a gateway that remembers what it is given and answers as told."""
    yield from in_place_of_a_gateway(settings, monkeypatch)


@pytest.fixture
def wire(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Wire]:
    """Stand in for the gateways' own hosts."""
    yield from in_place_of_the_network(settings, monkeypatch)


@pytest.fixture
def both(wire: Wire, settings: Any) -> Wire:
    """Have two gateways, one after the other."""
    settings.SMS_GATEWAYS = ["twilio", "sinch"]
    return wire


class Browser(Client):
    """A browser that a person sits at. It reads English and the outbox, and can tick the captcha."""

    def __init__(self, **defaults: Any) -> None:
        headers = {"accept": "text/html", "accept-language": "en", **defaults.pop("headers", {})}
        super().__init__(headers=headers, **defaults)

    def request(self, **request: Any) -> Any:
        """Send a request as the server hands it on (messaging/wsgi.py)."""
        hide_codecs(request)
        return super().request(**request)

    def post_password(self, login: str, password: str = PASSWORD, **fields: str) -> Any:
        return self.post("/entrar/", {"username": login, "password": password, **fields})

    def captcha(self, page: str) -> str:
        """Solve the captcha of a page, as its box does."""
        challenge = challenge_in(self.get(page).content.decode())
        assert challenge, f"no captcha on {page}"
        return solve(challenge)

    def post_phone(self, number: str = "11 98765-4321", country: str = "BR", **fields: str) -> Any:
        captcha = fields.pop("altcha", None) or self.captcha("/entrar/telefone/")
        data = {"country": country, "number": number, "altcha": captcha, **fields}
        return self.post("/entrar/telefone/", data)

    def post_channel(self, channel: str = "sms") -> Any:
        captcha = self.captcha("/entrar/canal/")
        return self.post("/entrar/canal/", {"channel": channel, "altcha": captcha})

    def post_token(self, token: str) -> Any:
        return self.post("/entrar/token/", {"token": token})

    def enrol(self, login: str, number: str = "11 98765-4321", *, mailbox_first: bool = False) -> Any:
        """Walk the whole first sign-in."""
        self.post_password(login)
        self.post("/entrar/introducao/")
        if mailbox_first:
            self.post("/entrar/email/", {"altcha": self.captcha("/entrar/email/")})
            self.post_token(last_token())
        self.post_phone(number)
        return self.post_token(last_token())

    def sign_in(self, login: str, channel: str = "sms") -> Any:
        """Walk a whole later sign-in."""
        self.post_password(login)
        self.post_channel(channel)
        return self.post_token(last_token())

    def prove_identity(self, channel: str = "sms") -> Any:
        """Prove that it is still you: the password, and a token where there is a phone."""
        answer = self.post("/confirmar-identidade/", {"password": PASSWORD, "channel": channel})
        if answer.headers.get("Location") != "/confirmar-identidade/":
            return answer
        return self.post("/confirmar-identidade/", {"token": last_token()})

    def reauthenticate(self, path: str, **fields: str) -> Any:
        """Click what asks for a proof, and walk the proof; the answer is that of what was clicked (R-12)."""
        assert self.post(path, fields).headers["Location"] == "/confirmar-identidade/"
        return self.prove_identity()

    def is_in(self) -> bool:
        return bool(self.get("/meu-perfil/").status_code == 200)


@pytest.fixture
def asked(browser: Browser, bobs_phone: PhoneDevice) -> Browser:
    """Return Bob's browser once he has asked for a token by SMS."""
    browser.post_password("bob")
    browser.post_channel("sms")
    return browser


@pytest.fixture
def message(asked: Browser) -> Message:
    """Return the message that Bob has asked for."""
    found: Message = Message.objects.get()
    return found


def deliver() -> list[dict[str, str]]:
    """Send what waits, as the poller does, and return what has left so far, newest first."""
    delivery.deliver_pending(by="poller")
    return list(outbox.entries())


def sent_to(destination: str) -> list[dict[str, str]]:
    return [entry for entry in deliver() if entry["to"] == destination]


def last_token() -> str:
    """Return the token of the newest message that has one."""
    delivery.deliver_pending(by="poller")
    for entry in outbox.entries():  # the newest first: those before stay unread
        if found := re.search(r"\b\d{6}\b", entry["text"]):
            return found[0]
    raise AssertionError("no token has left")


@pytest.fixture
def browser(db: None) -> Browser:
    return Browser()


@pytest.fixture
def other_browser(db: None) -> Browser:
    return Browser()


@pytest.fixture
def make_browser(db: None) -> Callable[..., Browser]:
    return Browser
