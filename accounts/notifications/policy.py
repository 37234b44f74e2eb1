"""The texts of notices about the policy, to administrators and to everybody."""

from django.conf import settings
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from accounts.audit.actions import Action
from accounts.factors import OF_DEVICES, FactorKind
from accounts.models import AuditEvent
from accounts.notifications.notice import Notice, NoticeWriter
from accounts.policy_schedule import moment_of


def _link(name: str, label: str) -> dict[str, str]:
    return {"action_url": settings.PUBLIC_URL + reverse(name), "action_label": label}


def _actor(event: AuditEvent) -> str:
    return event.actor.full_name if event.actor else "-"


def _when(event: AuditEvent) -> str:
    moment = moment_of(event)
    return date_format(timezone.localtime(moment), "DATETIME_FORMAT") if moment else ""


def policy_is_coming_notice(event: AuditEvent) -> Notice:
    """Notify everybody of what will be required of them, and from when."""
    when = _when(event)
    if event.data.get("now"):
        return _policy_is_on_notice(event)
    return Notice(
        heading=_("Signing in will take a second step"),
        paragraphs=[
            (
                _("From %(when)s your account %(account)s asks for a token after the password.")
                if when
                else _("Your account %(account)s will soon ask for a token after the password.")
            )
            % {"when": when, "account": event.account},
            _have_at_hand(event),
            _("You need to do nothing today. We never ask for your password or a token by e-mail or by phone."),
        ],
    )


def _have_at_hand(event: AuditEvent) -> str:
    """Say what has to be set up the first time: the phone, where phones count (K-06)."""
    if event.account is None or event.account.accepts(FactorKind.SMS):
        return _("The first time you set up your mobile phone: have it at hand. It takes less than a minute.")
    return _("The first time you set up a passkey or an authenticator app. It takes less than a minute.")


def _policy_is_on_notice(event: AuditEvent) -> Notice:
    return Notice(
        heading=_("Signing in takes a second step now"),
        paragraphs=[
            _("From now on your account %(account)s asks for a second step after the password.")
            % {"account": event.account},
            _have_at_hand(event),
            _("We never ask for your password or a token by e-mail or by phone."),
        ],
    )


def policy_on_notice(event: AuditEvent) -> Notice:
    """Notify the administrators that the second step is required from now on (A-01)."""
    if event.data.get("by_date"):
        said = _("The date has come: everybody in your account now needs a token to sign in.")
    else:
        said = _("%(person)s switched it on for everybody in your account.") % {"person": _actor(event)}
    return Notice(
        heading=_("Two factor authentication was switched on"),
        paragraphs=[
            said,
            _("Whoever has no second step that counts yet sets one up at the next sign-in. Nobody is locked out."),
            _("If this was not agreed, look at Settings, My account."),
        ],
        action=_link("account-settings", _("Account Settings")),
    )


def policy_off_notice(event: AuditEvent) -> Notice:
    """Notify the administrators that the second step is no longer required (A-01)."""
    return Notice(
        heading=_("Two factor authentication was switched off"),
        paragraphs=[
            _("%(person)s switched it off for everybody in your account. A password alone is now enough to sign in.")
            % {"person": _actor(event)},
            _("If this was not agreed, switch it on again under Settings, My account."),
        ],
    )


def policy_scheduled_notice(event: AuditEvent) -> Notice:
    """Notify the administrators from when the second step is required."""
    return Notice(
        heading=_("A date was set for two factor authentication"),
        paragraphs=[
            _("%(person)s set it: from %(when)s everybody in your account needs a token to sign in.")
            % {"person": _actor(event), "when": _when(event)},
            _("If this was not agreed, cancel the date under Settings, My account."),
        ],
        action=_link("account-settings", _("Account Settings")),
    )


def policy_unscheduled_notice(event: AuditEvent) -> Notice:
    """Notify the administrators that the date was cancelled."""
    return Notice(
        heading=_("The date for two factor authentication was cancelled"),
        paragraphs=[
            _("%(person)s cancelled it. A password alone goes on opening your account.") % {"person": _actor(event)},
            _("If this was not agreed, set a date again under Settings, My account."),
        ],
        action=_link("account-settings", _("Account Settings")),
    )


def _kinds(event: AuditEvent) -> str:
    labels = dict(FactorKind.choices)
    return ", ".join(str(labels.get(kind, kind)) for kind in str(event.data.get("after", "")).split())


