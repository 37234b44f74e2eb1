"""Delivery on PostgreSQL, a broker, one worker process and a slow gateway.   python -m benchmarks.delivery

Three figures: how long the browser waits for "send me the token" whatever the gateway takes; how long from the
click to the gateway; and how many tokens a second one worker process sends. Bounded, loopback only.
"""

import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tests.services.conftest import fill
from tests.services.parts import Broker, Postgres
from tests.services.portal import Portal
from tests.services.programs import Program, free_port, listens, module, wait_for

CLICKS = 40
TOKENS = 1500
THREADS = 64
GATEWAY_SECONDS = 0.3

FILL = """
from django.db import transaction
from accounts.models import User
from messaging.delivery.models import Message
from messaging.database import clock_plus
from twofactor.models import Challenge, PendingSignIn
people = list(User.objects.filter(username__startswith="u").select_related("phone_device"))
pending = [PendingSignIn(user=people[n % len(people)], session_hash=f"{n:064x}", auth_hash="-",
           expires_at=clock_plus(600)) for n in range(TOKENS)]
PendingSignIn.objects.bulk_create(pending)
from django.conf import settings
from twofactor import tokens
challenges = Challenge.objects.bulk_create([Challenge(user=p.user, pending_sign_in=p, purpose="login",
    channel="sms", destination=p.user.phone_device.number, nonce=tokens.new_nonce(),
    key_id=tokens.key_id(settings.TOKEN_KEY), expires_at=clock_plus(180)) for p in pending])
messages = Message.objects.bulk_create([Message(channel="sms", destination=c.destination, kind="token",
    subject_id=c.pk, language="pt-br", expires_at=clock_plus(180)) for c in challenges])
from messaging.delivery import doorbell
for message in messages:
    doorbell.ring(message.pk, queue="tokens", expires_in=180)
"""


@contextmanager
def gateway(folder: Path, seconds: float) -> Iterator[Any]:
    port = free_port()
    program = Program(*module("benchmarks.slow_gateway", str(port), str(seconds)), log=folder / f"gateway-{port}.log")
    program.start(lambda: listens(port))
    yield SimpleNamespace(url=f"http://127.0.0.1:{port}")
    program.kill()


def milliseconds(values: list[float]) -> str:
    ordered = sorted(values)
    p99 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
    return f"p50 {statistics.median(ordered) * 1000:6.1f}   p99 {p99 * 1000:6.1f}"


def click(portal: Portal) -> float:
    """Sign in up to the captcha, press the button, and return the seconds the browser waited for the answer."""
    visitor = portal.member()
    visitor.post_password()
    captcha = visitor.captcha("/entrar/canal/")
    began = time.perf_counter()
    answer = visitor.post_at_once("/entrar/canal/", channel="sms", altcha=captcha)
    assert answer.status_code == 302, answer.status_code
    return time.perf_counter() - began


def spans(portal: Portal) -> list[float]:
    """Return the seconds from each message's row to the gateway's answer."""
    rows = portal.database.rows(
        "SELECT EXTRACT(EPOCH FROM sent_at - created_at) FROM delivery_message WHERE kind = 'token' AND state = 'sent'"
    )
    return [float(row[0]) for row in rows]


def measure_clicks(portal: Portal, seconds: float) -> None:
    waits = [click(portal) for _ in range(CLICKS)]
    if seconds == 0:
        wait_for(lambda: len(spans(portal)) >= CLICKS, 30, meaning="all tokens at the gateway")
        print(f"click -> gateway's answer, gateway at once   ms  {milliseconds(spans(portal))}")
    print(f"the send request, gateway takes {seconds:5.1f} s        ms  {milliseconds(waits)}")


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


def measure_worker(portal: Portal) -> None:
    worker = portal.start_worker(THREADS)
    assert worker.process
    pid = worker.process.pid
    before = cpu_seconds(pid)
    worker.signal(signal.SIGSTOP)  # else the worker waits for whoever fills its queue
    portal.manage("shell", "-c", FILL.replace("TOKENS", str(TOKENS)))
    worker.signal(signal.SIGCONT)
    wait_for(lambda: len(spans(portal)) >= TOKENS, 120, meaning="all tokens sent")
    ((seconds,),) = portal.database.rows("SELECT EXTRACT(EPOCH FROM MAX(sent_at) - MIN(sent_at)) FROM delivery_message")
    rate, limit = (TOKENS - THREADS) / float(seconds), THREADS / GATEWAY_SECONDS
    pss = next(
        int(line.split()[1]) / 1024
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        if line.startswith("Pss:")
    )
    print(f"one worker, {THREADS} threads, gateway {GATEWAY_SECONDS} s: {rate:.0f} tokens/s, {rate / limit:.0%} of")
    print(f"  the limit, {(cpu_seconds(pid) - before) / TOKENS * 1000:.1f} ms CPU a token, {pss:.0f} MiB (PSS)")


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="messaging-bench-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        postgres = Postgres(folder / "postgres")
        fill(postgres.create("seed").url, folder / "var")
        mail = SimpleNamespace(port=1)
        for number, seconds in enumerate((0.0, GATEWAY_SECONDS, 3.0, 60.0, GATEWAY_SECONDS)):
            broker = Broker(folder / f"broker-{number}")
            with gateway(folder, seconds) as slow:
                portal = Portal(
                    folder / f"portal-{number}",
                    database=postgres.create(f"bench{number}", like="seed"),
                    broker=broker,
                    own_broker=True,
                    twilio=slow,
                    mail=mail,  # type: ignore[arg-type]
                    VAR_DIR=str(folder / "var"),
                )
                try:
                    if number < 4:
                        portal.start_web(workers=2)
                        portal.start_worker(THREADS)
                        measure_clicks(portal, seconds)
                    else:
                        measure_worker(portal)
                finally:
                    portal.stop()
        postgres.stop()


if __name__ == "__main__":
    sys.exit(main())
