"""A mail server that keeps what it gets as files.   python -m tests.services.smtp_recorder PORT FOLDER

A file named "answers.json" in the folder tells what it answers each recipient, oldest answer first, by address:
``{"bob@example.com": ["451 4.7.1 come back later"]}``; the last answer stays, and an empty one takes the message.
"""

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

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if answer := self.answer_to(address):
            return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    def answer_to(self, address: str) -> str:
        """Return what an address is refused with, and go on to its next answer."""
        path = self.folder / "answers.json"
        told = json.loads(path.read_text()) if path.exists() else {}
        answers = told.get(address) or [""]
        if len(answers) > 1:
            draft = path.with_suffix(".next")  # the test may read or write meanwhile
            draft.write_text(json.dumps({**told, address: answers[1:]}))
            draft.replace(path)
        return str(answers[0])

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        content = envelope.content or b""
        data = content if isinstance(content, bytes) else content.encode()
        entry = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "helo": session.host_name,
            "data": data.decode("latin-1"),
        }
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
