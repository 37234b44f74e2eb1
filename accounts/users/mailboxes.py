"""Mailboxes that refuse the portal's e-mails, by the result of the newest message."""

from django.db.models import Max

from accounts.models import Account
from messaging.delivery.failure_reasons import Fault
from messaging.delivery.models import Channel, Message, State

LATEST_BOUNCES = 1000


def refused(account: Account) -> list[str]:
    """Return the addresses whose mail server refused the newest message for good."""
    sent = Message.objects.filter(owner_id=account.pk, channel=Channel.EMAIL)
    failed = sent.filter(state=State.FAILED, fault=Fault.NUMBER).values_list("destination")
    refused = dict(failed.annotate(newest=Max("pk")).order_by("-newest")[:LATEST_BOUNCES])
    arrived = sent.filter(state__in=[State.SENT, State.DELIVERED], destination__in=refused)
    since = arrived.filter(pk__gt=min(refused.values(), default=0)).values_list("destination")
    later = dict(since.annotate(newest=Max("pk")))
    return [address for address, newest in refused.items() if later.get(address, 0) < newest]
