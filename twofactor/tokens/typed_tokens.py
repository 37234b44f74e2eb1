"""What a typed token gives back of the limits it was counted in (B-07).

A robot asks for tokens and types none; people type theirs.
"""

from django.conf import settings

from accounts import rate_limits
from accounts.rate_limits import Window
from messaging.database import clock_plus
from twofactor.models import Challenge, ChallengeQuerySet, Journey
from twofactor.tokens import counted, first_tokens
from twofactor.tokens.counted import Sent


def give_back(journey: Journey, challenge: Challenge) -> None:
    """Give back what a journey sent until ``challenge`` was typed: resends and the other channel too (B-07).

    Of typed numbers and addresses only what went to the one that is now proved: all others nobody has typed.
    """
    sent = Sent.of(journey.user, challenge)
    every = [challenge] if journey.sends == 1 else list(_before(journey, challenge))
    wanted = [window for each in every for window in _counted(journey, each, typed=challenge)]
    if sent.is_typed_number and not _was_proved_before(challenge):
        wanted += counted.of_numbers(sent)
    rate_limits.take_back(wanted, since=max(each.issued_at for each in every))


def _before(journey: Journey, challenge: Challenge) -> ChallengeQuerySet:
    """Return the journey's challenges for the same thing, this one among them."""
    found = Challenge.objects.of_any_purpose(journey).filter(purpose=challenge.purpose, pk__lte=challenge.pk)
    if challenge.purpose in counted.TYPED:
        found = found.filter(destination=challenge.destination)
    return found.with_delivery_status()


def _counted(journey: Journey, each: Challenge, *, typed: Challenge) -> list[Window]:
    """Return where a challenge was counted; one whose message was withheld only with the person."""
    sent = Sent.of(journey.user, each)
    left = each.pk == typed.pk or each.message_state is not None
    places = counted.of_place(sent) if left else []
    return counted.of_person(sent) + places + (first_tokens.windows(places, sent) if sent.is_typed else [])


def _was_proved_before(challenge: Challenge) -> bool:
    """Tell whether the number was given back already: it counts as one, however often it is proved."""
    same = Challenge.objects.filter(user=challenge.user_id, destination=challenge.destination)
    earlier = same.filter(purpose__in=counted.TYPED, verified_at__gt=clock_plus(-settings.DAY), pk__lt=challenge.pk)
    return bool(earlier.exists())
