"""The files of the archived audit log: compressed CSV, each with a manifest that names the one before (O-19).

A manifest has the SHA-256 of its file and of the manifest before it. So a file that is changed, exchanged or removed
no longer fits the later manifests. The audit log itself has the checksum of the last one.
"""

import fcntl
import gzip
import hashlib
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

FIRST = "0" * 64  # the previous checksum in the first manifest
_NAME = re.compile(r"audit-\d{5}-\d{4}-\d\d\.json")
_PIECE = 1 << 20  # bytes read at once


class ArchiveBroken(Exception):
    """A file is not what its manifest says, or the chain has a gap. The message is one sentence."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What is in one file. ``rows_sha256`` is of the CSV, ``sha256`` of the compressed file."""

    number: int
    month: str
    file: str
    rows: int
    rows_sha256: str
    sha256: str
    before: str

    @property
    def path(self) -> str:
        """The manifest's own name."""
        return self.file.replace(".csv.gz", ".json")

    @property
    def text(self) -> str:
        """The text of the manifest's file."""
        return json.dumps(asdict(self), indent=1) + "\n"

    @property
    def digest(self) -> str:
        """The SHA-256 of the manifest, for the next one."""
        return hashlib.sha256(self.text.encode()).hexdigest()


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Let only one run write a folder. Raises ArchiveBroken while another one does."""
    with (folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ArchiveBroken("Another run writes into this folder.") from None
        yield


def manifests(folder: Path) -> list[Manifest]:
    """Return the chain. Raises ArchiveBroken where a manifest is missing, doubled or not what the next one says."""
    found: list[Manifest] = []
    for number, path in enumerate(
        sorted(path for path in folder.glob("*.json") if _NAME.fullmatch(path.name)), start=1
    ):
        manifest = _read(path)
        before = found[-1].digest if found else FIRST
        if (manifest.number, manifest.before) != (number, before) or manifest.path != path.name:
            raise ArchiveBroken(f"{path.name} does not follow the manifest before it: one is missing or was changed.")
        found.append(manifest)
    return found


def _read(path: Path) -> Manifest:
    text = path.read_text()
    try:
        manifest = Manifest(**json.loads(text))
    except (ValueError, TypeError):
        raise ArchiveBroken(f"{path.name} is no manifest.") from None
    if manifest.text != text:
        raise ArchiveBroken(f"{path.name} is not written as a manifest is.")
    return manifest


def check_file(folder: Path, manifest: Manifest) -> None:
    """Read a file to its end and compare it with its manifest. Raises ArchiveBroken."""
    path = folder / manifest.file
    if not path.is_file():
        raise ArchiveBroken(f"{manifest.file} is missing.")
    if _sha256(path) != manifest.sha256:
        raise ArchiveBroken(f"{manifest.file} was changed: it is not the file of its manifest.")
    try:
        with gzip.open(path, "rb") as file:
            digest = hashlib.sha256()
            while piece := file.read(_PIECE):
                digest.update(piece)
    except (OSError, EOFError):
        raise ArchiveBroken(f"{manifest.file} cannot be read to its end.") from None
    if digest.hexdigest() != manifest.rows_sha256:
        raise ArchiveBroken(f"{manifest.file} does not hold the rows of its manifest.")


def write(folder: Path, month: str, pieces: Iterator[bytes], rows: int, before: list[Manifest]) -> Manifest:
    """Write the next file and then its manifest, each completely or not at all. Return the manifest."""
    number = len(before) + 1
    name = f"audit-{number:05}-{month}.csv.gz"
    part = folder / f"{name}.part"
    rows_sha256 = _compress(part, pieces)
    manifest = Manifest(
        number=number,
        month=month,
        file=name,
        rows=rows,
        rows_sha256=rows_sha256,
        sha256=_sha256(part),
        before=before[-1].digest if before else FIRST,
    )
    part.replace(folder / name)
    check_file(folder, manifest)
    _put(folder / manifest.path, manifest.text)
    return manifest


def _compress(path: Path, pieces: Iterator[bytes]) -> str:
    """Write pieces to the disk, compressed; the same pieces make the same bytes. Return the SHA-256 of the pieces."""
    digest = hashlib.sha256()
    with path.open("wb") as file:
        with gzip.GzipFile(filename="", fileobj=file, mode="wb", mtime=0) as packed:
            for piece in pieces:
                digest.update(piece)
                packed.write(piece)
        file.flush()
        os.fsync(file.fileno())
    return digest.hexdigest()


def _put(path: Path, text: str) -> None:
    """Write a small file completely or not at all, and flush its folder."""
    part = path.with_suffix(".part")
    with part.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    descriptor = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sha256_of(pieces: Iterator[bytes]) -> str:
    """Return the SHA-256 of pieces."""
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
    return digest.hexdigest()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
