"""The words of what this app sends: the link to a new password, and notices about events."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.contrib.auth.tokens import default_token_generator
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode
from django.utils.translation import gettext as _

from accounts import invitations
from accounts.models import Accent, Account, AuditEvent, Invitation, User
from messaging.delivery.composers import Content, NothingToSay, composes
from messaging.delivery.models import Channel, Message


@dataclass(frozen=True, slots=True)
class Notice:
    """A short message about something that happened. ``sms`` is GSM-7, one segment (T-11)."""

    heading: str
    paragraphs: list[str]
    sms: str = ""
    action: dict[str, str] = field(default_factory=dict)

    def content(self, channel: str, account: Account | None = None) -> Content:
        """Return the notice as it travels on a channel, in the look of the reader's account."""
        if channel == Channel.SMS:
            return Content(text=self.sms)
        context = {"heading": self.heading, "paragraphs": self.paragraphs, **self.action, **look_of(account)}
        return Content(
            subject=self.heading,
            text=render_to_string("messages/notice.txt", context),
            html=render_to_string("messages/notice.html", context),
        )


# The light palettes of app.css, for mail programs read no style sheet of ours; white on each can be read (a test).
ACCENTS = {
    Accent.GREEN: "#0b6b5b",
    Accent.BLUE: "#1d5fbf",
    Accent.VIOLET: "#6a3fb5",
    Accent.PINK: "#a8276f",
    Accent.AMBER: "#8a5200",
    Accent.GRAPHITE: "#3f4b57",
}


def look_of(account: Account | None) -> dict[str, Any]:
    """Return what an e-mail wears: the colour, and of an account its name and initial."""
    accent = Accent(account.accent) if account else Accent.GREEN
    return {"account": account, "colour": ACCENTS[accent]}


NoticeWriter = Callable[[AuditEvent], Notice]
_writers: dict[str, NoticeWriter] = {}


def tells(action: str) -> Callable[[NoticeWriter], NoticeWriter]:
    """Register the decorated function as the writer of the notice about an audited action."""

    def register(writer: NoticeWriter) -> NoticeWriter:
        _writers[action] = writer
        return writer

    return register


@composes("notice")
def compose_notice(message: Message) -> Content:
    """Compose the notice about the audit event that the message names."""
    event = AuditEvent.objects.select_related("account", "user__account", "actor").get(pk=message.subject_id)
    if event.action not in _writers:
        raise NothingToSay(event.action)
    return _writers[event.action](event).content(message.channel, event.account)


@composes("password.reset")
def compose_password_reset(message: Message) -> Content:
    """Make the link at the moment of sending: it is stored nowhere. There is none for an address that nobody has."""
    user = User.objects.select_related("account").filter(pk=message.subject_id).first()
    if user is None:
        raise NothingToSay
    path = reverse(
        "password-reset-confirm",
        kwargs={
            "uidb64": urlsafe_base64_encode(force_bytes(user.pk)),
            "token": default_token_generator.make_token(user),
        },
    )
    return Notice(
        heading=_("Choose a new password"),
        paragraphs=[
            _("Somebody asked for a new password for your login %(login)s.") % {"login": user.username},
            _("The link works for one hour and once. If it was not you, ignore this message."),
        ],
        action={"action_url": settings.PUBLIC_URL + path, "action_label": _("Choose a password")},
    ).content(message.channel, user.account)


@tells("password.changed")
@tells("password.reset")
def tell_password_changed(event: AuditEvent) -> Notice:
    """Tell that the password is another one now."""
    return Notice(
        heading=_("Your password was changed"),
        paragraphs=[
            _("The password of your login was changed, and your other sessions were ended."),
            _("If it was not you, choose a new password at once and tell your administrator."),
        ],
    )


@tells("policy.switched_off")
def tell_policy_off(event: AuditEvent) -> Notice:
    """Tell the administrators that the second step is no longer asked for (A-01)."""
    actor = event.actor.full_name if event.actor else "-"
    return Notice(
        heading=_("Two factor authentication was switched off"),
        paragraphs=[
            _("%(person)s switched it off for everybody in your account. A password alone now opens the door.")
            % {"person": actor},
            _("If this was not agreed, switch it on again under Settings, My account."),
        ],
    )


@tells("email.changed")
def tell_email_changed(event: AuditEvent) -> Notice:
    """Tell the old address and the new one which is in force (R-08)."""
    return Notice(
        heading=_("Your e-mail address was changed"),
        paragraphs=[
            _("Messages of your login now go to %(after)s instead of %(before)s.") % event.data,
            _("Your other sessions were ended. If it was not you, tell your administrator at once."),
        ],
    )


@tells("email.wished_by_another")
def tell_email_wished(event: AuditEvent) -> Notice:
    """Tell the holder of an address that somebody else typed it (R-08)."""
    return Notice(
        heading=_("Somebody wanted to use your e-mail address"),
        paragraphs=[
            _("It was entered as the new address of another login. It stays yours, and nothing was changed."),
            _("If that was you, sign in with the login that has this address."),
        ],
    )


@composes("invitation")
def compose_invitation(message: Message) -> Content:
    """Invite, or tell an address that has a user elsewhere that it has; nothing once the invitation is settled."""
    invitation = Invitation.objects.good().select_related("account", "invited_by").filter(pk=message.subject_id).first()
    if invitation is None:
        raise NothingToSay
    known = User.objects.filter(email=invitation.email).first()
    if known and known.account_id == invitation.account_id:
        raise NothingToSay
    facts = {"who": invitation.invited_by.email, "account": invitation.account.name}
    return (_known_elsewhere(facts) if known else _invitation(invitation, facts)).content(message.channel)


def _invitation(invitation: Invitation, facts: dict[str, str]) -> Notice:
    return Notice(
        heading=_("You are invited to Messaging"),
        paragraphs=[
            _("%(who)s invites you to join the account %(account)s.") % facts,
            _("Press the button, tell us your name and choose a password. The link works once, for 7 days."),
            _("If you do not know who invites you, ignore this message."),
        ],
        action={
            "action_url": invitations.link(invitation),
            "action_label": _("Join the account"),
            "foot": _("You receive this message because somebody invited this address. Please do not answer it."),
        },
    )


def _known_elsewhere(facts: dict[str, str]) -> Notice:
    return Notice(
        heading=_("You are invited to Messaging"),
        paragraphs=[
            _("%(who)s invites you to join the account %(account)s.") % facts,
            _("But this address already has a user on another account of Messaging, and it cannot be in two."),
            _("Nothing has changed for you. To join, tell them another address; whoever invites you learns nothing."),
        ],
    )


@composes("reminder")
def compose_reminder(message: Message) -> Content:
    """Say what to do about the phone that is missing; nothing to whoever has one by now."""
    due = User.objects.filter(pk=message.subject_id, is_active=True, phone_device__isnull=True)
    user = due.filter(account__two_factor_required=True).first()
    if user is None:
        raise NothingToSay
    return Notice(
        heading=_("Confirm your phone for the second step"),
        paragraphs=[
            _("Your account asks for a second step at every sign-in, and your login %(login)s has no phone yet.")
            % {"login": user.username},
            _("Sign in with your password, write your mobile number, and type the token that we send by SMS."),
            _("It takes less than a minute, and you need it only once."),
        ],
        action={"action_url": settings.PUBLIC_URL + reverse("sign-in"), "action_label": _("Sign in")},
    ).content(message.channel)
