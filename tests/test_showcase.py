"""The account with history to look at: made once, the same each time, and a real account like any other."""

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db.models import Q
from django.utils import timezone

from accounts.audit.actions import Action
from accounts.models import Account, AuditEvent, Role, User
from messaging.delivery.models import Message, State
from tests.conftest import Browser
from twofactor.models import PhoneDevice

pytestmark = pytest.mark.django_db


def made() -> str:
    out = StringIO()
    call_command("create_showcase", stdout=out)
    return out.getvalue()


def test_the_showcase_has_forty_people_in_every_state_and_a_history(browser: Browser) -> None:
    assert made() == "Editora Horizonte: helena runs it; the password is the demo's.\n"
    people = User.objects.filter(account=Account.objects.get())
    states = {
        "administrators": Q(role=Role.ADMINISTRATOR),
        "enrolled": Q(phone_device__isnull=False),
        "invited": Q(last_login__isnull=True),
        "locked": Q(locked_at__isnull=False),
        "failing": Q(failures__gte=10),
        "deactivated": Q(is_active=False),
        "mailbox": Q(mailbox_suspect=True),
    }
    counts = {name: people.filter(state).count() for name, state in states.items()}
    assert counts.pop("enrolled") > 25
    assert people.count() == 40
    assert counts == {
        "administrators": 3,
        "invited": 3,
        "locked": 1,
        "failing": 1,
        "deactivated": 2,
        "mailbox": 1,
    }
    times = list(AuditEvent.objects.order_by("pk").values_list("at", flat=True))
    assert times == sorted(times)
    assert (times[-1] - times[0]).days >= 28
    assert {State.DELIVERED, State.SENT, State.FAILED} == set(Message.objects.values_list("state", flat=True))

    assert browser.post_password("helena", "messaging-demo").headers["Location"] == "/entrar/canal/"


def test_the_showcase_locks_its_person_as_the_schedule_does(settings: Any) -> None:
    """The page of the locked person must not contradict the audit log beside it."""
    made()
    person = User.objects.get(failures_until__isnull=False)
    of_person = AuditEvent.objects.filter(user=person).order_by("at")
    steps = list(of_person.filter(action=Action.SECOND_FACTOR_LOCKED))
    held = [step.data["hours"] * settings.HOUR for step in steps]
    last_in = of_person.filter(action=Action.SIGN_IN_VERIFIED).last()

    assert held == [settings.LOCKOUT_SCHEDULE[count] for count in (10, 15, 20, 25)]
    assert last_in is not None
    assert last_in.at < steps[0].at
    assert of_person.filter(action=Action.TOKEN_REFUSED, at__gt=last_in.at).count() == person.failures == 25
    assert person.failures_until == steps[-1].at + timedelta(seconds=held[-1]) > timezone.now()
    for step, next_step, seconds in zip(steps, steps[1:], held, strict=False):
        assert step.at + timedelta(seconds=seconds) < next_step.at


def test_the_showcase_is_made_once() -> None:
    made()
    before = (User.objects.count(), AuditEvent.objects.count(), PhoneDevice.objects.count())
    assert made() == "Editora Horizonte is there already.\n"
    assert (User.objects.count(), AuditEvent.objects.count(), PhoneDevice.objects.count()) == before


def test_there_is_no_showcase_in_production(settings: Any) -> None:
    settings.EMBEDDED = False
    with pytest.raises(CommandError, match="embedded default"):
        call_command("create_showcase")
    assert not User.objects.exists()
