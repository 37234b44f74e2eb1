"""Let two administrators demote each other at once, again and again.   python -m tests.services.parallel_demotion

Ends with an error when an account was left without one. Runs in the portal's own environment.
"""

import os
import threading

ROUNDS = 20


def duel() -> None:
    import django  # noqa: PLC0415 (in this process only)

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "messaging.settings")
    django.setup()

    from accounts.exceptions import LastAdministrator  # noqa: PLC0415
    from accounts.models import Account, Role, User  # noqa: PLC0415
    from accounts.users import flows as users  # noqa: PLC0415

    account = Account.objects.create(name="Duel")
    two = [
        User.objects.create(account=account, username=f"duel{index}", email=f"duel{index}@example.com")
        for index in range(2)
    ]
    barrier = threading.Barrier(2)
    refused: list[User] = []

    def demote(actor: User, other: User) -> None:
        User.objects.count()  # opens the thread's connection
        for _ in range(ROUNDS):
            if barrier.wait() == 0:
                account.users.update(role=Role.ADMINISTRATOR)
            barrier.wait()
            try:
                users.change_role(other, Role.MEMBER, actor=actor)
            except LastAdministrator:
                refused.append(other)
            barrier.wait()
            assert account.users.filter(role=Role.ADMINISTRATOR).count() == 1
            barrier.wait()

    threads = [threading.Thread(target=demote, args=pair) for pair in (two, two[::-1])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == ROUNDS, len(refused)


if __name__ == "__main__":
    duel()
