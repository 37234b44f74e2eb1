"""The portal as production runs it, with the cheap hasher that all share here."""

from messaging.settings import *  # noqa: F403
from messaging.settings import MIDDLEWARE

MIDDLEWARE = ["benchmarks.peers.counting.CountingMiddleware", *MIDDLEWARE]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
