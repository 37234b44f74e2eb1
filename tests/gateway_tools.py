"""What the tests of gateways, fail-over and circuits share."""

from typing import Any

from messaging.database import clock_plus
from messaging.delivery import flows as delivery
from messaging.delivery.failure_reasons import Fault
from messaging.delivery.models import Message, OpenCircuit
from tests.conftest import Browser
from tests.tools import let_pass

TOKEN, STATUS, CHANNEL = "/entrar/token/", "/entrar/token/estado/", "/entrar/canal/"
BOTH = ["twilio", "sinch"]
ON_ITS_WAY = {"state": "going", "text": "On its way."}
GENERIC = "We could not send it. Try again or use the other way."
TEXTS = {
    Fault.NUMBER: "Not delivered: this number cannot receive it.",
    Fault.REGION: "Not delivered: we cannot send SMS to this country.",
    Fault.OPTED_OUT: "Not delivered: this number has refused our messages at its carrier.",
    Fault.BLOCKED: "Not delivered: the carrier blocks this range of numbers.",
    Fault.HANDSET: "Not delivered: the phone is switched off or out of reach.",
    Fault.FILTERED: "Not delivered: the carrier of this number filtered the message out.",
    Fault.LOST: "Not delivered, and the carrier does not say why.",
    Fault.OURS: GENERIC,
    Fault.BUSY: GENERIC,
    Fault.UNSURE: GENERIC,
    Fault.REFUSED: GENERIC,
}


def reread(message: Message) -> Message:
    message.refresh_from_db()
    return message


def deliver_for(seconds: int) -> None:
    """Let the poller look every five seconds for as long."""
    for _ in range(seconds // 5):
        delivery.deliver_pending(by="poller")
        let_pass(5)


def told(browser: Browser) -> Any:
    return browser.get(STATUS, headers={"accept": "application/json"}).json()


def open_circuit(name: str, seconds: float = 30) -> None:
    OpenCircuit.objects.create(name=name, open_until=clock_plus(seconds), fault=Fault.UNSURE)
