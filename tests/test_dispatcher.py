"""A worker's dispatcher: one thread that claims, reads and records many messages at once."""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from types import SimpleNamespace
from typing import Any
from unittest import mock

import pytest
from django.db import DatabaseError, OperationalError, connection
from django.test.utils import CaptureQueriesContext

from accounts.audit.actions import Action
from accounts.models import AuditEvent
from messaging.database import clock_plus
from messaging.deadline import TooManyCalls
from messaging.delivery import dispatcher as dispatching
from messaging.delivery import flows, gateways, leases, looks, outbox, renderers, sending, tasks, together
from messaging.delivery.blocked_prefixes import block
from messaging.delivery.failure_reasons import Fault
from messaging.delivery.models import Channel, Message, State
from messaging.delivery.waiting import Waiting
from tests.conftest import BOBS_NUMBER
from tests.dispatching import deliver, dispatcher, finish
from tests.doubles import MemoryGateway
from tests.fake_network import TWILIO_HOST, Wire, refusal
from tests.gateway_tools import open_circuit, reread
from tests.services.programs import wait_for
from tests.tools import let_pass
from twofactor.models import Challenge

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("policy")]


@pytest.fixture(autouse=True)
def _in_the_tests_transaction(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the connection, which on PostgreSQL Django would close between two turns: it is inside a transaction."""
    monkeypatch.setattr(dispatching, "close_old_connections", lambda: None)


def another(message: Message, number: int, **facts: Any) -> Message:
    """Return one more message like this, to another number."""
    row = {name: getattr(message, name) for name in ("kind", "subject_id", "language", "expires_at")}
    return Message.objects.create(**{**row, "channel": "sms", "destination": f"+551197000{number:04}", **facts})


def crowd(message: Message, count: int) -> list[int]:
    return [message.pk, *(another(message, number).pk for number in range(1, count))]


def states() -> set[tuple[str, int]]:
    return set(Message.objects.values_list("state", "tries"))


def test_many_messages_take_as_many_statements_as_one(message: Message, memory: MemoryGateway) -> None:
    """O-22: claim, circuits, blocked ranges, challenges; and one round trip for what was sent."""
    deliver(message.pk)  # now the statements are built
    first, many = another(message, 1), crowd(another(message, 2), 9)
    with CaptureQueriesContext(connection) as alone:
        deliver(first.pk)
    with CaptureQueriesContext(connection) as together:
        one = dispatcher()
        one.take(*many)
        one.turn()
        wait_for(lambda: all(call.future and call.future.done() for call in one.calls))
        one.record_at = 0
        finish(one)
    assert len(alone) == 5
    assert len(together) <= 6  # some calls may end before the others are begun
    assert states() == {(State.SENT, 1)}
    assert len(memory.sent) == 11
    assert len(set(Message.objects.values_list("gateway_id", flat=True))) == 11


def test_a_message_announced_again_and_again_leaves_once(message: Message, memory: MemoryGateway) -> None:
    """F9, F12."""
    deliver(message.pk, message.pk, message.pk + 1000)
    deliver(message.pk)
    flows.deliver(message.pk)
    assert len(memory.sent) == 1
    assert states() == {(State.SENT, 1)}


def test_what_another_worker_has_claimed_is_left_to_it(message: Message, memory: MemoryGateway) -> None:
    """F12."""
    assert leases.claim(message.pk)
    deliver(message.pk)
    assert memory.sent == []
    let_pass(16)
    deliver(message.pk)
    assert states() == {(State.SENT, 2)}


def test_a_claim_of_many_is_the_claim_of_each(message: Message) -> None:
    """F1, F5, F6: neither what is too late nor what has no try left; each under a lease of its own."""
    late, tired = another(message, 1, expires_at=clock_plus(29)), another(message, 2, tries=2)
    fresh = another(message, 3)
    claimed = leases.claim_many([message.pk, late.pk, tired.pk, fresh.pk], Channel.SMS)
    assert {(one.pk, one.state, one.tries) for one in claimed} == {
        (message.pk, State.SENDING, 1),
        (fresh.pk, State.SENDING, 1),
    }
    assert all(one.leased_until for one in claimed)
    assert leases.claim_many([message.pk, late.pk, tired.pk, fresh.pk], Channel.SMS) == []


def test_each_message_has_its_own_text(wire: Wire, message: Message) -> None:
    """T-06: digits of its own challenge, in its reader's language."""
    portuguese = another(message, 1, language="pt-br")
    nobodys = another(message, 2, subject_id=0)
    deliver(message.pk, portuguese.pk, nobodys.pk)
    token = Challenge.objects.get().token()
    assert set(wire.tokens) == {token}
    assert len(set(wire.texts)) == 2
    assert reread(nobodys).state == State.EXPIRED


def test_a_closed_challenge_and_a_blocked_range_are_called_for_by_nobody(wire: Wire, message: Message) -> None:
    """G-03, T-04: and hold up none of the others."""
    block(BOBS_NUMBER)
    other = another(message, 1)
    deliver(message.pk, other.pk)
    assert (reread(message).state, message.error) == (State.FAILED, "prefix-blocked")
    assert reread(other).state == State.SENT
    Challenge.objects.supersede()
    last = another(message, 2)
    deliver(last.pk)
    assert reread(last).state == State.EXPIRED
    assert len(wire.requests) == 1


def test_a_renderer_that_raises_holds_up_nobody(
    message: Message, memory: MemoryGateway, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """F6."""
    poison = another(message, 1, language="xx")
    usual = renderers.render

    def render(one: Message) -> renderers.Content:
        if one.language == "xx":
            raise ZeroDivisionError
        return usual(one)

    monkeypatch.setattr("messaging.delivery.sending.render", render)
    monkeypatch.setattr(renderers, "render", render)
    deliver(message.pk, poison.pk)
    assert reread(message).state == State.SENT
    assert (reread(poison).state, poison.tries) == (State.SENDING, 1)
    assert f"message {poison.pk} could not be sent" in caplog.text


# Gateways -------------------------------------------------------------------------------------------


def test_a_failure_goes_on_to_the_next_gateway(both: Wire, message: Message) -> None:
    """G-04, F28."""
    both.answers[TWILIO_HOST] = [refusal(20429, 429)]
    deliver(message.pk)
    assert (reread(message).state, message.gateway, message.tries) == (State.SENT, "sinch", 2)


def test_a_refusal_for_good_ends_the_message(both: Wire, message: Message) -> None:
    """G-03."""
    both.answers[TWILIO_HOST] = [refusal(21211, 400)]
    deliver(message.pk)
    assert (reread(message).state, message.fault, message.tries) == (State.FAILED, Fault.NUMBER, 1)
    assert len(both.requests) == 1


def test_an_open_circuit_is_passed_by(both: Wire, message: Message) -> None:
    """F35."""
    open_circuit("twilio")
    deliver(message.pk)
    assert (reread(message).state, message.gateway) == (State.SENT, "sinch")


def test_without_a_gateway_a_message_fails(message: Message, settings: Any) -> None:
    settings.SMS_GATEWAYS = []
    deliver(message.pk)
    assert (reread(message).state, message.error) == (State.FAILED, "no-gateway")


def test_what_is_no_token_by_sms_is_sent_too(message: Message) -> None:
    email = another(message, 1, channel="email", destination="bob@example.com")
    deliver(email.pk)
    assert (reread(email).state, email.gateway) == (State.SENT, "smtp")
    assert [entry["to"] for entry in outbox.entries()] == ["bob@example.com"]


class Held:
    """A gateway that answers when it is let."""

    name = "memory"

    def __init__(self) -> None:
        self.let_go = threading.Event()
        self.let_go_of: dict[int, threading.Event] = {}  # messages that it answers apart from the others
        self.called: list[int] = []
        self.error: Exception | None = None
        self.errors: dict[int, Exception] = {}

    def send(self, parcel: gateways.Parcel) -> str:
        self.called.append(parcel.message_id)
        assert self.let_go_of.get(parcel.message_id, self.let_go).wait(60)
        if error := self.errors.get(parcel.message_id, self.error):
            raise error
        return f"id-{parcel.message_id}"


@pytest.fixture
def held(memory: MemoryGateway, monkeypatch: pytest.MonkeyPatch) -> Held:
    gateway = Held()
    monkeypatch.setitem(gateways.GATEWAYS, "memory", lambda: gateway)
    gateways.gateway.cache_clear()
    return gateway


def test_a_call_that_hangs_is_given_up_and_its_late_end_is_no_news(message: Message, held: Held, settings: Any) -> None:
    """G-01, F26."""
    settings.GATEWAY_CAP_SECONDS = 0.05
    one = dispatcher()
    one.take(message.pk)
    finish(one)
    assert (reread(message).state, message.fault, message.error) == (State.SENDING, Fault.UNSURE, "TimeoutError")
    while not one.events.empty():
        one.turn()
    held.let_go.set()
    wait_for(lambda: not one.events.empty())
    one.turn()  # the late end
    assert (reread(message).state, message.gateway_id) == (State.SENDING, "")


def lose_the_claim(message: Message, held: Held) -> None:
    """Send a message whose lease runs out during the call, so that another worker claims it."""
    one = dispatcher()
    one.take(message.pk)
    one.turn()
    let_pass(16)
    assert leases.claim(message.pk)
    held.let_go.set()
    finish(one)


def test_who_lost_the_claim_records_nothing(message: Message, held: Held) -> None:
    """F12."""
    lose_the_claim(message, held)
    assert (reread(message).state, message.tries, message.gateway_id) == (State.SENDING, 2, "")


def test_who_lost_the_claim_does_not_fail_over(message: Message, held: Held, settings: Any, both: Wire) -> None:
    """F12."""
    settings.SMS_GATEWAYS = ["memory", "sinch"]
    held.error = gateways.GatewayError("busy", Fault.BUSY)
    lose_the_claim(message, held)
    assert both.requests == []
    assert (reread(message).state, message.tries) == (State.SENDING, 2)


def test_no_more_calls_at_once_than_allowed(message: Message, held: Held) -> None:
    """Q-02: the others stay in the queue, where another worker may claim them."""
    ids = crowd(message, 5)
    one = dispatcher(max_calls=2)
    one.take(*ids)
    one.turn()
    wait_for(lambda: len(held.called) == 2)
    assert sorted(Message.objects.values_list("tries", flat=True)) == [0, 0, 0, 1, 1]
    held.let_go.set()
    finish(one)
    assert sorted(held.called) == ids
    assert states() == {(State.SENT, 1)}


def test_some_are_claimed_ahead_so_that_a_call_that_ends_makes_room_at_once(
    message: Message, held: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatching, "READY_SECONDS", 30)  # a busy machine may need the second that ships
    ids = crowd(message, 20)
    held.let_go_of = {pk: threading.Event() for pk in ids}
    one = dispatcher(max_calls=16)
    one.take(*ids)
    one.turn()
    wait_for(lambda: len(held.called) == 16)
    assert len(one.ready) == 2
    assert sorted(Message.objects.values_list("tries", flat=True)) == [0] * 2 + [1] * 18
    held.let_go_of[held.called[0]].set()
    wait_for(lambda: not one.events.empty())
    one.turn()
    assert len(one.ready) == 2  # the call was followed by one that was ready, and that by one more
    assert Message.objects.filter(tries=0).count() == 1
    for let_go in held.let_go_of.values():
        let_go.set()
    finish(one)
    assert len(held.called) == len(set(held.called)) == 20
    assert states() == {(State.SENT, 1)}


@pytest.mark.parametrize("stopping", [False, True])
def test_what_was_claimed_ahead_in_vain_is_given_back(
    message: Message, held: Held, monkeypatch: pytest.MonkeyPatch, stopping: bool
) -> None:
    """Q-02, F4: while a gateway hangs, or this worker ends, another one may send it at once, with all of its tries."""
    monkeypatch.setattr(dispatching, "READY_SECONDS", 30)
    one = dispatcher(max_calls=8)
    one.take(*crowd(message, 9))
    one.turn()
    wait_for(lambda: len(held.called) == 8)
    ((claimed, content, _until),) = one.ready
    if not stopping:
        one.ready[0] = (claimed, content, 0)
    one.stopping = stopping
    held.let_go.set()
    finish(one)
    (left,) = Message.objects.exclude(state=State.SENT)
    assert (left.tries, left.pk in held.called) == (0, False)
    let_pass(1)  # its lease ends now; SQLite's clock may still show the same millisecond
    deliver(left.pk)
    assert states() == {(State.SENT, 1)}
    assert len(held.called) == 9


def test_what_a_gateway_took_is_recorded_although_the_next_call_cannot_begin(
    message: Message, held: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F1: else it would be sent again when its lease has run out."""
    one = dispatcher()
    one.take(message.pk)
    one.turn()
    monkeypatch.setattr(one, "_call_ready", mock.Mock(side_effect=RuntimeError("can't start new thread")))
    held.let_go.set()
    wait_for(lambda: not one.events.empty())
    one.turn()
    monkeypatch.undo()
    monkeypatch.setattr(dispatching, "close_old_connections", lambda: None)
    finish(one)
    assert states() == {(State.SENT, 1)}


def test_what_gateways_took_is_recorded_together_while_another_call_is_under_way(
    message: Message, held: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F1, O-22: neither each by itself, nor only when the slowest call has ended."""
    monkeypatch.setattr(dispatching, "RECORD_SECONDS", 30)
    sent = [another(message, 1).pk, another(message, 2).pk]
    held.let_go_of = {pk: threading.Event() for pk in sent}
    one = dispatcher()
    one.take(message.pk, *sent)
    one.turn()
    recorded_at = set()
    for pk in sent:
        held.let_go_of[pk].set()
        wait_for(lambda: not one.events.empty())
        one.turn()
        recorded_at.add(one.record_at)
    assert len(recorded_at) == 1  # the second one does not postpone the first
    assert states() == {(State.SENDING, 1)}
    one.record_at = 0  # the time has come
    one.turn()
    assert set(Message.objects.filter(state=State.SENT).values_list("pk", flat=True)) == set(sent)
    assert [call.message.pk for call in one.calls] == [message.pk]
    held.let_go.set()
    finish(one)


def test_a_mistake_in_one_call_loses_no_other(message: Message, held: Held, caplog: pytest.LogCaptureFixture) -> None:
    """F1, F6: else what the gateway took in the same moment would be sent again."""
    held.errors = {message.pk: ZeroDivisionError()}
    other = another(message, 1)
    one = dispatcher()
    one.take(message.pk, other.pk)
    one.turn()
    held.let_go.set()
    wait_for(lambda: all(call.future and call.future.done() for call in one.calls))
    finish(one)
    assert f"message {message.pk}: the answer of memory cannot be read" in caplog.text
    assert (reread(message).state, reread(other).state) == (State.SENDING, State.SENT)


def test_a_message_that_another_thread_has_sent_makes_room(message: Message) -> None:
    """Q-02."""
    emails = [another(message, number, channel="email", destination=f"{number}@example.com").pk for number in range(5)]
    one = dispatcher(max_calls=2)
    one.take(*emails)
    one.turn()
    while not one.events.empty():
        one.turn()
    assert set(Message.objects.filter(state=State.SENT).values_list("pk", flat=True)) == set(emails)


def test_too_many_calls_that_hang_are_a_fault_of_ours(
    message: Message, held: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    """G-01."""
    monkeypatch.setattr(gateways, "begin", mock.Mock(side_effect=TooManyCalls))
    deliver(message.pk)
    assert (reread(message).state, message.error, message.fault) == (State.SENDING, "TooManyCalls", Fault.OURS)


def test_a_claim_is_of_so_many_messages_at_most(
    message: Message, memory: MemoryGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatching, "MAX_CLAIMED", 2)
    claim = mock.Mock(side_effect=leases.claim_many)
    monkeypatch.setattr(leases, "claim_many", claim)
    deliver(*crowd(message, 5))
    assert [len(call.args[0]) for call in claim.call_args_list] == [2, 2, 1]
    assert len(memory.sent) == 5


def test_a_connection_that_broke_is_replaced_before_its_next_statement(
    message: Message, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F16: in the dispatcher's thread at each turn, in another thread before and after each message."""
    replaced = mock.Mock()
    monkeypatch.setattr(dispatching, "close_old_connections", replaced)
    one = dispatcher()
    one.events.put(None)
    one.turn()
    assert replaced.call_count == 1
    one.take(another(message, 1, channel="email", destination="bob@example.com").pk)
    one.turn()
    assert replaced.call_count == 4


def test_who_is_asked_to_stop_finishes_what_it_sends_and_begins_nothing(message: Message, held: Held) -> None:
    """F4."""
    ids = crowd(message, 3)
    one = dispatcher(max_calls=1)
    one.take(*ids)
    one.turn()
    one.stopping = True
    held.let_go.set()
    finish(one)
    assert len(held.called) == 1
    assert sorted(Message.objects.values_list("state", flat=True)) == [State.QUEUED, State.QUEUED, State.SENT]


# Everything beside a token by SMS -------------------------------------------------------------------


class Stuck(Executor):
    """Ends nothing that it is given, like a mail server that hangs."""

    def __init__(self) -> None:
        self.given: list[Future[Any]] = []

    def submit(self, work: Callable[..., Any], /, *args: Any, **options: Any) -> "Future[Any]":
        self.given.append(Future())
        return self.given[-1]


def emails(message: Message, count: int) -> list[int]:
    made = (another(message, 0, channel="email", destination=f"p{number}@example.com") for number in range(count))
    return [one.pk for one in made]


def test_emails_that_hang_hold_up_no_sms(message: Message, memory: MemoryGateway) -> None:
    """F36: a mail server that hangs leaves SMS as the way in, which its page offers; the rest stays in the queue."""
    letters, one = emails(message, 5), dispatcher(max_calls=2)
    one.pool = stuck = Stuck()  # type: ignore[assignment]
    one.take(*letters)
    one.turn()
    assert len(stuck.given) == 2
    one.take(message.pk)
    finish(one)
    assert reread(message).state == State.SENT
    assert sorted(Message.objects.filter(pk__in=letters).values_list("tries", flat=True)) == [0, 0, 0, 1, 1]
    stuck.given[0].set_result(None)
    one.events.put(None)
    one.turn()
    assert len(stuck.given) == 3


def test_sms_that_other_threads_send_count_among_the_calls(
    message: Message, memory: MemoryGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Q-02: as when a circuit is open, and each SMS goes by itself; the rest stays in the queue."""
    monkeypatch.setattr(together, "contents", lambda _claimed: {})
    ids, one = crowd(message, 5), dispatcher(max_calls=2)
    one.pool = stuck = Stuck()  # type: ignore[assignment]
    one.take(*ids)
    one.turn()
    assert len(stuck.given) == 2
    for given in stuck.given[:]:
        given.set_result(None)
        one.events.put(None)
    one.turn()
    assert len(stuck.given) == 4


def test_a_gateway_that_hangs_holds_up_no_email(message: Message, held: Held) -> None:
    """F26."""
    ids, one = crowd(message, 4), dispatcher(max_calls=2)
    one.take(*ids)
    one.turn()
    wait_for(lambda: len(held.called) == 2)
    (email,) = emails(message, 1)
    one.take(email)
    one.turn()
    assert Message.objects.get(pk=email).state == State.SENT
    held.let_go.set()
    finish(one)
    assert sorted(held.called) == ids
    assert states() == {(State.SENT, 1)}


def test_tokens_come_before_links_and_links_before_notices(message: Message, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever floods the queues of links and notices holds up no token."""
    sent: list[int] = []
    monkeypatch.setattr(sending, "send", lambda one: sent.append(one.pk))
    notice, link, token = emails(message, 3)
    one = dispatcher(max_calls=1)
    for queue, message_id in (("notices", notice), ("links", link), ("tokens", token)):
        one.take(message_id, queue=queue)
    finish(one)
    assert sent == [token, link, notice]


@pytest.mark.parametrize("queue", ["tokens", "notices"])
def test_a_flood_of_a_queue_takes_no_room_of_the_others(message: Message, queue: str) -> None:
    """What is not remembered is found by a look: tokens by the dispatcher's, the others by those of the watcher."""
    waiting = Waiting(2)
    assert waiting.add(queue, [1, 2])
    assert not waiting.add(queue, [3])
    assert waiting.add("links", [message.pk])
    assert sum(len(ids) for ids in waiting.queues.values()) == 3


@pytest.mark.parametrize("said", ["\ud800", "S\0M", "x" * 100, 7, {"a": 1}, None, "SM\u00e9\u202e"], ids=ascii)
def test_an_odd_id_of_a_gateway_is_recorded_and_costs_the_others_nothing(
    message: Message, memory: MemoryGateway, said: Any
) -> None:
    """F1: a lone surrogate ended the record of every message that was recorded with it, and all of them left again."""
    usual, others = memory.send, crowd(another(message, 1), 3)

    def send(parcel: gateways.Parcel) -> Any:
        return usual(parcel) and said if parcel.message_id == message.pk else usual(parcel)

    memory.send = send  # type: ignore[method-assign]
    deliver(message.pk, *others)
    assert states() == {(State.SENT, 1)}
    kept = reread(message).gateway_id
    assert kept.isascii()
    assert len(kept) <= 64
    assert all(one.gateway_id for one in Message.objects.exclude(pk=message.pk))


def test_an_answer_that_cannot_be_read_is_a_fault_of_the_gateway(message: Message, memory: MemoryGateway) -> None:
    """F29: the next try, or another gateway, follows as after a time-out."""
    memory.send = mock.Mock(side_effect=RecursionError)  # type: ignore[method-assign]
    deliver(message.pk)
    assert (reread(message).state, message.fault, message.error) == (State.SENDING, Fault.UNSURE, "RecursionError")


# The database is the queue ----------------------------------------------------------------------------


def test_beyond_what_it_remembers_it_asks_the_database(
    message: Message, memory: MemoryGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatching, "MAX_WAITING", 2)
    monkeypatch.setattr(looks, "LIMIT", 1)
    looks.WAITING.built = None
    one = dispatcher()
    one.take(*crowd(message, 6))
    finish(one)
    looks.WAITING.built = None
    assert len(memory.sent) == 6
    assert not one.more
    assert states() == {(State.SENT, 1)}


def test_messages_that_another_worker_has_are_not_asked_for_again_and_again(
    message: Message, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looks, "LIMIT", 1)
    looks.WAITING.built = None
    monkeypatch.setattr(leases, "claim_many", lambda _ids, _channel: [])
    one = dispatcher()
    one.take(message.pk, more=True)
    one.turn()
    looks.WAITING.built = None
    assert not one.more


def test_a_look_leaves_tokens_to_the_dispatcher_and_notices_to_its_own_threads(
    message: Message, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Q-02: a hundred thousand notices do not stand before a token."""
    silent = AuditEvent.objects.filter(action=Action.SIGN_IN_PENDING).latest("pk")  # nobody is notified of it
    notice = another(message, 1, kind="notice", subject_id=silent.pk, expires_at=None)
    one = dispatcher()
    monkeypatch.setattr(dispatching, "_running", one)
    flows.deliver_pending(by="worker")
    assert (reread(message).state, reread(notice).state) == (State.QUEUED, State.EXPIRED)
    finish(one)
    assert reread(message).state == State.SENT


def test_a_dispatcher_that_looks_by_itself_takes_tokens_only_and_looks_once(
    message: Message, memory: MemoryGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Q-02."""
    notice = another(message, 1, kind="notice", expires_at=None)
    look = mock.Mock(side_effect=looks.WAITING.run)
    monkeypatch.setattr(looks, "WAITING", SimpleNamespace(run=look))
    one = dispatcher()
    one.take(more=True)
    finish(one)
    assert (reread(message).state, reread(notice).state) == (State.SENT, State.QUEUED)
    assert look.call_count == 1  # it found fewer than the limit of a look


def test_ids_that_cannot_be_claimed_hide_no_message_that_waits(message: Message, memory: MemoryGateway) -> None:
    one = dispatcher()
    one.take(message.pk + 1000, more=True)
    finish(one)
    assert reread(message).state == State.SENT


def test_what_cannot_be_recorded_together_is_recorded_one_by_one(
    message: Message, memory: MemoryGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "note_many_sent", mock.Mock(side_effect=DatabaseError))
    deliver(*crowd(message, 3))
    assert len(memory.sent) == 3
    assert states() == {(State.SENT, 1)}


@pytest.mark.parametrize(
    ("error", "said"),
    [(OperationalError("gone"), "the database does not answer"), (ZeroDivisionError(), "messages could not be sent")],
    ids=str,
)
def test_neither_an_outage_nor_a_mistake_ends_it(
    message: Message,
    memory: MemoryGateway,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
    said: str,
) -> None:
    """F16: the next look announces the message again."""
    one = dispatcher()
    with monkeypatch.context() as patch, caplog.at_level(logging.WARNING):
        patch.setattr(leases, "claim_many", mock.Mock(side_effect=error))
        one.take(message.pk)
        one.turn()
    assert said in caplog.text
    one.take(message.pk)
    finish(one)
    assert len(memory.sent) == 1


# Wake-ups ---------------------------------------------------------------------------------------------


@pytest.fixture
def consumer() -> Any:
    """Return as much of a worker's consumer as Celery's own strategy asks for."""
    made = mock.MagicMock(hostname="here", disable_rate_limits=True)
    made.event_dispatcher.enabled = False
    return made


def wake_up(payload: Any) -> Any:
    return SimpleNamespace(payload=payload, delivery_info={"exchange": "", "routing_key": "links"})


def test_a_wake_up_goes_straight_to_the_dispatcher(consumer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """J-03, F9: and is acknowledged at once."""
    one = dispatcher()
    monkeypatch.setattr(dispatching, "_running", one)
    receive = tasks.deliver.start_strategy(tasks.deliver.app, consumer)
    acknowledge = mock.Mock()
    receive(wake_up([[7], {}, {"callbacks": None}]), None, acknowledge, None, [])
    assert one.events.get_nowait() == ("links", 7)
    acknowledge.assert_called_once()
    consumer.on_task_request.assert_not_called()


@pytest.mark.parametrize(
    "payload", [[["7"], {}, {}], [[0], {}, {}], [[2**63], {}, {}], [[7, 8], {}, {}], {"args": [7]}, []], ids=str
)
def test_another_message_is_left_to_celery(consumer: Any, monkeypatch: pytest.MonkeyPatch, payload: Any) -> None:
    one = dispatcher()
    monkeypatch.setattr(dispatching, "_running", one)
    usual = mock.Mock()
    monkeypatch.setattr("celery.worker.strategy.default", lambda *_args: usual)
    tasks.deliver.start_strategy(tasks.deliver.app, consumer)(wake_up(payload), None, None, None, [])
    usual.assert_called_once()
    assert one.events.empty()


def test_without_a_dispatcher_a_task_sends_by_itself(message: Message, memory: MemoryGateway, consumer: Any) -> None:
    usual = mock.Mock()
    with mock.patch("celery.worker.strategy.default", return_value=usual):
        tasks.deliver.start_strategy(tasks.deliver.app, consumer)(wake_up([[7], {}, {}]), None, None, None, [])
    usual.assert_called_once()
    tasks.deliver(message.pk)
    assert len(memory.sent) == 1
