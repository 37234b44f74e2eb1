"""Let forty transactions count, take back and forget the same limits.   python -m tests.services.parallel_counting

Each names them in an order of its own. Runs in the portal's own environment; ends with 0 if the counts are exact.
"""

import os
import random
import threading

CROWD, ROUNDS = 40, 5


def count_at_once() -> None:
    import django  # noqa: PLC0415 (in this process only)

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "messaging.settings")
    django.setup()

    from django.db import connection, transaction  # noqa: PLC0415
    from django.db.models import Q  # noqa: PLC0415

    from accounts import rate_limits  # noqa: PLC0415
    from accounts.models import RateLimit  # noqa: PLC0415

    every = [rate_limits.Window(f"crowd {number}", 3600, 10, "crowd") for number in range(6)]
    forgotten = [rate_limits.Window(f"gone {number}", 3600, 10, "crowd") for number in range(12)]
    barrier = threading.Barrier(CROWD)
    wrong: list[BaseException] = []

    def count() -> None:
        mine, forgotten_here = every.copy(), forgotten.copy()
        barrier.wait()
        try:
            for _ in range(ROUNDS):
                random.shuffle(mine)
                with transaction.atomic():
                    rate_limits.count(mine)
                random.shuffle(mine)
                with transaction.atomic():
                    rate_limits.take_back(mine[:3])
                random.shuffle(forgotten_here)
                for window in forgotten_here:
                    rate_limits.count([window])  # one by one: the rows are in the table in no order
                with transaction.atomic():
                    rate_limits.count(forgotten_here)
                with transaction.atomic():
                    rate_limits.forget(Q(key__startswith="gone "))
        except Exception as error:  # noqa: BLE001 (whatever it is, it is told)
            wrong.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=count) for _ in range(CROWD)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    left = sum(RateLimit.objects.filter(key__startswith="crowd ").values_list("used", flat=True))
    if wrong or left != CROWD * ROUNDS * 3:
        raise SystemExit(f"{left} left of {CROWD * ROUNDS * 3}; {wrong[:3]}")


if __name__ == "__main__":
    count_at_once()
