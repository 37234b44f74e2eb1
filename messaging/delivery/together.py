"""The texts of many claimed messages, in as many statements as those of one take."""

import logging

from django.conf import settings

from messaging.delivery import blocked_prefixes, circuit, renderers
from messaging.delivery.models import Channel, Message
from messaging.delivery.renderers import Content

logger = logging.getLogger(__name__)


def contents(claimed: list[Message]) -> dict[int, Content]:
    """Return the contents of those messages that may take the short way: tokens by SMS that nothing stands against."""
    tokens = [one for one in claimed if one.channel == Channel.SMS and renderers.reader(one.kind)]
    if not tokens or not settings.SMS_GATEWAYS:
        return {}
    try:
        return _ordinary(tokens)
    except Exception:
        logger.exception("%s messages are sent one by one", len(tokens))
        return {}


def _ordinary(tokens: list[Message]) -> dict[int, Content]:
    """Return the contents of tokens: none while a circuit is open, none of a closed challenge or of a blocked range."""
    if circuit.ALL.run():
        return {}
    blocked = blocked_prefixes.blocked_among(token.destination for token in tokens)
    for kind in {token.kind for token in tokens}:
        if read_many := renderers.reader(kind):
            read_many([token for token in tokens if token.kind == kind])
    contents = {token.pk: _content(token) for token in tokens if token.destination not in blocked}
    return {pk: content for pk, content in contents.items() if content}


def _content(message: Message) -> Content | None:
    try:
        return renderers.render(message)
    except (renderers.NothingToSay, renderers.NotYet):
        return None
