"""Password hashing."""

from django.contrib.auth.hashers import Argon2PasswordHasher


class OwaspArgon2PasswordHasher(Argon2PasswordHasher):
    """Argon2id at the minimum of the OWASP password storage cheat sheet; Django's default asks 100 MiB a hash."""

    memory_cost = 19_456  # KiB
    time_cost = 2
    parallelism = 1
