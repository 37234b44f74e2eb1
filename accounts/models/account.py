"""The account, which is the tenant, and its look."""

from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models.lookups import LessThanOrEqual
from django.utils.translation import gettext_lazy as _

from accounts.factors import CHOICES, STRONGER_THAN_EMAIL, FactorKind
from messaging.database import Clock


class Accent(models.TextChoices):
    """The colours of an account; app.css has each in light and dark, and a test measures their contrast."""

    GREEN = "green", _("Green")
    BLUE = "blue", _("Blue")
    VIOLET = "violet", _("Violet")
    PINK = "pink", _("Pink")
    AMBER = "amber", _("Amber")
    GRAPHITE = "graphite", _("Graphite")


# The field that says whether a kind counts.
COLUMNS: dict[str, str] = {
    FactorKind.SMS: "sms_tokens",
    FactorKind.EMAIL: "email_tokens",
    FactorKind.APP: "app_tokens",
    FactorKind.PASSKEY: "passkeys",
}


def has_come(date: str) -> "models.ExpressionWrapper[models.Q]":
    """Return whether a date of an account has come, by the database's clock; ``date`` is the path to the column."""
    due = models.Q(**{f"{date}__isnull": False, f"{date}__lte": Clock()})
    return models.ExpressionWrapper(due, output_field=models.BooleanField())


def demanding(account: str = "") -> models.Q:
    """Return the condition that an account's policy is in force; ``account`` is the path to it, as in ``account__``."""
    return models.Q(**{f"{account}two_factor_required": True}) | models.Q(**{f"{account}two_factor_from__lte": Clock()})


def accepting(kind: str) -> models.Q:
    """Return the condition that a kind of second factor counts in an account now: ``Account.accepts`` in SQL.

    It is for statements that must not rely on an earlier read. No kind's name is part of another's.
    """
    due = models.Q(factors_from__lte=Clock(), factors_next__contains=kind)
    waits = models.Q(factors_from__isnull=True) | models.Q(factors_from__gt=Clock())
    return due | models.Q(waits, **{COLUMNS[kind]: True})


