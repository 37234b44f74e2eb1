"""django-allauth: a code by e-mail, asked for after each password."""

from benchmarks.peers.projects.base import *  # noqa: F403
from benchmarks.peers.projects.base import INSTALLED_APPS, MIDDLEWARE

INSTALLED_APPS = [*INSTALLED_APPS, "allauth", "allauth.account"]
MIDDLEWARE = [*MIDDLEWARE, "allauth.account.middleware.AccountMiddleware"]
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
ACCOUNT_LOGIN_BY_CODE_REQUIRED = True
ACCOUNT_LOGIN_BY_CODE_ENABLED = True
ACCOUNT_EMAIL_VERIFICATION = "none"
# Every sign-in comes from one address here; without limits it costs a little less than in production.
ACCOUNT_RATE_LIMITS = False
