"""The texts of this app's notices about phones and limits; and the list of all notices."""

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.audit.actions import Action
from accounts.factors import FactorKind
from accounts.models import AuditEvent, User
from accounts.notifications import notices as account_notices
from accounts.notifications import policy
from accounts.notifications.notice import Notice, NoticeWriter
from accounts.request import user_agents
from messaging.delivery.models import Message
from messaging.delivery.renderers import Content, NothingToSay, renders
from twofactor import disavowal
from twofactor.factors import notices
from twofactor.sign_in import notices as sign_in_notices
from twofactor.tokens.texts import BRAND


def phone_enrolled_notice(event: AuditEvent) -> Notice:
    """Notify the mailbox that a first phone was bound to the login (P-05, D3)."""
    return Notice(
        heading=_("A phone was added to your login"),
        paragraphs=[
            _("The phone %(number)s now receives the tokens to sign in.") % event.data,
            _("If it was not you, press the button: we remove the phone and lock your login until it is settled."),
        ],
        action=disavowal.button(event),
    )


def phone_changed_notice(event: AuditEvent) -> Notice:
    """Notify the old number and the mailbox that another phone is in force (R-03)."""
    return Notice(
        heading=_("Your phone was changed"),
        paragraphs=[
            _("Tokens now go to %(after)s instead of %(before)s.") % event.data,
            _("If it was not you, press the button: we remove the phone and lock your login until it is settled."),
        ],
        action=disavowal.button(event),
        sms=_("%(brand)s: your phone for tokens was changed. Not you? Tell your administrator at once.")
        % {"brand": BRAND},
    )


def phone_reset_notice(event: AuditEvent) -> Notice:
    """Notify that an administrator or the operator removed the phone (R-07)."""
    return Notice(
        heading=_("Your phone was removed from your login"),
        paragraphs=[
            _("Your administrator removed the phone %(number)s, and all your sessions were ended.") % event.data
            if "number" in event.data
            else _("Your administrator removed your second step, and all your sessions were ended."),
            _("Your authenticator app, your passkeys and your recovery codes no longer work either, if you had any."),
            _("Reason given: %(reason)s") % event.data,
            _what_comes_after_a_reset(event.user),
            _("Did you not ask for it? Tell your administrator at once."),
        ],
    )


def _what_comes_after_a_reset(user: User | None) -> str:
    if user and not user.accepts(FactorKind.EMAIL):
        return _(
            "At your next sign-in you type a recovery code first: "
            "the person who removed your second step reads the code to you."
        )
    return _("At your next sign-in you confirm this mailbox first, and then a phone.")


def recovery_code_notice(event: AuditEvent) -> Notice:
    """Notify the person and the administrators that a recovery code was made, or used (R-10)."""
    person = event.user.full_name if event.user else "-"
    used = event.action == Action.RECOVERY_CODE_USED
    said = (
        _("The recovery code of %(person)s was used just now, to set up a phone.")
        if used
        else _("A recovery code for %(person)s was made. It is read to them, works once and for 24 hours.")
    )
    return Notice(
        heading=_("A recovery code was used") if used else _("A recovery code was made"),
        paragraphs=[
            said % {"person": person},
            _("Was this not agreed? Deactivate the login at once, or tell your administrator."),
        ],
    )


def failures_notice(event: AuditEvent) -> Notice:
    """Notify that somebody who knows the password fails at the second step (L-07).

    The browser has a name of ours: the User-Agent is written by the attacker, and may have a link.
    """
    where = {"ip": event.ip or "-", "browser": user_agents.named(event.user_agent) or _("an unknown device")}
    return Notice(
        heading=_("Somebody is failing at your second step"),
        paragraphs=[
            _("Wrong tokens were entered after your right password, from the address %(ip)s (%(browser)s).") % where,
            _("If it was not you, somebody knows your password: choose a new one now."),
        ],
        action={"action_url": settings.PUBLIC_URL + reverse("password-reset"), "action_label": _("Choose a password")},
    )


def unfinished_notice(event: AuditEvent) -> Notice:
    """Notify that somebody types the right password and stops at the second step (B-12, ASVS 6.3.5)."""
    where = {"ip": event.ip or "-", "browser": user_agents.named(event.user_agent) or _("an unknown device")}
    return Notice(
        heading=_("Somebody may know your password"),
        paragraphs=[
            _("Within an hour your right password was typed three times in new browsers, and no sign-in was finished.")
            + " "
            + _("The last one came from the address %(ip)s (%(browser)s).") % where,
            _("Nobody has signed in: the second step stops them. If it was not you, choose a new password now."),
        ],
        action={"action_url": settings.PUBLIC_URL + reverse("password-reset"), "action_label": _("Choose a password")},
    )


