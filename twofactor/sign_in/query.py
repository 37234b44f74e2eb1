"""Where a pending sign-in is found, when it is over, and what was begun lately for the same person."""

from django.conf import settings
from django.db import models
from django.db.models import F, OuterRef, Q, QuerySet

from accounts import rate_limits
from accounts.audit.thinning import MINUTE, NOTES_A_MINUTE
from accounts.models import User
from accounts.models.account import has_come
from messaging.database import Clock, Compiled, Slot, Statement, clock_plus
from twofactor.factors import held
from twofactor.models import Challenge, PendingSignIn, Purpose
from twofactor.models.journeys import KNOWN_SOURCE

YOUNG_SECONDS = 120  # enough to solve the captcha and to ask for a token


def alive() -> "QuerySet[PendingSignIn]":
    """Return what has not come to its end: too old, completed by a verified token, or crowded out by five newer.

    Only sign-ins from the same browser or network crowd one out, and none that is young or has a live token (B-12):
    whoever knows the password could otherwise end its owner's sign-in as often as they like.
    """
    newer = PendingSignIn.objects.filter(
        user=OuterRef("user"), source=OuterRef("source"), pk__gt=OuterRef("pk"), expires_at__gt=Clock()
    )
    crowded = newer.order_by("pk")[settings.PENDING_SIGN_INS - 1 : settings.PENDING_SIGN_INS]
    live = Challenge.objects.open().filter(pending_sign_in=OuterRef("pk"), expires_at__gt=Clock())
    young = Q(created_at__gt=clock_plus(-YOUNG_SECONDS))
    stays = young | models.Exists(live) | ~models.Exists(crowded)
    return unfinished().filter(stays, expires_at__gt=Clock())


def unfinished() -> "QuerySet[PendingSignIn]":
    """Return what no second factor completed: neither a token that was sent nor a factor that sends nothing.

    The token of a mailbox completes nothing, nor does that of a phone which no longer counts: a device that counts
    comes after it (D3, K-06).
    """
    verified = Challenge.objects.filter(pending_sign_in=OuterRef("pk"), verified_at__isnull=False)
    completed: QuerySet[Challenge] = verified.exclude(purpose__in=[Purpose.MAILBOX, Purpose.OLD_FACTOR])
    return PendingSignIn.objects.filter(~models.Exists(completed), completed_at__isnull=True)


def is_completed(pending: PendingSignIn) -> bool:
    """Tell whether a second factor completed a pending sign-in, by now."""
    return not unfinished().filter(pk=pending.pk).exists()


def with_begun(people: "QuerySet[User]") -> "QuerySet[User]":
    """Add what was begun for a person before: read with the password, so that it costs no statement.

    ``begun_often``: ten right passwords within a minute. ``begun_unfinished``: two within an hour in browsers that
    are not known, that were not completed.
    """
    minute = PendingSignIn.objects.filter(user=OuterRef("pk"), created_at__gt=clock_plus(-MINUTE))
    hour = unfinished().filter(user=OuterRef("pk"), created_at__gt=clock_plus(-settings.HOUR))
    elsewhere = hour.exclude(source__startswith=KNOWN_SOURCE)
    return people.annotate(
        begun_often=models.Exists(minute[NOTES_A_MINUTE - 1 : NOTES_A_MINUTE]),
        begun_unfinished=models.Exists(elsewhere[settings.UNFINISHED_SIGN_INS - 2 : settings.UNFINISHED_SIGN_INS - 1]),
    )


def of_session(session_hash: str) -> PendingSignIn | None:
    """Return the live pending sign-in of a session, with its person, account and devices; None if there is none.

    It ends when the password changes or the person or account is deactivated (S-06).
    """
    pending: PendingSignIn | None = OF_SESSION.row(session=session_hash)
    if pending is None or not pending.still_holds():
        return None
    pending.user.factors_due = pending.factors_due
    held.hand_over(pending, pending.user)
    return pending


def _of_session() -> Statement[PendingSignIn]:
    """Build what every page between password and token reads."""
    can_send = models.ExpressionWrapper(
        Q(sends__lt=F("sends_allowed"), sends_until__gt=Clock(), sends_until__isnull=False),
        output_field=models.BooleanField(),
    )
    live = alive().filter(session_hash=Slot("session", models.CharField()))
    facts = {
        "can_send": can_send,
        "account_used": rate_limits.all_used("account", OuterRef("user__account_id")),
        "system_used": rate_limits.all_used("system", models.Value("sms")),
        "factors_due": has_come("user__account__factors_from"),
    }
    related = live.annotate(**facts)
    related = held.joined(related.select_related("user__account"), "user__")
    return Statement(related.order_by("pk")[:1])


# Built once 229 µs, each time 13.5 ms.
OF_SESSION = Compiled(_of_session, "PENDING_SIGN_INS", "PUBLIC_HOST")
