"""The configuration of gunicorn: ``gunicorn --config python:messaging.gunicorn messaging.wsgi``.

The names below are gunicorn's settings; options on the command line or in GUNICORN_CMD_ARGS override them. gunicorn
itself reads the number of processes from ``WEB_CONCURRENCY``.
"""

import gc
import logging.config
from pathlib import Path
from typing import Any

from django.conf import settings
from django.urls import get_resolver
from gunicorn.glogging import Logger

from messaging import request_metrics
from messaging.safety import load_settings


class PortalLogger(Logger):
    """gunicorn's logger, whose lines go through ``settings.LOGGING``: one JSON object a line, by the same clock."""

    def setup(self, cfg: Any) -> None:
        """Pass gunicorn's lines to the root logger. Wrong settings end the start here, with one sentence."""
        super().setup(cfg)
        load_settings()
        logging.config.dictConfig(settings.LOGGING)
        self.error_log.handlers.clear()
        self.error_log.propagate = True


logger_class = PortalLogger
bind = "0.0.0.0:8000"
control_socket_disable = True

# A thread a request; most of its time it waits for the database. One more thread hashes passwords
# (accounts/auth/hashers.py).
worker_class = "gthread"
threads = 8
# The file by which a process shows that it is alive is in memory: on a slow disk processes would be killed.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108

# Seconds without a sign of life after which a process is killed. No request takes that long, because every call that
# leaves the process has a time-out.
timeout = 30
# Seconds for requests under way to finish when a process is told to stop.
graceful_timeout = 30
# Seconds that an idle connection of the proxy is kept. The proxy closes first (nginx: keepalive_timeout 4s), or it
# might send a request on a connection that is being closed.
keepalive = 5

# The most bytes and fields of a request. Our longest link has some 300 characters, a filter of the audit log 600.
limit_request_line = 4094
limit_request_fields = 64
limit_request_field_size = 8190

# A process is replaced after so many requests, each at another moment, in case it leaks memory.
max_requests = 20_000
max_requests_jitter = 5_000


def pre_fork(server: Any, worker: Any) -> None:
    """Give a new process a row of the counters that no running process has; runs in the first process."""
    taken = {getattr(other, "counters", None) for other in server.WORKERS.values()}
    worker.counters = next(row for row in range(request_metrics.ROWS) if row not in taken)


def post_fork(server: Any, worker: Any) -> None:
    """Count into that row."""
    request_metrics.use_row(worker.counters)


def post_worker_init(worker: Any) -> None:
    """Load all views before the first request, and exclude them from later garbage collections.

    The first full collection of these 150,000 objects delayed some request by 70 ms (by ``gc.callbacks``).
    """
    _ = get_resolver().url_patterns
    gc.collect()
    gc.freeze()
