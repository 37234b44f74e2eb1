import os

from django.core.wsgi import get_wsgi_application

from messaging.bad_requests import without_codecs
from messaging.safety import load_settings, refuse_unsafe_start

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "messaging.settings")  # noqa: TID251 (where they are)

load_settings()
application = without_codecs(get_wsgi_application())
refuse_unsafe_start()
