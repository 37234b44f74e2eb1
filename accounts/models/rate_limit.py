"""The counters of rate limits."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class RateLimit(models.Model):
    """How often something was used within one window of the database's clock. The next window reuses the row."""

    key = models.CharField(_("name"), max_length=120)
    seconds = models.PositiveIntegerField(_("seconds"))  # how long a window lasts
    used = models.PositiveIntegerField(_("used"))
    until = models.BigIntegerField(_("until"))  # the clock's seconds since 1970 at which this window ends

    class Meta:
        db_table = "accounts_budget"  # the model's earlier name, which the release before reads
        verbose_name = _("rate limit")
        verbose_name_plural = _("rate limits")
        constraints = [
            # In the order of bytes it finds prefixes of names, too, however many rows robots leave here for logins that
            # nobody has.
            models.UniqueConstraint(
                fields=["key", "seconds"], name="budget_of_a_window", opclasses=["varchar_pattern_ops", "int4_ops"]
            )
        ]
        indexes = [models.Index(fields=["until"], name="budget_until")]

    def __str__(self) -> str:
        return f"{self.key}: {self.used}"
