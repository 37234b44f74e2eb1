"""An invitation of an address to an account."""

from django.conf import settings
from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from accounts.models.account import Account
from accounts.models.user import Role
from messaging.database import Clock


class InvitationQuerySet(models.QuerySet["Invitation"]):
    """Queries of invitations."""

    def open(self) -> "InvitationQuerySet":
        """Return invitations that were neither accepted nor revoked; they may be too old."""
        return self.filter(accepted_at__isnull=True, revoked_at__isnull=True)

    def good(self) -> "InvitationQuerySet":
        """Return invitations that can still be accepted.

        Only an administrator makes an administrator: if the person who invited lost that role, the invitation is void
        (A-01).
        """
        runs_the_account = models.Q(invited_by__role=Role.ADMINISTRATOR, invited_by__is_active=True)
        return self.open().filter(models.Q(role=Role.MEMBER) | runs_the_account, expires_at__gt=Clock())

    def with_age(self) -> "InvitationQuerySet":
        """Annotate invitations with ``is_late``, by the database's clock."""
        late = models.ExpressionWrapper(models.Q(expires_at__lte=Clock()), output_field=models.BooleanField())
        return self.annotate(is_late=late)  # type: ignore[no-redef]


class Invitation(models.Model):
    """An address that was invited to an account: one row, however often it is invited.

    It does not say whether the address has a user elsewhere: that is looked up when the message is rendered.
    """

    account = models.ForeignKey(Account, models.PROTECT, related_name="invitations")
    email = models.EmailField(_("e-mail"), max_length=254)
    # As a mail program writes it before the address; the person may change it when they join.
    name = models.CharField(max_length=80, default="", db_default="")
    role = models.CharField(
        _("role"), max_length=13, choices=Role.choices, default=Role.MEMBER, db_default=Role.MEMBER.value
    )
    language = models.CharField(_("language"), max_length=5)
    invited_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    nonce = models.PositiveIntegerField()  # a link is good for one value: the next sending replaces it
    sent_at = models.DateTimeField(db_default=Clock())
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
    accepted_at = models.DateTimeField(null=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    is_late: bool  # annotated by ``with_age``

    objects = InvitationQuerySet.as_manager()

    class Meta:
        verbose_name = _("invitation")
        verbose_name_plural = _("invitations")
        constraints = [
            models.UniqueConstraint(fields=["account", "email"], name="invitation_of_an_address"),
            models.CheckConstraint(condition=models.Q(email=Lower("email")), name="invitation_lower_case"),
        ]
        indexes = [
            models.Index(
                fields=["account", "email", "id"],
                condition=models.Q(accepted_at__isnull=True, revoked_at__isnull=True),
                name="invitation_open",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.email} to {self.account_id}"

    @property
    def whom(self) -> str:
        """Return the invited person as a mail program writes them."""
        return f"{self.name} <{self.email}>" if self.name else self.email
