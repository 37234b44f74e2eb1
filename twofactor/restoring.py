"""After a backup is restored: nothing that was under way when it was made goes on (F23).

A token that was consumed, or a session that was ended, after the backup was made would be alive again in it.
"""

from typing import Any

from accounts.models import Session
from messaging.database import delete_in_batches
from twofactor.models import AppEnrolment, PasskeyRegistration, RecoveryCode
from twofactor.models.challenges import JOURNEYS, Challenge


def end_what_was_under_way() -> tuple[int, int]:
    """Delete every session and every journey, whose challenges go with it; return how many of each.

    Recovery codes go as well: one that was used since would open an enrolment once more.
    """
    kinds: list[Any] = [Challenge._meta.get_field(name).related_model for name in JOURNEYS]
    kinds.append(PasskeyRegistration)
    delete_in_batches(RecoveryCode.objects.all())
    delete_in_batches(AppEnrolment.objects.all())
    sessions = delete_in_batches(Session.objects.all())
    return sessions, sum(delete_in_batches(kind._default_manager.all()) for kind in kinds)
