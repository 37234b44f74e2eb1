"""Ten recovery codes of 80 bits, shown once, each used once (K-05)."""

import secrets
import unicodedata

from django.conf import settings
from django.db import transaction
from django.db.models import F

from accounts.audit.actions import Action
from accounts.audit.record import record_event
from accounts.models import User
from accounts.notifications.notify import notify
from messaging.database import Clock
from twofactor import exceptions as refusals
from twofactor import recovery
from twofactor.factors import held
from twofactor.factors.codes.models import OwnRecoveryCode
from twofactor.tokens import derive

COUNT = 10
FEW = 3  # when so many are left, the page offers new ones
# Crockford's 32 characters, none of which can be mistaken for another. Sixteen of them are 80 bits.
CHARACTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH = 16
GROUP = 4
LABEL = "own recovery code"
_MEANT = str.maketrans({"O": "0", "I": "1", "L": "1", "-": "", " ": "", ".": ""})


def issue(user: User) -> list[str]:
    """Return ten new codes, to be shown once; the earlier ones are deleted. A person without a factor gets none.

    Their digests are under the newest of FACTOR_KEYS, which lives longer than TOKEN_KEY. Raises FactorNotAllowed or
    JourneyOver.
    """
    if not held.counting(user):
        raise refusals.FactorNotAllowed
    codes = ["".join(secrets.choice(CHARACTERS) for _character in range(LENGTH)) for _code in range(COUNT)]
    key = settings.FACTOR_KEYS[0]
    rows = [
        OwnRecoveryCode(user=user, digest=recovery.keyed_digest(key, LABEL, user, code), key_id=derive.key_id(key))
        for code in codes
    ]
    with transaction.atomic():
        held.lock_row(user)  # of two sets made at the same moment the later one stays
        forget(user)
        OwnRecoveryCode.objects.bulk_create(rows)
        User.objects.filter(pk=user.pk).update(codes_left=COUNT)
        notify(user, record_event(Action.CODES_ISSUED, user=user))
    return [written(code) for code in codes]


def written(code: str) -> str:
    """Return a code as people write it down."""
    return "-".join(code[at : at + GROUP] for at in range(0, LENGTH, GROUP))


def read(typed: str) -> str | None:
    """Return what a person typed as sixteen characters, or None. O is read as 0, I and L as 1."""
    code = unicodedata.normalize("NFKC", typed).strip().upper().translate(_MEANT)
    return code if len(code) == LENGTH and set(code) <= set(CHARACTERS) else None


def matching(user: User, code: str) -> OwnRecoveryCode | None:
    """Return the person's unused code that was typed."""
    digests = [recovery.keyed_digest(key, LABEL, user, code) for key in settings.FACTOR_KEYS]
    return OwnRecoveryCode.objects.filter(user=user, digest__in=digests, used_at__isnull=True).first()


def use(user: User, row: OwnRecoveryCode) -> None:
    """Use a code up, for exactly one caller, in the transaction of what it opens. Raises OwnCodeRefused for others."""
    if not OwnRecoveryCode.objects.filter(pk=row.pk, used_at__isnull=True).update(used_at=Clock()):
        raise refusals.OwnCodeRefused
    User.objects.filter(pk=user.pk, codes_left__gt=0).update(codes_left=F("codes_left") - 1)
    user.refresh_from_db(fields=["codes_left"])
    notify(user, record_event(Action.CODE_USED, user=user, left=user.codes_left))


def remove(user: User) -> None:
    """Delete every code of a person, notify and record it."""
    with transaction.atomic():
        if forget(user):
            notify(user, record_event(Action.CODES_REMOVED, user=user))


def forget(user: User) -> bool:
    """Delete every code of a person, in the caller's transaction; return whether there was one."""
    User.objects.filter(pk=user.pk).update(codes_left=0)
    return bool(OwnRecoveryCode.objects.filter(user=user).delete()[0])
