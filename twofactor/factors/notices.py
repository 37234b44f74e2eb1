"""The texts of the notices about apps, passkeys and recovery codes."""

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.audit.actions import Action
from accounts.models import AuditEvent
from accounts.notifications.notice import Notice, NoticeWriter
from twofactor import disavowal


def app_notice(event: AuditEvent) -> Notice:
    """Notify that an app shows the tokens of the login from now on; every such notice has a disavowal link (R-03)."""
    replaced = event.action == Action.APP_REPLACED
    return Notice(
        heading=_("Your authenticator app was replaced") if replaced else _("An authenticator app was added"),
        paragraphs=[
            _("The app that was set up just now shows the tokens to sign in; the one before no longer does.")
            if replaced
            else _("The app that was set up just now shows tokens to sign in. What you had before stays as it is."),
            _("Not you? Press the button: we remove it and your phone, and lock your login until it is settled."),
        ],
        action=disavowal.button(event),
    )


def app_removed_notice(event: AuditEvent) -> Notice:
    """Notify that the app no longer opens anything."""
    return Notice(
        heading=_("Your authenticator app was removed"),
        paragraphs=[
            _("Its tokens no longer sign anybody in. You sign in with what is left."),
            _("Did you not ask for it? Tell your administrator at once."),
        ],
    )


def codes_notice(event: AuditEvent) -> Notice:
    """Notify that recovery codes were made or removed, or that one was used, and how many are left (K-05)."""
    said: dict[str, str] = {
        Action.CODES_ISSUED: _("Ten new recovery codes were made. The earlier ones no longer work."),
        Action.CODES_REMOVED: _("Your recovery codes were removed. None of them signs anybody in any more."),
    }
    used = _("One of your recovery codes was used just now. You have %(left)s left.")
    return Notice(
        heading=_("Your recovery codes"),
        paragraphs=[
            said.get(event.action) or used % {"left": event.data.get("left", 0)},
            _("Was it not you? Choose a new password now, and tell your administrator at once."),
        ],
        action={"action_url": settings.PUBLIC_URL + reverse("password-reset"), "action_label": _("Choose a password")},
    )


def passkey_added_notice(event: AuditEvent) -> Notice:
    """Notify the mailbox that a passkey was added (K-04), without its name, which an attacker may have written."""
    return Notice(
        heading=_("A passkey was added to your login"),
        paragraphs=[
            _("From now on it is a second step after your password. What you had before stays as it is."),
            _("Not you? Press the button: we remove it and your phone, and lock your login until it is settled."),
        ],
        action=disavowal.button(event),
    )


def passkey_removed_notice(_event: AuditEvent) -> Notice:
    """Notify the mailbox that a passkey was removed (K-04)."""
    return Notice(
        heading=_("A passkey was removed from your login"),
        paragraphs=[
            _("It no longer signs in. Sessions that it had opened ask for the second step again."),
            _("Did you not ask for it? Tell your administrator at once."),
        ],
    )


def passkey_stepped_back_notice(_event: AuditEvent) -> Notice:
    """Notify the mailbox that a passkey may have been copied (K-04)."""
    return Notice(
        heading=_("One of your passkeys may have been copied"),
        paragraphs=[
            _("It counts its signatures. Just now it reported a smaller number than before, and we refused it."),
            _("Sign in another way and remove it in My profile. Then tell your administrator."),
        ],
    )


def phone_removed_notice(_event: AuditEvent) -> Notice:
    """Notify the mailbox that the phone, which no longer counts, was removed (K-06)."""
    return Notice(
        heading=_("Your phone was removed from your login"),
        paragraphs=[
            _("It no longer counts as a second step in your account, and gets no tokens any more."),
            _("Did you not ask for it? Tell your administrator at once."),
        ],
    )


NOTICES: dict[str, NoticeWriter] = {
    Action.PHONE_REMOVED: phone_removed_notice,
    Action.APP_ENROLLED: app_notice,
    Action.APP_REPLACED: app_notice,
    Action.APP_REMOVED: app_removed_notice,
    Action.PASSKEY_ADDED: passkey_added_notice,
    Action.PASSKEY_REMOVED: passkey_removed_notice,
    Action.PASSKEY_STEPPED_BACK: passkey_stepped_back_notice,
    Action.CODES_ISSUED: codes_notice,
    Action.CODES_REMOVED: codes_notice,
    Action.CODE_USED: codes_notice,
}
