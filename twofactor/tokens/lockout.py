"""The lockout schedule of the second step, kept in the database and counted per person (L-02 to L-07).

Failures are counted across challenges, sessions, channels and purposes; neither a new token nor a new sign-in
resets them (NIST SP 800-63B, 3.2.2). The count is separate from the password step, so only somebody who knows
the password can raise it (L-06). The pause is for new browsers. A known one (B-02) has a few attempts of its own
during the pause, so somebody who knows the password cannot lock the owner out there. Each of these attempts counts
towards the hundred, and a right one is given back: an owner whose browsers are locked again after each sign-in never
runs out of attempts.
"""

from django.conf import settings
from django.db import models, transaction
from django.db.models import Case, F, Q, When
from django.db.models.functions import Greatest

from accounts import rate_limits
from accounts.audit.actions import Action
from accounts.audit.record import record_event
from accounts.auth import known_browsers
from accounts.models import User
from accounts.models.user import BY_FAILURES
from accounts.notifications.notify import notify
from accounts.users import flows as users
from messaging.database import Clock, Compiled, Slot, Statement, clock_plus, update_returning
from twofactor.exceptions import Limited, TokensClosed


def count_attempt(user: User) -> int:
    """Count an attempt as a failure before it is compared, and return how many there are now in a row.

    Counting first makes it exact however many come at the same moment; a right answer takes its own count back. Raises
    Limited during the pause, whether the token is right or wrong (L-08); TokensClosed after the hundredth (L-03).
    """
    if user.takes_no_tokens:
        raise TokensClosed
    counted = COUNT.row(user=user.pk) or _count_on_known_browser(user)
    if counted is None:
        raise Limited(seconds_locked(user) or 1, "lockout", user)
    return counted.failures


def _steps(otherwise: models.Expression | models.F | None) -> Case:
    """Return the end of the pause that this failure begins, or ``otherwise`` where it begins none."""
    steps = [When(failures=count - 1, then=clock_plus(seconds)) for count, seconds in settings.LOCKOUT_SCHEDULE.items()]
    return Case(*steps, default=otherwise, output_field=models.DateTimeField())


def _count() -> Statement[User]:
    may_try = Q(failures_until__isnull=True) | Q(failures_until__lte=Clock())
    may_try &= Q(failures__lt=settings.FAILURES_DISABLED_AT)
    return Statement(
        User.objects.filter(may_try, pk=Slot("user", models.BigIntegerField())),
        failures=F("failures") + 1,
        failures_until=_steps(None),
    )


# Built once 124 µs, each time 7.8 ms.
COUNT = Compiled(_count, "LOCKOUT_SCHEDULE", "FAILURES_DISABLED_AT")


def _own_windows(user: User) -> list[rate_limits.Window]:
    """Return the windows of this browser during the pause of all others; nothing where it is not known."""
    browser = known_browsers.current_browser(user)
    return rate_limits.windows("token_known", f"{user.pk} {browser}") if browser else []


def _count_on_known_browser(user: User) -> User | None:
    """Count an attempt of a known browser during the pause; the pause goes on for the other browsers."""
    own = _own_windows(user)
    if not own or any(usage.is_over_limit for usage in rate_limits.count(own)):
        return None
    return update_returning(
        User.objects.filter(pk=user.pk, failures__lt=settings.FAILURES_DISABLED_AT),
        failures=F("failures") + 1,
        failures_until=_steps(F("failures_until")),
    )


def seconds_locked(user: User) -> int:
    """Return how many seconds of the pause are left, by the database's clock; 0 when there is none."""
    left = models.ExpressionWrapper(F("failures_until") - Clock(), output_field=models.DurationField())
    locked = User.objects.filter(pk=user.pk, failures_until__gt=Clock()).annotate(left=left).first()
    return int(locked.left.total_seconds()) + 1 if locked else 0


def refuse_while_locked(user: User) -> None:
    """Send no token during the pause, unless this browser may try. Raises Limited; TokensClosed after a hundred."""
    if user.takes_no_tokens:
        raise TokensClosed
    if user.failures_until and (seconds := seconds_locked(user)) and not _may_try_here(user):
        raise Limited(seconds, "lockout", user)


def _may_try_here(user: User) -> bool:
    own = _own_windows(user)
    return bool(own) and not rate_limits.waits_of(own).exists()


def without_attempt() -> dict[str, models.expressions.Combinable]:
    """Return the columns of a person's row without the attempt that was counted last.

    The pause ends if this attempt began it. An attempt of a known browser came during the pause of all others, which
    goes on for them.
    """
    began_it = When(failures__in=list(settings.LOCKOUT_SCHEDULE), then=models.Value(None))
    until = Case(began_it, default=F("failures_until"), output_field=models.DateTimeField())
    return {"failures": Greatest(F("failures") - 1, 0), "failures_until": until}


def take_back(user: User) -> None:
    """Take back the count of a right attempt, and nothing more (L-04)."""
    if user.attempt_is_apart:
        return
    User.objects.filter(pk=user.pk, failures__gt=0).update(**without_attempt())
    take_back_here(user)


def take_back_here(user: User) -> None:
    """Take back a right attempt that a known browser made during the pause of all others."""
    if user.failures_until and not user.attempt_is_apart:  # as it was when the request began
        rate_limits.take_back(_own_windows(user))


def note_wrong_answer(user: User, failures: int, purpose: str) -> None:
    """Record a wrong token, and notify at the fifth and at each step of the schedule; the 100th locks (L-03, L-07).

    Raises Limited where a pause now holds in this browser: the person sees it at once, not at the next attempt.
    """
    with transaction.atomic():
        record_event(Action.TOKEN_REFUSED, user=user, purpose=purpose)
        if seconds := settings.LOCKOUT_SCHEDULE.get(failures):
            notify(user, record_event(Action.SECOND_FACTOR_LOCKED, user=user, hours=seconds / settings.HOUR))
        elif failures == settings.FAILURES_NOTIFIED_AT:
            notify(user, record_event(Action.SECOND_FACTOR_FAILING, user=user))
        if failures >= settings.FAILURES_DISABLED_AT:
            users.lock_user(user, reason=BY_FAILURES)
    if failures < settings.FAILURES_DISABLED_AT and (seconds := seconds_locked(user)) and not _may_try_here(user):
        raise Limited(seconds, "lockout", user)