class Account(models.Model):
    """An account. Its policy decides how all of its people sign in."""

    name = models.CharField(_("name"), max_length=120)
    is_active = models.BooleanField(_("active"), default=True)
    # The one account of the operators; it may have any name, and others may have the same.
    is_operators = models.BooleanField(default=False, db_default=False, editable=False)
    two_factor_required = models.BooleanField(_("two factor authentication"), default=False)
    two_factor_changed_at = models.DateTimeField(_("two factor authentication switched at"), null=True, editable=False)
    allowed_regions = models.JSONField(_("countries of the phones"), default=list, blank=True, editable=False)
    # Which kinds of second factor count (K-06); the mailbox replaces a device (D1). Then those that count from a date
    # on, separated by blanks.
    sms_tokens = models.BooleanField(_("tokens by SMS"), default=True, db_default=True)
    email_tokens = models.BooleanField(_("tokens by e-mail"), default=True)
    app_tokens = models.BooleanField(_("tokens of an authenticator app"), default=True, db_default=True)
    passkeys = models.BooleanField(_("passkeys"), default=True, db_default=True)
    factors_from = models.DateTimeField(null=True, editable=False)
    factors_next = models.CharField(max_length=40, default="", db_default="", editable=False)
    factors_reminded = models.PositiveSmallIntegerField(null=True, editable=False)  # days before that date
    # Whether people who have an app or a passkey that counts get no tokens by e-mail (K-06).
    email_yields = models.BooleanField(
        _("no tokens by e-mail for whoever has an app or a passkey"), default=False, db_default=False
    )
    # Whether the mailbox must be confirmed before a first device (D3).
    mailbox_before_phone = models.BooleanField(_("confirm the e-mail before the first phone"), default=False)
    # Whether a passkey alone signs in, without the password (K-04).
    passkeys_alone = models.BooleanField(_("sign-in by passkey alone"), default=False, db_default=False)
    # The date of the policy, the days before it at the last reminder, and the time of the last announcement.
    two_factor_from = models.DateTimeField(_("two factor authentication from"), null=True, editable=False)
    two_factor_reminded = models.PositiveSmallIntegerField(null=True, editable=False)
    two_factor_announced_at = models.DateTimeField(null=True, editable=False)
    # How many SMS it may send in 24 hours, if an operator decided that; else accounts.sms_limits computes it.
    sms_a_day = models.PositiveIntegerField(
        _("SMS a day"), null=True, blank=True, help_text=_("Empty: as many as its people need, within its share.")
    )
    accent = models.CharField(_("colour"), max_length=8, choices=Accent.choices, default=Accent.GREEN)
    # The name of the logo (accounts.branding.logos), or empty; only its own address reads its bytes.
    logo = models.CharField(max_length=48, blank=True, default="", editable=False)
    # Which notices to its administrators are switched off, separated by blanks, and who gets the others: all of them
    # if nobody was chosen (accounts/notifications/choices.py).
    notices_off = models.CharField(max_length=60, default="", db_default="", editable=False)
    notices_to = models.BigIntegerField(null=True, editable=False)
    created_at = models.DateTimeField(_("created at"), db_default=Clock(), editable=False)

    class Meta:
        verbose_name = _("account")
        verbose_name_plural = _("accounts")
        constraints = [
            models.UniqueConstraint(
                fields=["is_operators"], condition=models.Q(is_operators=True), name="account_one_of_operators"
            ),
        ]
        indexes = [
            models.Index(
                fields=["two_factor_from"],
                name="account_policy_from",
                condition=models.Q(two_factor_from__isnull=False),
            ),
            # The sign-in page asks once a minute whether any account has it.
            models.Index(
                fields=["passkeys_alone"],
                name="account_passkeys_alone",
                condition=models.Q(passkeys_alone=True),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def accepts(self, kind: str, *, due: bool | None = None) -> bool:
        """Tell whether a kind of second factor counts here now. Only ``accepting`` decides the same, in SQL.

        ``due``: whether the date of ``factors_next`` has come, if that was read with the person (``User.accepts``).
        """
        if kind == FactorKind.RECOVERY:
            return True
        if self._has_come(self.factors_from) if due is None else due:
            return kind in self.factors_next.split()
        return kind in COLUMNS and bool(getattr(self, COLUMNS[kind]))

    @property
    def accepted(self) -> list[str]:
        """Return the kinds that count now, in the order of the choice, whether they are written down yet or not."""
        return self.factors_next.split() if self._has_come(self.factors_from) else self.written_down

    @property
    def accepted_next(self) -> list[str]:
        """Return the kinds that count from a date to come; none where there is no date, or where it has come."""
        return [] if self._has_come(self.factors_from) else self.factors_next.split()

    @property
    def written_down(self) -> list[str]:
        """Return the kinds that are written down; others may be in force until the periodic task has run."""
        return [kind for kind in CHOICES if getattr(self, COLUMNS[kind])]

    @property
    def email_can_yield(self) -> bool:
        """Tell whether e-mail counts and an app or passkeys do, too: e-mail can be off for their owners."""
        kinds = set(self.accepted)
        return FactorKind.EMAIL in kinds and bool(kinds & set(STRONGER_THAN_EMAIL))

    @property
    def demands_second_factor(self) -> bool:
        """Tell whether the policy is in force now: it is switched on, or its date has come."""
        return self.two_factor_required or self._has_come(self.two_factor_from)

    def _has_come(self, date: datetime | None) -> bool:
        """Ask the database's clock, once for each date that there is; most accounts have none, so nothing is asked."""
        known: dict[datetime, bool] = self.__dict__.setdefault("_dates_come", {})
        if date is not None and date not in known:
            moment = models.Value(date, output_field=models.DateTimeField())
            known[date] = Account.objects.filter(LessThanOrEqual(moment, Clock()), pk=self.pk).exists()
        return date is not None and known[date]

    @property
    def regions(self) -> list[str]:
        """Return the ISO regions whose phones get tokens: the account's choice, else the operator's first (P-03).

        A region that the operator removes is gone at once, whatever the account had chosen.
        """
        chosen = [region for region in settings.ALLOWED_REGIONS if region in self.allowed_regions]
        return chosen or settings.ALLOWED_REGIONS[:1]

    @property
    def monogram(self) -> str:
        """Return the letter that is shown where there is no logo."""
        return self.name[:1].upper()

    @property
    def logo_sides(self) -> list[str]:
        """Return the width and the height of the logo, so that a page reserves its space."""
        return self.logo.rpartition("-")[2].split("x")


class Logo(models.Model):
    """The bytes of an account's logo, as accounts.branding.logos wrote them."""

    account = models.OneToOneField(Account, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=48, db_index=True)
    png = models.BinaryField()

    def __str__(self) -> str:
        return self.name
