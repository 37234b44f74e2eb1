"""What renders a message, and what is called when it failed for good: registered by the apps above, by kind."""

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


class NotYet(Exception):
    """This process cannot render the message, another one may: it is kept. The operator has to act."""


Renderer = Callable[[Message], Content]
FailureHook = Callable[[Message, str], None]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of message: what renders it, and what is called with it and its fault when it failed for good.

    ``awaited``: a person sits before a page and waits for it.
    """

    render: Renderer
    on_failure: FailureHook | None
    awaited: bool


# A registry, because delivery stands below the apps that send, and a message row names its kind by a string.
_kinds: dict[str, Kind] = {}


def renders(
    kind: str, *, on_failure: FailureHook | None = None, awaited: bool = False
) -> Callable[[Renderer], Renderer]:
    """Register the decorated function as the renderer of a kind of message."""

    def register(renderer: Renderer) -> Renderer:
        _kinds[kind] = Kind(renderer, on_failure, awaited)
        return renderer

    return register


def awaited_kinds() -> list[str]:
    """Return the kinds that somebody waits for."""
    return [name for name, kind in _kinds.items() if kind.awaited]


def call_on_failure(message: Message, fault: str) -> None:
    """Call what the kind of a message that failed for good has registered for that, if anything."""
    kind = _kinds.get(message.kind)
    if kind and kind.on_failure:
        kind.on_failure(message, fault)


def render(message: Message) -> Content:
    """Return the words of a message in its language. Raises NothingToSay, also for a kind nobody renders."""
    try:
        kind = _kinds[message.kind]
    except KeyError:
        raise NothingToSay(message.kind) from None
    with override(message.language):
        return kind.render(message)
