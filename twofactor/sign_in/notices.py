"""The text of the notice about a sign-in from a new place."""

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from accounts.audit.actions import Action
from accounts.models import AuditEvent
from accounts.notifications.notice import Notice, NoticeWriter
from accounts.request import user_agents
from twofactor import disavowal


def new_place_notice(event: AuditEvent) -> Notice:
    """Notify a person of a sign-in from a device or a place that they did not use before."""
    when = date_format(timezone.localtime(event.at), "DATETIME_FORMAT")
    device = user_agents.named(event.user_agent) or _("an unknown device")
    return Notice(
        heading=_("You signed in from a new device or place"),
        paragraphs=[
            _("Your login %(login)s was used on %(when)s, with %(device)s, from the address %(ip)s.")
            % {"login": event.user, "when": when, "device": device, "ip": event.ip or "-"},
            _("If it was you, there is nothing to do."),
            _("Not you? Press the button: we end every session and lock your login until it is settled."),
        ],
        action=disavowal.button(event),
    )


NOTICES: dict[str, NoticeWriter] = {Action.SIGN_IN_NEW_PLACE: new_place_notice}
