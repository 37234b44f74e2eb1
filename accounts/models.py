"""Tenants, their people, and what they did."""

from datetime import UTC, datetime
from typing import Any, ClassVar, NoReturn

from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY
from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.contrib.sessions.base_session import AbstractBaseSession
from django.core.validators import RegexValidator
from django.db import models
from django.db.models.functions import Coalesce, Concat, Lower, NullIf, Trim
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.translation import gettext_lazy as _

from accounts.exceptions import AppendOnly
from accounts.sessions import SessionStore
from messaging.database import Bytewise, Clock, Folded

OPERATORS = "Operação"
# What every day brings by the thousand. The rest is what an administrator wants to hear about.
ROUTINE = ["challenge.issued", "password.failed", "sign_in.password_only", "sign_in.pending", "sign_in.verified"]
SIGN_INS = ["sign_in.password_only", "sign_in.verified"]
# Where people who never signed in stand in a list by last sign-in: a column without NULL has one order.
NEVER = datetime(1970, 1, 1, tzinfo=UTC)
SEEN_AT = Coalesce("last_login", models.Value(NEVER), output_field=models.DateTimeField())


class Accent(models.TextChoices):
    """The colours an account may show itself in; app.css holds each in light and dark, and a test their contrast."""

    GREEN = "green", _("Green")
    BLUE = "blue", _("Blue")
    VIOLET = "violet", _("Violet")
    PINK = "pink", _("Pink")
    AMBER = "amber", _("Amber")
    GRAPHITE = "graphite", _("Graphite")


