"""The texts of notices about a person's password, address and login."""

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.audit.actions import Action
from accounts.models import AuditEvent
from accounts.models.user import BY_FAILURES
from accounts.notifications.notice import Notice, NoticeWriter


def password_changed_notice(event: AuditEvent) -> Notice:
    """Notify that the password was changed."""
    return Notice(
        heading=_("Your password was changed"),
        paragraphs=[
            _("The password of your login was changed, and your other sessions were ended."),
            _("If it was not you, choose a new password at once and tell your administrator."),
        ],
    )


def email_changed_notice(event: AuditEvent) -> Notice:
    """Notify the old address and the new one which of them is in force (R-08)."""
    return Notice(
        heading=_("Your e-mail address was changed"),
        paragraphs=[
            _("Messages of your login now go to %(after)s instead of %(before)s.") % event.data,
            _("Your other sessions were ended. If it was not you, tell your administrator at once."),
        ],
    )


def email_asked_for_notice(event: AuditEvent) -> Notice:
    """Notify the holder of an address that somebody else typed it (R-08)."""
    return Notice(
        heading=_("Somebody wanted to use your e-mail address"),
        paragraphs=[
            _("It was entered as the new address of another login. It stays yours, and nothing was changed."),
            _("If that was you, sign in with the login that has this address."),
        ],
    )


def password_guessed_notice(event: AuditEvent) -> Notice:
    """Notify that somebody is guessing the password, and how to sign in from a new browser meanwhile (B-04)."""
    return Notice(
        heading=_("Somebody is trying to guess your password"),
        paragraphs=[
            _("A hundred wrong passwords were typed for your login. None of them was right."),
            _("Browsers that you have used here go on as before. In a new one, ask for a link to your mailbox first."),
        ],
        action={"action_url": settings.PUBLIC_URL + reverse("browser-link"), "action_label": _("Ask for the link")},
    )


def locked_notice(event: AuditEvent) -> Notice:
    """Notify a person that their login is locked, and who can unlock it: after wrong tokens they can themselves."""
    who = {"login": event.user}
    if event.data.get("reason") == BY_FAILURES:
        paragraphs = [
            _("After a hundred wrong tokens nobody can sign in with %(login)s. Somebody may know your password.") % who,
            _("Choose a new password. Then a recovery code or a passkey signs you in."),
            _("If you have neither, an administrator of your account can unlock your login."),
        ]
        return Notice(
            heading=_("Your login is locked"),
            paragraphs=paragraphs,
            action={
                "action_url": settings.PUBLIC_URL + reverse("password-reset"),
                "action_label": _("Choose a new password"),
            },
        )
    return Notice(
        heading=_("Your login is locked"),
        paragraphs=[
            _("Nobody can sign in with %(login)s until an administrator of your account unlocks it.") % who,
            _("If you did not expect this, call your administrator: somebody may know your password."),
        ],
    )


NOTICES: dict[str, NoticeWriter] = {
    Action.PASSWORD_CHANGED: password_changed_notice,
    Action.PASSWORD_RESET: password_changed_notice,
    Action.PASSWORD_GUESSED: password_guessed_notice,
    Action.USER_LOCKED: locked_notice,
    Action.EMAIL_CHANGED: email_changed_notice,
    Action.EMAIL_ASKED_FOR_BY_ANOTHER: email_asked_for_notice,
}
