"""The tenant, and how it shows itself."""

from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models.lookups import LessThanOrEqual
from django.utils.translation import gettext_lazy as _

from accounts.factors import CHOICES, STRONGER_THAN_EMAIL, FactorKind
from messaging.database import Clock


class Accent(models.TextChoices):
    """The colours an account may show itself in; app.css holds each in light and dark, and a test their contrast."""

    GREEN = "green", _("Green")
    BLUE = "blue", _("Blue")
    VIOLET = "violet", _("Violet")
    PINK = "pink", _("Pink")
    AMBER = "amber", _("Amber")
    GRAPHITE = "graphite", _("Graphite")


# Where it is written down whether a kind counts.
COLUMNS: dict[str, str] = {
    FactorKind.SMS: "sms_tokens",
    FactorKind.EMAIL: "email_tokens",
    FactorKind.APP: "app_tokens",
    FactorKind.PASSKEY: "passkeys",
}


def has_come(date: str) -> "models.ExpressionWrapper[models.Q]":
    """Return whether a date of an account has come, by the database's clock; ``date`` is the way to the column."""
    due = models.Q(**{f"{date}__isnull": False, f"{date}__lte": Clock()})
    return models.ExpressionWrapper(due, output_field=models.BooleanField())


def demanding(account: str = "") -> models.Q:
    """Return the condition that an account's policy is in force; ``account`` is the way to it, as in ``account__``."""
    return models.Q(**{f"{account}two_factor_required": True}) | models.Q(**{f"{account}two_factor_from__lte": Clock()})


class Account(models.Model):
    """A tenant. Its policy decides how all of its people sign in."""

    name = models.CharField(_("name"), max_length=120)
    is_active = models.BooleanField(_("active"), default=True)
    # The one account of the operators; its name may be anything, and others may have the same.
    is_operators = models.BooleanField(default=False, db_default=False, editable=False)
    two_factor_required = models.BooleanField(_("two factor authentication"), default=False)
    two_factor_changed_at = models.DateTimeField(_("two factor authentication switched at"), null=True, editable=False)
    allowed_regions = models.JSONField(_("countries of the phones"), default=list, blank=True, editable=False)
    # Which kinds of second factor count (K-06): the mailbox stands in for a device (D1). Then those that count from a
    # date on, with blanks between them.
    sms_tokens = models.BooleanField(_("tokens by SMS"), default=True, db_default=True)
    email_tokens = models.BooleanField(_("tokens by e-mail"), default=True)
    app_tokens = models.BooleanField(_("tokens of an authenticator app"), default=True, db_default=True)
    passkeys = models.BooleanField(_("passkeys"), default=True, db_default=True)
    factors_from = models.DateTimeField(null=True, editable=False)
    factors_next = models.CharField(max_length=40, default="", db_default="", editable=False)
    factors_reminded = models.PositiveSmallIntegerField(null=True, editable=False)  # days before that date
    # Whether whoever has an app or a passkey that counts gets no tokens by e-mail (K-06).
    email_yields = models.BooleanField(
        _("no tokens by e-mail for whoever has an app or a passkey"), default=False, db_default=False
    )
    # Whether the mailbox must be proved before a first device (D3).
    mailbox_before_phone = models.BooleanField(_("confirm the e-mail before the first phone"), default=False)
    # Whether a passkey alone signs in, without the password (K-04).
    passkeys_alone = models.BooleanField(_("sign-in by passkey alone"), default=False, db_default=False)
    # When the policy comes into force by itself, the days of the last reminder of it, and the last announcement.
    two_factor_from = models.DateTimeField(_("two factor authentication from"), null=True, editable=False)
    two_factor_reminded = models.PositiveSmallIntegerField(null=True, editable=False)
    two_factor_announced_at = models.DateTimeField(null=True, editable=False)
    # How many SMS it may send in 24 hours where an operator decided that; else accounts.sms_limits does.
    sms_a_day = models.PositiveIntegerField(
        _("SMS a day"), null=True, blank=True, help_text=_("Empty: as many as its people need, within its share.")
    )
    accent = models.CharField(_("colour"), max_length=8, choices=Accent.choices, default=Accent.GREEN)
    # What the logo is called (accounts.branding.logos), or nothing; its bytes are read by its own address only.
    logo = models.CharField(max_length=48, blank=True, default="", editable=False)
    # Which notices to its administrators it does not want, with blanks between them, and who gets the others: all of
    # them where nobody was chosen (accounts/notifications/choices.py).
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
            # What the sign-in page asks once a minute: whether there is one at all.
            models.Index(
                fields=["passkeys_alone"],
                name="account_passkeys_alone",
                condition=models.Q(passkeys_alone=True),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def accepts(self, kind: str, *, due: bool | None = None) -> bool:
        """Tell whether a kind of second factor counts here, at this moment. Nothing else decides about it.

        ``due``: whether the date of ``factors_next`` has come, where that was read with the person (``User.accepts``).
        """
        if kind == FactorKind.RECOVERY:
            return True
        return kind in (self.accepted if due is None else self._accepted(due))

    @property
    def accepted(self) -> list[str]:
        """Return the kinds that count now, in the order of the choice, be they written down yet or not."""
        return self._accepted(self._has_come(self.factors_from))

    @property
    def accepted_next(self) -> list[str]:
        """Return the kinds that count from a date to come; nothing where there is none, or where it has come."""
        return [] if self._has_come(self.factors_from) else self.factors_next.split()

    @property
    def written_down(self) -> list[str]:
        """Return the kinds that are written down; others may be in force until the periodic task has run."""
        return [kind for kind in CHOICES if getattr(self, COLUMNS[kind])]

    @property
    def email_can_yield(self) -> bool:
        """Tell whether e-mail counts beside an app or passkeys, which may switch it off for whoever has one."""
        kinds = set(self.accepted)
        return FactorKind.EMAIL in kinds and bool(kinds & set(STRONGER_THAN_EMAIL))

    @property
    def demands_second_factor(self) -> bool:
        """Tell whether the policy is in force now, be it written down or only its date come."""
        return self.two_factor_required or self._has_come(self.two_factor_from)

    def _accepted(self, due: bool) -> list[str]:
        return self.factors_next.split() if due else self.written_down

    def _has_come(self, date: datetime | None) -> bool:
        """Ask the database's clock, once for each date that there is: most accounts have none and ask nothing."""
        known: dict[datetime, bool] = self.__dict__.setdefault("_dates_come", {})
        if date is not None and date not in known:
            moment = models.Value(date, output_field=models.DateTimeField())
            known[date] = Account.objects.filter(LessThanOrEqual(moment, Clock()), pk=self.pk).exists()
        return date is not None and known[date]

    @property
    def regions(self) -> list[str]:
        """Return the ISO regions whose phones get tokens: what was chosen of the operator's, else its first (P-03).

        A region that the operator takes back is gone at once, whatever the account had chosen.
        """
        chosen = [region for region in settings.ALLOWED_REGIONS if region in self.allowed_regions]
        return chosen or settings.ALLOWED_REGIONS[:1]

    @property
    def monogram(self) -> str:
        """Return the letter that stands for the account where there is no logo."""
        return self.name[:1].upper()

    @property
    def logo_sides(self) -> list[str]:
        """Return the width and the height of the logo, so that a page keeps room for it."""
        return self.logo.rpartition("-")[2].split("x")


class Logo(models.Model):
    """The bytes of an account's logo, as accounts.branding.logos wrote them."""

    account = models.OneToOneField(Account, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=48, db_index=True)
    png = models.BinaryField()

    def __str__(self) -> str:
        return self.name
