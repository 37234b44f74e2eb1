"""Invitations: asking addresses to join an account.

The person who invites sees the same for an address that belongs to another account as for an unknown one. Only the
e-mail differs, which the address's owner reads.
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
MAX_ADDRESS_LENGTH = 254
MAX_LOGIN_LENGTH = 40
TRIES = 20
# The results for a line of the list.
SENT, MEMBER, INACTIVE, INVALID, LIMITED = "sent", "member", "inactive", "invalid", "limited"
# The results for an invitation to be revoked.
REVOKED, SETTLED, FAILED = "revoked", "settled", "failed"
# Each pattern consumes what it matches, so that no text takes more than one pass.
QUOTED_NAME = re.compile(r'"[^"\n]*"')
IN_BRACKETS = re.compile(r"<([^<>]*)>")
# Placeholders for the separators inside of a quoted name while the list is split: nobody types these characters.
QUOTE = "\ue000"
HIDDEN = str.maketrans({",": "\ue001", ";": "\ue002", "\t": " ", "<": " ", ">": " ", "@": " ", QUOTE: " "})
SHOWN = {ord("\ue001"): ",", ord("\ue002"): ";", ord(QUOTE): " "}
QUOTED = re.compile(f"{QUOTE}[^{QUOTE}]*{QUOTE}")
MAX_NAME_LENGTH = 80
MAX_TYPED_LENGTH = 4 * MAX_NAME_LENGTH  # of a name, with its blanks and combining marks


def people(pasted: str) -> dict[str, str]:
    """Return the names in a pasted list by address, as mail programs and spreadsheets write them.

    Addresses are in lower case, each once. They are separated by lines, tabs, commas and semicolons, or by blanks. The
    name in ``Maria Silva <maria@…>`` and ``"Silva, Maria" <maria@…>`` is kept.
    """
    hidden = QUOTED_NAME.sub(lambda name: f"{QUOTE}{name[0][1:-1].translate(HIDDEN)}{QUOTE}", pasted)
    found: dict[str, str] = {}
    for part in re.split(r"[\r\n\t,;]", hidden):
        for address, name in _people_of(part):
            if address := address.strip().lower():
                found.setdefault(address, cleaned(name[:MAX_TYPED_LENGTH].translate(SHOWN))[:MAX_NAME_LENGTH])
    return found


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
    """Invite up to 500 addresses, with the names of the people, and return the result for each address.

    It runs a handful of statements, whatever their number.
    """
    outcome = {address: SENT if _is_address(address) else INVALID for address in typed}
    with transaction.atomic():
        mine = User.objects.filter(account=account, email__in=_with_result(SENT, outcome))
        outcome |= {email: MEMBER if active else INACTIVE for email, active in mine.values_list("email", "is_active")}
        outcome |= dict.fromkeys(limits.over_limit(account, _with_result(SENT, outcome)), LIMITED)
        if asked := _with_result(SENT, outcome):
            facts = {"invited_by": actor, "language": language, "role": role}
            sent = _store(account, {address: typed[address] for address in asked}, facts)
            _send(sent)
            action = Action.ADMINISTRATOR_INVITED if role == Role.ADMINISTRATOR else Action.INVITATION_SENT
            record_events(action, actor=actor, facts=[_facts_of(invitation) for invitation in sent])
    return outcome


def _facts_of(invitation: Invitation) -> dict[str, Any]:
    """Return the facts for the audit log: the invitation's id, by which pages find the person, and no address."""
    return {"address": mask_email(invitation.email), "invitation": invitation.pk}


def _is_address(typed: str) -> bool:
    try:
        validate_email(typed)
    except ValidationError:
        return False
    return len(typed) <= MAX_ADDRESS_LENGTH


def _with_result(wanted: str, outcome: dict[str, str]) -> list[str]:
    return [address for address, found in outcome.items() if found == wanted]


def _store(account: Account, asked: Mapping[str, str], facts: Mapping[str, Any]) -> list[Invitation]:
    """Store invitations; an existing one is renewed, and its earlier links end."""
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
    """Send an open invitation again; the earlier link ends. Raises Limited.

    Return False, and send nothing, if the address has a user of the account by now.
    """
    asked = {invitation.email: invitation.name}
    outcome = invite(invitation.account, asked, actor=actor, language=invitation.language, role=invitation.role)
    if outcome[invitation.email] == LIMITED:
        raise Limited(retry_after=settings.DAY, scope="invited", user=actor)
    return outcome[invitation.email] == SENT


def revoke(invitation: Invitation, *, actor: User) -> bool:
    """Revoke an open invitation; return whether that changed anything."""
    with transaction.atomic():
        changed = Invitation.objects.open().filter(pk=invitation.pk).update(revoked_at=Clock())
        if changed:
            record_event(Action.INVITATION_REVOKED, actor=actor, **_facts_of(invitation))
    return bool(changed)


def revoke_each(chosen: Iterable[Invitation], *, actor: User) -> list[tuple[Invitation, str]]:
    """Revoke invitations, each in a transaction of its own, and return the result of each: one fault stops no other."""
    return [(invitation, _revoked(invitation, actor)) for invitation in chosen]


def _revoked(invitation: Invitation, actor: User) -> str:
    try:
        return REVOKED if revoke(invitation, actor=actor) else SETTLED
    except DatabaseError:
        logger.exception("invitation %s could not be revoked", invitation.pk)
        return FAILED


def link(invitation: Invitation) -> str:
    """Return the address that accepts an invitation: signed, and good for its latest sending only."""
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
    """Create the person under a login made from the address. Raises InvitationOver when the address has a user.

    The login always has a number: one without would tell the account that nobody else has that login (A-04).
    """
    mailbox = re.sub(r"[^a-z0-9._-]", "", invitation.email.partition("@")[0]).lstrip("._-")[:MAX_LOGIN_LENGTH] or "user"
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
