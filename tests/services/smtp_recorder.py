"""A mail server that keeps what it gets as files.   python -m tests.services.smtp_recorder PORT FOLDER"""

import asyncio
import json
import signal
import sys
import time
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session


class Recorder:
    """Keeps each message as one JSON file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        content = envelope.content or b""
        data = content if isinstance(content, bytes) else content.encode()
        entry = {"from": envelope.mail_from, "to": envelope.rcpt_tos, "data": data.decode("latin-1")}
        name = f"{time.time_ns()}"
        draft = self.folder / f".{name}"
        draft.write_text(json.dumps(entry))
        draft.replace(self.folder / f"{name}.json")
        return "250 OK"


async def serve(port: int, folder: Path) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(Recorder(folder), hostname="recorder"), "127.0.0.1", port)
    stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    async with server:
        await stop.wait()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), Path(sys.argv[2])))
