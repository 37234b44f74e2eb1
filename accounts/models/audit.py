"""The audit log."""

from typing import Any, NoReturn

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.audit.action_rows import Shown
from accounts.audit.actions import Action
from accounts.models.account import Account
from messaging.database import Clock

# Thousands of events a day. The other actions are those that an administrator reads.
ROUTINE = Action.marked(Shown.ROUTINE)


BATCH = 1000
# Data that may identify a person. The triggers of migration 0019 have the same list.
PERSONAL = ("number", "address", "reason", "name")
WITH_BEFORE_AND_AFTER = ("phone.changed", "email.changed")


class Without(models.Func):
    """A JSON object without some of its keys."""

    output_field = models.JSONField()

    def __init__(self, column: str, *keys: str) -> None:
        paths = ", ".join(f"'$.{key}'" for key in keys)
        super().__init__(column, template=f"json_remove(%(expressions)s, {paths})")
        self.keys = ", ".join(f"'{key}'" for key in keys)

    def as_postgresql(self, compiler: Any, connection: Any) -> Any:
        """Return it in PostgreSQL's SQL."""
        return self.as_sql(compiler, connection, template=f"(%(expressions)s - ARRAY[{self.keys}]::text[])")


class AppendOnly(Exception):
    """The audit log can only be read and added to (J-01)."""


class AuditEventQuerySet(models.QuerySet["AuditEvent"]):
    """The audit log, which can only be read and added to. Triggers of the database refuse the rest as well (J-01)."""

    def notable(self) -> "AuditEventQuerySet":
        """Return the events that are not routine, by the condition of their index."""
        return self.exclude(action__in=ROUTINE)

    def update(self, **values: Any) -> NoReturn:
        """Refuse: events do not change."""
        raise AppendOnly

    def delete(self) -> NoReturn:
        """Refuse: deleting is for the operator to do (docs/operations.md)."""
        raise AppendOnly

    def redact(self, user: Any) -> None:
        """Remove from the log who an erased person was: the only change that the database allows (R-13).

        It removes addresses and browsers from what they did, and the data named above from what is about them. The
        triggers require the event of the erasure, so no redaction goes without a trace. In batches, because a statement
        has a time-out.
        """
        before_and_after = models.Q(action__in=WITH_BEFORE_AND_AFTER)
        about = self.filter(user=user)
        self._redact(self.filter(actor=user), ip=None, user_agent="")
        self._redact(about.exclude(before_and_after), data=Without("data", *PERSONAL))
        self._redact(about.filter(before_and_after), data=Without("data", *PERSONAL, "before", "after"))

    def _redact(self, events: models.QuerySet["AuditEvent"], **values: Any) -> None:
        keys = events.order_by("pk").values_list("pk", flat=True)
        batch = list(keys[:BATCH])
        while batch:
            super(AuditEventQuerySet, self.model._default_manager.filter(pk__in=batch)).update(**values)
            batch = list(keys.filter(pk__gt=batch[-1])[:BATCH])

    def bulk_update(self, *args: Any, **options: Any) -> NoReturn:
        """Refuse, as ``update`` does."""
        raise AppendOnly


class AuditEvent(models.Model):
    """Who did what, when and from where. Rows are only ever added."""

    # Each of the three begins an index below; Django's own index would be a duplicate.
    account = models.ForeignKey(
        Account, models.PROTECT, null=True, related_name="+", db_index=False, verbose_name=_("account")
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", db_index=False, verbose_name=_("about")
    )
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", db_index=False, verbose_name=_("done by")
    )
    action = models.CharField(_("event"), max_length=60)
    at = models.DateTimeField(_("when"), db_default=Clock())
    ip = models.GenericIPAddressField(_("IP address"), null=True)
    user_agent = models.CharField(_("browser"), max_length=200, default="")
    request_id = models.CharField(_("request number"), max_length=32, default="")
    data = models.JSONField(_("facts"), default=dict)

    objects = AuditEventQuerySet.as_manager()

    class Meta:
        verbose_name = _("audit event")
        verbose_name_plural = _("audit events")
        indexes = [
            models.Index(fields=["at"], name="audit_at"),
            # The audit page: each filter is the beginning of an index whose end is the order of the page.
            models.Index(fields=["account", "at", "id"], name="audit_by_time"),
            models.Index(fields=["account", "action", "at", "id"], name="audit_by_action"),
            models.Index(fields=["account", "ip", "at", "id"], name="audit_by_address"),
            models.Index(fields=["user", "at", "id"], name="audit_by_user"),
            models.Index(fields=["actor", "at", "id"], name="audit_by_actor"),
            # The events that a redaction may change.
            models.Index(fields=["user"], name="audit_erased", condition=models.Q(action="user.erased")),
            # The latest events that are not routine, for the home page.
            models.Index(fields=["account", "-id"], name="audit_notable", condition=~models.Q(action__in=ROUTINE)),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.at:%Y-%m-%d %H:%M:%S}"
