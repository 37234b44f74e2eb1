"""The audit log of an account for its administrators, page by page (A-04, J-01)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from accounts.audit import descriptions
from accounts.audit.invited import with_addresses
from accounts.lists import pagination
from accounts.models import Account, AuditEvent
from accounts.request import user_agents

# By time, not by id: rows that were imported later, such as those of an older system, are sorted in.
ORDER = pagination.Order("at", descending=True)
MAX_EXPORTED = 100_000  # events of one export: half a minute's work; a spreadsheet takes ten times as many rows


@dataclass(frozen=True, slots=True)
class AuditQuery:
    """What an administrator asks the audit log for. None and empty values filter nothing."""

    account: Account
    people: Sequence[int] | None = None  # their ids
    event: str = ""
    since: datetime | None = None
    until: datetime | None = None  # exclusive
    ip: str = ""

    @property
    def scope(self) -> QuerySet[AuditEvent]:
        """Return all events of the account."""
        return AuditEvent.objects.filter(account=self.account)

    @property
    def arms(self) -> list[QuerySet[AuditEvent]]:
        """Return the events asked for, as disjoint querysets.

        Events about a person and events that a person did have an index each; one statement for both would have to
        sort all of either.
        """
        events = self._filtered()
        if self.people is None:
            return [events]
        return [events.filter(user__in=self.people), events.filter(actor__in=self.people).exclude(user__in=self.people)]

    def _filtered(self) -> QuerySet[AuditEvent]:
        asked = {"action": self.event, "ip": self.ip, "at__gte": self.since, "at__lt": self.until}
        chosen = {name: value for name, value in asked.items() if value}
        return self.scope.filter(**chosen).select_related("user", "actor")

    def page(self, cursor: pagination.Cursor | None) -> pagination.Page[AuditEvent]:
        """Return a page, the newest events first."""
        page = pagination.page_of(self.arms, self.scope, ORDER, cursor)
        return replace(page, rows=with_addresses(self.account, page.rows))

    def export(self) -> Iterator[list[list[Any]]]:
        """Return the events for an export, chunk by chunk, the newest first and at most ``MAX_EXPORTED``."""
        for events in islice(pagination.chunks_of(self.arms, self.scope, ORDER), MAX_EXPORTED // pagination.CHUNK):
            yield [_cells(event) for event in with_addresses(self.account, events)]


def head() -> list[str]:
    """Return the headings of the export."""
    return [
        _("Time (UTC)"),
        _("Event"),
        _("What happened"),
        _("Outcome"),
        _("User"),
        _("By"),
        _("Address"),
        _("Browser"),
        _("Request"),
    ]


def outcome(event: AuditEvent) -> str:
    """Return the outcome of an event."""
    return _("Refused") if descriptions.was_refused(event) else _("Done")


def _cells(event: AuditEvent) -> list[Any]:
    return [
        event.at,
        event.action,
        descriptions.describe(event),
        outcome(event),
        event.user and event.user.username,
        event.actor and event.actor.username,
        event.ip,
        user_agents.named(event.user_agent) or event.user_agent,
        event.request_id,
    ]
