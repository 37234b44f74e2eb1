"""System checks: production may not start half configured."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register  # noqa: A004 (Django's name)

from messaging.delivery.gateways import GATEWAYS

# For each gateway: the settings that it needs, those of which it needs one, and the check's id.
NEEDS = {
    "twilio": (
        ("TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN"),
        ("TWILIO_MESSAGING_SERVICE_SID", "TWILIO_FROM"),
        "delivery.E002",
    ),
    "sinch": (("SINCH_SERVICE_PLAN_ID", "SINCH_API_TOKEN"), ("SINCH_FROM",), "delivery.E004"),
}


@register(Tags.security)
def check_gateways(**options: Any) -> list[CheckMessage]:
    """Refuse unknown gateways, and gateways without the settings that they need."""
    unknown: list[CheckMessage] = [
        Error(
            f"SMS_GATEWAYS names an unknown gateway: {name}.",
            hint=f"Known are: {', '.join(GATEWAYS)}.",
            id="delivery.E001",
        )
        for name in settings.SMS_GATEWAYS
        if name not in GATEWAYS
    ]
    return unknown + [_incomplete(name) for name in NEEDS if name in settings.SMS_GATEWAYS and not _is_complete(name)]


def _incomplete(name: str) -> CheckMessage:
    needed, one_of, check_id = NEEDS[name]
    return Error(
        f"The gateway {name} is configured without credentials or sender.",
        hint=f"Set {', '.join(needed)} and {' or '.join(one_of)}.",
        id=check_id,
    )


def _is_complete(name: str) -> bool:
    needed, one_of, _id = NEEDS[name]
    return all(getattr(settings, key) for key in needed) and any(getattr(settings, key) for key in one_of)


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


@register(Tags.security, deploy=True)
def check_proxies(**options: Any) -> list[CheckMessage]:
    """Warn of https without a proxy: unless this server ends TLS itself, every page would redirect to itself."""
    if not settings.SECURE or settings.TRUSTED_PROXY_COUNT:
        return []
    return [
        Warning(
            "PUBLIC_URL is https, and TRUSTED_PROXY_COUNT says that no proxy of yours is in front.",
            hint="If one does, set TRUSTED_PROXY_COUNT: each page would redirect to itself, and each client would have"
            " the proxy's address.",
            id="delivery.W001",
        )
    ]
