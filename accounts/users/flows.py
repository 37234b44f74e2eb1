"""Accounts and their people: roles, and who may sign in."""

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, Q, QuerySet

from accounts.audit.actions import Action
from accounts.audit.record import record_event
from accounts.auth.sessions import end_sessions
from accounts.exceptions import LastAdministrator
from accounts.models import Account, Role, User
from accounts.models.user import BY_FAILURES
from accounts.notifications.notify import notify
from accounts.users import limits as own_limits
from messaging.database import Clock, clock_plus


def create_account(name: str, *, login: str, email: str, password: str) -> User:
    """Create an account with its first administrator, and return the administrator."""
    with transaction.atomic():
        account = Account.objects.create(name=name)
        administrator = User.objects.create_user(login, email, password, account=account, role=Role.ADMINISTRATOR)
        record_event(Action.ACCOUNT_CREATED, user=administrator)
    return administrator


def change_role(user: User, role: str, *, actor: User) -> bool:
    """Make a person an administrator or a member; return whether that changed anything. Raises LastAdministrator."""
    with transaction.atomic():
        people = User.objects.filter(pk=user.pk) if role == Role.ADMINISTRATOR else _dispensable(user)
        changed = people.exclude(role=role).update(role=role)
        if changed:
            record_event(Action.USER_ROLE_CHANGED, user=user, actor=actor, before=user.role, after=role)
        elif role != Role.ADMINISTRATOR:
            _refuse_if_last(user)
    user.refresh_from_db(fields=["role"])
    return bool(changed)


def deactivate_user(user: User, *, actor: User) -> bool:
    """Deactivate a person and end their sessions; return whether that changed anything. Raises LastAdministrator."""
    with transaction.atomic():
        changed = _dispensable(user).filter(is_active=True).update(is_active=False)
        if changed:
            record_event(Action.USER_DEACTIVATED, user=user, actor=actor)
            end_sessions(user, actor=actor)
        else:
            _refuse_if_last(user)
    user.refresh_from_db(fields=["is_active"])
    return bool(changed)


def reactivate_user(user: User, *, actor: User) -> bool:
    """Reactivate a person; return whether that changed anything."""
    with transaction.atomic():
        changed = User.objects.filter(pk=user.pk, is_active=False).update(is_active=True)
        if changed:
            record_event(Action.USER_REACTIVATED, user=user, actor=actor)
    user.refresh_from_db(fields=["is_active"])
    return bool(changed)


RUNS_THE_ACCOUNT = Q(role=Role.ADMINISTRATOR, is_active=True)


def _dispensable(user: User) -> "QuerySet[User]":
    """Return a person as a queryset; an empty one if their account would have no administrator without them (A-02).

    The lock on the account serializes removals of administrators: if two demote each other at the same moment, the
    second one is refused. A locked administrator (D3) does not count until another one unlocks them.
    """
    Account.objects.select_for_update(no_key=True).get(pk=user.account_id)
    others = User.objects.filter(RUNS_THE_ACCOUNT, account=user.account_id, locked_at=None).exclude(pk=user.pk)
    return User.objects.filter(~RUNS_THE_ACCOUNT | Exists(others), pk=user.pk)


def _refuse_if_last(user: User) -> None:
    """Raise LastAdministrator, unless the change was made already."""
    if User.objects.filter(RUNS_THE_ACCOUNT, pk=user.pk).exists():
        raise LastAdministrator


CLOSED_SECONDS = 3650 * settings.DAY  # "for good": until an unlock, or a sign-in by what cannot be guessed


def lock_user(user: User, *, reason: str) -> None:
    """Lock a person until an administrator acts, and end their sessions (D3).

    A person who is locked already is not notified again (R-11). A new password ends the lock only where wrong tokens
    alone caused it (L-03).
    """
    with transaction.atomic():
        if reason != BY_FAILURES:
            User.objects.filter(pk=user.pk).update(failures=0)
        if User.objects.filter(pk=user.pk, locked_at__isnull=True).update(locked_at=Clock()):
            notify(user, record_event(Action.USER_LOCKED, user=user, reason=reason))
        end_sessions(user)


def unlock_by_new_password(user: User) -> None:
    """End the lock that wrong tokens have caused: whoever typed them knew the password that is gone (L-03).

    What can be guessed stays closed, or whoever reads the mailbox had a hundred guesses more with each new password. A
    recovery code or a passkey signs in, and so does a person whom an administrator unlocks.
    """
    locked = User.objects.filter(pk=user.pk, locked_at__isnull=False, failures__gte=settings.FAILURES_DISABLED_AT)
    locked.update(locked_at=None, failures_until=clock_plus(CLOSED_SECONDS))


def unlock_user(user: User, *, actor: User | None = None) -> bool:
    """Unlock a person, and clear the limits that are their own (B-05).

    Return whether that changed anything. Without ``actor`` it is the operator.
    """
    with transaction.atomic():
        locked = Q(locked_at__isnull=False) | Q(failures_until__isnull=False)
        unlocked = User.objects.filter(locked, pk=user.pk).update(locked_at=None, failures=0, failures_until=None)
        if unlocked:
            record_event(Action.USER_UNLOCKED, user=user, actor=actor, by_operator=actor is None)
        forgotten = own_limits.unlock(user)
        if forgotten and not unlocked:
            record_event(Action.USER_LIMITS_FORGOTTEN, user=user, actor=actor, by_operator=actor is None)
    return bool(unlocked or forgotten)
