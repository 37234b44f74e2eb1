"""Send ten thousand hostile requests to every form of the portal in every state.   make fuzz

    python -m tests.fuzz [REQUESTS] [NUMBER]

The same NUMBER sends the same requests; without one each run sends others.
"""

import random
import sys

from tests.walk.__main__ import portal


def main() -> int:
    times = int(sys.argv[1]) if len(sys.argv) > 1 else 10_800
    number = int(sys.argv[2]) if len(sys.argv) > 2 else random.SystemRandom().randrange(10**6)
    wrong = sent = 0
    with portal():
        from django.db import transaction  # noqa: PLC0415 (after Django's set-up)

        from tests.fuzz import campaign  # noqa: PLC0415
        from tests.walk.people import GATED, SIGNED_IN, ids  # noqa: PLC0415

        everybody = [*GATED, *SIGNED_IN]
        for arrive in everybody:
            with transaction.atomic():
                try:
                    answers = campaign.shoot(arrive, times // len(everybody), number=number)
                except Exception as problem:  # noqa: BLE001 (whatever a request made the portal raise)
                    sys.stdout.write(f"{ids(arrive)}: {type(problem).__name__}: {problem}\n")
                    sys.stdout.write("\n".join(getattr(problem, "__notes__", [])) + "\n")
                    wrong += 1
                else:
                    told = " ".join(f"{status}:{count}" for status, count in sorted(answers.items()))
                    sys.stdout.write(f"{ids(arrive).replace('_', ' '):26}{answers.total():>6} requests  {told}\n")
                    sent += answers.total()
                transaction.set_rollback(True)
    sys.stdout.write(f"number {number}: {sent} requests, {wrong} findings\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
