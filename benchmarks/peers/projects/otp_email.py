"""django-otp, by e-mail."""

from benchmarks.peers.projects.base import *  # noqa: F403
from benchmarks.peers.projects.base import INSTALLED_APPS, MIDDLEWARE

INSTALLED_APPS = [*INSTALLED_APPS, "django_otp", "django_otp.plugins.otp_email"]
MIDDLEWARE = [*MIDDLEWARE, "django_otp.middleware.OTPMiddleware"]
