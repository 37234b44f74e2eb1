"""One request to one address, what came of it, and whether that is a surprise."""

from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from django.db import transaction

from accounts.models import User
from tests.conftest import PASSWORD, Browser
from tests.database_dump import Row, dump, dump_again, rows_touched
from tests.walk import people
from tests.walk.people import GATED, Arrival, World
from tests.walk.routes import Route

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
HTML = {"accept": "text/html"}
JSON = {"accept": "application/json"}
# Fits every form of the portal and would change something wherever it got through.
BODY = {
    "username": "mallory",
    "email": "mallory@example.com",
    "password": PASSWORD,
    "old_password": PASSWORD,
    "new_password": "mallorys good password",
    "first_name": "Mallory",
    "last_name": "Mallory",
    "name": "Mallory",
    "language": "es",
    "role": "administrator",
    "is_active": "on",
    "is_staff": "on",
    "is_superuser": "on",
    "account": "1",
    "two_factor_required": "on",
    "passkeys_alone": "on",
    "credential": "{}",
    "country": "BR",
    "number": "11 91234-5678",
    "channel": "sms",
    "token": "000000",
    "reason": "Mallory says so",
    "post": "yes",
    "_save": "Save",
}
FORM = urlencode(BODY)
# What the gate leaves behind when it stops an open session.
TRACES = {"accounts_session", "twofactor_pendingsignin", "accounts_auditevent"}
# What says who somebody is and what they may do, and what leaves the system.
PRECIOUS = {
    "accounts_account",
    "accounts_user",
    "accounts_user_groups",
    "accounts_user_user_permissions",
    "auth_group",
    "twofactor_phonechange",
    "twofactor_phonedevice",
    "twofactor_appdevice",
    "twofactor_passkey",
    "twofactor_passkeyregistration",
    "twofactor_appenrolment",
    "delivery_message",
}
# Every answer carries these, whoever asks for whatever (W-01, W-02, S-11).
PROMISED = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=()",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Request-ID": "",
}


@dataclass
class Visit:
    """What came of one request, and what it changed. Everything is put back afterwards."""

    route: Route
    method: str
    answer: Any
    before: dict[str, list[Row]] = field(repr=False)
    after: dict[str, list[Row]] = field(repr=False)
    json: bool = False

    def __str__(self) -> str:
        where = self.answer.headers.get("Location", "")
        accept = " (JSON)" if self.json else ""
        return f"{self.method} {self.route.path}{accept}: {self.answer.status_code} {where}".strip()

    @property
    def changed(self) -> set[str]:
        """Return the tables in which something is different now."""
        return {table for table, rows in self.after.items() if rows is not self.before[table] != rows}

    @property
    def precious(self) -> set[str]:
        """Return what is different of what is precious. A message to nobody is not: it tells nobody anything (C-09)."""
        same = addressed(self.after) == addressed(self.before)
        return self.changed & PRECIOUS - ({"delivery_message"} if same else set())

    @property
    def kind(self) -> str:
        """Return what sort of an answer it is, for counting."""
        return "moved" if self.answer.status_code in {301, 302} else str(self.answer.status_code)


def addressed(rows: dict[str, list[Row]]) -> list[Row]:
    """Return the messages that leave."""
    return [row for row in rows["delivery_message"] if row["destination"]]


def visits(
    browser: Browser, chosen: list[Route], methods: list[str], *, headers: dict[str, str] | None = None
) -> Iterator[Visit]:
    """Go to each address, each time from the same state, and look at what that changed before it is put back."""
    to_go = [(route, method) for route in chosen for method in methods]
    before = dump()
    while to_go:
        with transaction.atomic():
            visit = yield from _until_rows_change(browser, to_go, before, headers)
            transaction.set_rollback(True)
        if visit:
            yield visit


def _until_rows_change(
    browser: Browser, to_go: list[tuple[Route, str]], before: dict[str, list[Row]], headers: dict[str, str] | None
) -> Generator[Visit, None, Visit | None]:
    """Visit until a visit changes rows, and return that one: what changes none has nothing to be put back."""
    kept = dict(browser.cookies)
    touched = rows_touched()
    while to_go:
        route, method = to_go.pop(0)
        content = "" if method in {"GET", "HEAD", "OPTIONS"} else FORM
        answer = browser.generic(method, route.path, content, "application/x-www-form-urlencoded", headers=headers)
        if answer.cookies:
            browser.cookies.clear()
            dict.update(browser.cookies, kept)
        now = rows_touched()
        after = before if now == touched else dump_again(before, touched, now)
        visit = Visit(route, method, answer, before, after, json=headers == JSON)
        if now != touched:
            return visit
        yield visit
    return None


# What is expected -------------------------------------------------------------------------------


