"""F55: three hundred colleagues behind one address, at nine o'clock, with the limits that are in force by default."""

import pytest
from django.contrib.auth.hashers import make_password

from accounts.models import Account, AuditEvent, User
from messaging.delivery.models import Message
from tests.altcha import solve
from tests.conftest import PASSWORD, Browser
from twofactor import captcha
from twofactor.models import Challenge, PhoneDevice

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("policy")]

COLLEAGUES, AT_ONCE = 300, 20


def test_three_hundred_colleagues_behind_one_address_all_enrol(account: Account) -> None:
    """F55: twenty are always on their way at the same time; nobody is told to wait, nobody is withheld."""
    password = make_password(PASSWORD)
    logins = [f"colleague{number:03d}" for number in range(COLLEAGUES)]
    User.objects.bulk_create(
        User(username=login, email=f"{login}@example.com", password=password, account=account) for login in logins
    )
    for first in range(0, COLLEAGUES, AT_ONCE):
        asked = []
        for number in range(first, first + AT_ONCE):
            browser = Browser()
            browser.post_password(logins[number])
            browser.post("/entrar/introducao/")
            # The first of each twenty reads the captcha on its page, the others are given one as new.
            solved = solve(captcha.new_altcha()) if number > first else ""
            sent = browser.post_phone(f"{11 + number % 9} 9{number:04d}-{number * 31 % 10_000:04d}", altcha=solved)
            assert sent.headers["Location"] == "/entrar/token/", number
            asked.append((browser, Challenge.objects.latest("pk").token()))
        for browser, token in asked:
            assert browser.post_token(token).headers["Location"] == "/"
    assert PhoneDevice.objects.count() == COLLEAGUES
    assert Message.objects.filter(channel="sms").count() == COLLEAGUES
    assert not AuditEvent.objects.filter(action__in=["limit.hit", "challenge.withheld"]).exists()
