"""Sign-ins that asked for nothing: whoever knows a password cannot fill the disk with them (B-12)."""

from accounts.auth.session_store import NAME_LENGTH
from accounts.models import Session, User
from messaging.database import Clock
from twofactor.models import PendingSignIn
from twofactor.sign_in import query

AT_ONCE = 100  # more than one sign-in adds


def forget(user: User) -> None:
    """Delete those of a person that are over, with their sessions, in the caller's transaction.

    Nobody can use what is over, so the owner loses nothing.
    """
    over = query.unused_of(user).filter(expires_at__lte=Clock()).order_by("pk").select_for_update()
    rows = dict(over.values_list("pk", "session_hash")[:AT_ONCE])
    PendingSignIn.objects.filter(pk__in=rows).delete()
    Session.objects.filter(session_key__in=[name[:NAME_LENGTH] for name in rows.values()]).delete()
