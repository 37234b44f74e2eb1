"""What a typed token gives back in the limits that counted it (B-07).

Robots ask for tokens and type none; people type theirs. So the limits keep only the tokens that nobody typed.
"""

from datetime import timedelta

from django.conf import settings

from accounts import rate_limits
from accounts.rate_limits import Window
from messaging.database import ago
from twofactor.models import UNCONFIRMED, Challenge, ChallengeQuerySet, Journey
from twofactor.tokens import first_tokens, send_windows
from twofactor.tokens.send_windows import Sent

# A token is counted after it is issued, and may wait for the rows of others meanwhile. Shorter than any pause between
# two tokens of a journey.
COUNTED_WITHIN = timedelta(seconds=10)


def give_back(journey: Journey, challenge: Challenge) -> None:
    """Give back what a journey sent until ``challenge`` was typed: resends and the other channel too (B-07).

    Of unconfirmed numbers and addresses, only the sends to the one that is now confirmed.
    """
    sent = Sent.of(journey.user, challenge)
    every = [challenge] if journey.sends == 1 else list(_before(journey, challenge))
    wanted = [window for each in every for window in _counted(journey, each, typed=challenge)]
    if sent.is_unconfirmed_number and not _was_proved_before(challenge):
        wanted += send_windows.of_numbers(sent)
    rate_limits.take_back(wanted, since=max(each.issued_at for each in every) + COUNTED_WITHIN)


def _before(journey: Journey, challenge: Challenge) -> ChallengeQuerySet:
    """Return the journey's challenges for the same purpose, this one included."""
    found = Challenge.objects.of_any_purpose(journey).filter(purpose=challenge.purpose, pk__lte=challenge.pk)
    if challenge.purpose in UNCONFIRMED:
        found = found.filter(destination=challenge.destination)
    return found.with_delivery_status()


def _counted(journey: Journey, each: Challenge, *, typed: Challenge) -> list[Window]:
    """Return the windows that counted a challenge; where its message was withheld, only those of the person."""
    sent = Sent.of(journey.user, each)
    left = each.pk == typed.pk or each.message_state is not None
    places = send_windows.of_destination(sent) if left else []
    return send_windows.of_person(sent) + places + (first_tokens.windows(places, sent) if sent.is_unconfirmed else [])


def _was_proved_before(challenge: Challenge) -> bool:
    """Tell whether the number was given back already: it counts as one number, however often it is confirmed."""
    same = Challenge.objects.filter(user=challenge.user_id, destination=challenge.destination)
    earlier = same.filter(purpose__in=UNCONFIRMED, verified_at__gt=ago(settings.DAY), pk__lt=challenge.pk)
    return bool(earlier.exists())
