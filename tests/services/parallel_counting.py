"""Let forty transactions count and take back in the same limits at once.   python -m tests.services.parallel_counting

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

    from accounts import rate_limits  # noqa: PLC0415
    from accounts.models import RateLimit  # noqa: PLC0415

    every = [rate_limits.Window(f"crowd {number}", 3600, 10, "crowd") for number in range(6)]
    barrier = threading.Barrier(CROWD)
    wrong: list[BaseException] = []

    def count() -> None:
        mine = every.copy()
        barrier.wait()
        try:
            for _ in range(ROUNDS):
                random.shuffle(mine)
                with transaction.atomic():
                    rate_limits.count(mine)
                random.shuffle(mine)
                with transaction.atomic():
                    rate_limits.take_back(mine[:3])
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
