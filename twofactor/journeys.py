"""Starting a journey, and sending its token again: the same for all journeys."""

from contextlib import suppress

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import CharField, Value
from django.db.models.functions import Cast, Concat

from messaging.database import Clock, clock_plus, tried_twice
from twofactor.models import Challenge, Journey, Reauthentication
from twofactor.tokens import challenges

MAX_ADDRESS_LENGTH = 500  # of a page to return to; a longer one becomes the home page


def start(journey: Journey, *, seconds: int = 0) -> None:
    """Replace the session's journey of this kind, whose tokens stay on record; of two at once the first is kept."""
    journey.expires_at = clock_plus(seconds or settings.PENDING_SIGN_IN_SECONDS)
    before = type(journey)._default_manager.filter(session_hash=journey.session_hash)
    facts = {"posted": None} if isinstance(journey, Reauthentication) else {}  # it is large, and no longer needed
    before.update(session_hash=Concat(Value("replaced "), Cast("pk", CharField())), expires_at=Clock(), **facts)
    with suppress(IntegrityError), transaction.atomic():
        journey.save(force_insert=True)


@tried_twice
def resend(journey: Journey) -> Challenge:
    """Send another token where the last one went. Raises CaptchaNeeded, JourneyOver, Limited or SmsUsedUp."""
    with transaction.atomic():
        return challenges.resend(journey)
