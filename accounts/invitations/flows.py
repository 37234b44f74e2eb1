"""Invitations: asking addresses to join an account, and what comes of it.

Whoever asks is told the same about an address that belongs to another account as about one that nobody knows: the
difference is in the e-mail, which only the address's owner reads.
"""

import logging
import re
import secrets
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from django.conf import settings
from django.core import signing
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import DatabaseError, IntegrityError, transaction
from django.urls import reverse

from accounts.audit.actions import Action
from accounts.audit.record import record_event, record_events
from accounts.exceptions import InvitationOver, Limited
from accounts.invitations import limits
from accounts.models import Account, Invitation, Role, User
from messaging.database import Clock, clock_plus, update_returning
from messaging.delivery import flows as delivery
from messaging.delivery.models import Channel, Message
from messaging.masking import mask_email
from messaging.typed_text import cleaned

logger = logging.getLogger(__name__)

SALT = "accounts.invitations"
LIFETIME_SECONDS = 7 * 86_400
AT_ONCE = 500
LONGEST_ADDRESS = 254
LONGEST_LOGIN = 40
TRIES = 20
# What became of a line of the list.
SENT, MEMBER, INACTIVE, INVALID, LIMITED = "sent", "member", "inactive", "invalid", "limited"
# What became of an invitation that was to be taken back.
REVOKED, SETTLED, FAILED = "revoked", "settled", "failed"
# Each pattern consumes what it looks at, so that no text takes more than one pass.
QUOTED_NAME = re.compile(r'"[^"\n]*"')
IN_BRACKETS = re.compile(r"<([^<>]*)>")
# What stands for the signs of a quoted name while the list is taken apart: nobody types these.
QUOTE = "\ue000"
HIDDEN = {",": "\ue001", ";": "\ue002", "\t": " ", "<": " ", ">": " ", "@": " ", QUOTE: " "}
SHOWN = {ord("\ue001"): ",", ord("\ue002"): ";", ord(QUOTE): " "}
QUOTED = re.compile(f"{QUOTE}[^{QUOTE}]*{QUOTE}")
LONGEST_NAME = 80


def people(pasted: str) -> dict[str, str]:
    """Return the names in a pasted list by their addresses, as a mail program or a spreadsheet writes them.

    Addresses in lower case and once each. Lines, tabs, commas and semicolons part them, and blanks do between
    addresses. Of ``Maria Silva <maria@…>`` and ``"Silva, Maria" <maria@…>`` the name is kept.
    """
    hidden = QUOTED_NAME.sub(lambda name: f"{QUOTE}{name[0][1:-1].translate(_HIDDEN)}{QUOTE}", pasted)
    found: dict[str, str] = {}
    for part in re.split(r"[\r\n\t,;]", hidden):
        for address, name in _people_of(part):
            if address := address.strip().lower():
                found.setdefault(address, cleaned(name.translate(SHOWN))[:LONGEST_NAME])
    return found


_HIDDEN = str.maketrans(HIDDEN)


def _people_of(part: str) -> Iterator[tuple[str, str]]:
    begin = 0
    for address in IN_BRACKETS.finditer(part):
        yield address[1], part[begin : address.start()]
        begin = address.end()
    if not begin:
        bare = QUOTED.sub(" ", part)
        yield from ((address, "") for address in (bare.split() if "@" in bare else [bare]))


def invite(
    account: Account, typed: Mapping[str, str], *, actor: User, language: str, role: str = Role.MEMBER
) -> dict[str, str]:
    """Invite up to 500 addresses, with the names that they are to have, and return what became of each address.

    A handful of statements, whatever their number.
    """
    outcome = {address: SENT if _is_address(address) else INVALID for address in typed}
    with transaction.atomic():
        mine = User.objects.filter(account=account, email__in=_still(SENT, outcome))
        outcome |= {email: MEMBER if active else INACTIVE for email, active in mine.values_list("email", "is_active")}
        outcome |= dict.fromkeys(limits.over_limit(account, _still(SENT, outcome)), LIMITED)
        if asked := _still(SENT, outcome):
            facts = {"invited_by": actor, "language": language, "role": role}
            sent = _written_down(account, {address: typed[address] for address in asked}, facts)
            _send(sent)
            action = Action.ADMINISTRATOR_INVITED if role == Role.ADMINISTRATOR else Action.INVITATION_SENT
            record_events(action, actor=actor, facts=[_facts_of(invitation) for invitation in sent])
    return outcome


