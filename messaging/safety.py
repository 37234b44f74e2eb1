"""Production refuses to start with an unsafe configuration (C-04)."""

import logging
import sys

from django.conf import settings
from django.core import checks
from django.core.exceptions import ImproperlyConfigured

logger = logging.getLogger(__name__)

BOOT_ERROR = 3  # tells gunicorn not to start another process instead


def stop(why: str) -> SystemExit:
    """Print why this process does not start; return the exception that ends it."""
    sys.stderr.write(f"{why}\n")
    return SystemExit(BOOT_ERROR)


def load_settings() -> None:
    """Load the settings, or end the process with the sentence that says what is wrong with them."""
    try:
        settings.DEBUG  # noqa: B018 (the first access loads them)
    except ImproperlyConfigured as error:
        raise stop(str(error)) from None


def refuse_unsafe_start() -> None:
    """Run the security checks; end the process with one line each when any is an error. Settings must be loaded.

    A warning is only logged, because it may be intended.
    """
    found = checks.run_checks(tags=[checks.Tags.security], include_deployment_checks=not settings.EMBEDDED)
    problems = [problem for problem in found if not problem.is_silenced()]
    errors = [problem for problem in problems if problem.level >= checks.ERROR]
    if errors:
        raise stop("\n".join(f"{problem.id}: {problem.msg} {problem.hint or ''}" for problem in errors))
    for problem in problems:
        logger.warning("%s: %s %s", problem.id, problem.msg, problem.hint or "")
