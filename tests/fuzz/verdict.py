"""Shoot, and judge what came of it. Everything is put back afterwards.

How a changed row is judged: what says who somebody is and what they may do (``IDENTITY``) may change
- never on behalf of somebody who is not through the gate, unless they brought the token of their phone;
- else never for another account, for members never for another person (``foreign``);
- of one's own row: never role, account, login or rights; the password only with the password of today.
What is in the audit log stays there.
"""

import re
from collections import Counter
from typing import Any

from django.db import connection, transaction

from tests.conftest import Browser
from tests.database_dump import Row, dump, dump_again, rows_touched
from tests.fuzz.requests import MARK, Shot
from tests.tools import refuse_nul
from tests.walk import people
from tests.walk.people import GATED, Arrival, World
from tests.walk.visits import foreign

Rows = dict[str, list[Row]]
# An address of our own host, however a browser reads it: no scheme, no backslash, no second slash.
OURS = re.compile(r"(?!//|[A-Za-z][A-Za-z0-9+.-]*:)[^\s\\?#]+([?#].*)?|\?.*")  # "?…" is the same page
IDENTITY = [
    "accounts_account",
    "accounts_user",
    "accounts_user_groups",
    "accounts_user_user_permissions",
    "auth_group",
    "twofactor_phonedevice",
]
# What an attempt leaves on a person without changing who they are.
COUNTED = {"failures", "failures_until", "last_login"}
RIGHTS = ["username", "email", "account_id", "role", "is_active", "is_staff", "is_superuser", "locked_at"]


class Range:
    """A shooting range: one person in one state, who may shoot as often as they like."""

    def __init__(self, world: World, browser: Browser, arrive: Arrival, token: str) -> None:
        self.world, self.browser, self.arrive, self.token = world, browser, arrive, token
        self.cookies = browser.cookies.output(header="", sep=";")
        self.before = dump()
        self.answers: Counter[int] = Counter()

    def shoot(self, shot: Shot) -> None:
        """Send one request; fails when its answer or what it changed is not as it should be."""
        self.browser.cookies.clear()
        self.browser.cookies.load(self.cookies)
        with transaction.atomic(), connection.execute_wrapper(refuse_nul):
            touched = rows_touched()
            answer: Any = self.browser.generic(
                shot.method, shot.path, shot.body, shot.content_type, headers=dict(shot.headers)
            )
            now = rows_touched()
            after = self.before if now == touched else dump_again(self.before, touched, now)
            transaction.set_rollback(True)
        self.answers[answer.status_code] += 1
        self._judge_answer(answer)
        if after is not self.before:
            self._judge_rows(shot, after)

    @staticmethod
    def _judge_answer(answer: Any) -> None:
        assert answer.status_code < 500, answer.status_code
        body = b"".join(answer) if answer.streaming else answer.content
        assert f"<script>{MARK}".encode() not in body, "what was typed runs in the page"
        assert f"onerror={MARK}>".encode() not in body, "what was typed is a tag of the page"
        if 300 <= answer.status_code < 400:
            where = answer.headers["Location"]
            assert OURS.fullmatch(where), f"sends to {where}"

    def _judge_rows(self, shot: Shot, after: Rows) -> None:
        before = self.before
        kept = {row["id"]: row for row in after["accounts_auditevent"]}
        assert all(kept.get(row["id"]) == row for row in before["accounts_auditevent"]), "the audit log was changed"
        if self.arrive is people.operator:
            return
        if self.arrive in GATED:
            proved = self.token and self.token.encode() in shot.body
            assert proved or self._facts(after) == self._facts(before), "somebody outside changed who somebody is"
            return
        assert self._foreign(after) == self._foreign(before), "not theirs"
        if self.arrive is people.member:
            assert self._rights(after) == self._rights(before), "a member has other rights now"
        assert shot.has_key or self._passwords(after) == self._passwords(before), "a password without the password"

    def _foreign(self, rows: Rows) -> Rows:
        """Return what belongs to others. Their audit log may grow: anybody may ask for their password to be reset."""
        return {name: theirs for name, theirs in foreign(rows, self.arrive, self.world).items() if name != "audit"}

    @staticmethod
    def _facts(rows: Rows) -> list[dict[str, Any]]:
        return [
            {name: value for name, value in row.items() if name not in COUNTED}
            for table in IDENTITY
            for row in rows[table]
        ]

    @staticmethod
    def _rights(rows: Rows) -> list[list[Any]]:
        return [[row[name] for name in RIGHTS] for row in rows["accounts_user"]]

    @staticmethod
    def _passwords(rows: Rows) -> dict[int, str]:
        return {row["id"]: row["password"] for row in rows["accounts_user"]}
