"""Measure the lists of administrators: a small account against a large one, on a PostgreSQL of our own.

python -m benchmarks.lists [--people 100000] [--events 2000000] [--rounds 40]
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg

from tests.services.parts import Postgres
from tests.services.portal import production

SMALL = 1000
USERS, AUDIT = "/configuracoes/usuarios/", "/configuracoes/auditoria/"
FIRST = ("Ana", "João", "Maria", "Luís", "Zoë", "Bruna", "Caio", "Íris", "Davi", "Elis")
LAST = ("Silva", "Souza", "Lima", "Água", "Rocha", "Prado", "Nunes")
EVENTS = """
    INSERT INTO accounts_auditevent (account_id, user_id, actor_id, action, at, ip, user_agent, request_id, data)
    SELECT %(account)s, %(first)s + n * 7919 %% %(people)s, %(first)s + n * 7919 %% %(people)s,
        (ARRAY['sign_in.verified','sign_in.pending','challenge.issued','token.refused'])[1 + n %% 4],
        now() - interval '400 days' + n * (interval '400 days' / %(count)s),
        ('203.0.' || n * 31 %% 250 || '.' || n %% 250)::inet, 'Mozilla/5.0 (X11; Linux x86_64) Firefox/144.0', '', '{}'
    FROM generate_series(1, %(count)s) AS n"""
RARE = """
    INSERT INTO accounts_auditevent (account_id, user_id, actor_id, action, at, user_agent, request_id, data)
    SELECT %(account)s, %(first)s, %(first)s + 1, 'user.unlocked', now() - n * interval '3 days', '', '', '{}'
    FROM generate_series(1, 40) AS n"""


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--people", type=int, default=100_000)
    options.add_argument("--events", type=int, default=2_000_000)
    options.add_argument("--rounds", type=int, default=40)
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="messaging-lists-") as name:
        Path(name).chmod(0o711)
        server = Postgres(Path(name) / "postgres")
        try:
            measure(server.create("lists").url, name, chosen)
        finally:
            server.stop()


def measure(url: str, folder: str, chosen: argparse.Namespace) -> None:
    nowhere = {"broker_url": "redis://127.0.0.1:1/0", "twilio_url": "http://127.0.0.1:1"}
    os.environ.update(production(database_url=url, mail_port=1, port=1, **nowhere), VAR_DIR=folder)
    os.environ["DJANGO_SETTINGS_MODULE"] = "messaging.settings"
    import django  # noqa: PLC0415

    django.setup()
    from django.conf import settings  # noqa: PLC0415
    from django.core.management import call_command  # noqa: PLC0415
    from django.db import connection  # noqa: PLC0415

    settings.STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    call_command("migrate", verbosity=0)
    began = time.monotonic()
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
    small = fill(url, "s", SMALL, SMALL)
    large = fill(url, "l", chosen.people, chosen.events)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    connection.close()  # the next one has the portal's own time limits
    print(f"{chosen.people} people and {chosen.events} events, filled in {time.monotonic() - began:.0f} s; p95 in ms\n")
    report(small, large, chosen.rounds)


def report(small: int, large: int, rounds: int) -> None:
    print(f"{'page':44} {SMALL:>8} {'large':>8}  times")
    for label, path in pages():
        few, many = (p95(look(account, path), rounds) for account in (small, large))
        print(f"{label:44} {few:8.1f} {many:8.1f}  {many / few:.1f}")


def fill(url: str, letter: str, count: int, events: int) -> int:
    """Fill an account, and return the id of its first person, an administrator."""
    from accounts.models import Account  # noqa: PLC0415
    from twofactor.models import PhoneDevice  # noqa: PLC0415

    account = Account.objects.create(name=letter)
    users = people(account, letter, count)
    PhoneDevice.objects.bulk_create(
        (
            PhoneDevice(user=user, name="phone", number="+5511987654321", region="BR", kind="mobile")
            for number, user in enumerate(users)
            if user.last_login and number % 10
        ),
        batch_size=2000,
    )
    facts = {"account": account.pk, "first": users[0].pk, "people": count, "count": events}
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in (EVENTS, RARE):
            connection.execute(statement, facts)
    return int(users[0].pk)


def people(account: Any, letter: str, count: int) -> list[Any]:
    """Make people: 1 % administrators, 0.5 % locked, 2 % deactivated, 10 % newcomers, 18 % without a phone."""
    from django.utils import timezone  # noqa: PLC0415

    from accounts.models import Role, User  # noqa: PLC0415

    now = timezone.now()
    users = (
        User(
            account=account,
            username=f"{letter}{number}",
            email=f"{letter}{number}@example.com",
            password="!",
            first_name=FIRST[number % 10],
            last_name=f"{LAST[number % 7]} {number}",
            role=Role.MEMBER if number % 100 else Role.ADMINISTRATOR,
            is_active=number % 50 != 1,
            locked_at=now if number % 200 == 2 else None,
            last_login=None if number % 10 == 3 else now - timedelta(minutes=number * 7919 % 500_000),
        )
        for number in range(count)
    )
    return User.objects.bulk_create(users, batch_size=2000)


def pages() -> list[tuple[str, str]]:
    """Name the pages; MIDDLE and OLD stand for a row half-way through the list."""
    return [
        ("people, first page", USERS),
        ("people, in the middle", f"{USERS}?after=MIDDLE"),
        ("people, by last sign-in, in the middle", f"{USERS}?sort=-seen&after=MIDDLE"),
        ("people, search for many (“ana”)", f"{USERS}?q=ana"),
        ("people, search for one address", f"{USERS}?q=LETTER777@"),
        ("people, search for nobody", f"{USERS}?q=zzz"),
        ("people, locked", f"{USERS}?state=locked"),
        ("people, without a phone", f"{USERS}?factor=pending"),
        ("people, administrators", f"{USERS}?role=administrator"),
        ("audit, first page", AUDIT),
        ("audit, in the middle", f"{AUDIT}?after=OLD"),
        ("audit, a frequent event", f"{AUDIT}?event=token.refused&after=OLD"),
        ("audit, a rare event", f"{AUDIT}?event=user.unlocked"),
        ("audit, a person", f"{AUDIT}?person=LETTER7"),
        ("audit, an address", f"{AUDIT}?ip=203.0.31.1"),
        ("audit, an old week", f"{AUDIT}?since=DAY&until=DAY"),
        ("audit, a person's event of an old week", f"{AUDIT}?person=LETTER7&event=token.refused&since=DAY"),
    ]


def look(first: int, path: str) -> Callable[[], None]:
    """Return a visit of an account's first administrator to a page."""
    from django.test import Client  # noqa: PLC0415
    from django.utils import timezone  # noqa: PLC0415

    from accounts.models import AuditEvent, User  # noqa: PLC0415

    user = User.objects.get(pk=first)
    middle = User.objects.filter(account=user.account).order_by("name_key")[500:501].get()
    day = timezone.now() - timedelta(days=200)
    old = AuditEvent.objects.filter(account=user.account, at__lt=day).order_by("-at").first()
    marks = {"MIDDLE": middle.pk, "OLD": old and old.pk, "LETTER": user.username[0], "DAY": f"{day:%Y-%m-%d}"}
    for mark, value in marks.items():
        path = path.replace(mark, str(value))
    client = Client(SERVER_NAME="localhost")
    client.force_login(user)

    def visit() -> None:
        answer = client.get(path)
        assert answer.status_code == 200, (path, answer.status_code)

    return visit


def p95(visit: Callable[[], None], rounds: int) -> float:
    """Return the 95th percentile of some visits, in milliseconds, after two that warm up."""
    times = []
    for _round in range(rounds + 2):
        began = time.perf_counter()
        visit()
        times.append((time.perf_counter() - began) * 1000)
    return statistics.quantiles(times[2:], n=20)[-1]


if __name__ == "__main__":
    main()
