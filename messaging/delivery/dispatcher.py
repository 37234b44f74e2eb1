"""One thread that claims, reads and records the messages of a whole worker, many at once.

A worker that sends one message a thread spends most of its time on statements, each for one message, and on handing the
interpreter's lock from thread to thread: 236 tokens a second were the most. Here one thread claims all messages that
were announced meanwhile in one statement, reads their challenges in one, and records in one round trip which of them
gateways took; the calls of gateways are all that other threads do. What is not an ordinary token by SMS is sent as
``sending.send`` does, and so is all that follows from a failure.

There may be as many e-mails as SMS at once, so a mail server that hangs holds up no SMS, nor a gateway an e-mail (F26,
F36). A wake-up names no channel: messages are claimed as the one that has room, and the rest of them as the other.

Each promise is that of ``flows.deliver``: every message has its own claim, lease and count of tries, so what happens to
one that was claimed by a process that then died is the same (F1, F2, F3).
"""

import logging
import time
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any

from django.conf import settings
from django.db import Error as DatabaseError
from django.db import close_old_connections, connection

from messaging.database import is_outage
from messaging.delivery import gateways, leases, looks, renderers, sending, together
from messaging.delivery.models import Channel, Message
from messaging.delivery.renderers import Content
from messaging.delivery.waiting import TOKENS, Waiting

logger = logging.getLogger(__name__)

MAX_CLAIMED = 64  # in one statement
MAX_WAITING = 1000  # ids in memory of each queue; they are lost with the process, and looks find the messages
RECORD_SECONDS = 0.02  # that a result waits for others while calls are under way
READY_SECONDS = 1.0  # that a claimed message waits for a call to end; with the call's cap it is less than the lease


@dataclass(eq=False, slots=True)
class Call:
    """A call of the first gateway that is under way, and when it has taken too long, on the monotonic clock."""

    message: Message
    content: Content
    gateway: str
    until: float
    future: "Future[str] | None" = None


