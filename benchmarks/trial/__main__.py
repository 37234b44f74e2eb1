"""The portal of docs/operations.md through what a year brings, with sign-ins.  python -m benchmarks.trial [--redis 600]

Without Docker: gunicorn, workers, Redis and PostgreSQL of its own on loopback, begun with the last release. Two people
at a time sign in by SMS all the while. Then: the upgrade to this release, the audit log turned into months, Redis, mail
and PostgreSQL away for a while, each worker killed, both keys rotated, a backup restored. Writes its report into
docs/faults.md, and ends with 1 if a promise broke. ``--redis 20 --mail 10 --postgres 10`` is a run for CI.
"""

import argparse
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import requests

from benchmarks.trial.load import Load, Phase
from benchmarks.trial.report import COMMIT, line, percentile, report, write
from tests.services import seed
from tests.services.parts import Broker, Postgres
from tests.services.portal import GUNICORN, Mail, Portal, Release, Twilio, manage
from tests.services.programs import BASE_DIR, Program, wait_for
from tests.services.visitor import location

PEOPLE = 2500  # seeded
CALM = 8.0  # seconds of each phase at least
MOST_SECONDS = 5.0  # from the click to the gateway, 99 % (Q-07)


@dataclass
class Trial:
    """One installation, and what is done to it."""

    portal: Portal
    postgres: Postgres
    listener: socket.socket
    options: argparse.Namespace
    phases: list[Phase] = field(default_factory=list)
    load: Load | None = None

    @contextmanager
    def phase(self, name: str, promise: str) -> Iterator[Phase]:
        assert self.load
        phase = Phase(name, promise)
        self.load.phases.append(phase)
        self.phases.append(phase)
        print(f"{name} …", flush=True)
        yield phase
        time.sleep(max(0.0, CALM - (time.monotonic() - phase.began)))
        phase.seconds = time.monotonic() - phase.began
        print(line(phase), *phase.broken, flush=True)

    def web(self, release: Release | None = None) -> Program:
        """Start gunicorn on the socket that outlives each of them, as systemd's socket units do."""
        before = ["--worker-class", "gthread", "--threads", "8", "--no-control-socket"]
        how = before if release else ["--config", "python:messaging.gunicorn"]
        how += ["--workers", "2", "--bind", f"fd://{self.listener.fileno()}"]
        web = self.portal.program("web", GUNICORN, *how, "messaging.wsgi", release=release)
        web.pass_fds = (self.listener.fileno(),)
        web.start()
        wait_for(lambda: "Booting worker" in web.written(), 30, meaning="a new gunicorn")
        time.sleep(3)  # its processes load the portal
        return web


def run(trial: Trial, release: Release) -> None:
    portal = trial.portal
    web = trial.web(release)
    wait_for(lambda: requests.get(f"{portal.base}/healthz", timeout=30).ok, 30)
    workers = [portal.start_worker(release=release), portal.start_worker(release=release)]
    trial.load = Load(portal)
    time.sleep(3)
    try:
        web = upgrade(trial, release, web, workers)
        by_months(trial)
        without_redis(trial)
        without_mail(trial)
        without_postgres(trial)
        without_a_worker(trial, workers)
        rotate(trial, web, workers)
    finally:
        trial.load.stop()
    restore(trial)


def upgrade(trial: Trial, release: Release, web: Program, workers: list[Program]) -> Program:
    portal = trial.portal
    with trial.phase("nothing", "the last release, all is well") as phase:
        pass
    calm(phase)
    with trial.phase("upgrade from the last release", "no request fails") as phase:
        done = portal.manage("migrate")
        phase.expect(done.returncode == 0, done.stderr)
        new = trial.web()
        web.ask_to_stop()
        phase.expect(web.ended(60) == 0, "the old gunicorn did not end well")
        replace(trial, workers)
    calm(phase)
    return new


def calm(phase: Phase) -> None:
    phase.expect(phase.failed == 0, f"requests failed: {dict(phase.statuses)}")
    phase.expect(phase.signed_in and not phase.given_up, f"{phase.signed_in} signed in, {phase.given_up} gave up")


