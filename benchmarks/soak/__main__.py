"""A thousand people sign in while everything fails in turn.   python -m benchmarks.soak [--people N] [--at-once M]

PostgreSQL, Redis, gunicorn, a Celery worker, the poller and a fake Twilio that fails one call in five, all started here
on loopback ports and stopped again. Redis is frozen, killed and emptied in turn, the worker group is killed five times.
Each person has to get one working token within its life, or a page that says why not; never two messages with different
digits; nobody may be in without a token. Writes its report into docs/faults.md; ends with 1 if a promise was broken.
"""

import argparse
import random
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from benchmarks.soak.installation import installation
from benchmarks.soak.people import Person, Run, look_back, sign_in
from benchmarks.soak.report import FAILURES, report, write
from tests.services import seed
from tests.services.portal import Portal

WEIGHTS = {"slow": 80, **FAILURES}
KILLS = 5
OUTAGE, CALM = 6.0, 8.0  # seconds that Redis is away, and seconds between two outages
LONGEST_RUN = 900.0
SENDING = "SELECT count(*) FROM delivery_message WHERE state = 'sending' AND leased_until > now() + interval '5 s'"


def freeze(portal: Portal, over: threading.Event) -> None:
    portal.broker.program.signal(signal.SIGSTOP)
    over.wait(OUTAGE)
    portal.broker.program.signal(signal.SIGCONT)


def kill(portal: Portal, over: threading.Event) -> None:
    portal.broker.program.kill()
    over.wait(OUTAGE)
    portal.broker.start()


def empty(portal: Portal, over: threading.Event) -> None:
    client = portal.broker.client()
    client.flushall()
    client.close()


BROKER_FAULTS: dict[str, Callable[[Portal, threading.Event], None]] = {
    "Redis frozen (SIGSTOP)": freeze,
    "Redis killed, back empty": kill,
    "Redis emptied (FLUSHALL)": empty,
}


def torment_broker(run: Run) -> None:
    while not run.over.wait(CALM):
        what, fault = list(BROKER_FAULTS.items())[sum("Redis" in what for _, what in run.faults) % len(BROKER_FAULTS)]
        run.note(what)
        fault(run.portal, run.over)


def torment_worker(run: Run) -> None:
    """Kill the worker group each time another sixth of the people has begun; start it again as a supervisor does."""
    worker = run.portal.start_worker(64)
    for number in range(1, KILLS + 1):
        while run.started < number * len(run.people) / (KILLS + 1):
            if run.over.wait(0.1):
                return
        ((sending,),) = run.portal.database.rows(SENDING)
        worker.kill()
        run.note(f"worker group killed (SIGKILL), {number} of {KILLS}, while {sending} messages were being sent")
        worker = run.portal.start_worker(64, ready=False)


def soak(portal: Portal, people: int, at_once: int) -> Run:
    dice = random.Random(20_240)
    run = Run(portal, [Person(portal.member()) for _ in range(people)])
    for person in run.people:
        answers = dice.choices(list(WEIGHTS), list(WEIGHTS.values()), k=4)
        portal.twilio.will_answer(person.browser.number, *answers)
    torments = [threading.Thread(target=torment, args=[run]) for torment in (torment_worker, torment_broker)]
    for thread in torments:
        thread.start()
    stopper = threading.Timer(LONGEST_RUN, run.stop.set)
    stopper.start()
    with ThreadPoolExecutor(at_once) as pool:
        list(pool.map(partial(sign_in, run), run.people))
    stopper.cancel()
    run.seconds = time.time() - run.began
    run.over.set()
    for thread in torments:
        thread.join()
    for person in run.people:
        look_back(portal, person)
    run.intruders = len(portal.intruders())
    return run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=1000)
    parser.add_argument("--at-once", type=int, default=30)
    parser.add_argument("--no-report", action="store_true", help="print the report, leave docs/faults.md alone")
    options = parser.parse_args()
    people, at_once = min(options.people, 5000), min(options.at_once, 40)
    seed.ENROLLED = people
    with installation(people) as portal:
        run = soak(portal, people, at_once)
        text, kept = report(run, f"python -m benchmarks.soak --people {people} --at-once {at_once}")
    print(f"\n{text}")
    if not options.no_report:
        write(text)
    raise SystemExit(0 if kept else 1)


if __name__ == "__main__":
    main()
