"""Fill an empty database as an operator would, and collect the static files.   python -m tests.services.seed

Runs in the portal's own production environment, in a process of its own.
"""

import os

PASSWORD = "correct horse battery"
ENROLLED = int(os.environ.get("SEED_ENROLLED", "600"))  # u000, u001, …: members with a phone
NEWCOMERS = 150  # n000, …: without
BATCH = 1000  # rows a statement: PostgreSQL takes 65,535 values


def number_of(index: int) -> str:
    """Return the mobile number of the member with this index."""
    return f"+5511987{index:06d}"


def seed() -> None:
    import django  # noqa: PLC0415 (in the seeding process only)

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "messaging.settings")
    django.setup()

    from django.contrib.auth.hashers import make_password  # noqa: PLC0415
    from django.core.management import call_command  # noqa: PLC0415

    from accounts.models import Account, Role, User  # noqa: PLC0415
    from twofactor.models import PhoneDevice  # noqa: PLC0415

    call_command("migrate", interactive=False, verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0)
    account = Account.objects.create(name="Padaria Aurora", two_factor_required=True)
    hashed = make_password(PASSWORD)  # one for all: hashing is dear

    def people(letter: str, how_many: int, role: str = Role.MEMBER) -> list[User]:
        logins = [f"{letter}{index:03d}" for index in range(how_many)]
        users = [
            User(
                account=account,
                username=login,
                email=f"{login}@example.com",
                password=hashed,
                role=role,
                has_phone=letter == "u",
            )
            for login in logins
        ]
        return User.objects.bulk_create(users, batch_size=BATCH)

    people("a", 1, Role.ADMINISTRATOR)
    people("n", NEWCOMERS)
    phones = (
        PhoneDevice(user=user, name="phone", number=number_of(index), region="BR", kind="mobile")
        for index, user in enumerate(people("u", ENROLLED))
    )
    PhoneDevice.objects.bulk_create(phones, batch_size=BATCH)


if __name__ == "__main__":
    seed()
