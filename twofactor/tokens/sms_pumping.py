"""SMS pumping: which ranges, countries and addresses get no SMS because too few tokens there were typed.

Robots ask for tokens and type none; people type theirs. So a range of numbers, a country or a network address is closed
by the share of its tokens that were typed, never by their number (B-08). A token counts once it has expired or was
typed: the tokens of three hundred colleagues who begin at nine do not count as untyped at two minutes past nine.
"""

import logging
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.db.models import Count, Exists, OuterRef, Q

from accounts import rate_limits
from accounts.audit.actions import Action
from accounts.audit.record import record_event
from accounts.notifications.notify import notify_administrators, notify_operators
from accounts.rate_limits import Window
from messaging.database import Clock, ago
from messaging.delivery.blocked_prefixes import LAST_DIGITS
from messaging.delivery.models import Channel, Message, State
from twofactor import phones
from twofactor.models import UNCONFIRMED, Challenge
from twofactor.tokens.send_windows import Sent

logger = logging.getLogger(__name__)


def is_closed(window: Window, sent: Sent) -> bool:
    """Tell whether too few of the tokens in a used-up window were typed. Computed only when it is used up (B-08).

    A range or country stays open to an account whose own people have left next to none untyped: an office that begins
    at nine has asked for many, and none of them has expired. Each of many accounts of robots has these few as well.
    """
    groups = list(_tried(window, sent))
    if window.scope == "country":
        region = phones.known(sent.destination).region
        groups = [group for group in groups if phones.known(group["destination"]).region == region]
    untyped = [group for group in groups if not group["typed"]]
    if window.scope != "address" and (not _is_of_many(untyped) or _is_others(untyped, sent)):
        return False
    all_sends, lost = (sum(group["sends"] for group in some) for some in (groups, untyped))
    typed = all_sends - lost
    return bool(lost >= window.limit and typed * 100 < all_sends * settings.UNTYPED_PERCENT)


def _is_of_many(untyped: list[dict[str, Any]]) -> bool:
    """Tell whether the untyped tokens are of several people and accounts: a single account closes nothing."""
    people, accounts = ({group[name] for group in untyped} for name in ("user", "user__account"))
    return len(people) >= settings.UNTYPED_PEOPLE and len(accounts) >= settings.UNTYPED_ACCOUNTS


def _is_others(untyped: list[dict[str, Any]], sent: Sent) -> bool:
    """Tell whether next to none of the untyped tokens were sent to people of this account."""
    own = [group["sends"] for group in untyped if group["user__account"] == sent.user.account_id]
    return bool(sum(own) < settings.UNTYPED_OF_ACCOUNT)


def _tried(window: Window, sent: Sent) -> Iterable[dict[str, Any]]:
    """Return, by number and person, how many tokens were sent in the window and how many of them were typed.

    Messages that were withheld or failed at the gateway are left out: nobody could have typed their tokens.
    """
    left = Exists(
        Message.objects.filter(kind="token", subject_id=OuterRef("pk"), state__in=[State.SENT, State.DELIVERED])
    )
    is_over = Q(expires_at__lte=Clock()) | Q(verified_at__isnull=False)
    recent = Challenge.objects.filter(left, is_over, _where(window, sent), issued_at__gt=ago(window.seconds))
    unconfirmed = recent.filter(purpose__in=UNCONFIRMED, channel=Channel.SMS)
    groups: Any = unconfirmed.values("user", "user__account", "destination").order_by()
    return groups.annotate(sends=Count("pk"), typed=Count("verified_at"))  # type: ignore[no-any-return]


def _where(window: Window, sent: Sent) -> Q:
    if window.scope == "address":
        return Q(network=sent.network, user__account=sent.user.account_id)
    return Q(destination__startswith=beginning(window, sent))


def beginning(window: Window, sent: Sent) -> str:
    """Return the digits that all numbers of a range or a country begin with."""
    if window.scope == "country":
        return f"+{phones.calling_code(sent.destination)}"
    return sent.destination[:-LAST_DIGITS]


def notify_closed(window: Window, sent: Sent) -> None:
    """Notify the account's administrators and the operators, each once a day for a range (B-08)."""
    first_here, first = (
        Window(f"closed {name}", settings.DAY, 1, "notice")
        for name in (f"{window.key} {sent.user.account_id}", window.key)
    )
    fresh = {each.window for each in rate_limits.count([first_here, first]) if not each.is_over_limit}
    if not fresh:
        return
    digits = beginning(window, sent)
    logger.error("SMS to typed numbers that begin with %s are withheld: too few tokens were typed", digits)
    event = record_event(Action.RANGE_CLOSED, user=sent.user, beginning=digits)
    if first_here in fresh:
        notify_administrators(sent.user.account, event)
    if first in fresh:
        notify_operators(event)
