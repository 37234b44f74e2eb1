"""Measure deleting old messages, on a PostgreSQL of its own.   python -m benchmarks.purge [--messages 1000000]

They are spread over 400 days; those older than 90 are deleted as ``manage.py purge`` does it.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

import psycopg

from benchmarks.lists import prepare
from tests.services import large
from tests.services.parts import Postgres

WAL = "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--messages", type=int, default=1_000_000)
    messages = options.parse_args().messages
    with tempfile.TemporaryDirectory(prefix="messaging-purge-") as name:
        Path(name).chmod(0o711)
        server = Postgres(Path(name) / "postgres")
        try:
            measure(server.create("purge").url, name, messages)
        finally:
            server.stop()


def measure(url: str, folder: str, messages: int) -> None:
    prepare(url, folder)
    from messaging.delivery import flows  # noqa: PLC0415 (where the portal's settings are in force)

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(large.MESSAGES.encode(), {"account": None, "messages": messages})
        connection.execute("VACUUM ANALYZE delivery_message")
        written, begin = connection.execute(WAL).fetchone(), time.monotonic()
        forgotten = flows.purge(90)
        seconds, after = time.monotonic() - begin, connection.execute(WAL).fetchone()
    assert written
    assert after
    cost = f"{forgotten / seconds:,.0f} a second, {float(after[0] - written[0]) / forgotten:.0f} B of WAL each"
    print(f"{forgotten:,} of {messages:,} messages in {seconds:.1f} s: {cost}, load {os.getloadavg()[0]:.0f}")


if __name__ == "__main__":
    main()
