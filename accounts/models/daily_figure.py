"""The figures of an account for past days."""

from django.db import models

from accounts.models.account import Account


class DailyFigure(models.Model):
    """How often something happened in an account on a past day; the home page draws it."""

    account = models.ForeignKey(Account, models.CASCADE, related_name="+")
    day = models.DateField()  # in the portal's time zone
    name = models.CharField(max_length=40)
    count = models.PositiveIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "day", "name"], name="figure_of_a_day")]
        indexes = [models.Index(fields=["day"], name="figure_day")]

    def __str__(self) -> str:
        return f"{self.name} on {self.day}: {self.count}"
