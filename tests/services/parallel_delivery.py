"""Let ten threads deliver one message at once.   python -m tests.services.parallel_delivery NUMBER

Half of them claim it as a dispatcher does, with others. Puts the newest message to a number back into the queue first.
Runs in the portal's own environment.
"""

import os
import sys
import threading
from collections.abc import Callable

CROWD = 10


def deliver_at_once(number: str) -> None:
    import django  # noqa: PLC0415 (in this process only)

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "messaging.settings")
    django.setup()

    from messaging.delivery import flows, leases, sending  # noqa: PLC0415
    from messaging.delivery.models import Channel, Message, State  # noqa: PLC0415

    message = Message.objects.filter(destination=number).latest("id")
    barrier = threading.Barrier(CROWD)

    def deliver_many(message_id: int) -> None:
        for claimed in leases.claim_many([message_id, message_id + 1], Channel.SMS):
            sending.send(claimed)

    def deliver(way: Callable[[int], None]) -> None:
        Message.objects.count()  # opens the thread's connection
        if barrier.wait() == 0:
            Message.objects.filter(pk=message.pk).update(state=State.QUEUED, tries=0, leased_until=None)
        barrier.wait()
        way(message.pk)

    threads = [threading.Thread(target=deliver, args=[(flows.deliver, deliver_many)[n % 2]]) for n in range(CROWD)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    deliver_at_once(sys.argv[1])