class Account(models.Model):
    """A tenant. Its policy decides how all of its people sign in."""

    name = models.CharField(_("name"), max_length=120)
    is_active = models.BooleanField(_("active"), default=True)
    two_factor_required = models.BooleanField(_("two factor authentication"), default=False)
    two_factor_changed_at = models.DateTimeField(null=True, editable=False)
    allowed_regions = models.JSONField(_("countries of the phones"), default=list, blank=True, editable=False)
    # Whether the mailbox may stand in for the phone at a sign-in (D1), and must be proved before a first phone (D3).
    email_tokens = models.BooleanField(_("tokens by e-mail"), default=True)
    mailbox_before_phone = models.BooleanField(_("confirm the e-mail before the first phone"), default=False)
    # When the policy comes into force by itself, the days of the last reminder of it, and the last announcement.
    two_factor_from = models.DateTimeField(null=True, editable=False)
    two_factor_reminded = models.PositiveSmallIntegerField(null=True, editable=False)
    two_factor_announced_at = models.DateTimeField(null=True, editable=False)
    accent = models.CharField(_("colour"), max_length=8, choices=Accent.choices, default=Accent.GREEN)
    # What the logo is called (accounts.logos), or nothing; its bytes are read by its own address only.
    logo = models.CharField(max_length=48, blank=True, default="", editable=False)
    created_at = models.DateTimeField(db_default=Clock(), editable=False)

    class Meta:
        verbose_name = _("account")
        verbose_name_plural = _("accounts")
        indexes = [
            models.Index(
                fields=["two_factor_from"],
                name="account_policy_from",
                condition=models.Q(two_factor_from__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.name

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
    """The bytes of an account's logo, as accounts.logos wrote them."""

    account = models.OneToOneField(Account, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=48, db_index=True)
    png = models.BinaryField()

    def __str__(self) -> str:
        return self.name


class Role(models.TextChoices):
    """What a person may do in their account."""

    ADMINISTRATOR = "administrator", _("Administrator")
    MEMBER = "member", _("Member")


class UserManager(BaseUserManager["User"]):
    """Make users, and find them by what they type."""

    def create_user(self, username: str, email: str, password: str | None, **fields: Any) -> "User":
        """Create a person of ``fields["account"]``; the login and the address are kept in lower case."""
        user = self.model(username=username.lower(), email=email.lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, username: str, email: str, password: str, **fields: Any) -> "User":
        """Create an operator: a person of the operators' account who may open the Django admin."""
        if "account" not in fields:
            fields["account"], _created = Account.objects.get_or_create(name=OPERATORS)
        fields.setdefault("role", Role.ADMINISTRATOR)
        return self.create_user(username, email, password, is_staff=True, is_superuser=True, **fields)

    def with_policy(self) -> models.QuerySet["User"]:
        """Return people with what the gate needs to know of a policy that waits for its date, by our clock."""
        due = models.Q(account__two_factor_from__isnull=False, account__two_factor_from__lte=Clock())
        is_due = models.ExpressionWrapper(due, output_field=models.BooleanField())
        return self.annotate(policy_due=is_due)  # type: ignore[no-redef]

    def all_named(self, typed: str) -> models.QuerySet["User"]:
        """Return the person with this login or e-mail address, if there is one, as a queryset."""
        typed = typed.strip().lower()
        return self.with_policy().filter(**{"email" if "@" in typed else "username": typed})

    def named(self, typed: str) -> "User | None":
        """Return the person with this login or e-mail address."""
        return self.all_named(typed).first()

    def get_by_natural_key(self, username: str | None) -> "User":
        """Return the person with this login, in whatever case it is written. Raises User.DoesNotExist."""
        return self.get(username=(username or "").lower())


class User(AbstractBaseUser, PermissionsMixin):
    """A person of one account."""

    account = models.ForeignKey(Account, models.PROTECT, related_name="users", db_index=False)  # it begins others
    username = models.CharField(
        _("login"),
        max_length=60,
        unique=True,
        validators=[RegexValidator(r"\A[a-z0-9][a-z0-9._-]*\Z", _("Use a-z, 0-9, dot, hyphen, underscore."))],
    )
    email = models.EmailField(_("e-mail"), max_length=254, unique=True)
    first_name = models.CharField(_("first name"), max_length=80, blank=True)
    last_name = models.CharField(_("last name"), max_length=80, blank=True)
    role = models.CharField(_("role"), max_length=13, choices=Role.choices, default=Role.MEMBER)
    language = models.CharField(_("language"), max_length=5, choices=settings.LANGUAGES, blank=True, default="")
    is_active = models.BooleanField(_("active"), default=True)
    is_staff = models.BooleanField(_("operator"), default=False)
    # Since a password reset by e-mail: the mailbox alone may not be both factors.
    mailbox_suspect = models.BooleanField(default=False, editable=False)
    password_wait: int | None  # seconds, by ``budgets.Attempt``
    person_wait: int | None  # the same
    # Whether a phone is proved held: the database writes it down with the phone, so that a list can begin there.
    has_phone = models.BooleanField(db_default=False, editable=False)
    # Since the phone was taken away by an administrator or disowned: the next one needs the mailbox first (R-07, D3).
    phone_was_reset = models.BooleanField(default=False, editable=False)
    policy_due: bool = False  # by ``with_policy``: the policy's date has come, and nobody has written it down yet
    locked_at = models.DateTimeField(_("locked since"), null=True, editable=False)
    # Consecutive failures of the second step, and until when they keep the person from trying (the ladder).
    failures = models.PositiveSmallIntegerField(_("failed second steps"), default=0, editable=False)
    failures_until = models.DateTimeField(_("second step locked until"), null=True, editable=False)
    session_epoch = models.PositiveIntegerField(default=0, editable=False)
    created_at = models.DateTimeField(db_default=Clock(), editable=False)
    # What lists are sorted and searched by. The database keeps them, so nobody can forget to.
    name_key = models.GeneratedField(
        expression=Folded(
            Coalesce(NullIf(Trim(Concat("first_name", models.Value(" "), "last_name")), models.Value("")), "username")
        ),
        output_field=models.CharField(max_length=161),
        db_persist=True,
    )
    surname_key = models.GeneratedField(
        expression=Folded("last_name"), output_field=models.CharField(max_length=80), db_persist=True
    )

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "username"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS = ["email"]

    class Meta:
        verbose_name = _("user")
        verbose_name_plural = _("users")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(username=Lower("username"), email=Lower("email")),
                name="user_lower_case",
            ),
            # A login can never be read as somebody else's address.
            models.CheckConstraint(condition=~models.Q(username__contains="@"), name="user_login_is_no_address"),
        ]
        indexes = [
            # The two orders of the list of people …
            models.Index(fields=["account", "name_key", "id"], name="user_by_name"),
            models.Index("account", SEEN_AT, "id", name="user_by_last_sign_in"),
            # … what its search may be the beginning of …
            *(
                models.Index("account", Bytewise(field), name=name)
                for field, name in (
                    ("name_key", "user_name_like"),
                    ("surname_key", "user_surname_like"),
                    ("email", "user_email_like"),
                    ("username", "user_login_like"),
                )
            ),
            # … and its filters for what may be rare.
            models.Index(
                fields=["account", "name_key", "id"],
                condition=models.Q(locked_at__isnull=False) | models.Q(failures_until__isnull=False),
                name="user_locked",
            ),
            models.Index(
                fields=["account", "name_key", "id"], condition=models.Q(is_active=False), name="user_deactivated"
            ),
            models.Index(
                fields=["account", "name_key", "id"],
                condition=models.Q(role=Role.ADMINISTRATOR),
                name="user_administrators",
            ),
            *(
                models.Index(fields=["account", "name_key", "id"], condition=condition, name=name)
                for condition, name in (
                    (models.Q(has_phone=False), "user_without_phone"),
                    (models.Q(has_phone=False, last_login__isnull=True), "user_never_signed_in"),
                    (models.Q(has_phone=False, last_login__isnull=False), "user_pending"),
                )
            ),
            # What is counted of them: many equal entries, which PostgreSQL keeps once.
            models.Index(fields=["account", "is_active", "has_phone"], name="user_counted"),
        ]

    def __str__(self) -> str:
        return self.username

    @property
    def full_name(self) -> str:
        """Return the person's name, or the login when none is known."""
        return f"{self.first_name} {self.last_name}".strip() or self.username

    @property
    def is_administrator(self) -> bool:
        """Tell whether the person may run the account."""
        return self.role == Role.ADMINISTRATOR

    @property
    def two_factor_required(self) -> bool:
        """Tell whether the second factor is demanded: by the account's policy or its date, and of every operator."""
        return self.account.two_factor_required or self.is_staff or self.policy_due

    @property
    def takes_tokens_by_email(self) -> bool:
        """Tell whether the mailbox may be the second factor: by the account (D1), and no reset came by it (R-06)."""
        return self.account.email_tokens and not self.mailbox_suspect

    @property
    def mailbox_before_phone(self) -> bool:
        """Tell whether the mailbox must be proved before a phone: by the account (D3) or after a reset (R-07)."""
        return self.account.mailbox_before_phone or self.phone_was_reset

    @property
    def may_sign_in(self) -> bool:
        """Tell whether the person and their account are active and nobody has locked the person."""
        return self.is_active and self.locked_at is None and self.account.is_active

    def _get_session_auth_hash(self, secret: str | None = None) -> str:
        """Bind sessions to the password and to the epoch: raising the epoch ends all of them."""
        value = f"{self.password}:{self.session_epoch}"
        return salted_hmac("accounts.User.session", value, secret=secret, algorithm="sha256").hexdigest()


class Session(AbstractBaseSession):
    """One browser, of somebody who is signed in or of nobody yet. The row's id may be shown, the session's never."""

    id = models.BigAutoField(primary_key=True)
    session_key = models.CharField(max_length=40, unique=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, null=True, related_name="sessions")
    ip = models.GenericIPAddressField(null=True)
    user_agent = models.CharField(max_length=200, default="")
    created_at = models.DateTimeField(db_default=Clock())
    seen_at = models.DateTimeField(db_default=Clock())

    @classmethod
    def get_session_store_class(cls) -> Any:
        """Return the store that reads and writes these rows."""
        return SessionStore

    def holds_for(self, user: "User") -> bool:
        """Tell whether the person is still signed in here: neither password nor epoch changed since."""
        return constant_time_compare(self.get_decoded().get(HASH_SESSION_KEY, ""), user.get_session_auth_hash())


class InvitationQuerySet(models.QuerySet["Invitation"]):
    """Where invitations are found."""

    def open(self) -> "InvitationQuerySet":
        """Return what was neither accepted nor revoked; it may be too old."""
        return self.filter(accepted_at__isnull=True, revoked_at__isnull=True)

    def good(self) -> "InvitationQuerySet":
        """Return what can still be accepted."""
        return self.open().filter(expires_at__gt=Clock())

    def with_age(self) -> "InvitationQuerySet":
        """Annotate invitations with ``is_late``, by the database's clock."""
        late = models.ExpressionWrapper(models.Q(expires_at__lte=Clock()), output_field=models.BooleanField())
        return self.annotate(is_late=late)  # type: ignore[no-redef]


class Invitation(models.Model):
    """An address that was asked to join an account, as a member. One row for each, however often it is asked.

    It says nothing about whether the address has a user elsewhere: that is found out when the message leaves.
    """

    account = models.ForeignKey(Account, models.PROTECT, related_name="invitations")
    email = models.EmailField(_("e-mail"), max_length=254)
    language = models.CharField(_("language"), max_length=5)
    invited_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    nonce = models.PositiveIntegerField()  # a link is good for one: the next sending replaces it
    sent_at = models.DateTimeField(db_default=Clock())
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
    accepted_at = models.DateTimeField(null=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    is_late: bool  # by ``with_age``

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


class AuditEventQuerySet(models.QuerySet["AuditEvent"]):
    """The trail, which can be read and added to. The database refuses the rest as well, with triggers (J-01)."""

    def notable(self) -> "AuditEventQuerySet":
        """Return what is not routine, as the index of it wants to be asked."""
        return self.exclude(action__in=ROUTINE)

    def update(self, **values: Any) -> NoReturn:
        """Refuse: what happened has happened."""
        raise AppendOnly

    def delete(self) -> NoReturn:
        """Refuse: forgetting is the operator's own act (docs/operations.md)."""
        raise AppendOnly

    def bulk_update(self, *args: Any, **options: Any) -> NoReturn:
        """Refuse, as ``update`` does."""
        raise AppendOnly


class AuditEvent(models.Model):
    """Who did what, when, from where. Rows are only ever added."""

    # Each of the three begins an index below; Django's own would double it.
    account = models.ForeignKey(Account, models.PROTECT, null=True, related_name="+", db_index=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", db_index=False)
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", db_index=False)
    action = models.CharField(max_length=60)
    at = models.DateTimeField(db_default=Clock())
    ip = models.GenericIPAddressField(null=True)
    user_agent = models.CharField(max_length=200, default="")
    request_id = models.CharField(max_length=32, default="")
    data = models.JSONField(default=dict)

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
            # The last of what is not routine, for the home page.
            models.Index(fields=["account", "-id"], name="audit_notable", condition=~models.Q(action__in=ROUTINE)),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.at:%Y-%m-%d %H:%M:%S}"


class DailyFigure(models.Model):
    """How often something happened in an account on a day that is over: what the home page draws."""

    account = models.ForeignKey(Account, models.CASCADE, related_name="+")
    day = models.DateField()  # in the portal's time zone
    name = models.CharField(max_length=40)
    count = models.PositiveIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "day", "name"], name="figure_of_a_day")]
        indexes = [models.Index(fields=["day"], name="figure_day")]

    def __str__(self) -> str:
        return f"{self.name} on {self.day}: {self.count}"


class Budget(models.Model):
    """How often something was used within one window of the database's clock. The next window reuses the row."""

    key = models.CharField(max_length=120)
    seconds = models.PositiveIntegerField()  # how long a window lasts
    used = models.PositiveIntegerField()
    until = models.BigIntegerField()  # the clock's seconds since 1970 at which this window ends

    class Meta:
        constraints = [models.UniqueConstraint(fields=["key", "seconds"], name="budget_of_a_window")]
        indexes = [models.Index(fields=["until"], name="budget_until")]

    def __str__(self) -> str:
        return f"{self.key}: {self.used}"
