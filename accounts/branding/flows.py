"""The look of an account: its colour and its logo."""

from django.db import transaction

from accounts.audit.actions import Action
from accounts.audit.record import record_event
from accounts.branding import logos
from accounts.models import Account, Logo, User


def set_logo(account: Account, png: bytes, *, actor: User) -> bool:
    """Set the account's logo, or remove it where ``png`` is empty; return whether that changed anything."""
    name = logos.name_of(png) if png else ""
    with transaction.atomic():
        changed = Account.objects.filter(pk=account.pk).exclude(logo=name).update(logo=name)
        if changed:
            Logo.objects.filter(account=account).delete()
            record_event(Action.ACCOUNT_LOGO_CHANGED, user=actor, before=account.logo, after=name)
        if changed and png:
            Logo.objects.create(account=account, name=name, png=png)
    return bool(changed)


def set_accent(account: Account, accent: str, *, actor: User) -> bool:
    """Change the account's colour; return whether that changed anything."""
    with transaction.atomic():
        changed = Account.objects.filter(pk=account.pk).exclude(accent=accent).update(accent=accent)
        if changed:
            record_event(Action.ACCOUNT_ACCENT_CHANGED, user=actor, before=account.accent, after=accent)
    return bool(changed)
