"""The reference's worker."""

import django

django.setup()

from benchmarks.peers.projects.views import queue as app  # noqa: E402

__all__ = ["app"]
