"""gunicorn as the portal wants it: ``gunicorn --config python:messaging.gunicorn messaging.wsgi``.

The names below are gunicorn's settings; what is given on the command line or in GUNICORN_CMD_ARGS goes before them.
The number of processes is ``WEB_CONCURRENCY``, gunicorn's own.
"""

import logging.config
from pathlib import Path
from typing import Any

from django.conf import settings
from gunicorn.glogging import Logger

from messaging import request_metrics
from messaging.safety import load_settings


class PortalLogger(Logger):
    """gunicorn's logger, whose lines go through ``settings.LOGGING``: one JSON object a line, one clock for all."""

    def setup(self, cfg: Any) -> None:
        """Hand what gunicorn says to the root logger. Settings that are wrong end the start here, in one sentence."""
        super().setup(cfg)
        load_settings()
        logging.config.dictConfig(settings.LOGGING)
        self.error_log.handlers.clear()
        self.error_log.propagate = True


logger_class = PortalLogger
bind = "0.0.0.0:8000"
control_socket_disable = True

# A thread a request. Passwords are hashed by two of them at once (accounts/auth/hashers.py), the rest waits for the
# database.
worker_class = "gthread"
threads = 8
# The file by which a process shows that it lives is on no disk: a slow one would get processes killed.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108

# Seconds without a sign of life after which a process is killed; a request alone never takes so long, for every call
# that leaves has an end of its own.
timeout = 30
# Seconds in which requests under way come to their end when a process is told to go.
graceful_timeout = 30
# Seconds that an idle connection of the proxy is kept. The proxy closes first (nginx: keepalive_timeout 4s), or it
# may ask on a connection that is just being closed.
keepalive = 5

# What a request line and its fields may weigh. Our longest link has some 300 signs, a filter of the audit log 600.
limit_request_line = 4094
limit_request_fields = 64
limit_request_field_size = 8190

# A process is replaced after so many requests, each at another moment, whatever it may have leaked.
max_requests = 20_000
max_requests_jitter = 5_000


def pre_fork(server: Any, worker: Any) -> None:
    """Give a new process a row of the counters that no living one has; runs in the first process."""
    taken = {getattr(other, "counters", None) for other in server.WORKERS.values()}
    worker.counters = next(row for row in range(request_metrics.ROWS) if row not in taken)


def post_fork(server: Any, worker: Any) -> None:
    """Count into that row."""
    request_metrics.use_row(worker.counters)
