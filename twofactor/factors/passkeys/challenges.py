"""The challenge that an authenticator signs: random, in the row of its journey, good once and for 300 s.

The row is bound to one session and one person, so an answer made for another one is refused here.
"""

import secrets

from django.conf import settings

from messaging.database import Clock, clock_plus
from twofactor.exceptions import PasskeyLate
from twofactor.factors.passkeys.ceremony import decoded, encoded
from twofactor.models import Journey
from twofactor.tokens.challenges import move

BYTES = 32


def issue(journey: Journey) -> bytes:
    """Replace the challenge by a new one. Raises JourneyOver."""
    challenge = secrets.token_bytes(BYTES)
    text = encoded(challenge)
    move(journey, passkey_challenge=text, passkey_until=clock_plus(settings.PASSKEY_SECONDS))
    journey.passkey_challenge = text
    return challenge


def take(journey: Journey) -> bytes:
    """Return the challenge in this request's row, for exactly one caller. Raises PasskeyLate for all others.

    It is taken before anything is compared, so a wrong answer uses it up, too.
    """
    alive = type(journey)._default_manager.filter(pk=journey.pk, expires_at__gt=Clock(), passkey_until__gt=Clock())
    held = alive.filter(passkey_challenge=journey.passkey_challenge)
    if not journey.passkey_challenge or not held.update(passkey_challenge=""):
        raise PasskeyLate
    return decoded(journey.passkey_challenge)