def surprises(visit: Visit, arrive: Arrival, world: World) -> list[str]:
    """Return what is not as the documents promise, in words; nothing when all is well."""
    found = [*_of_any_answer(visit)]
    if arrive in GATED:
        found += _of_an_open_page(visit, arrive) if visit.route.is_open else _of_the_gate(visit, arrive)
    else:
        found += _of_the_signed_in(visit, arrive, world)
    return [f"{people.ids(arrive)}: {visit}: {what}" for what in found]


def _of_any_answer(visit: Visit) -> Iterator[str]:
    """S-09, S-11, W-01, W-02; a look never changes what is precious, and methods of no form change nothing at all."""
    if visit.answer.status_code >= 500:
        yield "an error"
    for name, part in PROMISED.items():
        if part not in visit.answer.headers.get(name, "missing"):
            yield f"{name} is {visit.answer.headers.get(name, 'missing')}"
    for cookie in visit.answer.cookies.values():
        if (cookie["path"], cookie["samesite"], cookie["domain"], bool(cookie["httponly"] or not cookie.value)) != (
            *("/", "Lax", ""),
            True,  # what takes a cookie away has no value to hide
        ):
            yield f"cookie {cookie.OutputString()}"
    if visit.method != "POST" and (precious := visit.precious):
        yield f"changed {precious}"
    if visit.method == "HEAD" and visit.answer.getvalue():
        yield "a body for HEAD"


def _of_the_gate(visit: Visit, arrive: Arrival) -> Iterator[str]:
    """S-01, S-05, S-10: 302 to the pending step or 403 and why; nothing is changed but the gate's own trace."""
    answer = visit.answer
    if visit.json:
        detail = "sign_in_required" if arrive is people.anonymous else "second_factor_required"
        said = answer.content and visit.method != "HEAD" and answer.json()
        if answer.status_code != 403 or said not in ({"detail": detail}, False, b""):
            yield "not the gate"
    elif answer.status_code != 302 or answer.headers["Location"].split("?")[0] != GATED[arrive] or answer.content:
        yield "not the gate"
    if visit.changed - (TRACES if arrive in people.OPEN_SESSIONS else set()):
        yield f"changed {visit.changed}"


def _of_an_open_page(visit: Visit, arrive: Arrival) -> Iterator[str]:
    """S-01, C-07: on the open addresses at most the own pending sign-in moves."""
    sends = {"/entrar/token/reenviar/", "/entrar/canal/"} if arrive is people.pending_at_the_token else set()
    typing = arrive in {people.pending_at_the_token, people.pending_at_the_app}
    counted = {"accounts_user"} if typing else set()  # a wrong token, on its person
    if visit.method == "POST" and visit.route.path in sends:
        if len(addressed(visit.after)) != len(addressed(visit.before)) + 1:
            yield "not exactly one message"
    elif touched := visit.precious - counted:
        yield f"changed {touched}"
    if visit.method in {"PUT", "PATCH", "DELETE"} and visit.answer.status_code not in {302, 403, 404, 405}:
        yield "a method of no form"


def _of_the_signed_in(visit: Visit, arrive: Arrival, world: World) -> Iterator[str]:
    """A-01, A-04: 403 for members, 404 for another account's object, and nobody touches what is not theirs."""
    route = visit.route
    if arrive is not people.operator:
        if visit.changed and foreign(visit.after, arrive, world) != foreign(visit.before, arrive, world):
            yield "touched what belongs to others"
        another_accounts = arrive is people.other_administrator and "<" in route.pattern
        not_theirs = route.is_administrators and (arrive in people.MEMBERS or another_accounts)
        if (not_theirs or route.is_operators) and not route.is_open and not refused(visit.answer):
            yield "shown"
    if not route.is_operators and visit.method in {"PUT", "PATCH", "DELETE"} and not refused(visit.answer, also=302):
        yield "a method of no form"


def refused(answer: Any, *, also: int = 0) -> bool:
    """Tell whether an answer shows nothing: 403, 404, 405, or the way to the operators' own door."""
    to_the_operators_door = answer.status_code == 302 and answer.headers["Location"].startswith("/admin/")
    return to_the_operators_door or answer.status_code in {403, 404, 405, also}


def foreign(rows: dict[str, list[Row]], arrive: Arrival, world: World) -> dict[str, list[Row]]:
    """Return the rows that somebody may not change: not of their account, or not theirs."""
    members_only = arrive in people.MEMBERS
    me = world.charlie if arrive is people.other_administrator else world.bob if members_only else world.alice
    mine = {me.pk} if members_only else {user.pk for user in User.objects.filter(account=me.account)}
    return {
        "accounts": [row for row in rows["accounts_account"] if members_only or row["id"] != me.account_id],
        "people": [row for row in rows["accounts_user"] if row["id"] not in mine],
        "phones": [row for row in rows["twofactor_phonedevice"] if row["user_id"] not in mine],
        "audit": [row for row in rows["accounts_auditevent"] if row["account_id"] not in {me.account_id, None}],
        "groups": rows["auth_group"],
    }
