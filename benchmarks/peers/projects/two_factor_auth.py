"""django-two-factor-auth, by SMS."""

from benchmarks.peers.projects.base import *  # noqa: F403
from benchmarks.peers.projects.base import INSTALLED_APPS, MIDDLEWARE

INSTALLED_APPS = [
    *INSTALLED_APPS,
    "django_otp",
    "django_otp.plugins.otp_static",
    "django_otp.plugins.otp_totp",
    "two_factor",
    "two_factor.plugins.phonenumber",
]
MIDDLEWARE = [*MIDDLEWARE, "django_otp.middleware.OTPMiddleware"]
LOGIN_URL = "two_factor:login"
TWO_FACTOR_SMS_GATEWAY = "benchmarks.peers.projects.sending.SmsGateway"
PHONENUMBER_DEFAULT_REGION = "BR"
