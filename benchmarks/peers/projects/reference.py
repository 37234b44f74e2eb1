"""A minimal implementation: a token in the session, sent by Celery; no limits, no audit, no delivery record."""

import os

from benchmarks.peers.projects.base import *  # noqa: F403

BROKER_URL = os.environ["REDIS_URL"].rsplit("/", 1)[0] + "/1"  # not where ours has its queues
