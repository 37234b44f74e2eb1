"""System checks: production may not start half configured."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register

from messaging.delivery.gateways import GATEWAYS


@register(Tags.security)
def check_gateways(**options: Any) -> list[CheckMessage]:
    """Refuse unknown gateways, and Twilio without what it needs to send."""
    unknown = [name for name in settings.SMS_GATEWAYS if name not in GATEWAYS]
    problems: list[CheckMessage] = [
        Error(
            f"SMS_GATEWAYS names an unknown gateway: {name}.",
            hint=f"Known are: {', '.join(GATEWAYS)}.",
            id="delivery.E001",
        )
        for name in unknown
    ]
    if "twilio" in settings.SMS_GATEWAYS and not _twilio_is_complete():
        problems.append(
            Error(
                "The gateway twilio is configured without credentials or sender.",
                hint="Set TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN and TWILIO_MESSAGING_SERVICE_SID or TWILIO_FROM.",
                id="delivery.E002",
            )
        )
    if "sinch" in settings.SMS_GATEWAYS and not _sinch_is_complete():
        problems.append(
            Error(
                "The gateway sinch is configured without credentials or sender.",
                hint="Set SINCH_SERVICE_PLAN_ID, SINCH_API_TOKEN and SINCH_FROM.",
                id="delivery.E004",
            )
        )
    return problems


@register(Tags.security, deploy=True)
def check_outbox(**options: Any) -> list[CheckMessage]:
    """Refuse the demo's outbox in production: it keeps tokens in plain text."""
    if settings.EMBEDDED or "outbox" not in settings.SMS_GATEWAYS:
        return []
    return [
        Error(
            "The outbox gateway sends nothing and keeps tokens in plain text.",
            hint="Set SMS_GATEWAYS=twilio.",
            id="delivery.E003",
        )
    ]


def _twilio_is_complete() -> bool:
    sender = settings.TWILIO_MESSAGING_SERVICE_SID or settings.TWILIO_FROM
    return bool(settings.TWILIO_ACCOUNT_SID and settings.TWILIO_AUTH_TOKEN and sender)


def _sinch_is_complete() -> bool:
    return bool(settings.SINCH_SERVICE_PLAN_ID and settings.SINCH_API_TOKEN and settings.SINCH_FROM)
