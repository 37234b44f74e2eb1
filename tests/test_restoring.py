"""F23: what was under way when a backup was made does not go on when it is restored."""

import io
from collections.abc import Iterator

import pytest
from django.core.management import call_command

from accounts.models import Session, User
from messaging.database import clock_plus
from messaging.delivery.models import Message, State
from tests.conftest import BOBS_NUMBER, Browser, deliver, last_token
from twofactor.models import Challenge, Journey, PendingSignIn, PhoneDevice
from twofactor.models.challenges import JOURNEYS

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def taken_time(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Note that the command asked for the time-outs of a migration: it would give up the transaction of this test."""
    asked: list[str] = []
    command = "twofactor.management.commands.after_restore"
    monkeypatch.setattr(f"{command}.use_maintenance_timeouts", lambda: asked.append(command))
    return asked


def after_restore() -> str:
    out = io.StringIO()
    call_command("after_restore", stdout=out)
    return out.getvalue()


def kinds(model: type[Journey] = Journey) -> Iterator[type[Journey]]:
    """Return every journey that has a table, whether or not anything else knows it."""
    for kind in model.__subclasses__():
        if not kind._meta.abstract:
            yield kind
        yield from kinds(kind)


def test_every_kind_of_journey_ends_with_its_challenges(bob: User) -> None:
    rows = [
        kind._default_manager.create(user=bob, session_hash=kind.__name__, expires_at=clock_plus(600))
        for kind in kinds()
    ]
    assert len(rows) >= 4
    for row in rows:
        if row.name not in JOURNEYS:  # the registration of a passkey sends nothing
            continue
        Challenge.issue(row, channel="sms", destination=BOBS_NUMBER)
    assert after_restore() == f"0 sessions and {len(rows)} journeys ended.\n"
    assert [row for row in rows if type(row)._default_manager.filter(pk=row.pk).exists()] == []
    assert not Challenge.objects.exists()


def test_journeys_that_are_over_are_left_to_the_purge(bob: User) -> None:
    """F23: of a million people there are millions; none of them opens anything."""
    over = PendingSignIn.objects.create(user=bob, session_hash="over", expires_at=clock_plus(-1))
    assert after_restore() == "0 sessions and 0 journeys ended.\n"
    assert PendingSignIn.objects.filter(pk=over.pk).exists()


def test_nobody_stays_signed_in(browser: Browser, bob: User, taken_time: list[str]) -> None:
    browser.post_password("bob")
    assert browser.is_in()
    after_restore()
    assert len(taken_time) == 1, "a million sessions take longer than a statement may"
    assert not browser.is_in()
    assert not Session.objects.filter(user=bob).exists()
    browser.post_password("bob")
    assert browser.is_in()


@pytest.mark.usefixtures("policy")
def test_a_token_from_before_opens_nothing(browser: Browser, bobs_phone: PhoneDevice) -> None:
    browser.post_password("bob")
    browser.post_channel("sms")
    token = last_token()
    after_restore()
    assert browser.post_token(token).headers["Location"].startswith("/entrar/")
    assert not browser.is_in()


@pytest.mark.usefixtures("policy")
def test_a_token_that_was_still_to_be_sent_is_not_sent(browser: Browser, bobs_phone: PhoneDevice) -> None:
    browser.post_password("bob")
    browser.post_channel("sms")
    after_restore()
    assert deliver() == []
    assert Message.objects.get().state == State.EXPIRED
