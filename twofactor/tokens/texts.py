"""The texts of the messages that carry a token."""

from datetime import datetime

from django.conf import settings
from django.db import models
from django.template.loader import render_to_string
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from accounts.models import Account
from accounts.notifications.notice import look_of
from messaging.database import Among, Compiled, ListSlot, Slot, Statement
from messaging.delivery.models import Channel, Message
from messaging.delivery.renderers import Content, NothingToSay, NotYet, renders
from twofactor.exceptions import TokenLate
from twofactor.models import Challenge, Purpose
from twofactor.tokens import challenges

BRAND = "Messaging"
# Run for each token. Built once 56 µs, each time 0.6 ms.
CHALLENGE = Compiled(lambda: Statement(Challenge.objects.filter(pk=Slot("id", models.BigIntegerField()))))
# Run for each batch of tokens.
CHALLENGES = Compiled(
    lambda: Statement(Challenge.objects.filter(Among("id", ListSlot("ids", models.BigIntegerField()))))
)


def read_challenges(messages: list[Message]) -> None:
    """Read the challenges of many tokens in one statement."""
    found = {challenge.pk: challenge for challenge in CHALLENGES.run(ids=[one.subject_id for one in messages])}
    for message in messages:
        message.subject = found.get(message.subject_id)


@renders("token", on_failure=challenges.note_undelivered, read_many=read_challenges)
def render_token(message: Message) -> Content:
    """Derive the token at the moment of sending (T-06); nothing is sent for a challenge that is closed.

    An unknown key is a fault of ours: web was restarted with a new key before this worker.
    """
    challenge = message.subject or CHALLENGE.row(id=message.subject_id)
    if challenge is None or not challenge.is_open:
        raise NothingToSay
    try:
        token = challenge.token()
    except TokenLate:
        raise NotYet(f"unknown-key {challenge.key_id}") from None
    if message.channel == Channel.SMS:
        return Content(text=sms_text(token, challenge.purpose))
    return _email(token, challenge.purpose, challenge.user.account, at=challenge.issued_at)


def sms_text(token: str, purpose: str) -> str:
    """Return one GSM-7 segment whose last line binds the token to our host (T-10, T-11)."""
    minutes = settings.TOKEN_LIFETIME_SECONDS // 60
    facts = {"brand": BRAND, "token": token, "minutes": minutes}
    if purpose in {Purpose.SIGN_IN, Purpose.ENROL}:
        text = _("%(brand)s: your token to sign in is %(token)s. Valid %(minutes)s min. Do not share it.")
    elif purpose == Purpose.CHANGE_PHONE:
        text = _("%(brand)s: your token for the new phone is %(token)s. Valid %(minutes)s min. Do not share it.")
    else:
        text = _("%(brand)s: your token to confirm that it is you: %(token)s. Valid %(minutes)s min. Do not share it.")
    return f"{text % facts}\n\n@{settings.PUBLIC_HOST} #{token}"


def _email(token: str, purpose: str, account: Account | None = None, *, at: datetime) -> Content:
    """Return the e-mail; neither the subject nor the lines on a lock screen have the token (T-12).

    The subject has the time, so that mail programs do not group the newest token under an older one.
    """
    facts = {"brand": BRAND}
    if purpose in {Purpose.SIGN_IN, Purpose.ENROL}:
        lead = _("Here is your token to sign in to %(brand)s.") % facts
    elif purpose in {Purpose.MAILBOX, Purpose.CHANGE_EMAIL}:
        lead = _("Here is your token to confirm at %(brand)s that this mailbox is yours.") % facts
    else:
        lead = _("Here is your token to confirm at %(brand)s that it is you.") % facts
    context = {
        "lead": lead,
        "token": token,
        "minutes": settings.TOKEN_LIFETIME_SECONDS // 60,
        "brand": BRAND,
        **look_of(account),
    }
    return Content(
        subject=_("Your %(brand)s token of %(time)s") % {"brand": BRAND, "time": f"{localtime(at):%H:%M:%S}"},
        text=render_to_string("messages/token.txt", context),
        html=render_to_string("messages/token.html", context),
    )
