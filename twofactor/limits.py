"""The failure ladder of the second step, kept in the database and counted per person (L-02 to L-07).

Failures are counted across challenges, sessions, channels and purposes; neither a new token nor a new sign-in
resets them (NIST SP 800-63B, 3.2.2). The count is separate from the password step, so only somebody who knows
the password can raise it (L-06).
"""

from django.conf import settings
from django.db import models, transaction
from django.db.models import Case, F, Q, When

from accounts import audit
from accounts import flows as accounts
from accounts.models import User
from messaging.database import Clock, Compiled, Slot, Statement, clock_plus
from twofactor.exceptions import Limited

LADDER = settings.FAILURE_LADDER


def count_attempt(user: User) -> int:
    """Count an attempt as a failure before it is compared, and return how many there are now in a row.

    Counting first makes it exact however many come at once: a success takes its own count back. Raises Limited
    while the person is kept from trying, be the token right or wrong (L-08).
    """
    counted = COUNT.row(user=user.pk)
    if counted is None:
        raise Limited(seconds_locked(user) or 1, "ladder", user)
    return counted.failures


def _count() -> Statement[User]:
    rungs = [When(failures=count - 1, then=clock_plus(seconds)) for count, seconds in LADDER.items()]
    may_try = Q(failures_until__isnull=True) | Q(failures_until__lte=Clock())
    return Statement(
        User.objects.filter(may_try, pk=Slot("user", models.BigIntegerField())),
        failures=F("failures") + 1,
        failures_until=Case(*rungs, default=None, output_field=models.DateTimeField()),
    )


COUNT = Compiled(_count)


def seconds_locked(user: User) -> int:
    """Return for how many seconds a person is kept from trying, by the database's clock."""
    left = models.ExpressionWrapper(F("failures_until") - Clock(), output_field=models.DurationField())
    locked = User.objects.filter(pk=user.pk, failures_until__gt=Clock()).annotate(left=left).first()
    return int(locked.left.total_seconds()) + 1 if locked else 0


def refuse_while_locked(user: User) -> None:
    """Send nothing to a person who could not use it. Raises Limited."""
    if user.failures_until and (seconds := seconds_locked(user)):
        raise Limited(seconds, "ladder", user)


def take_back(user: User) -> None:
    """Take back the count of an attempt that was right, and nothing more (L-04)."""
    User.objects.filter(pk=user.pk, failures__gt=0).update(failures=F("failures") - 1, failures_until=None)


def note_failure(user: User, failures: int, purpose: str) -> None:
    """Write a wrong token down; tell the person at the fifth and at each rung; at 100 close the door (L-03, L-07)."""
    with transaction.atomic():
        audit.record("token.refused", user=user, purpose=purpose)
        if failures in LADDER:
            accounts.tell(user, audit.record("second_factor.locked", user=user, hours=LADDER[failures] / settings.HOUR))
        elif failures == settings.FAILURES_TOLD_AT:
            accounts.tell(user, audit.record("second_factor.failing", user=user))
        if failures >= settings.FAILURES_DISABLED_AT:
            accounts.lock_user(user, reason="second_factor.failures")
