"""Whom the events of invitations are about, for the administrators of the account that invited them (A-04).

The log has the masked address and the number of the invitation: rows that nobody can change have no address of a
person who never joined (R-13). The address is read from the invitation, so it is gone when the invitation is.
"""

from collections.abc import Iterable

from accounts.audit.actions import Action
from accounts.models import Account, AuditEvent, Invitation

ABOUT_INVITATIONS = {Action.INVITATION_SENT, Action.ADMINISTRATOR_INVITED, Action.INVITATION_REVOKED}


def with_addresses(account: Account, events: Iterable[AuditEvent]) -> list[AuditEvent]:
    """Return events of an account, those of invitations with the address. One statement if there is such an event."""
    found = list(events)
    about = [event for event in found if event.action in ABOUT_INVITATIONS and "invitation" in event.data]
    if about:
        numbers = {event.data["invitation"] for event in about}
        kept = Invitation.objects.filter(account=account, pk__in=numbers)
        addresses = dict(kept.values_list("pk", "email"))
        for event in about:
            if address := addresses.get(event.data["invitation"]):
                event.data = {**event.data, "address": address}  # in memory only; the row is not changed
    return found