def phone_shared_notice(event: AuditEvent) -> Notice:
    """Notify the administrators that one phone serves several people (P-08)."""
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


def account_sms_notice(event: AuditEvent) -> Notice:
    """Notify the administrators, and at the end the operators, how much of an account's day of SMS is used."""
    data, account = event.data, event.account.name if event.account else "-"
    facts = {"account": account, "used": data["used"], "limit": data["limit"]}
    used_up = event.action == Action.ACCOUNT_SMS_USED_UP
    return Notice(
        heading=_heading_of_used_up(event.action),
        paragraphs=[
            _("%(account)s has sent %(used)s of the %(limit)s SMS with tokens that it may send in a day.") % facts,
            _("Until the day is over tokens go by e-mail only; first phones wait until tomorrow.")
            if used_up
            else _("When all are sent, tokens go by e-mail only until the day is over."),
            _("If this is more than usual, look at the audit: somebody may be running up your bill."),
        ],
    )


def new_browsers_sms_notice(event: AuditEvent) -> Notice:
    """Notify the administrators and the operators that new browsers have no SMS left for the day (B-01)."""
    return Notice(
        heading=_("New browsers have used up their part of the day's SMS"),
        paragraphs=[
            _("New browsers and new phones of %(account)s have been sent %(limit)s SMS with tokens.")
            % {"account": event.account.name if event.account else "-", "limit": event.data["limit"]},
            _("What is left is for browsers that we know. In a new one the page offers a link, which makes it known."),
            _("If this is more than usual, look at the audit: somebody may have passwords of your people."),
        ],
    )


def range_closed_notice(event: AuditEvent) -> Notice:
    """Notify the administrators and the operators that a range or a country gets no SMS for now (B-08)."""
    return Notice(
        heading=_("SMS to a range of numbers are withheld"),
        paragraphs=[
            _("Too few of the tokens that went to new numbers beginning with %(beginning)s were typed.") % event.data,
            _("For now no SMS is sent to new phones there; phones that are confirmed get theirs as ever."),
            _("It ends by itself as soon as tokens are typed again, at the latest within the hour."),
            _("Until then whoever sets up a phone there can use another number."),
        ],
    )


def system_sms_notice(event: AuditEvent) -> Notice:
    """Notify the operators how much of the system's day of SMS is used."""
    return Notice(
        heading=_heading_of_used_up(event.action),
        paragraphs=[
            _("The whole system has sent %(used)s of the %(limit)s SMS that it may send in a day.") % event.data,
            _("When all are sent, tokens go by e-mail only until the day is over."),
        ],
    )


def _heading_of_used_up(action: str) -> str:
    if action.endswith(".half_spent"):
        return _("Half of the day's SMS have been sent")
    if action.endswith(".nearly_spent"):
        return _("Most of the day's SMS have been sent")
    return _("All of the day's SMS have been sent")


# Every notice, by the action that it is about.
NOTICES: dict[str, NoticeWriter] = {
    **account_notices.NOTICES,
    **policy.NOTICES,
    **notices.NOTICES,
    **sign_in_notices.NOTICES,
    Action.PHONE_ENROLLED: phone_enrolled_notice,
    Action.PHONE_CHANGED: phone_changed_notice,
    Action.PHONE_RESET: phone_reset_notice,
    Action.RECOVERY_CODE_ISSUED: recovery_code_notice,
    Action.RECOVERY_CODE_USED: recovery_code_notice,
    Action.SECOND_FACTOR_FAILING: failures_notice,
    Action.SECOND_FACTOR_LOCKED: failures_notice,
    Action.SIGN_IN_UNFINISHED: unfinished_notice,
    Action.PHONE_SHARED: phone_shared_notice,
    Action.RANGE_CLOSED: range_closed_notice,
    Action.ACCOUNT_SMS_HALF_USED_UP: account_sms_notice,
    Action.ACCOUNT_SMS_NEARLY_USED_UP: account_sms_notice,
    Action.ACCOUNT_SMS_NEW_USED_UP: new_browsers_sms_notice,
    Action.ACCOUNT_SMS_USED_UP: account_sms_notice,
    Action.SYSTEM_SMS_HALF_USED_UP: system_sms_notice,
    Action.SYSTEM_SMS_NEARLY_USED_UP: system_sms_notice,
    Action.SYSTEM_SMS_USED_UP: system_sms_notice,
}


@renders("notice")
def render_notice(message: Message) -> Content:
    """Render the notice about the audit event that the message names."""
    event = AuditEvent.objects.select_related("account", "user__account", "actor").get(pk=message.subject_id)
    if event.action not in NOTICES:
        raise NothingToSay(event.action)
    return NOTICES[event.action](event).content(message.channel, event.account)
