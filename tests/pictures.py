"""PNG pictures, good and bad, made by hand."""

import struct
import zlib

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(
    width: int = 64,
    height: int = 32,
    *,
    kind: tuple[int, int, int] = (8, 2, 0),
    pixels: bytes | None = None,
    more: bytes = b"",
    after: bytes = b"",
) -> bytes:
    """Make a picture of one colour; ``kind`` is its depth, its type of colour and whether it is interlaced."""
    depth, colour, interlaced = kind
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced)
    rows = (b"\0" + b"\x10\x80\x60" * width) * height if pixels is None else pixels
    parts = chunk(b"IHDR", header) + more + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return SIGNATURE + parts + after
