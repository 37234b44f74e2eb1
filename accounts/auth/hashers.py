"""Password hashing, in one thread of each process."""

from concurrent.futures import ThreadPoolExecutor
from functools import cache

from django.contrib.auth.hashers import Argon2PasswordHasher

# In each process. The C library keeps the 19 MiB of a hash for each thread that ever made one, so one thread makes all
# of them: 55 a second, more than a process has sign-ins. To use more cores, run more processes.
HASHING_THREADS = 1


@cache
def hashing_threads() -> ThreadPoolExecutor:
    """Return the executor that hashes, started when it is first needed."""
    return ThreadPoolExecutor(HASHING_THREADS, thread_name_prefix="hashing")


class OwaspArgon2PasswordHasher(Argon2PasswordHasher):
    """Argon2id at the minimum of the OWASP password storage cheat sheet; Django's default takes 100 MiB a hash."""

    memory_cost = 19_456  # KiB
    time_cost = 2
    parallelism = 1

    def encode(self, password: str, salt: str) -> str:
        """Hash in the hashing thread."""
        return hashing_threads().submit(super().encode, password, salt).result()

    def verify(self, password: str, encoded: str) -> bool:
        """Compare in the hashing thread."""
        return hashing_threads().submit(super().verify, password, encoded).result()
