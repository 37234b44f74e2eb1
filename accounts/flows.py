"""What happens to accounts and people. Every rule about them has its one home here."""

from django.db import transaction
from django.db.models import F, Q

from accounts import audit, budgets, origin
from accounts.exceptions import Limited
from accounts.models import Account, AuditEvent, Budget, Role, User
from messaging.database import Clock, Epoch, delete_in_batches
from messaging.delivery import flows as delivery

HOUR = 3600  # seconds
RESET_LINKS_AN_HOUR = 3


def create_account(name: str, *, login: str, email: str, password: str) -> User:
    """Create an account with its first administrator, and return the administrator."""
    with transaction.atomic():
        account = Account.objects.create(name=name)
        administrator = User.objects.create_user(login, email, password, account=account, role=Role.ADMINISTRATOR)
        audit.record("account.created", user=administrator)
    return administrator


def set_two_factor_policy(account: Account, required: bool, *, actor: User) -> bool:
    """Switch the account's policy; return whether that changed anything.

    One conditional UPDATE, whatever the size of the account; in force at everybody's next request (S-05).
    """
    with transaction.atomic():
        changed = (
            Account.objects.filter(pk=account.pk)
            .exclude(two_factor_required=required)
            .update(two_factor_required=required, two_factor_changed_at=Clock(), two_factor_from=None)
        )
        if changed:
            action = "policy.switched_on" if required else "policy.switched_off"
            event = audit.record(action, user=actor, before=not required, after=required)
            tell_administrators(account, event)
    return bool(changed)


def set_accent(account: Account, accent: str, *, actor: User) -> bool:
    """Change the colour that the account shows itself in; return whether that changed anything."""
    with transaction.atomic():
        changed = Account.objects.filter(pk=account.pk).exclude(accent=accent).update(accent=accent)
        if changed:
            audit.record("account.accent_changed", user=actor, before=account.accent, after=accent)
    return bool(changed)


def tell_administrators(account: Account, event: AuditEvent) -> None:
    """Tell every administrator of an account about an event (A-01)."""
    for administrator in account.users.filter(role=Role.ADMINISTRATOR, is_active=True):
        tell(administrator, event)


def tell_operators(event: AuditEvent) -> None:
    """Tell every operator about an event."""
    for operator in User.objects.filter(is_staff=True, is_active=True):
        tell(operator, event)


def tell(user: User, event: AuditEvent, *, sms_to: str = "") -> None:
    """Queue a notice about an event to a person's mailbox, or by SMS to a number, in their language."""
    delivery.enqueue(
        channel="sms" if sms_to else "email",
        destination=sms_to or user.email,
        kind="notice",
        subject_id=event.pk,
        language=user.language,
        owner_id=user.account_id,
    )


def end_sessions(user: User) -> None:
    """End every session and pending sign-in of a person, by raising their epoch."""
    User.objects.filter(pk=user.pk).update(session_epoch=F("session_epoch") + 1)
    user.refresh_from_db(fields=["session_epoch"])
    audit.record("sessions.ended", user=user)


def purge_budgets() -> int:
    """Forget windows that are over, in batches. Return how many."""
    return delete_in_batches(Budget.objects.filter(until__lte=Epoch()))


def lock_user(user: User, *, reason: str) -> None:
    """Keep a person out until an administrator acts, and end their sessions (D3)."""
    with transaction.atomic():
        User.objects.filter(pk=user.pk, locked_at__isnull=True).update(locked_at=Clock())
        tell(user, audit.record("user.locked", user=user, reason=reason))
        end_sessions(user)


def unlock_user(user: User, *, actor: User | None = None) -> bool:
    """Let a locked person in again; return whether they were locked. Without ``actor`` it is the operator."""
    with transaction.atomic():
        locked = Q(locked_at__isnull=False) | Q(failures_until__isnull=False)
        unlocked = User.objects.filter(locked, pk=user.pk).update(locked_at=None, failures=0, failures_until=None)
        if unlocked:
            audit.record("user.unlocked", user=user, actor=actor, by_operator=actor is None)
    return bool(unlocked)


def request_password_reset(user: User) -> bool:
    """Send a link to choose a new password, made when the message leaves; return False after three within an hour.

    Whoever asks is told the same either way: a stranger shall neither flood a mailbox nor learn that it is known.
    """
    with transaction.atomic():
        User.objects.select_for_update(no_key=True).get(pk=user.pk)  # puts those who ask at once in a line
        sent = delivery.count_recent("password.reset", user.pk, seconds=HOUR)
        if sent >= RESET_LINKS_AN_HOUR:
            audit.record("password.reset_limited", user=user)
            return False
        audit.record("password.reset_requested", user=user)
        delivery.enqueue(
            channel="email", destination=user.email, kind="password.reset", subject_id=user.pk, language=user.language
        )
    return True


def own_password_is(user: User, typed: str) -> bool:
    """Tell whether this is the password of somebody signed in.

    Raises Limited: a stolen session has no more guesses than the sign-in page has.
    """
    ip = origin.current.get().ip
    if budgets.is_spent(user.username, ip):
        raise Limited(retry_after=budgets.LOGIN_AND_ADDRESS.seconds)
    if user.check_password(typed):
        return True
    budgets.count_wrong_password(user.username, ip)
    audit.record("password.failed", user=user, signed_in=True)
    return False


def change_password(user: User, password: str, *, by_reset: bool = False) -> None:
    """Set a new password. Every session, pending sign-in and live token of the person dies with it (R-05, S-06)."""
    with transaction.atomic():
        user.set_password(password)
        user.mailbox_suspect = user.mailbox_suspect or by_reset
        user.save(update_fields=["password", "mailbox_suspect"])
        tell(user, audit.record("password.reset" if by_reset else "password.changed", user=user))
