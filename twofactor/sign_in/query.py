"""Queries of pending sign-ins: which are open, which were not finished, and which one a session has."""

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, OuterRef, Q, QuerySet

from accounts import rate_limits
from accounts.audit.thinning import NOTES_A_MINUTE
from accounts.auth.known_browsers import KNOWN_SOURCE
from accounts.models import User
from accounts.models.account import has_come
from messaging.database import Clock, Compiled, Slot, Statement, ago
from twofactor.factors import held
from twofactor.factors.app.models import AppEnrolment
from twofactor.models import Challenge, PasskeyRegistration, PendingSignIn, Purpose

YOUNG_SECONDS = 120  # enough to solve the captcha and to ask for a token
MAX_UNUSED = 50  # of a person: beyond, those that are over are deleted with the next right password (B-12)


def alive() -> "QuerySet[PendingSignIn]":
    """Return those that are not over: not too old, not completed by a verified token, not displaced by five newer ones.

    Only sign-ins from the same browser or network displace one, and none that is young, has a live token or has got
    further than the password (B-12): otherwise somebody who knows the password could end its owner's sign-in as often
    as they like.
    """
    lately = PendingSignIn.objects.filter(
        user=OuterRef("user"), created_at__gt=ago(settings.PENDING_SIGN_IN_SECONDS), expires_at__gt=Clock()
    )
    newer = lately.filter(source=OuterRef("source"), pk__gt=OuterRef("pk"))
    crowded = newer.order_by("pk")[settings.PENDING_SIGN_INS - 1 : settings.PENDING_SIGN_INS]
    live = Challenge.objects.open().filter(pending_sign_in=OuterRef("pk"), expires_at__gt=Clock())
    young = Q(created_at__gt=ago(YOUNG_SECONDS))
    further = Q(mailbox_proved=True) | Q(old_factor_proved=True)
    for journey in (AppEnrolment, PasskeyRegistration):
        begun = journey.objects.filter(session_hash=OuterRef("session_hash"), expires_at__gt=Clock())
        further |= Q(models.Exists(begun))
    stays = young | models.Exists(live) | ~models.Exists(crowded) | further
    return unfinished().filter(stays, expires_at__gt=Clock())


def unfinished() -> "QuerySet[PendingSignIn]":
    """Return those that no second factor completed: neither a token that was sent nor a factor that sends nothing.

    The token of a mailbox completes none, nor does that of a phone that no longer counts: a device that counts
    comes after it (D3, K-06).
    """
    verified = Challenge.objects.filter(pending_sign_in=OuterRef("pk"), verified_at__isnull=False)
    completed: QuerySet[Challenge] = verified.exclude(purpose__in=[Purpose.MAILBOX, Purpose.OLD_FACTOR])
    return PendingSignIn.objects.filter(~models.Exists(completed), completed_at__isnull=True)


def is_completed(pending: PendingSignIn) -> bool:
    """Tell whether a second factor has completed a pending sign-in meanwhile."""
    return not unfinished().filter(pk=pending.pk).exists()


def unused_of(user: User | OuterRef) -> "QuerySet[PendingSignIn]":
    """Return the sign-ins of a person that no token was sent for and nothing completed."""
    return PendingSignIn.objects.filter(user=user, sends=0, completed_at__isnull=True)


def with_begun(people: "QuerySet[User]") -> "QuerySet[User]":
    """Annotate people with the sign-ins begun before: read together with the password, at no extra statement.

    ``begun_often``: ten right passwords within a minute. ``begun_unfinished``: two within an hour, not completed, in
    browsers that are not known. ``begun_unused``: fifty that asked for nothing, which the table still has.
    ``account_used`` and ``system_used``: SMS of the running day, for the next page.
    """
    minute = PendingSignIn.objects.filter(user=OuterRef("pk"), created_at__gt=ago(settings.MINUTE))
    hour = unfinished().filter(user=OuterRef("pk"), created_at__gt=ago(settings.HOUR))
    elsewhere = hour.exclude(source__startswith=KNOWN_SOURCE)
    unused = unused_of(OuterRef("pk"))
    return people.annotate(
        begun_often=models.Exists(minute[NOTES_A_MINUTE - 1 : NOTES_A_MINUTE]),
        begun_unused=models.Exists(unused[MAX_UNUSED - 1 : MAX_UNUSED]),
        begun_unfinished=models.Exists(elsewhere[settings.UNFINISHED_SIGN_INS - 2 : settings.UNFINISHED_SIGN_INS - 1]),
        **_sms_used("account_id"),
    )


def _sms_used(account: str) -> dict[str, Any]:
    """Return the columns for the SMS of the running day: those of an account, by the path to its id, and of all."""
    return {
        "account_used": rate_limits.all_used("account", OuterRef(account)),
        "system_used": rate_limits.all_used("system", models.Value("sms")),
    }


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
    """Build the statement that every page between password and token runs."""
    can_send = models.ExpressionWrapper(
        Q(sends__lt=F("sends_allowed"), sends_until__gt=Clock(), sends_until__isnull=False),
        output_field=models.BooleanField(),
    )
    live = alive().filter(session_hash=Slot("session", models.CharField()))
    facts = {
        "can_send": can_send,
        **_sms_used("user__account_id"),
        "factors_due": has_come("user__account__factors_from"),
    }
    related = live.annotate(**facts)
    related = held.joined(related.select_related("user__account"), "user__")
    return Statement(related.order_by("pk")[:1])


# Built once 229 µs, each time 13.5 ms.
OF_SESSION = Compiled(_of_session, "PENDING_SIGN_INS", "PENDING_SIGN_IN_SECONDS", "PUBLIC_HOST")
