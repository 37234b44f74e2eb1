"""The registry of the kinds of messages: what renders each, and what is called when one failed for good.

The renderers themselves are in the apps above: accounts/notifications/, twofactor/notifications.py and
twofactor/tokens/texts.py.
"""

from collections.abc import Callable
from dataclasses import dataclass

from django.utils.translation import override

from messaging.delivery.models import Message


@dataclass(frozen=True, slots=True)
class Content:
    """The text that the person reads. ``html`` and ``subject`` are for e-mail only."""

    text: str
    subject: str = ""
    html: str = ""


class NothingToSay(Exception):
    """The subject of the message no longer exists or no longer wants it; the message is closed unsent."""


class NotYet(Exception):
    """This process cannot render the message, but another one may: it is kept. The operator has to act."""


Renderer = Callable[[Message], Content]
FailureHook = Callable[[Message, str], None]
Reader = Callable[[list[Message]], None]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of message: its renderer, and what is called with a message of it that failed for good and the fault.

    ``awaited``: a person waits for it in front of a page. ``read_many`` reads what several messages are about, in one
    statement, into their ``subject``.
    """

    render: Renderer
    on_failure: FailureHook | None
    awaited: bool
    read_many: Reader | None


# A registry, because delivery stands below the apps that send, and a message row names its kind by a string.
_kinds: dict[str, Kind] = {}


def renders(
    kind: str, *, on_failure: FailureHook | None = None, awaited: bool = False, read_many: Reader | None = None
) -> Callable[[Renderer], Renderer]:
    """Register the decorated function as the renderer of a kind of message."""

    def register(renderer: Renderer) -> Renderer:
        _kinds[kind] = Kind(renderer, on_failure, awaited, read_many)
        return renderer

    return register


def awaited_kinds() -> list[str]:
    """Return the kinds that a person waits for."""
    return [name for name, kind in _kinds.items() if kind.awaited]


def reader(kind: str) -> Reader | None:
    """Return what reads the subjects of many messages of a kind, if it has that."""
    return _kinds[kind].read_many if kind in _kinds else None


def call_on_failure(message: Message, fault: str) -> None:
    """Call the failure hook of a message's kind, if it has one."""
    kind = _kinds.get(message.kind)
    if kind and kind.on_failure:
        kind.on_failure(message, fault)


def render(message: Message) -> Content:
    """Return the content of a message in its language. Raises NothingToSay, also for a kind without a renderer."""
    try:
        kind = _kinds[message.kind]
    except KeyError:
        raise NothingToSay(message.kind) from None
    with override(message.language):
        return kind.render(message)
