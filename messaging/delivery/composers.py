"""Who turns a message into words: composers registered by the apps above, by kind."""

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


def compose(message: Message) -> Content:
    """Return the words of a message in its language. Raises NothingToSay, also for a kind nobody composes."""
    try:
        composer = _composers[message.kind]
    except KeyError:
        raise NothingToSay(message.kind) from None
    with override(message.language):
        return composer(message)