def replace(trial: Trial, workers: list[Program]) -> None:
    """Start each worker anew, one after the other."""
    for number, worker in enumerate(list(workers)):
        new = trial.portal.start_worker()
        worker.ask_to_stop()
        worker.ended(40)
        workers[number] = new


def by_months(trial: Trial) -> None:
    with trial.phase("the audit log by months", "no request fails") as phase:
        done = trial.portal.manage("partition_audit")
        phase.expect(done.returncode == 0, done.stderr)
    calm(phase)


def without_redis(trial: Trial) -> None:
    seconds = trial.options.redis
    promise = f"everybody gets in; click to gateway, 99 %: ≤ {MOST_SECONDS:g} s"
    with trial.phase(f"Redis away for {seconds:g} s", promise) as phase:
        trial.portal.broker.program.kill()
        time.sleep(seconds)
        trial.portal.broker.start()
    calm(phase)
    worst = percentile(phase.clicks, 0.99)
    phase.expect(worst <= MOST_SECONDS, f"click to gateway {worst:.1f} s")


def without_mail(trial: Trial) -> None:
    seconds, portal = trial.options.mail, trial.portal
    with trial.phase(f"the mail server away for {seconds:g} s", "told on the page; SMS and all pages go on") as phase:
        portal.mail.program.kill()
        visitor = portal.member()
        location(visitor.post_password())
        location(visitor.post_channel("email"))
        phase.expect(visitor.wait_for_status("failed", 60), "nobody was told")
        phase.expect(not visitor.is_in(), "in without a token")
        time.sleep(seconds)
        portal.mail.start()
    calm(phase)


def without_postgres(trial: Trial) -> None:
    seconds = trial.options.postgres
    promise = "503 and nothing else, nobody gets in, then all is well"
    with trial.phase(f"PostgreSQL away for {seconds:g} s", promise) as phase:
        trial.postgres.crash()
        time.sleep(seconds)
        trial.postgres.start()
    phase.expect(phase.statuses["503"], "nobody was told")
    odd = {status for status in phase.statuses if status not in {"200", "302", "503", "400", "403"}}
    phase.expect(not odd, f"answers {odd}")
    with trial.phase("after it", "no request fails") as after:
        pass
    calm(after)


def without_a_worker(trial: Trial, workers: list[Program]) -> None:
    promise = "everybody gets in; what was being sent comes within 20 s"
    with trial.phase("each of two workers killed (SIGKILL)", promise) as phase:
        for number in range(len(workers)):
            workers[number].kill()
            time.sleep(5)
            workers[number] = trial.portal.start_worker()
    calm(phase)


def rotate(trial: Trial, web: Program, workers: list[Program]) -> None:
    """As docs/operations.md says: workers first."""
    env = trial.portal.env
    with trial.phase("both keys rotated", "no request fails, nobody is signed out") as phase:
        before = trial.portal.member()
        location(before.ask_for_sms().post_token(trial.portal.token(before)))
        env["TOKEN_KEY_PREVIOUS"], env["SECRET_KEY_FALLBACKS"] = env["TOKEN_KEY"], env["SECRET_KEY"]
        env["TOKEN_KEY"], env["SECRET_KEY"] = env["TOKEN_KEY"][::-1], env["SECRET_KEY"][::-1]
        replace(trial, workers)
        trial.web()
        web.ask_to_stop()
        web.ended(60)
        phase.expect(before.is_in(), "a session ended")
    # A captcha that was on a page under the old key is refused, and whoever has it gets another one.
    phase.expect(phase.failed == 0, f"requests failed: {dict(phase.statuses)}")
    phase.expect(phase.signed_in > phase.given_up, f"{phase.signed_in} signed in, {phase.given_up} gave up")