def factors_changed_notice(event: AuditEvent) -> Notice:
    """Notify the administrators which kinds of second step count, now or from a date on (K-06)."""
    when = _when(event)
    said = (
        _("%(person)s set it: from %(when)s only these second steps count: %(kinds)s.")
        if when
        else _("%(person)s chose it: only these second steps count now: %(kinds)s.")
    )
    return Notice(
        heading=_("The second steps that count were changed"),
        paragraphs=[
            said % {"person": _actor(event), "when": when, "kinds": _kinds(event)},
            _("Whoever has none of them sets one up at the next sign-in. Nobody is locked out."),
            _("If this was not agreed, look at Settings, My account."),
        ],
        action=_link("account-settings", _("Account Settings")),
    )


def factors_kept_notice(event: AuditEvent) -> Notice:
    """Notify the administrators that the date of other kinds was cancelled."""
    return Notice(
        heading=_("The date for other second steps was cancelled"),
        paragraphs=[
            _("%(person)s cancelled it. The second steps that count stay as they are.") % {"person": _actor(event)},
            _("If this was not agreed, set a date again under Settings, My account."),
        ],
        action=_link("account-settings", _("Account Settings")),
    )


def factors_announced_notice(event: AuditEvent) -> Notice:
    """Notify everybody which second steps count, and that they should have one ready (K-07)."""
    when = _when(event)
    facts = {"when": when, "account": event.account, "kinds": _kinds(event)}
    return Notice(
        heading=_("What counts as your second step changes"),
        paragraphs=[
            (
                _("From %(when)s these second steps count in your account %(account)s: %(kinds)s.")
                if when
                else _("From now on these second steps count in your account %(account)s: %(kinds)s.")
            )
            % facts,
            *_email_yields(event),
            _("Have one of them at hand when you sign in. If you have none of them yet, you set one up there."),
            _("You need to do nothing today. We never ask for your password or a token by e-mail or by phone."),
        ],
    )


def _email_yields(event: AuditEvent) -> list[str]:
    """Say who gets no tokens by e-mail any more, where e-mail counts at all."""
    if event.account is None or not event.account.email_yields or "email" not in str(event.data.get("after", "")):
        return []
    return [_("Whoever has an authenticator app or a passkey gets no tokens by e-mail.")]


def email_yields_notice(event: AuditEvent) -> Notice:
    """Notify the administrators for whom e-mail no longer counts, or counts again (K-06)."""
    said = (
        _("%(person)s decided it: whoever has an authenticator app or a passkey gets no tokens by e-mail any more.")
        if event.action == Action.POLICY_FACTORS_EMAIL_OFF
        else _("%(person)s decided it: whoever has an authenticator app or a passkey may take tokens by e-mail again.")
    )
    return Notice(
        heading=_("The second steps that count were changed"),
        paragraphs=[said % {"person": _actor(event)}, _("If this was not agreed, look at Settings, My account.")],
        action=_link("account-settings", _("Account Settings")),
    )


def factors_reminded_notice(event: AuditEvent) -> Notice:
    """Notify a person who has no second step that will count where to set one up, and until when (K-07)."""
    wanted = set(str(event.data.get("after", "")).split()) & set(OF_DEVICES)
    facts = {"when": _when(event), "account": event.account, "kinds": _kinds(event)}
    if event.account is not None and wanted & set(event.account.accepted):
        where = _(
            "You have none of them yet. "
            "Set one up in My profile, Second step, or at your first sign-in from that day on."
        )
        action = _link("factors", _("Second step"))
    else:
        where, action = _("You have none of them yet. You set one up at your first sign-in from that day on."), {}
    return Notice(
        heading=_("Set up another second step in time"),
        paragraphs=[
            _("From %(when)s these second steps count in your account %(account)s: %(kinds)s.") % facts,
            where,
            _("It takes less than a minute. We never ask for your password or a token by e-mail or by phone."),
        ],
        action=action,
    )


NOTICES: dict[str, NoticeWriter] = {
    Action.POLICY_FACTORS_CHANGED: factors_changed_notice,
    Action.POLICY_FACTORS_SCHEDULED: factors_changed_notice,
    Action.POLICY_FACTORS_UNSCHEDULED: factors_kept_notice,
    Action.POLICY_FACTORS_ANNOUNCED: factors_announced_notice,
    Action.POLICY_FACTORS_REMINDED: factors_reminded_notice,
    Action.POLICY_FACTORS_EMAIL_OFF: email_yields_notice,
    Action.POLICY_FACTORS_EMAIL_ON: email_yields_notice,
    Action.POLICY_ANNOUNCED: policy_is_coming_notice,
    Action.POLICY_REMINDED: policy_is_coming_notice,
    Action.POLICY_SWITCHED_ON: policy_on_notice,
    Action.POLICY_SWITCHED_OFF: policy_off_notice,
    Action.POLICY_SCHEDULED: policy_scheduled_notice,
    Action.POLICY_UNSCHEDULED: policy_unscheduled_notice,
}
