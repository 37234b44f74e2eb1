"""A user: a person of an account."""

from datetime import UTC, datetime
from typing import Any, ClassVar

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.core.validators import RegexValidator
from django.db import models, transaction
from django.db.models.functions import Coalesce, Concat, Lower, NullIf, Trim
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.factors import FactorKind
from accounts.models.account import Account, has_come
from accounts.models.search_word import SearchWord
from accounts.passwords.spelling import normalised, spellings
from messaging.database import Bytewise, Clock, Folded

OPERATORS = "Operação"
BY_FAILURES = "second_factor.failures"  # the reason of a lock after too many wrong tokens
# In a list by last sign-in, people who never signed in have this value: a column without NULL has one order.
NEVER = datetime(1970, 1, 1, tzinfo=UTC)
SEEN_AT = Coalesce("last_login", models.Value(NEVER), output_field=models.DateTimeField())


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
        with transaction.atomic():
            user.save(using=self._db)
            SearchWord.objects.renew(user)
        return user

    def create_superuser(self, username: str, email: str, password: str, **fields: Any) -> "User":
        """Create an operator: a person of the operators' account who may open the Django admin."""
        if "account" not in fields:
            fields["account"], _created = Account.objects.get_or_create(is_operators=True, defaults={"name": OPERATORS})
        fields.setdefault("role", Role.ADMINISTRATOR)
        return self.create_user(username, email, password, is_staff=True, is_superuser=True, **fields)

    def with_policy(self) -> models.QuerySet["User"]:
        """Add whether a policy that waits for its date is due, by the database's clock; the gate needs that."""
        dates = {"policy_due": "account__two_factor_from", "factors_due": "account__factors_from"}
        return self.annotate(**{name: has_come(date) for name, date in dates.items()})

    def all_named(self, typed: str) -> models.QuerySet["User"]:
        """Return the person with this login or e-mail address, if there is one, as a queryset."""
        typed = typed.strip().lower()
        return self.with_policy().filter(**{"email" if "@" in typed else "username": typed})

    def named(self, typed: str) -> "User | None":
        """Return the person with this login or e-mail address."""
        return self.all_named(typed).first()

    def get_by_natural_key(self, username: str | None) -> "User":
        """Return the person with this login, in upper or lower case. Raises User.DoesNotExist."""
        return self.get(username=(username or "").lower())