def restore(trial: Trial) -> None:
    """Restore a backup into another database, and let people in there."""
    portal = trial.portal
    phase = Phase("a backup restored, after_restore", "nobody is in any more, people sign in, the audit log only grows")
    trial.phases.append(phase)
    phase.expect(not portal.intruders(), "in without a token")
    old = portal.member()
    location(old.ask_for_sms().post_token(portal.token(old)))
    put_back(trial, phase)
    phase.expect(not old.is_in(), "a session of the backup is open")
    visitor = portal.member()
    location(visitor.ask_for_sms().post_token(portal.token(visitor)))
    phase.expect(visitor.is_in(), "nobody gets in")
    phase.expect(only_grows(portal), "the audit log forgets")
    phase.signed_in, phase.seconds = 1, time.monotonic() - phase.began
    print(line(phase), *phase.broken, flush=True)


def put_back(trial: Trial, phase: Phase) -> None:
    """Stop everything, and start it on a copy of the backup, as docs/operations.md says."""
    portal, server = trial.portal, trial.postgres
    for program in portal.programs:
        program.stop(20)
    server.restore(server.dump("trial"), "restored")
    portal.database = server.database("restored")
    portal.env["DATABASE_URL"] = portal.database.url
    done = manage(portal.env, "after_restore")
    phase.expect(done.returncode == 0, done.stderr)
    trial.web()
    portal.start_worker()


def only_grows(portal: Portal) -> bool:
    try:
        portal.database.rows("DELETE FROM accounts_auditevent RETURNING id")
    except psycopg.errors.IntegrityConstraintViolation:
        return True
    return False


# The run ----------------------------------------------------------------------------------------


def last_release(folder: Path, env: dict[str, str]) -> Release:
    """Return the code of the last release, with its database filled and its static files collected."""
    code = folder / "last-release"
    code.mkdir()
    archive = subprocess.run(["git", "-C", BASE_DIR, "archive", COMMIT], check=True, capture_output=True).stdout
    subprocess.run(["tar", "-x", "-C", code], input=archive, check=True)
    release = Release(code, {"VAR_DIR": str(folder / "last-release-var")})
    filled = {**env, **release.env, "SEED_ENROLLED": str(PEOPLE)}
    subprocess.run([sys.executable, "-m", "tests.services.seed"], cwd=code, env=filled, check=True)
    return release


@contextmanager
def installation(options: argparse.Namespace) -> Iterator[tuple[Trial, Release]]:
    with tempfile.TemporaryDirectory(prefix="messaging-trial-") as name, ExitStack() as stack:
        folder = Path(name)
        folder.chmod(0o711)  # PostgreSQL runs as a user of its own
        postgres = Postgres(folder / "postgres")
        stack.callback(postgres.stop)
        twilio, mail = Twilio(folder), Mail(folder)
        stack.callback(twilio.program.stop, 1)
        stack.callback(mail.program.stop, 1)
        parts: dict[str, Any] = {"database": postgres.create("trial"), "broker": Broker(folder / "broker")}
        parts |= {"own_broker": True, "twilio": twilio, "mail": mail, "VAR_DIR": str(folder / "var")}
        portal = Portal(folder / "portal", **parts)
        stack.callback(portal.stop)
        release = last_release(folder, portal.env)
        done = portal.manage("collectstatic", "--noinput")
        assert done.returncode == 0, done.stderr
        listener = socket.create_server(("127.0.0.1", portal.port), backlog=2048)
        stack.callback(listener.close)
        yield Trial(portal, postgres, listener, options), release


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name, seconds in (("redis", 600), ("mail", 60), ("postgres", 60)):
        parser.add_argument(f"--{name}", type=float, default=seconds, help="seconds that it is away")
    parser.add_argument("--no-report", action="store_true", help="print the report, leave docs/faults.md alone")
    options = parser.parse_args()
    seed.ENROLLED = PEOPLE
    with installation(options) as (trial, release):
        run(trial, release)
        away = " ".join(f"--{name} {getattr(options, name):g}" for name in ("redis", "mail", "postgres"))
        text = report(trial.phases, f"python -m benchmarks.trial {away}")
    print(f"\n{text}")
    if not options.no_report:
        write(text)
    raise SystemExit(1 if any(phase.broken for phase in trial.phases) else 0)


if __name__ == "__main__":
    main()
