"""Delivery on PostgreSQL, a broker, one worker process and a slow gateway.   python -m benchmarks.delivery

How long the browser waits for "send me the token" whatever the gateway takes; how long it takes from the click, in the
client, to the gateway's socket, one at a time and at 20 clicks a second; how many such requests a second eight clients
can make; and how many tokens a second one worker process sends. Bounded (four minutes), loopback only. The first clicks
of fresh processes are listed apart, because they import, compile and connect.
"""

import itertools
import signal
import statistics
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

from benchmarks.processes import cpu_seconds, memory
from benchmarks.soak.installation import fill
from tests.services import seed
from tests.services.browser import Browser
from tests.services.parts import Broker, Postgres
from tests.services.portal import Portal
from tests.services.programs import Program, free_port, listens, module, wait_for

COLD, CLICKS, SLOW_CLICKS = 10, 150, 40
BURST, PER_SECOND = 200, 20
CLIENTS = 8
TOKENS = 1500
THREADS = 64
GATEWAY_SECONDS = 0.3
PEOPLE = 1200

FILL = """
from django.db import transaction
from accounts.models import User
from messaging.delivery.models import Message
from messaging.database import clock_plus
from twofactor.models import Challenge, PendingSignIn
people = list(User.objects.filter(username__startswith="u").select_related("phone_device"))
pending = [PendingSignIn(user=people[n % len(people)], session_hash=f"{n:064x}", auth_hash="-",
           expires_at=clock_plus(600)) for n in range(TOKENS)]
PendingSignIn.objects.bulk_create(pending, batch_size=1000)
from django.conf import settings
from twofactor.tokens import derive
challenges = Challenge.objects.bulk_create([Challenge(user=p.user, pending_sign_in=p, purpose="login",
    channel="sms", destination=p.user.phone_device.number, nonce=derive.new_nonce(),
    key_id=derive.key_id(settings.TOKEN_KEY), expires_at=clock_plus(180)) for p in pending], batch_size=1000)
messages = Message.objects.bulk_create([Message(channel="sms", destination=c.destination, kind="token",
    subject_id=c.pk, language="pt-br", expires_at=clock_plus(180)) for c in challenges], batch_size=1000)
from messaging.delivery import wakeup
for message in messages:
    wakeup.send(message.pk, queue="tokens")
"""


@dataclass
class SlowGateway:
    """The gateway, for the portal and for the benchmark."""

    url: str
    notes: Path

    def arrivals(self) -> dict[str, float]:
        """Return when the request for each number arrived, in seconds since 1970."""
        lines = (line.split() for line in self.notes.read_text().splitlines())
        return {number: float(at) for at, number in lines}


@contextmanager
def gateway(folder: Path, seconds: float) -> Iterator[SlowGateway]:
    port = free_port()
    notes = folder / f"gateway-{port}.notes"
    command = module("benchmarks.slow_gateway", str(port), str(seconds), notes)
    program = Program(*command, log=folder / f"gateway-{port}.log")
    program.start(lambda: listens(port))
    try:
        yield SlowGateway(f"http://127.0.0.1:{port}", notes)
    finally:
        program.kill()


def milliseconds(values: list[float]) -> str:
    ordered = sorted(values)
    p99 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
    return f"ms  p50 {statistics.median(ordered) * 1000:6.1f}   p99 {p99 * 1000:6.1f}"


@dataclass
class Click:
    """A person one click before the token."""

    browser: Browser
    captcha: str
    at: float = 0
    wait: float = 0

    @classmethod
    def ready(cls, portal: Portal) -> "Click":
        """Sign in up to the solved captcha."""
        browser = portal.member()
        browser.post_password()
        return cls(browser, browser.captcha("/entrar/canal/"))

    def press(self) -> "Click":
        """Press the button; record when, and how long the browser waited for the answer."""
        self.at, began = time.time(), time.perf_counter()
        answer = self.browser.post_at_once("/entrar/canal/", channel="sms", altcha=self.captcha)
        self.wait = time.perf_counter() - began
        assert answer.status_code == 302, answer.status_code
        return self


def to_gateway(slow: SlowGateway, clicks: list[Click]) -> list[float]:
    """Return the seconds from each click to the gateway, once all have arrived."""
    numbers = {click.browser.number for click in clicks}
    wait_for(lambda: numbers <= slow.arrivals().keys(), 60, meaning="all tokens at the gateway")
    arrivals = slow.arrivals()
    return [arrivals[click.browser.number] - click.at for click in clicks]


def measure_clicks(portal: Portal, slow: SlowGateway, seconds: float) -> None:
    """Click one after the other."""
    cold = [Click.ready(portal).press() for _ in range(COLD)]
    clicks = [Click.ready(portal).press() for _ in range(CLICKS if seconds <= GATEWAY_SECONDS else SLOW_CLICKS)]
    if seconds == 0:
        print(f"click -> gateway, gateway at once               {milliseconds(to_gateway(slow, clicks))}")
        print(f"  the first {COLD} of fresh processes                {milliseconds(to_gateway(slow, cold))}")
    print(f"the send request, gateway takes {seconds:5.1f} s         {milliseconds([click.wait for click in clicks])}")


