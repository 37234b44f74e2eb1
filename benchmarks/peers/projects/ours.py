"""The portal as production runs it, with the cheap hasher and the protected page that all projects have."""

from pathlib import Path

from benchmarks.peers.projects.base import CHEAP, OWN_HASHER
from messaging.settings import *  # noqa: F403
from messaging.settings import MIDDLEWARE, PASSWORD_HASHERS, TEMPLATES

MIDDLEWARE = ["benchmarks.peers.counting.CountingMiddleware", *MIDDLEWARE]
ROOT_URLCONF = "benchmarks.peers.projects.our_urls"
TEMPLATES[0]["DIRS"].append(Path(__file__).parent / "templates")
PASSWORD_HASHERS = [*PASSWORD_HASHERS, CHEAP] if OWN_HASHER else [CHEAP]
