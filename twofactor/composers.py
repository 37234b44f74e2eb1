"""The words of what this app sends: tokens, and notices about phones."""

from django.conf import settings
from django.db import models
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts import browsers
from accounts.composers import Notice, look_of, tells
from accounts.models import Account, AuditEvent
from messaging.database import Compiled, Slot, Statement
from messaging.delivery.composers import Content, NothingToSay, composes
from messaging.delivery.models import Channel, Message
from twofactor import objections
from twofactor.exceptions import TokenLate
from twofactor.models import Challenge, Purpose

BRAND = "Messaging"
# Run for each token, so built once.
CHALLENGE = Compiled(lambda: Statement(Challenge.objects.filter(pk=Slot("id", models.BigIntegerField()))))


@composes("token")
def compose_token(message: Message) -> Content:
    """Derive the token at the moment of sending (T-06); nothing is sent for a challenge that is closed."""
    challenge = CHALLENGE.row(id=message.subject_id)
    if challenge is None or not challenge.is_open:
        raise NothingToSay
    try:
        token = challenge.token()
    except TokenLate:
        raise NothingToSay from None
    return (
        Content(text=sms_text(token, challenge.purpose))
        if message.channel == Channel.SMS
        else _email(token, challenge.purpose, challenge.user.account)
    )


def sms_text(token: str, purpose: str) -> str:
    """Return one GSM-7 segment whose last line binds the token to our host (T-10, T-11)."""
    minutes = settings.TOKEN_LIFETIME_SECONDS // 60
    facts = {"brand": BRAND, "token": token, "minutes": minutes}
    if purpose in {Purpose.SIGN_IN, Purpose.ENROL}:
        text = _("%(brand)s: your token to sign in is %(token)s. Valid %(minutes)s min. Do not share it.")
    elif purpose == Purpose.CHANGE_PHONE:
        text = _("%(brand)s: your token for the new phone is %(token)s. Valid %(minutes)s min. Do not share it.")
    else:
        text = _("%(brand)s: your token to confirm that it is you: %(token)s. Valid %(minutes)s min. Do not share it.")
    return f"{text % facts}\n\n@{settings.PUBLIC_HOST} #{token}"


def _email(token: str, purpose: str, account: Account | None = None) -> Content:
    """Return the e-mail; neither subject nor the lines that a lock screen shows have the token (T-12)."""
    facts = {"brand": BRAND}
    if purpose in {Purpose.SIGN_IN, Purpose.ENROL}:
        lead = _("Here is your token to sign in to %(brand)s.") % facts
    elif purpose in {Purpose.MAILBOX, Purpose.CHANGE_EMAIL}:
        lead = _("Here is your token to confirm at %(brand)s that this mailbox is yours.") % facts
    else:
        lead = _("Here is your token to confirm at %(brand)s that it is you.") % facts
    context = {
        "lead": lead,
        "token": token,
        "minutes": settings.TOKEN_LIFETIME_SECONDS // 60,
        "brand": BRAND,
        **look_of(account),
    }
    return Content(
        subject=_("Your %(brand)s token") % context,
        text=render_to_string("messages/token.txt", context),
        html=render_to_string("messages/token.html", context),
    )


@tells("phone.enrolled")
def tell_phone_enrolled(event: AuditEvent) -> Notice:
    """Tell the mailbox that a first phone was bound to the login (P-05, D3)."""
    return Notice(
        heading=_("A phone was added to your login"),
        paragraphs=[
            _("The phone %(number)s now receives the tokens to sign in.") % event.data,
            _("If it was not you, press the button: we remove the phone and lock your login until it is settled."),
        ],
        action=_objection(event),
    )


@tells("phone.changed")
def tell_phone_changed(event: AuditEvent) -> Notice:
    """Tell the old number and the mailbox that another phone is in force (R-03)."""
    return Notice(
        heading=_("Your phone was changed"),
        paragraphs=[
            _("Tokens now go to %(after)s instead of %(before)s.") % event.data,
            _("If it was not you, press the button: we remove the phone and lock your login until it is settled."),
        ],
        action=_objection(event),
        sms=_("%(brand)s: your phone for tokens was changed. Not you? Tell your administrator at once.")
        % {"brand": BRAND},
    )


