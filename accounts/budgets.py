"""How often a password may be wrong: budgets in the database, on its clock (security.md, section 3).

Counted only when a password is wrong, by what was typed, so that nobody learns who exists; looked at in the
statement that finds the person, so a right password costs nothing more. A spent budget refuses right and wrong
passwords alike. It is separate from the ladder of the second step: outsiders cannot raise that one (L-06).
"""

from dataclasses import dataclass
from hashlib import sha256

from django.db import connection
from django.db.models import Exists, Q, QuerySet

from accounts.models import Budget, User
from messaging.database import Epoch


@dataclass(frozen=True, slots=True)
class Allowance:
    """So many in so many seconds, in fixed windows of the database's clock."""

    limit: int
    seconds: int


LOGIN_AND_ADDRESS = Allowance(5, 300)
ADDRESS = Allowance(10, 60)
LOGIN = Allowance(100, 3600)


def with_budget(people: QuerySet[User], login: str, ip: str | None) -> QuerySet[User]:
    """Annotate people with ``budget_spent``: whether no more passwords may be tried for them from here."""
    return people.annotate(budget_spent=Exists(_spent(login, ip)))  # type: ignore[no-redef]


def is_spent(login: str, ip: str | None) -> bool:
    """Tell whether no more passwords may be tried for a login from an address."""
    return _spent(login, ip).exists()


def count_wrong_password(login: str, ip: str | None) -> None:
    """Count a wrong password, in one statement; rows are always taken in one order (F20)."""
    rows = sorted(_allowances(login, ip).items(), key=lambda row: row[0])
    table = connection.ops.quote_name(Budget._meta.db_table)
    now = Epoch.sql(connection.vendor)
    values = ", ".join(f"(%s, {now} / %s, %s, 1)" for _row in rows)
    params = [part for key, allowance in rows for part in (key, allowance.seconds, allowance.seconds)]
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} (key, slot, seconds, used) VALUES {values} "  # noqa: S608 (constants of ours)
            f"ON CONFLICT (key, slot, seconds) DO UPDATE SET used = {table}.used + 1",
            params,
        )


def _allowances(login: str, ip: str | None) -> dict[str, Allowance]:
    """Return the budgets of an attempt; logins are hashed, for people type passwords into the wrong field."""
    name = sha256(login.strip().lower().encode()).hexdigest()[:32]
    return {f"password {name} {ip}": LOGIN_AND_ADDRESS, f"password {name}": LOGIN, f"password from {ip}": ADDRESS}


def _spent(login: str, ip: str | None) -> QuerySet[Budget]:
    spent = Q()
    for key, allowance in _allowances(login, ip).items():
        now = Epoch() / allowance.seconds
        spent |= Q(key=key, slot=now, seconds=allowance.seconds, used__gte=allowance.limit)
    return Budget.objects.filter(spent)
