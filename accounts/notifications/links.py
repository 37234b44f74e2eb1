"""The e-mails with a link: to a new password, to a known browser, an invitation, a reminder to set up a factor."""

from django.conf import settings
from django.urls import reverse
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode
from django.utils.translation import gettext as _

from accounts.auth import browser_links
from accounts.factors import FactorKind
from accounts.invitations import flows as invitations
from accounts.models import Invitation, User
from accounts.models.account import demanding
from accounts.notifications.notice import Notice
from accounts.passwords.reset_links import reset_tokens
from accounts.users import query as user_query
from messaging.delivery.models import Message
from messaging.delivery.renderers import Content, NothingToSay, renders


@renders("password.reset", awaited=True)
def render_password_reset(message: Message) -> Content:
    """Make the link at the moment of sending: it is stored nowhere. An address without a user gets none."""
    user = User.objects.select_related("account").filter(pk=message.subject_id).first()
    if user is None:
        raise NothingToSay
    path = reverse(
        "password-reset-confirm",
        kwargs={
            "uidb64": urlsafe_base64_encode(force_bytes(user.pk)),
            "token": reset_tokens.make_token(user),
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


@renders("invitation")
def render_invitation(message: Message) -> Content:
    """Invite, or tell an address that it has a user elsewhere; send nothing once the invitation is settled."""
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
    """Say how to set up the missing second step; send nothing to a person who has one that counts by now."""
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