class Dispatcher(Thread):
    """Sends messages, at most so many at once, until it is stopped."""

    def __init__(self, most: int) -> None:
        super().__init__(name="dispatcher", daemon=True)
        self.most = most
        # A message to send with its queue, a call's end, another end.
        self.events: SimpleQueue[tuple[str, int] | Call | None] = SimpleQueue()
        self.waiting = Waiting(MAX_WAITING)
        self.sms, self.emails = Waiting(MAX_WAITING), Waiting(MAX_WAITING)  # those that are not of the other channel
        self.ready: deque[tuple[Message, Content, float]] = deque()  # claimed, and until when that is of use
        self.spare = most // 8  # of ``ready``, while all calls are made: so a call that ends makes room for one at once
        self.more = False  # whether there are messages of which only the database knows
        self.calls: dict[Call, None] = {}  # the oldest first
        self.sent: list[tuple[Message, str, str]] = []  # not yet recorded
        self.record_at = 0.0
        self.others: set[Future[None]] = set()  # SMS in ``pool``
        self.letters: set[Future[None]] = set()  # e-mails in ``pool``
        self.pool = ThreadPoolExecutor(2 * most + self.spare, thread_name_prefix="sender")
        self.stopping = False

    def take(self, *message_ids: int, queue: str = TOKENS, more: bool = False) -> None:
        """Have messages of a queue sent soon; with ``more`` also look into the database for others that wait."""
        self.more |= more
        for message_id in message_ids:
            self.events.put((queue, message_id))

    def stop(self, seconds: float) -> None:
        """Begin nothing new, and let messages that are being sent finish."""
        self.stopping = True
        self.events.put(None)
        self.join(seconds)

    def run(self) -> None:
        """Claim, send and record until stopped."""
        while not self.stopping or self.ready or self.calls or self.sent or self.others or self.letters:
            self.turn()
        connection.close()

    def turn(self) -> None:
        """Wait for something to happen and do what follows. Neither an outage nor a mistake of ours ends the thread."""
        ended = self._await_events()
        try:
            self._note_ended(ended)  # first: what a gateway took and nobody records is sent again
            self._call_ready()
            close_old_connections()
            if self.sent and (not self.calls or self.record_at <= time.monotonic()):
                self._record()
            if not self.stopping:
                self._begin()
        except Exception as error:
            if isinstance(error, DatabaseError) and is_outage(error):
                logger.warning("the database does not answer: %s", type(error).__name__)
            else:
                logger.exception("messages could not be sent")

    def _await_events(self) -> list[Call]:
        """Wait for something to happen, then take note of all that has; return the calls that have ended."""
        ended: list[Call] = []
        try:
            event = self.events.get(timeout=self._seconds())
            while True:
                self._note(event, ended)
                event = self.events.get_nowait()
        except Empty:
            pass
        now = time.monotonic()
        late = [call for call in self.calls if call.until <= now]
        for call in late:
            del self.calls[call]
        self.others, self.letters = _going_on(self.others), _going_on(self.letters)
        return ended + late

    def _note(self, event: tuple[str, int] | Call | None, ended: list[Call]) -> None:
        if event is None:
            pass
        elif isinstance(event, tuple):
            self._remember(self.waiting, event[0], event[1:])
        elif event in self.calls:  # else it was given up
            del self.calls[event]
            ended.append(event)

    def _remember(self, waiting: Waiting, queue: str, message_ids: Iterable[int]) -> None:
        """Remember messages; beyond so many, only that there are more tokens, because the database is the queue."""
        if not waiting.add(queue, message_ids) and queue == TOKENS:
            self.more = True

    def _seconds(self) -> float | None:
        """Return the seconds until the oldest call has taken too long, or until what was sent has to be recorded."""
        oldest = next(iter(self.calls), None)
        ends = [oldest.until] if oldest else []
        if self.sent:
            ends.append(self.record_at)
        return max(0, min(ends) - time.monotonic()) if ends else None

    def _note_ended(self, ended: list[Call]) -> None:
        """Remember the calls that have ended well, and let threads do what follows from the others."""
        for call in ended:
            try:
                self._note_sent(call.message, call.gateway, _result(call))
            except gateways.GatewayError as error:
                self._elsewhere(call.message, lambda call=call, error=error: _go_on(call, error))  # type: ignore[misc]
            except Exception:
                logger.exception("message %s could not be sent", call.message.pk)

    def _note_sent(self, *sent: Any) -> None:
        if not self.sent:
            self.record_at = time.monotonic() + RECORD_SECONDS
        self.sent.append(sent)

    def _record(self) -> None:
        """Record what gateways took. When that fails, for all of it alike, each is recorded by itself."""
        sent, self.sent = self.sent, []
        try:
            leases.note_many_sent(sent)
        except Exception as error:  # noqa: BLE001 (what is not recorded is sent again, and all of it is paid for)
            logger.warning("%s messages are recorded one by one: %s", len(sent), type(error).__name__)
            for one in sent:
                self._elsewhere(one[0], lambda one=one: leases.note_sent(*one))  # type: ignore[misc]

    def _begin(self) -> None:
        """Claim as many messages as there is room for, and begin to send them."""
        while (room := self._room()) > 0 and (self.sms or self.waiting or self.more):
            if only_looked := not (self.sms or self.waiting):
                self._look()
            claimed = self._claim(Channel.SMS, self.sms, self.emails, room)
            if only_looked and not claimed:  # another worker has them, or they are notices
                self.more = False
            self._send(claimed, together.contents(claimed))
        while (room := self.most - len(_going_on(self.letters))) > 0 and (self.emails or self.waiting):
            for message in self._claim(Channel.EMAIL, self.emails, self.sms, room):
                self._elsewhere(message, lambda message=message: sending.send(message))  # type: ignore[misc]

    def _claim(self, channel: str, own: Waiting, others: Waiting, room: int) -> list[Message]:
        """Claim messages of a channel; those that are not of it are left to the other channel."""
        if not (waiting := own or self.waiting):
            return []
        queue, ids = waiting.take(min(room, MAX_CLAIMED))
        claimed = leases.claim_many(ids, channel)
        if waiting is self.waiting and len(claimed) < len(ids):
            mine = {message.pk for message in claimed}
            self._remember(others, queue, [message_id for message_id in ids if message_id not in mine])
        return claimed

    def _room(self) -> int:
        """Return how many messages to claim: for calls, and some to be ready, several at a time."""
        free, missing = self._free(), self.spare - len(self.ready)
        return free + missing if missing * 2 >= self.spare else 0

    def _free(self) -> int:
        return self.most - len(self.calls) - len(self.others)

    def _look(self) -> None:
        """Find the messages of which only the database knows."""
        found = looks.WAITING.run()
        self.waiting.add(TOKENS, (message.pk for message in found if renderers.reader(message.kind)))
        self.more = bool(self.waiting) and len(found) == looks.LIMIT

    def _send(self, claimed: list[Message], contents: dict[int, Content]) -> None:
        """Send each message, in the short way if it has a content already."""
        for message in claimed:
            if message.pk in contents:
                self.ready.append((message, contents[message.pk], time.monotonic() + READY_SECONDS))
            else:
                self._elsewhere(message, lambda message=message: sending.send(message))  # type: ignore[misc]
        self._call_ready()

    def _call_ready(self) -> None:
        """Begin the calls that there is room for; leave to others what has waited too long, as when a gateway hangs."""
        while self.ready and (self.stopping or self._free() > 0):
            message, content, until = self.ready.popleft()
            if self.stopping or until < time.monotonic():
                self._elsewhere(message, lambda message=message: sending.give_back(message))  # type: ignore[misc]
            else:
                self._call(message, content)

    def _call(self, message: Message, content: Content) -> None:
        """Begin the call of the first gateway."""
        name, parcel = settings.SMS_GATEWAYS[0], sending.parcel(message, content)
        call = Call(message, content, name, time.monotonic() + settings.GATEWAY_CAP_SECONDS)
        self.calls[call] = None
        try:
            call.future = gateways.start(lambda: gateways.hand_over(name, parcel))
        except gateways.GatewayError as error:
            call.future = Future()
            call.future.set_exception(error)
        call.future.add_done_callback(lambda _future: self.events.put(call))

    def _elsewhere(self, message: Message, work: Callable[[], None]) -> None:
        """Let another thread do what takes statements for one message."""
        other = self.pool.submit(_safely, message, work)
        (self.letters if message.channel == Channel.EMAIL else self.others).add(other)
        other.add_done_callback(lambda _other: self.events.put(None))


