"""The change of a person's address."""

from django.db import IntegrityError, transaction

from accounts.audit.actions import Action
from accounts.audit.record import record_event
from accounts.auth.sessions import end_sessions
from accounts.exceptions import AddressTaken
from accounts.models import SearchWord, User
from accounts.notifications.notify import is_first, notify


def change_email(user: User, email: str, *, before: str, after: str) -> None:
    """Put a confirmed address in force and notify both, masked as ``before`` and ``after`` (R-08).

    Every session of the person ends. Raises AddressTaken when somebody else has it by now.
    """
    old = user.email
    user.email = email
    with transaction.atomic():
        try:
            with transaction.atomic():
                user.save(update_fields=["email"])
        except IntegrityError:
            user.email = old
            raise AddressTaken from None
        SearchWord.objects.renew(user)
        event = record_event(Action.EMAIL_CHANGED, user=user, before=before, after=after)
        notify(user, event, email_to=old)
        notify(user, event)
        end_sessions(user)


def notify_address_taken(email: str) -> None:
    """Notify the holder of an address that somebody else asked for it; nobody else learns that they exist (R-08).

    Once a day, however often it is asked for (B-15); each time is recorded.
    """
    holder = User.objects.filter(email=email).first()
    if holder:
        event = record_event(Action.EMAIL_ASKED_FOR_BY_ANOTHER, user=holder)
        if is_first(f"wished told {holder.pk}"):
            notify(holder, event)
