"""A customer's logo: a small PNG that is parsed and rewritten, so that nothing but its pixels is stored.

There is no picture library, because that would add parsers for thirty formats. A PNG is a header, a palette and one
deflated block, all of which can be checked to the last byte.
"""

import hashlib
import struct
import zlib
from collections.abc import Iterator
from typing import NoReturn

from accounts.exceptions import LogoRefused

MAX_BYTES = 64 * 1024
SIDES = range(16, 513)
SIGNATURE = b"\x89PNG\r\n\x1a\n"
HEADER = struct.Struct(">IIBBBBB")
# How many numbers a pixel has in each type of colour, and which bit depths are allowed.
KINDS = {
    0: (1, {1, 2, 4, 8, 16}),
    2: (3, {8, 16}),
    3: (1, {1, 2, 4, 8}),
    4: (2, {8, 16}),
    6: (4, {8, 16}),
}
GREY, COLOURS, PALETTE = 0, 2, 3
LAST_FILTER = 4


def rewrite(data: bytes) -> bytes:
    """Return the same picture as a new file: header, palette, transparency and pixels. Raises LogoRefused.

    Data after the picture's end and every comment inside it (EXIF, text, a profile, a second picture) are dropped, so a
    file that is also something else is only a picture afterwards.
    """
    if len(data) > MAX_BYTES:
        raise LogoRefused("large")
    parts = _parts(data)
    width, height, depth, colour, *ways, interlaced = HEADER.unpack(parts[b"IHDR"])
    numbers, depths = KINDS.get(colour) or _broken()
    if depth not in depths or any(ways):
        _broken()
    if width not in SIDES or height not in SIDES:
        raise LogoRefused("sides")
    if interlaced:
        raise LogoRefused("interlaced")
    _check_palette(parts, colour)
    row = 1 + (width * numbers * depth + 7) // 8
    pixels = _inflate(parts[b"IDAT"], row * height)
    if max(pixels[::row]) > LAST_FILTER:
        _broken()
    parts[b"IDAT"] = zlib.compress(pixels, 9)
    written = SIGNATURE + b"".join(
        _chunk(kind, parts[kind]) for kind in (b"IHDR", b"PLTE", b"tRNS", b"IDAT") if kind in parts
    )
    return written + _chunk(b"IEND", b"")


def name_of(png: bytes) -> str:
    """Return the name of a logo for its address and its account: a hash and its size."""
    width, height = struct.unpack(">II", png[16:24])
    return f"{hashlib.sha256(png).hexdigest()[:32]}-{width}x{height}"


def _parts(data: bytes) -> dict[bytes, bytes]:
    """Return the chunks that make the picture, the pixels in one piece."""
    parts: dict[bytes, bytes] = {}
    for kind, body in _chunks(data):
        if kind == b"IDAT":
            parts[kind] = parts.get(kind, b"") + body
        elif kind in {b"IHDR", b"PLTE", b"tRNS"}:
            if kind in parts:
                _broken()
            parts[kind] = body
        elif kind[:1].isupper():
            _broken()  # a critical chunk of an unknown type
    if not {b"IHDR", b"IDAT"} <= parts.keys() or len(parts[b"IHDR"]) != HEADER.size:
        _broken()
    return parts


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    if not data.startswith(SIGNATURE):
        raise LogoRefused("type")
    at = len(SIGNATURE)
    while len(data) - at >= 12:
        length = int.from_bytes(data[at : at + 4])
        kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        if data[at : at + 12 + length] != _chunk(kind, body):
            _broken()
        if kind == b"IEND":
            return
        yield kind, body
        at += 12 + length
    _broken()


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _check_palette(parts: dict[bytes, bytes], colour: int) -> None:
    palette, clear = parts.get(b"PLTE", b""), parts.get(b"tRNS", b"")
    if len(palette) % 3 or len(palette) > 3 * 256 or (colour == PALETTE and not palette):
        _broken()
    room = {GREY: {0, 2}, COLOURS: {0, 6}, PALETTE: set(range(len(palette) // 3 + 1))}.get(colour, {0})
    if len(clear) not in room or (palette and colour in {GREY, 4}):
        _broken()


def _inflate(deflated: bytes, length: int) -> bytes:
    """Return exactly ``length`` bytes; a block that holds more is not unpacked further."""
    unpacker = zlib.decompressobj()
    try:
        pixels = unpacker.decompress(deflated, length + 1)
    except zlib.error:
        _broken()
    if len(pixels) != length or not unpacker.eof:
        _broken()
    return pixels


def _broken() -> NoReturn:
    raise LogoRefused("broken")
