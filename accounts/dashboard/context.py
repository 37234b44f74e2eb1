"""The contents of the home page: of the account for an administrator, of themselves for everybody else."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from accounts.audit import descriptions
from accounts.audit.action_rows import Shown
from accounts.audit.actions import SIGN_INS, Action
from accounts.audit.invited import with_addresses
from accounts.auth import sessions as account_sessions
from accounts.dashboard import charts, stats
from accounts.dashboard.charts import Chart
from accounts.dashboard.stats import DayFigures, People
from accounts.factors import FactorKind
from accounts.models import Account, AuditEvent, Session, User
from accounts.request import user_agents
from messaging.delivery import circuit, gateways
from messaging.delivery.models import Channel

DAYS = (14, 30)
LATEST = 8
# An administrator is warned above this share of failed SMS, if there were enough SMS.
MANY_FAIL, ENOUGH = 0.1, 10
# Sign-ins by the factor that completed them; all factors that send nothing are one series.
WITHOUT_A_MESSAGE = tuple(f"sign_in.{way}" for way in ("app", "passkey", "passkey_alone", "recovery"))
IN_TWO_STEPS = ("sign_in.sms", "sign_in.email", *WITHOUT_A_MESSAGE)
SIGN_IN_SERIES = (("sign_in.sms",), ("sign_in.email",), WITHOUT_A_MESSAGE, ("sign_in.password",))


@dataclass(frozen=True, slots=True)
class Task:
    """Something that needs doing, and the page where it is done. ``level``: "danger", "warning" or "hint"."""

    level: str
    text: str
    url: str
    label: str


@dataclass(frozen=True, slots=True)
class FirstStep:
    """A first step of a new account, and whether it is done."""

    title: str
    text: str
    url: str
    is_done: bool


@dataclass(frozen=True, slots=True)
class TitledChart:
    """A chart with its title, the names of its series, and the row of its table for each day."""

    name: str
    title: str
    series: list[str]
    chart: Chart

    @property
    def total(self) -> int:
        """Return the sum of all columns."""
        return sum(column.total for column in self.chart.columns)

    @property
    def first_day(self) -> str:
        """Return the first day's label."""
        return self.chart.columns[0].label

    @property
    def middle_day(self) -> str:
        """Return the label of the day in the middle."""
        return self.chart.columns[len(self.chart.columns) // 2].label


@dataclass(frozen=True, slots=True)
class RecentEvent:
    """An audit event as a line of a list."""

    event: AuditEvent
    sentence: str
    device: str
    is_mobile: bool

    @property
    def kind(self) -> str:
        """Return the first part of the event's name, which chooses the icon."""
        return self.event.action.partition(".")[0]


def of_account(account: Account, number: int) -> dict[str, Any]:
    """Return what an administrator sees, in a fixed number of statements."""
    people, days = stats.people(account), stats.days(account, number)
    sent = _sum(days, "delivered") + _sum(days, "sent")  # delivered, or without a receipt
    failed = _sum(days, "failed")
    todo = tasks(account, people, days)
    is_empty = not (sent or failed or people.enrolled)
    return {
        "greeting": greeting(),
        "steps": first_steps(account, people) if is_empty and not account.is_operators else [],
        "people": people,
        "days": number,
        "choices": DAYS,
        "tasks": todo,
        "urgent": any(task.level == "danger" for task in todo),
        "sign_ins": _sign_ins(days),
        "tokens": _tokens(days),
        "token_table": _token_table(days),
        "verified": sum(day.sum(*IN_TWO_STEPS) for day in days),
        "failed": failed,
        "percent_sent": sent * 100 // (sent + failed) if sent + failed else None,
        "seconds": stats.seconds_to_deliver(account),
        "sms": stats.sms_of_the_day(account, people),
        "recent_events": latest(account),
    }


def first_steps(account: Account, people: People) -> list[FirstStep]:
    """Return the first steps, which replace the figures of an account whose second step nobody has used yet."""
    users, invited = reverse("users"), people.total > 1
    return [
        FirstStep(
            _("Invite your people"),
            _("Paste their addresses; they choose their own passwords."),
            reverse("invite"),
            invited,
        ),
        FirstStep(
            _("Switch on two factor authentication"),
            _("At once, or from a day on that every page then announces. Your own second step comes first."),
            reverse("account-settings"),
            account.demands_second_factor or account.two_factor_from is not None,
        ),
        FirstStep(
            _("See who has a second step"), _("And remind those who have not."), f"{users}?factor=pending", False
        ),
    ]


def of_person(user: User) -> dict[str, Any]:
    """Return what everybody sees of themselves, in two statements."""
    own = AuditEvent.objects.filter(user=user, action__in=SIGN_INS).order_by("-at", "-pk")[:LATEST]
    return {
        "greeting": greeting(),
        "own_sign_ins": [_recent_event(event, "") for event in own],
        "sessions": [_where(session) for session in account_sessions.open_sessions(user)],
        "language": dict(settings.LANGUAGES).get(user.language, ""),
    }


def _where(session: Session) -> dict[str, Any]:
    """Return a session as a line of a list."""
    agent = session.user_agent
    device = user_agents.named(agent) or _("Unknown device")
    return {"device": device, "is_mobile": "Mobi" in agent, "ip": session.ip, "seen_at": session.seen_at}


def latest(account: Account) -> list[RecentEvent]:
    """Return the last events of an account that are not routine, newest first, in two statements at most."""
    events = AuditEvent.objects.notable().filter(account=account, action__in=Action.marked(Shown.ON_HOME))
    newest = with_addresses(account, events.select_related("user", "actor").order_by("-pk")[:LATEST])
    return [_recent_event(event, descriptions.describe(event)) for event in newest]


def _recent_event(event: AuditEvent, sentence: str) -> RecentEvent:
    agent = event.user_agent
    device = user_agents.named(agent) or _("Unknown device")
    return RecentEvent(event, sentence, device, is_mobile="Mobi" in agent)


def _sum(days: list[DayFigures], outcome: str) -> int:
    return sum(day.sum(*(f"token.{channel}.{outcome}" for channel in Channel.values)) for day in days)


def _sign_ins(days: list[DayFigures]) -> TitledChart:
    rows = [[day.sum(*names) for names in SIGN_IN_SERIES] for day in days]
    series = [_("SMS"), _("E-mail"), _("App, passkey or code"), _("Password only")]
    return TitledChart("sign-ins", _("Sign-ins by day"), series, charts.stacked(_labels(days), rows))


def _tokens(days: list[DayFigures]) -> TitledChart:
    rows = [[_sum([day], "delivered"), _sum([day], "sent"), _sum([day], "failed")] for day in days]
    series = [_("Delivered"), _("Without a receipt"), _("Failed")]
    return TitledChart("tokens", _("Tokens by day"), series, charts.stacked(_labels(days), rows))


@dataclass(frozen=True, slots=True)
class TokensOfDay:
    """The tokens of one day on one channel: how many were sent, how many surely arrived, how many were typed."""

    day: str
    channel: str
    delivered: int
    without_receipt: int
    verified: int
    failed: int


def _token_table(days: list[DayFigures]) -> list[TokensOfDay]:
    """Return the tokens by day and channel, the newest day first, without days that have none."""
    names = {Channel.SMS: _("SMS"), Channel.EMAIL: _("E-mail")}
    rows = [
        TokensOfDay(
            label,
            names.get(Channel(channel), channel),
            day.sum(f"token.{channel}.delivered"),
            day.sum(f"token.{channel}.sent"),
            day.sum(f"sign_in.{channel}"),
            day.sum(f"token.{channel}.failed"),
        )
        for day, label in zip(reversed(days), reversed(_labels(days)), strict=True)
        for channel in Channel.values
    ]
    return [row for row in rows if row.delivered or row.without_receipt or row.verified or row.failed]


def _labels(days: list[DayFigures]) -> list[str]:
    return [date_format(day.date, "D j/n" if get_language() != "en" else "D, M j") for day in days]


def tasks(account: Account, people: People, days: list[DayFigures]) -> list[Task]:
    """Return the tasks, the most urgent first."""
    order = ("danger", "warning", "hint")
    found = [*_about_delivery(account, days[-2:]), *_about_people(people), *_about_policy(account, people)]
    return sorted(found, key=lambda task: order.index(task.level))


def _about_delivery(account: Account, lately: list[DayFigures]) -> Iterator[Task]:
    page = reverse("account-settings")
    if gateways.sms_is_possible() and not circuit.sms_is_available():
        others = [kind for kind in account.accepted if kind != FactorKind.SMS]
        if FactorKind.EMAIL in others:
            text = _("SMS cannot be sent right now. People can sign in by e-mail.")
        elif others:
            text = _(
                "SMS cannot be sent right now. Whoever has set up another second step that counts signs in with it."
            )
        else:
            text = _("SMS cannot be sent right now, and nothing else counts: nobody gets in. Let e-mail count for now.")
        yield Task("danger", text, page, _("See"))
    failed = sum(day.sum("token.sms.failed") for day in lately)
    every = failed + sum(day.sum("token.sms.delivered", "token.sms.sent") for day in lately)
    if every >= ENOUGH and failed > every * MANY_FAIL:
        text = _("%(failed)d of %(all)d SMS did not arrive since yesterday.") % {"failed": failed, "all": every}
        yield Task("warning", text, page, _("See"))


def _about_people(people: People) -> Iterator[Task]:
    users = reverse("users")
    if people.locked:
        text = ngettext("%(count)d user is locked out.", "%(count)d users are locked out.", people.locked)
        yield Task("danger", text % {"count": people.locked}, f"{users}?state=locked", _("Unlock"))
    if people.administrators == 1:
        text = _("You are the only administrator. A second one helps when you lose your phone.")
        yield Task("hint", text, users, _("Add one"))


def _about_policy(account: Account, people: People) -> Iterator[Task]:
    page = reverse("account-settings")
    if account.demands_second_factor and account.accepted == [FactorKind.SMS]:
        text = _("Only SMS counts as a second step: on a day when SMS does not work nobody gets in.")
        yield Task("warning", text, f"{page}#factors", _("Let others count"))
    if account.is_operators:
        return  # operators need the second step whatever the policy says
    if not account.demands_second_factor:
        yield Task("warning", _("A password alone opens this account."), page, _("Switch on"))
    elif people.pending:
        text = ngettext(
            "%(count)d user has no second step that counts yet.",
            "%(count)d users have no second step that counts yet.",
            people.pending,
        )
        link = f"{reverse('users')}?factor=pending"
        yield Task("warning", text % {"count": people.pending}, link, _("Remind"))


def greeting() -> str:
    """Return the greeting for the hour in the portal's time zone."""
    hour = timezone.localtime().hour
    if hour < 12:
        return _("Good morning")
    return _("Good afternoon") if hour < 18 else _("Good evening")