def _going_on(others: "set[Future[None]]") -> "set[Future[None]]":
    return {other for other in others if not other.done()}


def _result(call: Call) -> str:
    """Return the gateway's id of a message. Raises what the call raised, or GatewayError when it has taken too long."""
    if call.future is None or not call.future.done():
        raise gateways.too_late()
    return call.future.result()


def _go_on(call: Call, error: gateways.GatewayError) -> None:
    sending.go_on(call.message, call.content, call.gateway, error)


def _safely(message: Message, work: Callable[[], None]) -> None:
    """Do something for one message over this thread's connection; an error of one must not delay the others (F6)."""
    close_old_connections()
    try:
        work()
    except Exception:
        logger.exception("message %s could not be sent", message.pk)
    finally:
        close_old_connections()


_running: Dispatcher | None = None


def start(most: int) -> None:
    """Start this process's dispatcher, of so many calls at once."""
    global _running  # noqa: PLW0603 (one a process: the tasks have no other way to it)
    _running = Dispatcher(most)
    _running.start()


def stop(seconds: float) -> None:
    """Let the dispatcher finish what it sends."""
    if _running:
        _running.stop(seconds)


def runs() -> bool:
    """Tell whether this process has a dispatcher."""
    return _running is not None


def take(*message_ids: int, queue: str = TOKENS, more: bool = False) -> None:
    """Give messages of a queue to this process's dispatcher."""
    if _running:
        _running.take(*message_ids, queue=queue, more=more)
