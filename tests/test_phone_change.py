"""Journey 4: the change of the phone, over HTTP with literal paths."""

import pytest

from accounts.models import User
from tests.conftest import BOBS_NUMBER, PASSWORD, Browser, deliver, last_token, sent_to
from twofactor.models import PhoneDevice

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("policy")]

CONFIRM = "/meu-perfil/telefone/confirmar/"
NEW_NUMBER = "+5521998877665"


@pytest.fixture
def signed_in(browser: Browser, bobs_phone: PhoneDevice) -> Browser:
    browser.sign_in("bob")
    return browser


def test_the_whole_change(signed_in: Browser, bob: User) -> None:
    response = signed_in.post("/meu-perfil/telefone/", {"country": "BR", "number": "21 99887-7665"})
    assert response.headers["Location"] == CONFIRM
    assert signed_in.get(CONFIRM).status_code == 200

    assert signed_in.post(CONFIRM, {"password": PASSWORD, "channel": "sms"}).status_code == 302
    assert signed_in.get(CONFIRM).status_code == 200
    assert signed_in.post(CONFIRM, {"token": last_token()}).status_code == 302
    assert signed_in.get(CONFIRM).status_code == 200
    assert deliver()[0]["to"] == NEW_NUMBER

    response = signed_in.post(CONFIRM, {"token": last_token()})
    assert response.headers["Location"] == "/meu-perfil/"
    assert signed_in.is_in()
    bob.phone_device.refresh_from_db()
    assert bob.phone_device.number == NEW_NUMBER
    assert "changed" in sent_to(BOBS_NUMBER)[0]["text"]
    assert sent_to("bob@example.com")[0]["subject"] == "Your phone was changed"
