"""Production refuses to start when it is configured unsafely (C-04)."""

from django.conf import settings
from django.core import checks


def refuse_unsafe_start() -> None:
    """Run the security checks; end the process with one line each when any is an error. Settings must be loaded."""
    found = checks.run_checks(tags=[checks.Tags.security], include_deployment_checks=not settings.EMBEDDED)
    errors = [problem for problem in found if problem.level >= checks.ERROR and not problem.is_silenced()]
    if errors:
        raise SystemExit("\n".join(f"{problem.id}: {problem.msg} {problem.hint or ''}" for problem in errors))
