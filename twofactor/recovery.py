"""Recovery codes that an administrator makes, for people whose mailbox is no proof (R-10).

After a password reset by e-mail the mailbox has been one factor already, so its token opens no enrolment. Instead the
administrator, or the operator for the last one, reads twenty digits to the person: 66 bits, good for a day and once.
Digits sound different from each other in each language, and every keyboard has them. A person's own recovery codes are
in ``twofactor.factors.codes``.
"""

import hmac
import re
import secrets
import unicodedata
from datetime import timedelta
from hashlib import sha256

from django.conf import settings
from django.db import transaction
from django.db.models import DurationField, ExpressionWrapper, F
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts import rate_limits
from accounts.audit.actions import Action
from accounts.audit.record import record_event
from accounts.models import AuditEvent, User
from accounts.notifications.notify import notify, notify_administrators
from messaging.database import Clock, clock_plus
from twofactor import exceptions as refusals
from twofactor.models import RecoveryCode
from twofactor.tokens import derive, unguessable

DIGITS = 20
GROUP = 5
PURPOSE = "recovery"
LABEL = "recovery code"
_SEPARATORS = re.compile(r"[\s\-.]+")
_TYPED = re.compile(rf"[0-9]{{{DIGITS}}}", re.ASCII)


def issue_if_wanted(user: User, *, actor: User | None = None) -> str:
    """Return a new code if the person needs one now, else an empty text."""
    user.refresh_from_db()
    if not user.wants_recovery_code:
        return ""
    with transaction.atomic():
        return issue(user, actor=actor)


def issue(user: User, *, actor: User | None = None) -> str:
    """Return a new code, to be shown once; an earlier one ends. Without ``actor`` it is the operator.

    Runs in the caller's transaction. The person and the administrators are notified, without the digits.
    """
    code = "".join(secrets.choice("0123456789") for _digit in range(DIGITS))
    row = RecoveryCode(
        user=user,
        digest=keyed_digest(settings.TOKEN_KEY, LABEL, user, code),
        key_id=derive.key_id(settings.TOKEN_KEY),
        issued_at=Clock(),
        expires_at=clock_plus(settings.RECOVERY_CODE_SECONDS),
    )
    rate_limits.forget(rate_limits.of_names(["recovery"], [user.pk]))
    renewed = ["digest", "key_id", "issued_at", "expires_at", "used_at"]
    RecoveryCode.objects.bulk_create([row], update_conflicts=True, unique_fields=["user"], update_fields=renewed)
    _notify_both(record_event(Action.RECOVERY_CODE_ISSUED, user=user, actor=actor, by_operator=actor is None), user)
    return " ".join(code[at : at + GROUP] for at in range(0, DIGITS, GROUP))


def verify(user: User, typed: str) -> RecoveryCode:
    """Return the open code that was typed. Raises CodeMalformed, CodeRefused, or Limited after five wrong ones.

    An attempt is counted before anything is compared, for the browser or network: neither on the code nor with the
    wrong tokens. Otherwise somebody who knows the password could use up each code while it is read out. For the same
    reason the pause after wrong tokens does not hold here.
    """
    code = _SEPARATORS.sub("", unicodedata.normalize("NFKC", typed))
    if not _TYPED.fullmatch(code):
        raise refusals.CodeMalformed
    counted = unguessable.count_apart(user)
    row: RecoveryCode | None = RecoveryCode.objects.filter(
        user=user, used_at__isnull=True, expires_at__gt=Clock()
    ).first()
    if row and derive.same(row.digest, keyed_digest(_key_of(row), LABEL, user, code)):
        rate_limits.take_back(usage.window for usage in counted)
        return row
    unguessable.note_wrong_apart(user, PURPOSE, counted)
    raise refusals.CodeRefused


def consume(row: RecoveryCode) -> None:
    """Use a code up, in the transaction of what it opens. Raises CodeRefused for all but one.

    It ends the pause after wrong tokens, and their count: like *Unlock* it comes from whoever has spoken to the person,
    who could otherwise be sent no token to the new phone.
    """
    if not RecoveryCode.objects.filter(pk=row.pk, digest=row.digest, used_at__isnull=True).update(used_at=Clock()):
        raise refusals.CodeRefused
    User.objects.filter(pk=row.user_id, failures__gt=0).update(failures=0, failures_until=None)
    _notify_both(record_event(Action.RECOVERY_CODE_USED, user=row.user), row.user)


def warning(user: User) -> str:
    """Return since when the mailbox is no proof, for the administrator who helps; empty when it is one."""
    if not user.mailbox_suspect:
        return ""
    resets = AuditEvent.objects.filter(user=user, action=Action.PASSWORD_RESET).order_by("-at", "-pk")
    since = ExpressionWrapper(Clock() - F("at"), output_field=DurationField())
    age: timedelta | None = resets.annotate(since=since).values_list("since", flat=True).first()
    if age is None:
        return _("The password was reset by e-mail, by whoever reads that mailbox. Speak to the person, do not write.")
    hours = int(age.total_seconds() // settings.HOUR)
    if not hours:
        return _(
            "The password was reset by e-mail less than an hour ago, by whoever reads that mailbox."
            " Speak to the person, do not write."
        )
    said = ngettext(
        "The password was reset by e-mail %(count)d hour ago, by whoever reads that mailbox."
        " Speak to the person, do not write.",
        "The password was reset by e-mail %(count)d hours ago, by whoever reads that mailbox."
        " Speak to the person, do not write.",
        hours,
    )
    return said % {"count": hours}


def _notify_both(event: AuditEvent, user: User) -> None:
    notify(user, event)
    notify_administrators(user.account, event, but=user)


def keyed_digest(key: str, label: str, user: User, code: str) -> str:
    """Return the digest of a recovery code of either kind: an HMAC under a key outside of the database."""
    return hmac.new(key.encode(), f"{label} {user.pk} {code}".encode(), sha256).hexdigest()


def _key_of(row: RecoveryCode) -> str:
    """Return the key under which a code was made. Raises CodeRefused when that key is not known."""
    for key in (settings.TOKEN_KEY, settings.TOKEN_KEY_PREVIOUS):
        if key and derive.key_id(key) == row.key_id:
            return str(key)
    raise refusals.CodeRefused
