"""The worker of the minimal implementation."""

import django

django.setup()

from benchmarks.peers.projects.views import queue as app  # noqa: E402

__all__ = ["app"]