@tells("phone.reset")
def tell_phone_reset(event: AuditEvent) -> Notice:
    """Tell that an administrator or the operator took the phone away (R-07)."""
    return Notice(
        heading=_("Your phone was removed from your login"),
        paragraphs=[
            _("Your administrator removed the phone %(number)s, and all your sessions were ended.") % event.data,
            _("Reason given: %(reason)s") % event.data,
            _("At your next sign-in you confirm this mailbox first, and then a phone."),
            _("Did you not ask for it? Tell your administrator at once."),
        ],
    )


@tells("second_factor.failing")
@tells("second_factor.locked")
def tell_failures(event: AuditEvent) -> Notice:
    """Tell that somebody who knows the password fails at the second step (L-07).

    Their browser by a name of ours: what it calls itself is for them to write, and may be a link.
    """
    where = {"ip": event.ip or "-", "browser": browsers.named(event.user_agent) or _("an unknown device")}
    return Notice(
        heading=_("Somebody is failing at your second step"),
        paragraphs=[
            _("Wrong tokens were entered after your right password, from the address %(ip)s (%(browser)s).") % where,
            _("If it was not you, somebody knows your password: choose a new one now."),
        ],
        action={"action_url": settings.PUBLIC_URL + reverse("password-reset"), "action_label": _("Choose a password")},
    )


@tells("phone.shared")
def tell_phone_shared(event: AuditEvent) -> Notice:
    """Tell the administrators that one phone serves several people (P-08)."""
    data, person = event.data, event.user.full_name if event.user else "-"
    facts = {"number": data["number"], "people": data["people"], "person": person}
    return Notice(
        heading=_("Several people use the same phone"),
        paragraphs=[
            _("The phone %(number)s gets the tokens of %(people)s people of your account now, %(person)s among them.")
            % facts,
            _("Whoever holds it and knows their passwords can sign in as each of them."),
        ],
    )


@tells("account_sms.half_spent")
@tells("account_sms.nearly_spent")
@tells("account_sms.spent")
def tell_account_sms(event: AuditEvent) -> Notice:
    """Tell the administrators, and at the end the operators, how much of an account's day of SMS is spent."""
    data, account = event.data, event.account.name if event.account else "-"
    facts = {"account": account, "used": data["used"], "limit": data["limit"]}
    spent = event.action == "account_sms.spent"
    return Notice(
        heading=_heading_of_spent(event.action),
        paragraphs=[
            _("%(account)s has sent %(used)s of the %(limit)s SMS with tokens that it may send in a day.") % facts,
            _("Until the day is over tokens go by e-mail only; first phones wait until tomorrow.")
            if spent
            else _("When all are sent, tokens go by e-mail only until the day is over."),
            _("If this is more than usual, look at the audit: somebody may be running up your bill."),
        ],
    )


@tells("system_sms.half_spent")
@tells("system_sms.nearly_spent")
@tells("system_sms.spent")
def tell_system_sms(event: AuditEvent) -> Notice:
    """Tell the operators how much of the system's day of SMS is spent."""
    return Notice(
        heading=_heading_of_spent(event.action),
        paragraphs=[
            _("The whole system has sent %(used)s of the %(limit)s SMS that it may send in a day.") % event.data,
            _("When all are sent, tokens go by e-mail only until the day is over."),
        ],
    )


def _heading_of_spent(action: str) -> str:
    if action.endswith(".half_spent"):
        return _("Half of the day's SMS are sent")
    if action.endswith(".nearly_spent"):
        return _("Most of the day's SMS are sent")
    return _("All of the day's SMS are sent")


def _objection(event: AuditEvent) -> dict[str, str]:
    return {"action_url": objections.link(event), "action_label": _("It was not me")}
