"""Password hashing."""

from concurrent.futures import ThreadPoolExecutor
from functools import cache

from django.contrib.auth.hashers import Argon2PasswordHasher

# Of one process. The C library keeps the 19 MiB of a hash for each thread that ever made one, so few threads make them
# all; more processes, not more threads, use more cores.
HASHING_THREADS = 2


@cache
def hashing_threads() -> ThreadPoolExecutor:
    """Return the threads that hash, started when they are first needed."""
    return ThreadPoolExecutor(HASHING_THREADS, thread_name_prefix="hashing")


class OwaspArgon2PasswordHasher(Argon2PasswordHasher):
    """Argon2id at the minimum of the OWASP password storage cheat sheet; Django's default asks 100 MiB a hash."""

    memory_cost = 19_456  # KiB
    time_cost = 2
    parallelism = 1

    def encode(self, password: str, salt: str) -> str:
        """Hash in one of the threads kept for it."""
        return hashing_threads().submit(super().encode, password, salt).result()

    def verify(self, password: str, encoded: str) -> bool:
        """Compare in one of the threads kept for it."""
        return hashing_threads().submit(super().verify, password, encoded).result()
