"""Re-authentication: proving again who one is, before a dangerous action and within each change."""

from typing import Any

from django.conf import settings
from django.db import transaction

from accounts.audit.actions import Action
from accounts.audit.record import record_event
from accounts.audit.thinning import record_thinned
from accounts.models import User
from accounts.passwords import flows as passwords
from messaging.database import Clock, clock_plus, tried_twice
from twofactor import exceptions as refusals
from twofactor import journeys
from twofactor.account_settings import pending_actions
from twofactor.factors import catalogue, held
from twofactor.factors.base import Verified
from twofactor.models import Proof, Reauthentication, ReauthenticationQuerySet
from twofactor.tokens import challenges, lockout


def begin_reauthentication(user: User, action: str, *, session_hash: str, path: str, **facts: Any) -> None:
    """Store for 600 s that a session has to re-authenticate, for an action on a page (R-01).

    ``facts`` are fields: the ``pending_action`` or what was ``posted``, which is carried out afterwards. A second click
    on the same action starts no other journey; what the second click posted is stored.
    """
    here = Reauthentication.objects.filter(session_hash=session_hash, user=user, holder_proved=False)
    same = here.alive().filter(action=action, path=path, pending_action__isnull=True)
    if "pending_action" not in facts and same.update(**facts):
        return
    journey = Reauthentication(user=user, session_hash=session_hash, action=action, path=path, **facts)
    with transaction.atomic():
        journeys.start(journey)
        record_thinned(Action.REAUTHENTICATION_STARTED, user=user, purpose=action)


@tried_twice
def prove_password(journey: Proof, password: str, kind: str) -> None:
    """Check the password, and begin with the chosen factor (R-01). Without a factor the password is enough.

    An empty ``kind`` means the first factor that is open to the person.

    Raises PasswordRefused, ChannelRefused, or Limited: a stolen session has no more attempts than the sign-in page.
    """
    if not passwords.own_password_is(journey.user, password):
        record_thinned(Action.REAUTHENTICATION_REFUSED, user=journey.user, purpose=journey.action)
        raise refusals.PasswordRefused
    with transaction.atomic():
        if not journey.has_factor:
            grant(journey)
            return
        factor = catalogue.open_factor(journey.user, kind)
        challenges.move(journey, password_proved=True, factor=factor.kind)
        journey.factor = factor.kind
        factor.begin(journey)


def prove_holder(journey: Proof, verified: Verified) -> None:
    """Consume the right answer of a factor; the action has to follow within 300 s (R-01)."""
    with transaction.atomic():
        held.lock_row(journey.user)  # before the rows of the factors, as every removal does
        verified.consume(journey)
        lockout.take_back(journey.user)
        verified.give_back(journey)
        grant(journey)


def grant(journey: Proof) -> None:
    """Record that the re-authentication succeeded. Raises JourneyOver."""
    challenges.move(journey, **_proved(journey))
    journey.holder_proved = True
    record_event(Action.REAUTHENTICATION_PROVED, user=journey.user, purpose=journey.action)


def _proved(journey: Proof) -> dict[str, Any]:
    """Return the fields of a journey that is proved. What was posted is carried out now, and no longer stored."""
    facts = {"holder_proved": True, "expires_at": clock_plus(settings.REAUTHENTICATION_SECONDS)}
    return {**facts, "posted": None} if isinstance(journey, Reauthentication) else facts


def cancel(journey: Proof) -> None:
    """Cancel, and leave everything as it was (R-02)."""
    with transaction.atomic():
        record_thinned(journey.cancelled, user=journey.user, purpose=journey.action)
        journey.delete()


def claim_proof(proved: ReauthenticationQuerySet) -> bool:
    """Use a re-authentication; True for exactly one request."""
    return bool(proved.granted().update(used_at=Clock()))


def complete_reauthentication(journey: Reauthentication, verified: Verified | None) -> str:
    """Consume the re-authentication and carry out its action of the settings, once; return the message.

    The message is empty if there is no such action. ``verified`` is None if the password was enough. Raises TokenUsed
    or JourneyOver.
    """
    with challenges.opening(journey.user) if verified else transaction.atomic():
        if verified:
            prove_holder(journey, verified)
        if journey.pending_action is None:
            return ""
        if not claim_proof(Reauthentication.objects.filter(pk=journey.pk)):
            raise refusals.JourneyOver
        record_event(Action.REAUTHENTICATION_USED, user=journey.user, purpose=journey.action)
        return pending_actions.carry_out(journey.action, journey.user, journey.pending_action)
