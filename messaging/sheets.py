"""How style sheets travel: a sheet and the one it imports as one file, so that a first visit waits for one of them."""

import re
from collections.abc import Iterator
from typing import Any

from django.core.files.base import ContentFile
from django.core.files.storage import InMemoryStorage
from whitenoise.storage import CompressedManifestStaticFilesStorage

SHEET = "css/app.css"
IMPORT = re.compile(r'@import url\("\.\./([\w./-]+)"\) layer\((\w+)\);')


class JoiningStorage(CompressedManifestStaticFilesStorage):
    """Write what ``app.css`` imports into it, as the layer it is imported as; then hash and compress as always."""

    def post_process(self, paths: dict[str, Any], dry_run: bool = False, **options: Any) -> Iterator[Any]:
        """Process every file, ``app.css`` from memory."""
        if not dry_run:
            joined = IMPORT.sub(lambda found: self._layer(paths, *found.groups()), _read(paths, SHEET))
            memory = InMemoryStorage()
            memory.save(SHEET, ContentFile(joined.encode()))
            paths[SHEET] = memory, SHEET
        yield from super().post_process(paths, dry_run, **options)

    @staticmethod
    def _layer(paths: dict[str, Any], name: str, layer: str) -> str:
        rules = _read(paths, name).removeprefix('@charset "UTF-8";')
        return f"@layer {layer}{{{rules}}}"


def _read(paths: dict[str, Any], name: str) -> str:
    storage, path = paths[name]
    with storage.open(path) as file:
        return str(file.read().decode())