class User(AbstractBaseUser, PermissionsMixin):
    """A person of one account."""

    account = models.ForeignKey(
        Account, models.PROTECT, related_name="users", db_index=False, verbose_name=_("account")
    )  # other indexes begin with it
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
    # True after a password reset by e-mail: then the mailbox alone would be both factors.
    mailbox_suspect = models.BooleanField(default=False, editable=False)
    password_is_old = False  # set by ``check_password``
    attempt_is_apart = False  # set by ``twofactor.tokens.unguessable``: not among ``failures``
    person_wait: int | None  # seconds; annotated by ``accounts.passwords.limits``
    # Which devices are confirmed: written by the flows that bind and remove them, and read by the lists.
    has_phone = models.BooleanField(db_default=False, editable=False)
    has_app = models.BooleanField(db_default=False, editable=False)
    has_passkey = models.BooleanField(db_default=False, editable=False)
    # True after an administrator or a disavowal removed the phone: the next one needs the mailbox first (R-07, D3).
    phone_was_reset = models.BooleanField(default=False, editable=False)
    # How many of their own recovery codes are not used: stored here, so that pages need not count.
    codes_left = models.PositiveSmallIntegerField(default=0, db_default=0, editable=False)
    # The kind of factor that a sign-in begins with; if it is empty or not open, the choice of SMS or e-mail.
    preferred_factor = models.CharField(max_length=8, default="", db_default="", editable=False)
    # The kind of factor that completed the last sign-in; a recovery code leaves it unchanged.
    last_factor = models.CharField(max_length=8, default="", db_default="", editable=False)
    # Annotated by ``with_policy``: whether the date of the policy has come but is not written down yet; the same for
    # the date of other kinds. Without the annotation the account asks the clock.
    policy_due: bool | None = None
    factors_due: bool | None = None
    locked_at = models.DateTimeField(_("locked since"), null=True, editable=False)
    # Consecutive failures of the second step, and the end of the pause that they cause (the lockout schedule).
    failures = models.PositiveSmallIntegerField(_("failed second steps"), default=0, editable=False)
    failures_until = models.DateTimeField(_("second step locked until"), null=True, editable=False)
    session_epoch = models.PositiveIntegerField(default=0, editable=False)
    # Raising it ends every known browser of the person (accounts/auth/known_browsers.py).
    browsers_epoch = models.PositiveIntegerField(default=0, db_default=0, editable=False)
    created_at = models.DateTimeField(_("created at"), db_default=Clock(), editable=False)
    # When the data that identify the person were deleted for good.
    erased_at = models.DateTimeField(null=True, editable=False)
    # What lists are sorted and searched by. The database computes them, so no code has to.
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
            # No login can be mistaken for an address.
            models.CheckConstraint(condition=~models.Q(username__contains="@"), name="user_login_is_no_address"),
        ]
        indexes = [
            # The two orders of the list of people …
            models.Index(fields=["account", "name_key", "id"], name="user_by_name"),
            models.Index("account", SEEN_AT, "id", name="user_by_last_sign_in"),
            # … the prefixes that its search looks for …
            *(
                models.Index("account", Bytewise(field), name=name)
                for field, name in (
                    ("name_key", "user_name_like"),
                    ("surname_key", "user_surname_like"),
                    ("email", "user_email_like"),
                    ("username", "user_login_like"),
                )
            ),
            # … and its filters with rare matches.
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
            # What is counted of them: many equal entries, which PostgreSQL stores once.
            models.Index(
                fields=["account", "is_active", "has_phone", "has_app", "has_passkey"], name="user_counted_by_factor"
            ),
        ]

    def __str__(self) -> str:
        return self.username

    @property
    def full_name(self) -> str:
        """Return the person's name, or the login when there is none; for an erased person a number (R-13)."""
        if self.erased_at:
            return gettext("removed person #%(number)s") % {"number": self.pk}
        return f"{self.first_name} {self.last_name}".strip() or self.username

    @property
    def is_administrator(self) -> bool:
        """Tell whether the person administers the account."""
        return self.role == Role.ADMINISTRATOR

    @property
    def two_factor_required(self) -> bool:
        """Tell whether the second factor is required: by the account's policy or its date, and always of operators."""
        if self.is_staff or self.account.two_factor_required:
            return True
        return self.account.demands_second_factor if self.policy_due is None else self.policy_due

    def accepts(self, kind: str) -> bool:
        """Tell whether a kind of second factor counts for this person now: by the account, and for operators (K-06)."""
        if self.is_staff and settings.OPERATOR_FACTORS and kind not in settings.OPERATOR_FACTORS:
            return kind == FactorKind.RECOVERY
        return self.account.accepts(kind, due=self.factors_due)

    @property
    def may_sign_in_by_passkey_alone(self) -> bool:
        """Tell whether a passkey signs this person in without the password, at this moment (K-04)."""
        return self.account.passkeys_alone and self.accepts(FactorKind.PASSKEY)

    @property
    def takes_tokens_by_email(self) -> bool:
        """Tell whether the mailbox may be the second factor: by the account (D1), and no reset came by it (R-06)."""
        return self.accepts(FactorKind.EMAIL) and not self.mailbox_suspect

    @property
    def email_yields(self) -> bool:
        """Tell whether something stronger switches e-mail off, by the fields of the person (K-06). No statement.

        For pages about other people; whether a token opens is decided by the devices (``twofactor.factors.held``).
        """
        stronger = {FactorKind.APP: self.has_app, FactorKind.PASSKEY: self.has_passkey}
        return self.account.email_yields and any(has and self.accepts(kind) for kind, has in stronger.items())

    @property
    def has_device(self) -> bool:
        """Tell whether the person has any confirmed device, whether its kind counts or not. No statement."""
        return self.has_phone or self.has_app or self.has_passkey

    @property
    def mailbox_before_phone(self) -> bool:
        """Tell whether the mailbox must be confirmed before a phone: by the account (D3) or after a reset (R-07)."""
        return self.account.mailbox_before_phone or self.phone_was_reset

    @property
    def mailbox_proves_nothing(self) -> bool:
        """Tell whether the mailbox opens no enrolment: it reset the password (R-10), or e-mail does not count (R-07).

        The second holds only after a reset, which gives the administrator a code. A new person has no code.
        """
        return self.mailbox_suspect or (self.phone_was_reset and not self.accepts(FactorKind.EMAIL))

    @property
    def wants_recovery_code(self) -> bool:
        """Tell whether the person needs a recovery code, because the mailbox must be confirmed after a reset (R-10)."""
        was_reset = self.mailbox_suspect or self.phone_was_reset
        return self.two_factor_required and not self.has_device and was_reset and self.mailbox_before_phone

    @property
    def takes_no_tokens(self) -> bool:
        """Tell whether a hundred wrong tokens in a row have closed what can be guessed (L-03)."""
        return self.failures >= settings.FAILURES_DISABLED_AT

    @property
    def may_choose_a_password(self) -> bool:
        """Tell whether a new password is possible: also if wrong tokens, not a disavowal, have locked them (L-03)."""
        return self.is_active and self.account.is_active and (self.locked_at is None or self.takes_no_tokens)

    @property
    def may_sign_in(self) -> bool:
        """Tell whether the person and their account are active and nobody has locked the person."""
        return self.is_active and self.locked_at is None and self.account.is_active

    def set_password(self, raw_password: str | None) -> None:
        """Set the password in NFKC (PW-04)."""
        super().set_password(normalised(raw_password) if raw_password else raw_password)

    def check_password(self, raw_password: str | None) -> bool:
        """Tell whether this is the password; ``password_is_old`` says that its hash was made before NFKC was used."""
        first, *older = spellings(raw_password or "")
        if super().check_password(first):
            return True
        self.password_is_old = any(super(User, self).check_password(typed) for typed in older)
        return self.password_is_old

    def _get_session_auth_hash(self, secret: str | None = None) -> str:
        """Bind sessions to the password and to the epoch: raising the epoch ends all of them."""
        value = f"{self.password}:{self.session_epoch}"
        return salted_hmac("accounts.User.session", value, secret=secret, algorithm="sha256").hexdigest()

    def is_session_hash(self, value: str) -> bool:
        """Tell whether this is made from the current password and epoch, also under a key that is being rotated out."""
        hashes = [self.get_session_auth_hash(), *self.get_session_auth_fallback_hash()]
        return any(constant_time_compare(value, one) for one in hashes)
