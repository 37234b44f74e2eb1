import os

from django.core.asgi import get_asgi_application

from messaging.safety import load_settings, refuse_unsafe_start

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "messaging.settings")  # noqa: TID251 (where they are)

load_settings()
application = get_asgi_application()
refuse_unsafe_start()
