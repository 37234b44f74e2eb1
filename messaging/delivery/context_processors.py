"""What every template is given about delivery."""

from django.conf import settings
from django.http import HttpRequest


def outbox(request: HttpRequest) -> dict[str, bool]:
    """Tell templates whether the embedded default's outbox page exists."""
    return {"outbox_enabled": settings.OUTBOX_ENABLED}
