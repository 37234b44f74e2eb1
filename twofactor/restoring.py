"""After a backup is restored: nothing that was under way when it was made goes on (F23).

Otherwise a token that was consumed, or a session that was ended, after the backup was made would be alive again.
"""

from typing import Any

from accounts.models import Session
from messaging.database import Clock, delete_in_batches
from twofactor.models import AppEnrolment, PasskeyRegistration, RecoveryCode
from twofactor.models.challenges import JOURNEYS, Challenge


def end_what_was_under_way() -> tuple[int, int]:
    """Delete every session, and every journey that is not over, with its challenges; return how many of each.

    Recovery codes are deleted too: one that was used since would open an enrolment again. Journeys that are over stay
    until the purge, because a large portal has millions of them.
    """
    kinds: list[Any] = [Challenge._meta.get_field(name).related_model for name in JOURNEYS]
    kinds.append(PasskeyRegistration)
    delete_in_batches(RecoveryCode.objects.all())
    delete_in_batches(AppEnrolment.objects.all())
    sessions, _of_each = Session.objects.all().delete()
    alive = [kind._default_manager.filter(expires_at__gt=Clock()) for kind in kinds]
    return sessions, sum(delete_in_batches(journeys) for journeys in alive)
