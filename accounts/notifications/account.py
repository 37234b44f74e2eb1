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

from accounts.audit.actions import Action
from accounts.auth import browser_links
from accounts.factors import FactorKind
from accounts.invitations import flows as invitations
from accounts.models import Accent, Account, AuditEvent, Invitation, User
from accounts.models.account import demanding
from accounts.users import query as user_query
from messaging.delivery.models import Channel, Message
from messaging.delivery.renderers import Content, NothingToSay, renders


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
    """Return how an e-mail looks: the colour, and of an account its name and initial."""
    accent = Accent(account.accent) if account else Accent.GREEN
    return {"account": account, "colour": ACCENTS[accent]}


NoticeWriter = Callable[[AuditEvent], Notice]


@renders("password.reset", awaited=True)
def render_password_reset(message: Message) -> Content:
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


def password_changed_notice(event: AuditEvent) -> Notice:
    """Tell that the password is another one now."""
    return Notice(
        heading=_("Your password was changed"),
        paragraphs=[
            _("The password of your login was changed, and your other sessions were ended."),
            _("If it was not you, choose a new password at once and tell your administrator."),
        ],
    )


def policy_off_notice(event: AuditEvent) -> Notice:
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


def email_changed_notice(event: AuditEvent) -> Notice:
    """Tell the old address and the new one which is in force (R-08)."""
    return Notice(
        heading=_("Your e-mail address was changed"),
        paragraphs=[
            _("Messages of your login now go to %(after)s instead of %(before)s.") % event.data,
            _("Your other sessions were ended. If it was not you, tell your administrator at once."),
        ],
    )


def email_asked_for_notice(event: AuditEvent) -> Notice:
    """Tell the holder of an address that somebody else typed it (R-08)."""
    return Notice(
        heading=_("Somebody wanted to use your e-mail address"),
        paragraphs=[
            _("It was entered as the new address of another login. It stays yours, and nothing was changed."),
            _("If that was you, sign in with the login that has this address."),
        ],
    )


@renders("browser.link", awaited=True)
def render_browser_link(message: Message) -> Content:
    """Make the link at the moment of sending, like that to a new password."""
    user = User.objects.select_related("account").filter(pk=message.subject_id).first()
    if user is None:
        raise NothingToSay
    return Notice(
        heading=_("Make your browser known"),
        paragraphs=[
            _("Somebody wants to sign in as %(login)s from a browser that is not known yet.")
            % {"login": user.username},
            _("If it is you, open the link in that browser. It works for one day, and your password is still needed."),
            _("If it was not you, ignore this message."),
        ],
        action={"action_url": browser_links.link(user), "action_label": _("Make this browser known")},
    ).content(message.channel, user.account)


def password_guessed_notice(event: AuditEvent) -> Notice:
    """Tell that somebody guesses at the password, and how to sign in from a new browser meanwhile (B-04)."""
    return Notice(
        heading=_("Somebody is trying to guess your password"),
        paragraphs=[
            _("A hundred wrong passwords were typed for your login. None of them was right."),
            _("Browsers that you have used here go on as before. In a new one, ask for a link to your mailbox first."),
        ],
        action={"action_url": settings.PUBLIC_URL + reverse("browser-link"), "action_label": _("Ask for the link")},
    )


@renders("invitation")
def render_invitation(message: Message) -> Content:
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
            _("Or give the user that you have another address, under My profile, and ask to be invited again."),
        ],
    )


@renders("reminder")
def render_reminder(message: Message) -> Content:
    """Say what to do about the second step that is missing; nothing to whoever has one that counts by now."""
    due = User.objects.filter(demanding("account__"), pk=message.subject_id, is_active=True)
    user = due.select_related("account").first()
    if user is None or not user_query.without_factor(user.account).filter(pk=user.pk).exists():
        raise NothingToSay
    if not user.account.accepts(FactorKind.SMS):
        return _set_up_without_phone(user).content(message.channel)
    return Notice(
        heading=_("Confirm your phone for the second step"),
        paragraphs=[
            _("Your account asks for a second step at every sign-in, and your login %(login)s has no phone yet.")
            % {"login": user.username},
            _("Sign in with your password, enter your mobile number, and then the token that we send by SMS."),
            _("It takes less than a minute, and you need it only once."),
        ],
        action={"action_url": settings.PUBLIC_URL + reverse("sign-in"), "action_label": _("Sign in")},
    ).content(message.channel)


def _set_up_without_phone(user: User) -> Notice:
    return Notice(
        heading=_("Set up your second step"),
        paragraphs=[
            _("Your account asks for a second step at each sign-in, and your login %(login)s has none that counts yet.")
            % {"login": user.username},
            _("Sign in with your password, and set up a passkey or an authenticator app where the page asks for it."),
            _("It takes less than a minute, and you need it only once."),
        ],
        action={"action_url": settings.PUBLIC_URL + reverse("sign-in"), "action_label": _("Sign in")},
    )


NOTICES: dict[str, NoticeWriter] = {
    Action.PASSWORD_CHANGED: password_changed_notice,
    Action.PASSWORD_RESET: password_changed_notice,
    Action.PASSWORD_GUESSED: password_guessed_notice,
    Action.POLICY_SWITCHED_OFF: policy_off_notice,
    Action.EMAIL_CHANGED: email_changed_notice,
    Action.EMAIL_ASKED_FOR_BY_ANOTHER: email_asked_for_notice,
}
