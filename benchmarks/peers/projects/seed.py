"""Make the tables of the project in force, and people with a second factor.   … -m benchmarks.peers.projects.seed N"""

import sys

import django

django.setup()

from django.conf import settings  # noqa: E402
from django.contrib.auth import get_user_model  # noqa: E402
from django.contrib.auth.hashers import make_password  # noqa: E402
from django.core.management import call_command  # noqa: E402

PEOPLE = int(sys.argv[1])
call_command("migrate", interactive=False, verbosity=0)
User = get_user_model()
hashed = make_password("correct horse battery")
User.objects.bulk_create(
    User(pk=n + 1, username=f"u{n:03d}", email=f"u{n:03d}@example.com", password=hashed) for n in range(PEOPLE)
)
if "otp_email" in settings.SETTINGS_MODULE:
    from django_otp.plugins.otp_email.models import EmailDevice

    EmailDevice.objects.bulk_create(EmailDevice(pk=n + 1, user_id=n + 1, name="e-mail") for n in range(PEOPLE))
if "two_factor" in settings.SETTINGS_MODULE:
    from two_factor.plugins.phonenumber.models import PhoneDevice

    PhoneDevice.objects.bulk_create(
        PhoneDevice(user_id=n + 1, name="default", number=f"+5511987{n:06d}", method="sms") for n in range(PEOPLE)
    )
