"""Who did what, when, from where."""

from typing import Any, NoReturn

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.audit.actions import Shown, actions_shown
from accounts.models.account import Account
from messaging.database import Clock

# What every day brings by the thousand. The rest is what an administrator wants to hear about.
ROUTINE = actions_shown(Shown.ROUTINE)


BATCH = 1000
# Facts that may say who a person is. The triggers of migration 0019 know the same.
PERSONAL = ("number", "address", "reason", "name")
WITH_BEFORE_AND_AFTER = ("phone.changed", "email.changed")


class Without(models.Func):
    """An object of JSON without some of its keys."""

    output_field = models.JSONField()

    def __init__(self, column: str, *keys: str) -> None:
        paths = ", ".join(f"'$.{key}'" for key in keys)
        super().__init__(column, template=f"json_remove(%(expressions)s, {paths})")
        self.keys = ", ".join(f"'{key}'" for key in keys)

    def as_postgresql(self, compiler: Any, connection: Any) -> Any:
        """Return it as PostgreSQL has it."""
        return self.as_sql(compiler, connection, template=f"(%(expressions)s - ARRAY[{self.keys}]::text[])")


class AppendOnly(Exception):
    """The audit log can be read and added to, and nothing else (J-01)."""


class AuditEventQuerySet(models.QuerySet["AuditEvent"]):
    """The audit log, which can be read and added to. The database refuses the rest as well, with triggers (J-01)."""

    def notable(self) -> "AuditEventQuerySet":
        """Return what is not routine, as the index of it wants to be asked."""
        return self.exclude(action__in=ROUTINE)

    def update(self, **values: Any) -> NoReturn:
        """Refuse: what happened has happened."""
        raise AppendOnly

    def delete(self) -> NoReturn:
        """Refuse: forgetting is the operator's own act (docs/operations.md)."""
        raise AppendOnly

    def redact(self, user: Any) -> None:
        """Take out of the log who an erased person was: the one change that the database lets through (R-13).

        Addresses and browsers of what they did, and of what is about them the facts named above. The triggers ask for
        the event of the erasing, so no redaction goes without a trace. In batches, for one statement has seconds.
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
    """Who did what, when, from where. Rows are only ever added."""

    # Each of the three begins an index below; Django's own would double it.
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
            # Whom a redaction may be about.
            models.Index(fields=["user"], name="audit_erased", condition=models.Q(action="user.erased")),
            # The last of what is not routine, for the home page.
            models.Index(fields=["account", "-id"], name="audit_notable", condition=~models.Q(action__in=ROUTINE)),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.at:%Y-%m-%d %H:%M:%S}"
