"""A gateway with a delay that remembers the last text for each receiver.   … -m benchmarks.peers.gateway PORT

``POST /seconds/0.3`` sets the time, ``GET /last/RECEIVER`` returns the text; any other POST is a message, as a form
with ``To`` and ``Body``, answered as Twilio does.
"""

import asyncio
import sys
from urllib.parse import parse_qs, unquote

LAST: dict[str, str] = {}
seconds = 0.0


async def answer(method: str, path: str, body: bytes) -> bytes:
    global seconds  # noqa: PLW0603
    if path.startswith("/seconds/"):
        seconds = float(path.removeprefix("/seconds/"))
        return b"{}"
    if method == "GET":
        return LAST.pop(unquote(path.removeprefix("/last/")), "").encode()
    fields = parse_qs(body.decode())
    await asyncio.sleep(seconds)
    LAST[fields["To"][0]] = fields["Body"][0]
    return b'{"sid": "SM00000000000000000000000000000000", "status": "queued"}'


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while head := (await reader.readuntil(b"\r\n\r\n")).decode():
            method, path, _version = head.split("\r\n", 1)[0].split(" ")
            lengths = [line for line in head.lower().split("\r\n") if line.startswith("content-length:")]
            body = await answer(method, path, await reader.readexactly(int(lengths[0].split(":")[1]) if lengths else 0))
            start = "HTTP/1.1 201 Created\r\nContent-Type: application/json\r\n"
            writer.write(f"{start}Content-Length: {len(body)}\r\n\r\n".encode() + body)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def main(port: int) -> None:
    server = await asyncio.start_server(serve, "127.0.0.1", port, backlog=512)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
