"""Invitations: asking addresses to join an account, and what comes of it.

Whoever asks is told the same about an address that belongs to another account as about one that nobody knows: the
difference is in the e-mail, which only the address's owner reads.
"""

import re
import secrets
from collections.abc import Iterable

from django.conf import settings
from django.core import signing
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.urls import reverse

from accounts import audit, budgets
from accounts.exceptions import InvitationOver, Limited
from accounts.models import Account, Invitation, User
from messaging.database import Clock, clock_plus, update_returning
from messaging.delivery import flows as delivery
from messaging.delivery.models import Channel, Message

SALT = "accounts.invitations"
LIFETIME_SECONDS = 7 * 86_400
AT_ONCE = 500
LONGEST_ADDRESS = 254
LONGEST_LOGIN = 40
TRIES = 20
# What became of a line of the list.
SENT, MEMBER, INVALID, LIMITED = "sent", "member", "invalid", "limited"


def addresses(pasted: str) -> list[str]:
    """Return what stands in a pasted list, in lower case and once each: lines, commas or semicolons part it."""
    parts = (re.sub(r".*<([^<>]*)>.*", r"\1", part).strip().lower() for part in re.split(r"[\n,;]", pasted))
    return list(dict.fromkeys(part for part in parts if part))


def invite(account: Account, typed: Iterable[str], *, actor: User, language: str) -> dict[str, str]:
    """Invite up to 500 addresses, and return what became of each. A handful of statements, whatever their number."""
    outcome = {address: SENT if _is_address(address) else INVALID for address in typed}
    with transaction.atomic():
        mine = User.objects.filter(account=account, email__in=_still(SENT, outcome))
        outcome |= dict.fromkeys(mine.values_list("email", flat=True), MEMBER)
        outcome |= dict.fromkeys(_over_budget(account, _still(SENT, outcome)), LIMITED)
        if asked := _still(SENT, outcome):
            _send(_written_down(account, asked, actor, language))
            audit.record_many("invitation.sent", actor=actor, facts=[{"address": address} for address in asked])
    return outcome


def _is_address(typed: str) -> bool:
    try:
        validate_email(typed)
    except ValidationError:
        return False
    return len(typed) <= LONGEST_ADDRESS


def _still(wanted: str, outcome: dict[str, str]) -> list[str]:
    return [address for address, found in outcome.items() if found == wanted]


def _over_budget(account: Account, asked: list[str]) -> set[str]:
    """Count invitations and return which are too many: of an address, or the last ones of the account's day."""
    if not asked:
        return set()
    windows = {window.key: address for address in asked for window in _windows(address)}
    spent = budgets.spend(window for address in asked for window in _windows(address))
    over = {windows[balance.window.key] for balance in spent if balance.is_overdrawn}
    left = [address for address in asked if address not in over]
    for balance in budgets.spend(budgets.windows("invitations", account.pk), uses=len(left)) if left else []:
        room = len(left) - max(0, balance.used - balance.window.limit)
        over |= set(left[max(0, room) :])
    return over


def _windows(address: str) -> list[budgets.Window]:
    return budgets.windows("invited", budgets.hidden(address))


def _written_down(account: Account, asked: list[str], actor: User, language: str) -> list[Invitation]:
    """Write invitations down; one that there was is made new, and its links are dead."""
    rows = [
        Invitation(
            account=account,
            email=address,
            language=language,
            invited_by=actor,
            nonce=secrets.randbits(31),
            sent_at=Clock(),
            expires_at=clock_plus(LIFETIME_SECONDS),
        )
        for address in asked
    ]
    renewed = ["language", "invited_by", "nonce", "sent_at", "expires_at", "revoked_at", "accepted_at", "user"]
    return Invitation.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["account", "email"], update_fields=renewed
    )


def _send(invitations: list[Invitation]) -> None:
    delivery.enqueue_many(
        Message(
            channel=Channel.EMAIL,
            destination=invitation.email,
            kind="invitation",
            subject_id=invitation.pk,
            language=invitation.language,
            owner_id=invitation.account_id,
        )
        for invitation in invitations
    )


def resend(invitation: Invitation, *, actor: User) -> None:
    """Send an open invitation again; the link before is dead. Raises Limited."""
    outcome = invite(invitation.account, [invitation.email], actor=actor, language=invitation.language)
    if outcome[invitation.email] == LIMITED:
        raise Limited(retry_after=settings.DAY, scope="invited", user=actor)


def revoke(invitation: Invitation, *, actor: User) -> bool:
    """Take an open invitation back; return whether that changed anything."""
    with transaction.atomic():
        changed = Invitation.objects.open().filter(pk=invitation.pk).update(revoked_at=Clock())
        if changed:
            audit.record("invitation.revoked", actor=actor, address=invitation.email)
    return bool(changed)


def link(invitation: Invitation) -> str:
    """Return the address by which an invitation is accepted: signed, and good for this sending of it only."""
    signed = signing.dumps([invitation.pk, invitation.nonce], salt=SALT)
    return settings.PUBLIC_URL + reverse("join", args=[signed])


def of_link(signed: str) -> Invitation | None:
    """Return the invitation of a link; None when the link is forged, replaced, used, revoked or too old."""
    try:
        pk, nonce = signing.loads(signed, salt=SALT, max_age=LIFETIME_SECONDS)
    except signing.BadSignature:
        return None
    good = Invitation.objects.good().filter(pk=pk, nonce=nonce, account__is_active=True)
    return good.select_related("account", "invited_by").first()


def accept(invitation: Invitation, *, first_name: str, last_name: str, password: str) -> User:
    """Make the invited person a user, once; nobody is signed in by it (S-10). Raises InvitationOver."""
    with transaction.atomic():
        mine = Invitation.objects.good().filter(pk=invitation.pk, nonce=invitation.nonce)
        if update_returning(mine, accepted_at=Clock()) is None:
            raise InvitationOver
        user = _new_user(invitation, first_name=first_name, last_name=last_name, password=password)
        Invitation.objects.filter(pk=invitation.pk).update(user=user)
        audit.record("invitation.accepted", user=user)
    return user


def _new_user(invitation: Invitation, **facts: str) -> User:
    """Create the person under a login made of the address. Raises InvitationOver when the address has a user."""
    mailbox = re.sub(r"[^a-z0-9._-]", "", invitation.email.partition("@")[0]).lstrip("._-")[:LONGEST_LOGIN] or "user"
    for number in range(TRIES):
        login = f"{mailbox}{secrets.randbelow(10_000):04d}" if number else mailbox
        try:
            with transaction.atomic():
                return User.objects.create_user(
                    login, invitation.email, account=invitation.account, language=invitation.language, **facts
                )
        except IntegrityError:
            if User.objects.filter(email=invitation.email).exists():
                break
    raise InvitationOver
