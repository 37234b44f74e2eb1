"""The reasons why a gateway did not take or deliver a message, and what follows from each (G-03)."""

import re
from enum import StrEnum


class Fault(StrEnum):
    """The cause of a failure. It is stored with the message; the apps above have the texts for people."""

    NUMBER = "number"  # this number gets no SMS: wrong, a landline, unreachable for good
    REGION = "region"  # the gateway does not send to this country
    OPTED_OUT = "opted_out"  # the person has opted out at the carrier
    BLOCKED = "blocked"  # the gateway suspects fraud on this range of numbers
    HANDSET = "handset"  # switched off or out of reach
    FILTERED = "filtered"  # the carrier takes it for an unwanted message
    LOST = "lost"  # not delivered, without a reason from the carrier
    OURS = "ours"  # credentials, sender, balance: an operator has to act
    BUSY = "busy"  # too many requests, or come back later; certainly not processed
    UNSURE = "unsure"  # time-out or server error: it may have been processed
    REFUSED = "refused"  # certainly not processed, for an unknown reason: ours or the number's

    @property
    def is_final(self) -> bool:
        """Tell whether neither another gateway nor a second try can help."""
        return self in {Fault.NUMBER, Fault.REGION, Fault.OPTED_OUT, Fault.BLOCKED}

    @property
    def is_the_gateways(self) -> bool:
        """Tell whether the gateway, or our contract with it, failed: these faults open its circuit.

        An unknown reason is not counted, or a few odd numbers could open a circuit for everybody.
        """
        return self in {Fault.OURS, Fault.BUSY, Fault.UNSURE}

    @property
    def lets_another_try(self) -> bool:
        """Tell whether the message was certainly not processed, so that another gateway may take it at once."""
        return self in {Fault.OURS, Fault.BUSY, Fault.REFUSED}


TWILIO = {
    21211: Fault.NUMBER,
    21614: Fault.NUMBER,
    21635: Fault.NUMBER,
    30005: Fault.NUMBER,
    30006: Fault.NUMBER,
    21408: Fault.REGION,
    60605: Fault.REGION,
    21610: Fault.OPTED_OUT,
    30450: Fault.BLOCKED,
    60410: Fault.BLOCKED,
    30003: Fault.HANDSET,
    30007: Fault.FILTERED,
    30008: Fault.LOST,
    30036: Fault.HANDSET,
    20003: Fault.OURS,
    21606: Fault.OURS,
    21608: Fault.OURS,
    30002: Fault.OURS,
    20429: Fault.BUSY,
}


def of_twilio(code: int | None, status: int) -> Fault:
    """Return the fault of one of Twilio's error codes, else that of the HTTP status."""
    return TWILIO.get(code or 0) or of_status(status)


def of_status(status: int) -> Fault:
    """Return the fault that an HTTP status alone means."""
    if status == 429:
        return Fault.BUSY
    if status in {401, 402, 403, 404}:
        return Fault.OURS
    return Fault.REFUSED if 400 <= status < 500 else Fault.UNSURE


# The codes of Sinch's delivery reports. Those left out give no reason: 403, an internal error, and 408, rejected.
SINCH = {
    402: Fault.NUMBER,  # unroutable
    404: Fault.HANDSET,  # temporary failure
    406: Fault.HANDSET,  # expired
    410: Fault.OURS,  # no sender
    412: Fault.REGION,  # unprovisioned region
    413: Fault.OURS,  # the account is blocked
}
SINCH_STATES = {"Deleted": Fault.NUMBER, "Expired": Fault.HANDSET}


def of_sinch(code: object, status: str) -> Fault:
    """Return the fault of a delivery report of Sinch's, by its code, else by its status."""
    known = SINCH.get(code) if isinstance(code, int) else None
    return known or SINCH_STATES.get(status, Fault.UNSURE)


# A mail server's enhanced status code (RFC 3463): class, subject, detail.
ENHANCED = re.compile(r"\b([245])\.(\d{1,3})\.(\d{1,3})\b", re.ASCII)
MAILBOX_CODES = {550, 551, 553}  # RFC 5321, for an answer without an enhanced code


def of_smtp(code: int, text: str) -> Fault:
    """Return the fault of a mail server's answer about a reader's address.

    Only 5.1.x (addresses) and 5.2.x (mailboxes) are about the reader; 5.1.7 and 5.1.8 are about the sender's address.
    Any other permanent refusal is a refusal of the portal: relaying, its address, its name, the content.
    """
    if code < 500:
        return Fault.BUSY
    said = ENHANCED.search(text)
    if said is None:
        return Fault.REFUSED if code in MAILBOX_CODES else Fault.OURS
    status, subject, detail = said.groups()
    mailbox = status == "5" and (subject == "2" or (subject == "1" and detail not in {"7", "8"}))
    return Fault.NUMBER if mailbox else Fault.OURS
