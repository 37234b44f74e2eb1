"""The ids of messages that wait in a worker's memory, in the order in which they are sent."""

from collections import deque
from collections.abc import Iterable

TOKENS = "tokens"
QUEUES = (TOKENS, "links", "notices")  # the first first: a flood of notices must not stand before a token


class Waiting:
    """Ids of messages by their queues, at most so many of each: the others are found in the database."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.queues: dict[str, deque[int]] = {name: deque() for name in QUEUES}

    def __bool__(self) -> bool:
        return any(self.queues.values())

    def add(self, queue: str, message_ids: Iterable[int]) -> bool:
        """Remember messages; tell whether there was room for all."""
        of_queue = self.queues[queue]
        for message_id in message_ids:
            if len(of_queue) >= self.most:
                return False
            of_queue.append(message_id)
        return True

    def take(self, most: int) -> tuple[str, list[int]]:
        """Return the first queue that holds any, and up to so many ids of it, which are no longer here."""
        queue = next(name for name, ids in self.queues.items() if ids)
        of_queue = self.queues[queue]
        return queue, [of_queue.popleft() for _ in range(min(most, len(of_queue)))]
