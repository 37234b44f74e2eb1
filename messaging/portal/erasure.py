"""Erasing a person who has left: everything that identifies them is deleted, what happened stays (R-13).

The row of the person stays without name, login and address, because the audit log refers to it: its events say
"removed person #12". Everything else that belongs to the person is deleted.
"""

import secrets
from typing import Any

from django.contrib.admin.models import LogEntry
from django.contrib.auth.hashers import make_password
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.db.models import Q, QuerySet

from accounts.audit.action_rows import Shown
from accounts.audit.actions import Action
from accounts.audit.record import record_event
from accounts.models import AuditEvent, Invitation, KnownDevice, SearchWord, Session, User
from accounts.users import limits as own_limits
from messaging.database import Clock
from messaging.delivery.models import Message
from twofactor.factors import held
from twofactor.models import (
    AppEnrolment,
    Challenge,
    EmailChange,
    OwnRecoveryCode,
    PasskeyRegistration,
    PendingSignIn,
    PhoneChange,
    Reauthentication,
    RecoveryCode,
)

OF_A_USER = ("reminder", "password.reset", "browser.link")  # kinds of messages whose subject is the user
JOURNEYS = (PendingSignIn, PhoneChange, EmailChange, Reauthentication, PasskeyRegistration)
OWNED: tuple[Any, ...] = (
    Challenge,
    AppEnrolment,
    OwnRecoveryCode,
    *JOURNEYS,
    RecoveryCode,
    *held.DEVICES,
    Session,
    KnownDevice,
    SearchWord,
)


def erase(user: User, *, actor: User) -> bool:
    """Erase a deactivated person for good; return whether that changed anything."""
    with transaction.atomic():
        waiting = User.objects.select_for_update(no_key=True).filter(pk=user.pk, is_active=False)
        found = waiting.filter(erased_at__isnull=True).first()
        if found is None:
            return False
        record_event(Action.USER_ERASED, user=found, actor=actor)
        messages_of(found).delete()
        _invitations_of(found).delete()
        own_limits.forget(found)
        for model in OWNED:
            model._default_manager.filter(user=found).delete()
        _forget_what_was_written_of(found)
        _empty(found)
        AuditEvent.objects.all().redact(found)
    return True


def messages_of(user: User) -> QuerySet[Message]:
    """Return the messages to a person, found by their subjects: the table has no index of addresses."""
    others = User.objects.filter(account=user.account_id).exclude(pk=user.pk)
    about = AuditEvent.objects.filter(user=user).values("pk")
    notable = AuditEvent.objects.filter(account=user.account_id, action__in=Action.marked(Shown.NOTICE)).values("pk")
    notices = Message.objects.filter(kind="notice")
    found = (
        Message.objects.filter(kind="token", subject_id__in=Challenge.objects.filter(user=user).values("pk")),
        Message.objects.filter(kind="invitation", subject_id__in=_invitations_of(user).values("pk")),
        Message.objects.filter(kind__in=OF_A_USER, subject_id=user.pk),
        notices.filter(subject_id__in=about).exclude(destination__in=others.values("email")),
        notices.filter(subject_id__in=notable, destination=user.email),
    )
    ids = {pk for messages in found for pk in messages.values_list("pk", flat=True)}
    return Message.objects.filter(pk__in=ids)


def _invitations_of(user: User) -> QuerySet[Invitation]:
    return Invitation.objects.filter(Q(user=user) | Q(account=user.account_id, email=user.email))


def _forget_what_was_written_of(user: User) -> None:
    """Delete what administrators have typed in pending actions for the person, and the login in the operators' log."""
    about = Reauthentication.objects.filter(path__startswith=f"/configuracoes/usuarios/{user.pk}/")
    about.update(posted=None)
    kind = ContentType.objects.get_for_model(User)
    LogEntry.objects.filter(content_type=kind, object_id=str(user.pk)).update(object_repr=f"#{user.pk}")


def _empty(user: User) -> None:
    name = f"removed-{user.pk}-{secrets.token_hex(3)}"
    User.objects.filter(pk=user.pk).update(
        erased_at=Clock(),
        username=name,
        email=f"{name}@removed.invalid",
        password=make_password(None),
        first_name="",
        last_name="",
        language="",
        last_login=None,
        has_phone=False,
        has_app=False,
        has_passkey=False,
        preferred_factor="",
        last_factor="",
        codes_left=0,
        locked_at=None,
        failures=0,
        failures_until=None,
    )
