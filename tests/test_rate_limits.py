"""C-08: what is read of the windows that ``accounts.rate_limits`` counts."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.db.models import Value
from django.utils import timezone

from accounts import rate_limits
from accounts.audit.actions import Action
from accounts.audit.record import record_event
from accounts.models import Account, AuditEvent, RateLimit, User
from accounts.rate_limits import Window
from accounts.users import limits as own_limits
from tests.conftest import BOBS_NUMBER
from twofactor.models import PhoneDevice

pytestmark = pytest.mark.django_db

ONE = Window("tries 1", 600, 2, "tries")
LONGER = Window("tries 1", 900, 2, "tries")
OTHER = Window("tries 12", 600, 2, "tries")
FIRST = Window("a 1", 600, 2, "a")  # of all keys


def in_a_statement(column: object) -> object:
    """Return what a column of a statement says."""
    return Account.objects.annotate(found=column).values_list("found", flat=True)[0]


# What is read, and what it says of five uses of a window whose limit is two.
READERS: dict[str, tuple[Callable[[Window], object], object]] = {
    "is_running": (rate_limits.is_running, True),
    "is_running_of": (lambda window: in_a_statement(rate_limits.is_running_of([window])), True),
    "used": (rate_limits.used, 5),
    "used_of": (lambda window: rate_limits.used_of([window]).get(window), 5),
    "step_of": (lambda window: rate_limits.step_of([window]), 2),
    "waits_of": (lambda window: rate_limits.waits_of([window]).exists(), True),
}


@pytest.mark.parametrize("reader", READERS)
def test_a_window_is_read_apart_from_others_and_while_it_runs(account: Account, reader: str) -> None:
    """Neither another name, nor another span of the same name, nor what is over."""
    read, found = READERS[reader]
    rate_limits.count([LONGER, OTHER], uses=5)
    assert not read(ONE)
    rate_limits.count([ONE], uses=5)
    assert read(ONE) == found
    RateLimit.objects.filter(key=ONE.key, seconds=ONE.seconds).update(until=1)
    assert not read(ONE)


def test_all_windows_of_a_name_are_read_together_while_they_run(account: Account) -> None:
    rate_limits.count([ONE, LONGER, OTHER, FIRST], uses=5)
    assert in_a_statement(rate_limits.all_used("tries", Value(1))) == 10
    RateLimit.objects.filter(key=ONE.key, seconds=ONE.seconds).update(until=1)
    assert in_a_statement(rate_limits.all_used("tries", Value(1))) == 5


def test_of_several_windows_the_longest_wait_and_the_greatest_load_come_first() -> None:
    """B-13, B-03: and a window with something left makes nobody wait."""
    rate_limits.count([ONE, LONGER, FIRST], uses=2)
    rate_limits.count([OTHER], uses=1)
    waits = list(rate_limits.waits_of([OTHER, ONE, LONGER]))
    assert len(waits) == 2
    assert waits[0] > 600 >= waits[1]
    assert rate_limits.seconds_until_free([OTHER, ONE, LONGER]) > 600
    assert rate_limits.seconds_until_free([OTHER]) == 0
    rate_limits.count([LONGER], uses=4)
    assert list(rate_limits.load_of([OTHER, ONE, LONGER])) == [3, 1, 0]


def test_only_the_named_limits_are_cleared_and_their_number_is_returned() -> None:
    """B-05: a name that only begins alike is another one; what is over is not told."""
    mine, theirs = {"tries 1", "tries 1 here", "others 1"}, {"tries 12", "tries", "limits 1"}
    rate_limits.count(Window(key, 600, 2, "tries") for key in mine | theirs)
    rate_limits.count([LONGER])
    RateLimit.objects.filter(seconds=LONGER.seconds).update(until=1)
    assert rate_limits.forget(rate_limits.of_names(["tries", "others"], [1])) == 3
    assert set(RateLimit.objects.filter(seconds=600).values_list("key", flat=True)) == theirs
    assert rate_limits.forget(rate_limits.of_names([], [1])) == 0


# What holds a person up (accounts/users/limits.py) -------------------------------------------------


def held_up(user: User) -> dict[str, tuple[int, int]]:
    return {held.scope: (held.used, held.limit) for held in own_limits.reached(user)}


def use(key: str, seconds: int, used: int, until: int = 2**32) -> None:
    RateLimit.objects.create(key=key, seconds=seconds, used=used, until=until)


def test_a_person_is_held_up_by_what_is_used_up_of_theirs_and_runs(bob: User, bobs_phone: PhoneDevice) -> None:
    """B-05: of an hour and a day each channel has half of a person's."""
    use(f"user {bob.pk}", 900, 5)
    use(f"user_sms {bob.pk} known", 3600, 5)
    use(f"user_email {bob.pk}", 86_400, 9)
    use(f"phone {rate_limits.hidden(BOBS_NUMBER)} {bob.pk}", 600, 3)
    use(f"recovery {bob.pk} 127.0.0.1", 86_400, 5, until=1)
    use(f"numbers {bob.pk}0", 86_400, 99)
    assert held_up(bob) == {"user": (5, 5), "user_sms": (5, 5), "phone": (3, 3)}


def test_of_each_limit_the_longest_wait_is_returned(bob: User) -> None:
    """B-13."""
    use(f"user {bob.pk}", 3600, 10, until=2**32 + 9)
    use(f"user {bob.pk}", 86_400, 20, until=2**32 + 5)
    use(f"user {bob.pk}", 900, 5, until=2**32)
    (held,) = own_limits.reached(bob)
    assert (held.limit, held.until.timestamp()) == (10, 2**32 + 9)


def withheld(user: User, scope: str = "prefix") -> None:
    record_event(Action.CHALLENGE_WITHHELD, user=user, scope=scope)


def test_who_was_sent_nothing_is_held_up_until_somebody_helps(alice: User, bob: User) -> None:
    """B-05: by what others have closed, in the last day; whoever is helped may be held up anew."""
    AuditEvent.objects.create(
        action=Action.CHALLENGE_WITHHELD, account=bob.account, user=bob, data={"scope": "country"}, at=ago(hours=25)
    )
    withheld(alice, "address")
    withheld(bob, "people")
    assert held_up(bob) == {}
    withheld(bob)
    record_event(Action.USER_UNLOCKED, user=alice)
    record_event(Action.SESSIONS_ENDED, user=bob)
    (held,) = own_limits.reached(bob)
    assert (held.scope, 86_390 <= held.seconds_left <= 86_400) == ("prefix", True)
    record_event(Action.USER_LIMITS_FORGOTTEN, user=bob)
    assert held_up(bob) == {}
    withheld(bob)
    assert held_up(bob) == {"prefix": (1, 1)}


def ago(**time: float) -> datetime:
    return timezone.now() - timedelta(**time)


def test_only_whom_others_held_up_has_tokens_that_leave_all_the_same(alice: User, bob: User) -> None:
    """B-05, B-18: and what is forgotten is told by number."""
    use(f"user {bob.pk}", 900, 5)
    withheld(alice)
    assert own_limits.unlock(bob) == 1
    assert not rate_limits.is_running(own_limits.unlocked(bob))
    withheld(bob)
    assert own_limits.unlock(bob) == 0
    assert rate_limits.is_running(own_limits.unlocked(bob))
    assert not rate_limits.is_running(own_limits.unlocked(alice))