def measure_a_crowd(portal: Portal, slow: SlowGateway) -> None:
    """Click twenty times a second, whatever the answers take; then as fast as eight clients can."""
    steady, fast = ([Click.ready(portal) for _ in range(BURST)] for _ in range(2))
    with ThreadPoolExecutor(40) as pool:
        began = time.perf_counter()
        for number, click in enumerate(steady):
            time.sleep(max(0, began + number / PER_SECOND - time.perf_counter()))
            pool.submit(click.press)
    spans = milliseconds(to_gateway(slow, steady))
    print(f"click -> gateway, {PER_SECOND} clicks/s, gateway {GATEWAY_SECONDS} s       {spans}")
    began = time.perf_counter()
    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(Click.press, fast))
    rate = BURST / (time.perf_counter() - began)
    print(f"send requests a second, {CLIENTS} clients, gateway {GATEWAY_SECONDS} s  {rate:.0f}", flush=True)
    to_gateway(slow, fast)


def sent(portal: Portal) -> int:
    """Return how many tokens a gateway took."""
    ((count,),) = portal.database.rows("SELECT count(*) FROM delivery_message WHERE kind = 'token' AND state = 'sent'")
    return int(count)


def has_sent(portal: Portal, tokens: int) -> bool:
    """Tell whether so many tokens are sent; not often, because asking costs time that is measured."""
    time.sleep(0.5)
    return sent(portal) >= tokens


@dataclass
class WorkerFigures:
    """The results of one worker process."""

    threads: int
    a_second: float  # tokens
    milliseconds: float  # of CPU, a token
    pss: float  # MiB

    @property
    def share(self) -> float:
        """Return the part of the tokens that so many threads could send if only the gateway took time."""
        return self.a_second * GATEWAY_SECONDS / self.threads


def measure_worker(portal: Portal, threads: int, tokens: int) -> WorkerFigures:
    """Let one worker send the messages that wait."""
    worker = portal.start_worker(threads)
    assert worker.process
    pid = worker.process.pid
    before = cpu_seconds(pid)
    worker.signal(signal.SIGSTOP)  # else the worker would be limited by the clients that fill its queue
    filled = portal.manage("shell", "-c", FILL.replace("TOKENS", str(tokens)))
    assert filled.returncode == 0, filled.stderr
    worker.signal(signal.SIGCONT)
    wait_for(lambda: has_sent(portal, tokens), 150, meaning="all tokens sent")
    used = cpu_seconds(pid) - before
    ((seconds,),) = portal.database.rows("SELECT EXTRACT(EPOCH FROM MAX(sent_at) - MIN(sent_at)) FROM delivery_message")
    return WorkerFigures(threads, (tokens - threads) / float(seconds), used / tokens * 1000, memory(pid)[2])


def report_worker(found: WorkerFigures) -> None:
    name = f"one worker, {found.threads} threads, gateway {GATEWAY_SECONDS} s"
    print(f"{name}: {found.a_second:.0f} tokens/s, {found.share:.0%} of")
    print(f"  the limit, {found.milliseconds:.1f} ms CPU a token, {found.pss:.0f} MiB (PSS)", flush=True)


class Bench:
    """PostgreSQL with a seeded database, and a fresh installation for each measurement."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.postgres = Postgres(folder / "postgres")
        fill(self.postgres.create("seed").url, folder / "var", PEOPLE)
        self.runs = 0

    @contextmanager
    def portal(self, seconds: float) -> Iterator[tuple[Portal, SlowGateway]]:
        """Yield an installation with a gateway that takes ``seconds``; nothing of it runs yet."""
        self.runs += 1
        Portal.members = itertools.count()
        with gateway(self.folder, seconds) as slow:
            portal = Portal(
                self.folder / f"portal-{self.runs}",
                database=self.postgres.create(f"bench{self.runs}", like="seed"),
                broker=Broker(self.folder / f"broker-{self.runs}"),
                own_broker=True,
                twilio=slow,  # type: ignore[arg-type]
                mail=SimpleNamespace(port=1),  # type: ignore[arg-type]
                VAR_DIR=str(self.folder / "var"),
            )
            try:
                yield portal, slow
            finally:
                portal.stop()

    def run(self) -> None:
        for seconds in (0.0, GATEWAY_SECONDS, 3.0, 60.0):
            with self.portal(seconds) as (portal, slow):
                portal.start_web(workers=2)
                portal.start_worker(THREADS)
                measure_clicks(portal, slow, seconds)
                if seconds == GATEWAY_SECONDS:
                    measure_a_crowd(portal, slow)
        with self.portal(GATEWAY_SECONDS) as (portal, slow):
            report_worker(measure_worker(portal, THREADS, TOKENS))


@contextmanager
def bench() -> Iterator[Bench]:
    """Yield what all measurements share, in a temporary folder."""
    seed.ENROLLED = PEOPLE
    with tempfile.TemporaryDirectory(prefix="messaging-bench-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        made = Bench(folder)
        try:
            yield made
        finally:
            made.postgres.stop()


def main() -> None:
    with bench() as made:
        made.run()


if __name__ == "__main__":
    main()
