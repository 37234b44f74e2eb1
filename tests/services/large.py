"""An account as large as one likes, filled by the database itself, and the pages that its administrator looks at.

For the plans that a test looks at, and for ``benchmarks/lists.py``. Of the people 1 % are administrators, 0.5 %
locked and 2 % deactivated; 10 % never signed in, and 10 % of the others have no phone.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import islice
from typing import Any

import psycopg
from django.utils import timezone
from psycopg import sql

USERS, AUDIT = "/configuracoes/usuarios/", "/configuracoes/auditoria/"
OFF = "#off"  # of a page that is asked for while the policy is off

PEOPLE = """
    INSERT INTO accounts_user (account_id, username, email, password, first_name, last_name, role, language,
        is_active, is_staff, is_superuser, mailbox_suspect, phone_was_reset, has_phone, locked_at, failures,
        session_epoch, last_login)
    SELECT %(account)s, %(letter)s || n, %(letter)s || n || '@example.com', '!',
        (ARRAY['Ana', 'João', 'Maria', 'Luís', 'Zoë', 'Bruna', 'Caio', 'Íris', 'Davi', 'Elis'])[1 + n %% 10],
        (ARRAY['Silva', 'Souza', 'Lima', 'Água', 'Rocha', 'Prado', 'Nunes'])[1 + n %% 7] || ' ' || n,
        CASE WHEN n %% 100 = 0 THEN 'administrator' ELSE 'member' END, 'pt-br',
        n %% 50 <> 1, false, false, false, false, n %% 10 <> 3 AND n %% 10 <> 7,
        CASE WHEN n %% 200 = 2 THEN now() END, 0, 0,
        CASE WHEN n %% 10 <> 3 THEN now() - n * 7919 %% 500000 * interval '1 minute' END
    FROM generate_series(0, %(people)s::bigint - 1) AS n"""
WORDS = """
    INSERT INTO accounts_searchword (account_id, user_id, word)
    SELECT DISTINCT account_id, id, word FROM accounts_user,
        regexp_split_to_table(name_key || ' @example.com', ' ') AS word WHERE account_id = %(account)s"""
PHONES = """
    INSERT INTO twofactor_phonedevice (name, confirmed, number, region, kind, user_id)
    SELECT 'phone', true, '+5511987654321', 'BR', 'mobile', id
    FROM accounts_user WHERE account_id = %(account)s AND has_phone"""
FIRST = "SELECT min(id) FROM accounts_user WHERE account_id = %(account)s"
EVENTS = """
    INSERT INTO accounts_auditevent (account_id, user_id, actor_id, action, at, ip, user_agent, request_id, data)
    SELECT %(account)s, %(first)s + n * 7919 %% %(people)s, %(first)s + n * 7919 %% %(people)s,
        (ARRAY['sign_in.verified', 'sign_in.pending', 'challenge.issued', 'token.refused'])[1 + n %% 4],
        now() - interval '400 days' + n * (interval '400 days' / %(events)s),
        ('203.0.' || n * 31 %% 250 || '.' || n %% 250)::inet, 'Mozilla/5.0 (X11; Linux x86_64) Firefox/144.0', '',
        '{"channel": "sms"}'
    FROM generate_series(1, %(events)s::bigint) AS n"""
RARE = """
    INSERT INTO accounts_auditevent (account_id, user_id, actor_id, action, at, user_agent, request_id, data)
    SELECT %(account)s, %(first)s, %(first)s + 1, 'user.unlocked', now() - n * interval '3 days', '', '', '{}'
    FROM generate_series(1, 40) AS n"""
MESSAGES = """
    INSERT INTO delivery_message (channel, destination, kind, subject_id, language, owner_id, state, tries, created_at,
        sent_at, gateway, gateway_id, error, fault)
    SELECT 'sms', '+5511987654321', 'token', n, 'pt-br', %(account)s, 'sent', 1, at, at + interval '2 s', 'twilio',
        'SM' || n, '', ''
    FROM (SELECT n, now() - interval '400 days' + n * (interval '400 days' / %(messages)s) AS at
        FROM generate_series(1, %(messages)s::bigint) AS n) AS sent"""
SESSIONS = """
    INSERT INTO accounts_session (session_key, session_data, expire_date, user_id, user_agent)
    SELECT md5(%(letter)s || id), '', now() + interval '30 minutes', id, ''
    FROM accounts_user WHERE account_id = %(account)s AND id %% 20 = 0"""


def fill(url: str, letter: str, *, people: int, events: int) -> int:
    """Fill an account, and return the id of its first person, an administrator."""
    from accounts.models import Account  # noqa: PLC0415 (where the portal's settings are in force)

    account = Account.objects.create(name=letter, two_factor_required=True)
    facts = {"account": account.pk, "letter": letter, "people": people, "events": events}
    return fill_account(url, PEOPLE, WORDS, PHONES, SESSIONS, messages=max(events // 4, 1), **facts)


def fill_account(url: str, *statements: str, **facts: Any) -> int:
    """Fill an account that is there with what the statements write, events and messages; return its first person."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")  # the rows are sound: no keys to look up
        for statement in statements:
            connection.execute(statement.encode(), facts)
        facts["first"] = _one(connection, FIRST, facts)
        with _without_indexes(connection, "accounts_auditevent", "delivery_message"):
            for statement in (EVENTS, RARE, MESSAGES):
                connection.execute(statement, facts)
    return int(facts["first"])


