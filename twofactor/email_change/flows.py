"""Changing the e-mail address: the re-authentication, then the new mailbox."""

from django.db import transaction

from accounts.audit.actions import Action
from accounts.audit.thinning import record_thinned
from accounts.exceptions import AddressTaken
from accounts.models import User
from accounts.users import email_address
from messaging.database import tried_twice
from messaging.delivery.models import Channel
from messaging.masking import mask_email
from twofactor import exceptions as refusals
from twofactor import journeys
from twofactor.factors.base import Verified
from twofactor.models import EmailChange
from twofactor.reauthentication.flows import prove_holder
from twofactor.tokens import challenges, lockout, send_limits


def start_email_change(user: User, email: str, *, session_hash: str) -> EmailChange:
    """Keep a new address for 600 s; the current one stays in force (R-08). Raises SameAddress."""
    email = email.lower()
    if email == user.email:
        raise refusals.SameAddress
    change = EmailChange(user=user, session_hash=session_hash, email=email)
    with transaction.atomic():
        journeys.start(change)
        record_thinned(Action.EMAIL_CHANGE_STARTED, user=user, address=mask_email(email))
    return change


@tried_twice
def prove_before_email(change: EmailChange, verified: Verified | None) -> None:
    """Consume the re-authentication and send a token to the new address (R-08).

    If somebody else has the address, they get a notice instead, and the page shows the same.
    """
    with challenges.opening(change.user) if verified else transaction.atomic():
        if verified:
            prove_holder(change, verified)
        challenges.send_token(change, Channel.EMAIL, change.email, granted=True)
        if send_limits.is_taken(change):
            email_address.notify_address_taken(change.email)


def complete_email_change(change: EmailChange, verified: Verified) -> None:
    """Put the confirmed address in force, notify both, end the person's sessions (R-08). Raises AddressRefused."""
    user = change.user
    masked = {"before": mask_email(user.email), "after": mask_email(change.email)}
    with challenges.opening(user):
        verified.consume(change)
        lockout.take_back(user)
        verified.give_back(change)
        try:
            email_address.change_email(user, change.email, **masked)
        except AddressTaken:
            raise refusals.AddressRefused from None
