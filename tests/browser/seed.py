"""Fresh accounts, so that no test meets what another one left. Runs as a process: Playwright bears no ORM beside it.

Each has an Alice (administrator) and a Bob (member), in one of seven states. The passwords share one hash,
for time's sake.
"""

import json
import sys
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import django

from tests.pictures import png

EACH = {"off": 30, "on": 44, "enrolled": 58, "mailbox": 10, "operated": 4, "crowded": 10, "unphoned": 12}
PASSWORD = "doze gatos no telhado"


@dataclass(frozen=True)
class Household:
    """An account: policy off; on without phones, or with the mailbox before them; or on, all enrolled, with a logo.

    In one that is "operated" Alice is an operator as well; in a "crowded" one there are sixty others (``crowd``); in
    one that is "unphoned" phones do not count.
    """

    state: str
    alice: str
    bob: str
    alices_number: str
    bobs_number: str


def plan() -> list[Household]:
    """Name everybody; numbers differ before their last four digits, which some limits cut off."""
    states = [state for state, count in EACH.items() for _ in range(count)]
    return [
        Household(state, f"alice{index}", f"bob{index}", f"+55219{8000 + index}4321", f"+55119{8000 + index}4321")
        for index, state in enumerate(states)
    ]


def main() -> None:
    """Make what is planned and print it."""
    django.setup()
    from django.contrib.auth.hashers import make_password  # noqa: PLC0415 (after setup)
    from django.db import transaction  # noqa: PLC0415

    password = make_password(PASSWORD)
    households = plan()
    with transaction.atomic():
        for household in households:
            _make(household, password)
    json.dump([asdict(household) for household in households], sys.stdout)


def _make(household: Household, password: str) -> None:
    from accounts.branding import logos  # noqa: PLC0415
    from accounts.models import Account, Logo, Role, User  # noqa: PLC0415
    from twofactor.models import PhoneDevice  # noqa: PLC0415

    account = Account.objects.create(
        name="Padaria Aurora",
        two_factor_required=household.state != "off",
        mailbox_before_phone=household.state == "mailbox",
        sms_tokens=household.state != "unphoned",
    )
    if household.state == "enrolled":
        picture = logos.rewrite(png(160, 48))
        account.logo = logos.name_of(picture)
        account.save()
        Logo.objects.create(account=account, name=account.logo, png=picture)
    people = (
        (household.alice, "Alice", Role.ADMINISTRATOR, household.alices_number),
        (household.bob, "Bob", Role.MEMBER, household.bobs_number),
    )
    for login, name, role, number in people:
        user = User(account=account, username=login, first_name=name, email=f"{login}@example.com", role=role)
        user.password = password
        user.is_staff = user.is_superuser = household.state == "operated" and name == "Alice"
        user.save()
        if household.state in {"enrolled", "operated", "crowded"}:
            PhoneDevice.objects.create(user=user, name="phone", number=number, region="BR", kind="mobile")
            User.objects.filter(pk=user.pk).update(has_phone=True)
    if household.state == "crowded":
        _crowd(account, household, password)


SURNAMES = ("Lima", "Rocha", "Dias", "Moura", "Prado", "Leal", "Nunes", "Campos", "Torres", "Matos")
CROWD, LEAVERS = 60, 25


def _crowd(account: Any, household: Household, password: str) -> None:
    """Add sixty people: 25 whose last day was in spring, one Souza, and one who was locked yesterday."""
    from accounts.audit.actions import Action  # noqa: PLC0415
    from accounts.models import AuditEvent, SearchWord, User  # noqa: PLC0415

    now = datetime.now(UTC)
    people = []
    for index in range(CROWD):
        login = f"p{index:02}.{household.alice}"
        user = User(account=account, username=login, email=f"{login}@example.com", password=password)
        user.first_name, user.last_name = f"Pessoa {index:02}", SURNAMES[index % 10]
        user.last_login = now - timedelta(days=200 + index if index < LEAVERS else 1, minutes=index)
        people.append(user)
    people[40].first_name, people[40].last_name = "João Batista", "de Souza"
    locked = people[41]
    locked.first_name, locked.last_name, locked.locked_at = "Íris", "Falcão", now - timedelta(days=1)
    SearchWord.objects.renew(*User.objects.bulk_create(people))
    facts = {"account": account, "user": locked, "actor": locked, "ip": "198.51.100.7"}
    AuditEvent.objects.create(
        action=Action.PHONE_DISAVOWED, at=locked.locked_at, data={"after": "phone.enrolled"}, **facts
    )
    AuditEvent.objects.create(
        action=Action.USER_LOCKED, at=locked.locked_at, data={"reason": "phone.disowned"}, **facts
    )


if __name__ == "__main__":
    main()
