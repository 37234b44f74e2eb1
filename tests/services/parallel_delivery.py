"""Let ten threads deliver one message at once.   python -m tests.services.parallel_delivery NUMBER

Puts the newest message to a number back into the queue first. Runs in the portal's own environment.
"""

import os
import sys
import threading

CROWD = 10


def deliver_at_once(number: str) -> None:
    import django  # noqa: PLC0415 (in this process only)

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "messaging.settings")
    django.setup()

    from messaging.delivery import flows  # noqa: PLC0415
    from messaging.delivery.models import Message, State  # noqa: PLC0415

    message = Message.objects.filter(destination=number).latest("id")
    barrier = threading.Barrier(CROWD)

    def deliver() -> None:
        Message.objects.count()  # opens the thread's connection
        if barrier.wait() == 0:
            Message.objects.filter(pk=message.pk).update(state=State.QUEUED, tries=0, leased_until=None)
        barrier.wait()
        flows.deliver(message.pk)

    threads = [threading.Thread(target=deliver) for _ in range(CROWD)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    deliver_at_once(sys.argv[1])
