"""The portal's own settings, as the embedded default, with what makes tests quick and quiet."""

import os
import tempfile

os.environ.setdefault("EMBEDDED", "1")
os.environ.setdefault("VAR_DIR", tempfile.mkdtemp(prefix="messaging-tests-"))
os.environ.setdefault("PUBLIC_URL", "http://testserver")
os.environ.setdefault("ALLOWED_HOSTS", "testserver,localhost,127.0.0.1")

from messaging.settings import *  # noqa: F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES["staticfiles"] = {  # noqa: F405
    "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
}
ALTCHA_COST, ALTCHA_WORK = 1, 50
STATIC_ROOT.mkdir(parents=True, exist_ok=True)  # noqa: F405
if "init_command" in DATABASES["default"]["OPTIONS"]:  # noqa: F405
    # Rows that nobody has ordered come the other way round, so what depends on their order fails each time.
    # PostgreSQL changes the order by itself, as its statistics change.
    DATABASES["default"]["OPTIONS"]["init_command"] += " PRAGMA reverse_unordered_selects=ON;"  # noqa: F405
SWEEP_THREADS = 1  # a test's transaction is seen by its own thread only