def settle(url: str) -> None:
    """Let the database learn what is in its tables, as its own housekeeping would in time."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")


def _one(connection: "psycopg.Connection[Any]", statement: str, facts: dict[str, Any]) -> Any:
    row = connection.execute(statement, facts).fetchone()
    assert row
    return row[0]


@contextmanager
def _without_indexes(connection: "psycopg.Connection[Any]", *tables: str) -> Iterator[None]:
    """Take the indexes away that are no constraint's, and build them anew: ten million rows in a third of the time."""
    found = connection.execute(
        """SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index
        WHERE indrelid = ANY(%s::regclass[]) AND NOT indisunique""",
        [list(tables)],
    ).fetchall()
    for name, _definition in found:
        connection.execute(sql.SQL("DROP INDEX {}").format(sql.Identifier(name)))
    yield
    connection.execute("SET maintenance_work_mem = '512MB'")
    for _name, definition in found:
        connection.execute(definition)


def pages() -> list[tuple[str, str]]:
    """Name the pages; MIDDLE and OLD stand for a row half-way through the list."""
    return [
        ("people, first page", USERS),
        ("people, in the middle", f"{USERS}?after=MIDDLE"),
        ("people, in the middle, back", f"{USERS}?before=MIDDLE"),
        ("people, by last sign-in", f"{USERS}?sort=-seen"),
        ("people, by last sign-in, in the middle", f"{USERS}?sort=-seen&after=MIDDLE"),
        ("people, search for many (“ana”)", f"{USERS}?q=ana"),
        ("people, search for many, in the middle", f"{USERS}?q=ana&after=MIDDLE"),
        ("people, search for one address", f"{USERS}?q=LETTER777@"),
        ("people, search for nobody", f"{USERS}?q=zzz"),
        ("people, search for two words of a name", f"{USERS}?q=ana+1234"),
        ("people, search for a domain", f"{USERS}?q=%40example.com"),
        ("people, active", f"{USERS}?state=active"),
        ("people, locked", f"{USERS}?state=locked"),
        ("people, deactivated", f"{USERS}?state=deactivated"),
        ("people, invited", f"{USERS}?state=invited"),
        ("people, with a phone", f"{USERS}?factor=confirmed"),
        ("people, without a phone", f"{USERS}?factor=pending"),
        ("people, without a phone, by last sign-in", f"{USERS}?factor=pending&sort=-seen"),
        ("people, never signed in", f"{USERS}?factor=never"),
        ("people, administrators", f"{USERS}?role=administrator"),
        ("people, CSV, first thousand", f"{USERS}exportar/"),
        ("a person", f"{USERS}PERSON/"),
        ("reminder", f"{USERS}lembrar/"),
        ("audit, first page", AUDIT),
        ("audit, in the middle", f"{AUDIT}?after=OLD"),
        ("audit, a frequent event", f"{AUDIT}?event=token.refused&after=OLD"),
        ("audit, a rare event", f"{AUDIT}?event=user.unlocked"),
        ("audit, a person", f"{AUDIT}?person=LETTER7"),
        ("audit, both who have two words of a name", f"{AUDIT}?person=ana+1230"),
        ("audit, an address", f"{AUDIT}?ip=203.0.31.1"),
        ("audit, an old week", f"{AUDIT}?since=DAY&until=DAY"),
        ("audit, a person's event of an old week", f"{AUDIT}?person=LETTER7&event=token.refused&since=DAY"),
        ("audit, CSV, first thousand", f"{AUDIT}exportar/"),
        ("Tela inicial", "/"),
        ("Tela inicial, 30 days", "/?dias=30"),
        ("Minha conta", "/configuracoes/minha-conta/"),
        ("Minha conta, before switching on", f"/configuracoes/minha-conta/{OFF}"),
    ]


def visit(first: int, path: str) -> Callable[[], None]:
    """Return a visit of an account's first administrator, in this process, to a page; set the account up for it."""
    from django.test import Client  # noqa: PLC0415 (where the portal's settings are in force)

    from accounts.models import Account, AuditEvent, User  # noqa: PLC0415

    user = User.objects.get(pk=first)
    Account.objects.filter(pk=user.account_id).update(two_factor_required=not path.endswith(OFF))
    people = User.objects.filter(account=user.account).order_by("name_key")
    middle = people[people.count() // 2]
    events = AuditEvent.objects.filter(account=user.account).order_by("at", "pk")
    old = events.filter(at__gt=timezone.now() - timedelta(days=200))[0]
    marks = {"MIDDLE": middle.pk, "OLD": old.pk, "LETTER": user.username[0], "DAY": f"{old.at:%Y-%m-%d}"}
    for mark, value in {**marks, "PERSON": middle.pk}.items():
        path = path.replace(mark, str(value))
    client = Client(SERVER_NAME="localhost")
    client.force_login(user)
    session = client.session
    session["otp_device_id"] = user.phone_device.persistent_id  # as after the second step
    session.save()

    def look() -> None:
        answer = client.get(path)
        assert answer.status_code == 200, (path, answer.status_code)
        if answer.streaming:
            list(islice(answer, 2))  # the headings and the first thousand

    return look


def switch(first: int) -> Callable[[], None]:
    """Return a turn of an account's switch by its first administrator: on where it is off, off where it is on."""
    from accounts import policy  # noqa: PLC0415
    from accounts.models import User  # noqa: PLC0415

    user = User.objects.get(pk=first)

    def turn() -> None:
        user.account.refresh_from_db()
        policy.set_two_factor_policy(user.account, not user.account.two_factor_required, actor=user)

    return turn


@contextmanager
def statements() -> Iterator[list[tuple[str, Any]]]:
    """Collect the statements that this process sends, with their parameters."""
    from django.db import connection  # noqa: PLC0415

    seen: list[tuple[str, Any]] = []

    def collect(execute: Any, statement: str, params: Any, many: bool, context: Any) -> Any:
        seen.append((statement, params))
        return execute(statement, params, many, context)

    with connection.execute_wrapper(collect):
        yield seen
