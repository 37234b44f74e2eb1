"""Twilio's Messages resource with a delay, which records when each request came.

python -m benchmarks.slow_gateway PORT SECONDS NOTES

Writes a line "time number" to the file NOTES as a request comes in, before the pause.
"""

import asyncio
import itertools
import sys
import time
from pathlib import Path
from urllib.parse import parse_qs

SIDS = itertools.count()


class Gateway:
    """The answers, and the notes."""

    def __init__(self, seconds: float, notes: Path) -> None:
        self.seconds = seconds
        self.notes = notes.open("a", buffering=1)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection's requests, one after the other."""
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                came = time.time()
                lengths = [line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
                sent = await reader.readexactly(int(lengths[0].split(b":")[1]) if lengths else 0)
                self.notes.write(f"{came} {parse_qs(sent.decode()).get('To', ['-'])[0]}\n")
                await asyncio.sleep(self.seconds)
                body = b'{"sid": "SM%032d", "status": "queued"}' % next(SIDS)
                writer.write(
                    b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
                    % (len(body), body)
                )
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()


async def main(port: int, seconds: float, notes: str) -> None:
    """Serve until killed."""
    gateway = Gateway(seconds, Path(notes))
    server = await asyncio.start_server(gateway.serve, "127.0.0.1", port, backlog=512)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), float(sys.argv[2]), sys.argv[3]))
