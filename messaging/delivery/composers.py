"""Who turns a message into words, and who hears that it failed: registered by the apps above, by kind."""

from collections.abc import Callable
from dataclasses import dataclass

from django.utils.translation import override

from messaging.delivery.models import Message


@dataclass(frozen=True, slots=True)
class Content:
    """What the person reads. ``html`` and ``subject`` are for e-mail only."""

    text: str
    subject: str = ""
    html: str = ""


class NothingToSay(Exception):
    """The subject of the message is gone or no longer wants it; it is closed unsent."""


Composer = Callable[[Message], Content]
_composers: dict[str, Composer] = {}


def composes(kind: str) -> Callable[[Composer], Composer]:
    """Register the decorated function as the composer of a kind of message."""

    def register(composer: Composer) -> Composer:
        _composers[kind] = composer
        return composer

    return register


Mourner = Callable[[Message, str], None]
_mourners: dict[str, Mourner] = {}


def mourns(kind: str) -> Callable[[Mourner], Mourner]:
    """Register the decorated function as what is told of a message of a kind that failed for good, and of its fault."""

    def register(mourner: Mourner) -> Mourner:
        _mourners[kind] = mourner
        return mourner

    return register


def mourn(message: Message, fault: str) -> None:
    """Tell whoever wants to know that a message failed for good."""
    if message.kind in _mourners:
        _mourners[message.kind](message, fault)


def compose(message: Message) -> Content:
    """Return the words of a message in its language. Raises NothingToSay, also for a kind nobody composes."""
    try:
        composer = _composers[message.kind]
    except KeyError:
        raise NothingToSay(message.kind) from None
    with override(message.language):
        return composer(message)