def _facts_of(invitation: Invitation) -> dict[str, Any]:
    """Return what the audit log keeps of an invitation: its number, by which its page names whom, and no address."""
    return {"address": mask_email(invitation.email), "invitation": invitation.pk}


def _is_address(typed: str) -> bool:
    try:
        validate_email(typed)
    except ValidationError:
        return False
    return len(typed) <= LONGEST_ADDRESS


def _still(wanted: str, outcome: dict[str, str]) -> list[str]:
    return [address for address, found in outcome.items() if found == wanted]


def _written_down(account: Account, asked: Mapping[str, str], facts: Mapping[str, Any]) -> list[Invitation]:
    """Write invitations down; one that there was is made new, and its links are dead."""
    rows = [
        Invitation(
            account=account,
            email=address,
            name=name,
            nonce=secrets.randbits(31),
            sent_at=Clock(),
            expires_at=clock_plus(LIFETIME_SECONDS),
            **facts,
        )
        for address, name in asked.items()
    ]
    renewed = [
        "name",
        "role",
        "language",
        "invited_by",
        "nonce",
        "sent_at",
        "expires_at",
        "revoked_at",
        "accepted_at",
        "user",
    ]
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


def resend(invitation: Invitation, *, actor: User) -> bool:
    """Send an open invitation again; the link before is dead. Raises Limited.

    Return False, and send nothing, where the address belongs to somebody of the account by now.
    """
    asked = {invitation.email: invitation.name}
    outcome = invite(invitation.account, asked, actor=actor, language=invitation.language, role=invitation.role)
    if outcome[invitation.email] == LIMITED:
        raise Limited(retry_after=settings.DAY, scope="invited", user=actor)
    return outcome[invitation.email] == SENT


def revoke(invitation: Invitation, *, actor: User) -> bool:
    """Take an open invitation back; return whether that changed anything."""
    with transaction.atomic():
        changed = Invitation.objects.open().filter(pk=invitation.pk).update(revoked_at=Clock())
        if changed:
            record_event(Action.INVITATION_REVOKED, actor=actor, **_facts_of(invitation))
    return bool(changed)


def revoke_each(chosen: Iterable[Invitation], *, actor: User) -> list[tuple[Invitation, str]]:
    """Take invitations back, a transaction each, and return what became of each: a fault stops none of the others."""
    return [(invitation, _revoked(invitation, actor)) for invitation in chosen]


def _revoked(invitation: Invitation, actor: User) -> str:
    try:
        return REVOKED if revoke(invitation, actor=actor) else SETTLED
    except DatabaseError:
        logger.exception("invitation %s could not be revoked", invitation.pk)
        return FAILED


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
    """Make the invited person a user, once. Raises InvitationOver."""
    with transaction.atomic():
        mine = Invitation.objects.good().filter(pk=invitation.pk, nonce=invitation.nonce)
        if update_returning(mine, accepted_at=Clock()) is None:
            raise InvitationOver
        user = _new_user(invitation, first_name=first_name, last_name=last_name, password=password)
        Invitation.objects.filter(pk=invitation.pk).update(user=user)
        record_event(Action.INVITATION_ACCEPTED, user=user)
    return user


def _new_user(invitation: Invitation, **facts: str) -> User:
    """Create the person under a login made of the address. Raises InvitationOver when the address has a user.

    The login always has a number: one without would tell whoever invites that nobody else has it (A-04).
    """
    mailbox = re.sub(r"[^a-z0-9._-]", "", invitation.email.partition("@")[0]).lstrip("._-")[:LONGEST_LOGIN] or "user"
    given: dict[str, Any] = {"account": invitation.account, "role": invitation.role, "language": invitation.language}
    for number in range(TRIES):
        login = f"{mailbox}{secrets.randbelow(10_000):04d}"
        if number >= TRIES // 2:  # somebody may have made all the short ones
            login = f"{mailbox}{secrets.randbelow(10**8):08d}"
        try:
            with transaction.atomic():
                return User.objects.create_user(login, invitation.email, **given, **facts)
        except IntegrityError:
            if User.objects.filter(email=invitation.email).exists():
                break
    raise InvitationOver
