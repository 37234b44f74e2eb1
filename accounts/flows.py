"""What happens to accounts and people. Every rule about them has its one home here."""

from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Exists, F, Q, QuerySet

from accounts import audit, budgets, logos, origin
from accounts.exceptions import AddressTaken, LastAdministrator, Limited
from accounts.models import Account, AuditEvent, Budget, Logo, Role, Session, User
from messaging.database import Clock, Epoch, delete_in_batches
from messaging.delivery import flows as delivery


def create_account(name: str, *, login: str, email: str, password: str) -> User:
    """Create an account with its first administrator, and return the administrator."""
    with transaction.atomic():
        account = Account.objects.create(name=name)
        administrator = User.objects.create_user(login, email, password, account=account, role=Role.ADMINISTRATOR)
        audit.record("account.created", user=administrator)
    return administrator


def set_two_factor_policy(account: Account, required: bool, *, actor: User) -> bool:
    """Switch the account's policy; return whether that changed anything.

    One conditional UPDATE, whatever the size of the account; in force at everybody's next request (S-05).
    """
    with transaction.atomic():
        changed = (
            Account.objects.filter(pk=account.pk)
            .exclude(two_factor_required=required)
            .update(two_factor_required=required, two_factor_changed_at=Clock(), two_factor_from=None)
        )
        if changed:
            action = "policy.switched_on" if required else "policy.switched_off"
            event = audit.record(action, user=actor, before=not required, after=required)
            tell_administrators(account, event)
    return bool(changed)


def set_sign_in_options(account: Account, *, email_tokens: bool, mailbox_before_phone: bool, actor: User) -> bool:
    """Change what the account adds to the second factor (D1, D3); return whether that changed anything."""
    options: dict[str, Any] = {"email_tokens": email_tokens, "mailbox_before_phone": mailbox_before_phone}
    with transaction.atomic():
        changed = Account.objects.filter(pk=account.pk).exclude(**options).update(**options)
        if changed:
            audit.record("policy.options_changed", user=actor, **options)
    return bool(changed)


def set_allowed_regions(account: Account, regions: list[str], *, actor: User) -> bool:
    """Choose the countries of the account's phones among the operator's (P-03); return whether that changed anything.

    Phones that are proved stay in force: only the next one is screened.
    """
    before = " ".join(account.regions)
    account.allowed_regions = [region for region in settings.ALLOWED_REGIONS if region in regions]
    chosen = {"allowed_regions": account.allowed_regions}
    with transaction.atomic():
        changed = Account.objects.filter(pk=account.pk).exclude(**chosen).update(**chosen)
        if changed:
            audit.record("account.countries_changed", user=actor, before=before, after=" ".join(account.regions))
    return bool(changed)


def set_logo(account: Account, png: bytes, *, actor: User) -> bool:
    """Give the account a logo, or take it away where there is none; return whether that changed anything."""
    name = logos.name_of(png) if png else ""
    with transaction.atomic():
        changed = Account.objects.filter(pk=account.pk).exclude(logo=name).update(logo=name)
        if changed:
            Logo.objects.filter(account=account).delete()
            audit.record("account.logo_changed", user=actor, before=account.logo, after=name)
        if changed and png:
            Logo.objects.create(account=account, name=name, png=png)
    return bool(changed)


def set_accent(account: Account, accent: str, *, actor: User) -> bool:
    """Change the colour that the account shows itself in; return whether that changed anything."""
    with transaction.atomic():
        changed = Account.objects.filter(pk=account.pk).exclude(accent=accent).update(accent=accent)
        if changed:
            audit.record("account.accent_changed", user=actor, before=account.accent, after=accent)
    return bool(changed)


def tell_administrators(account: Account, event: AuditEvent) -> None:
    """Tell every administrator of an account about an event (A-01)."""
    administrators = account.users.filter(role=Role.ADMINISTRATOR, is_active=True)
    delivery.enqueue_notices(administrators, event.pk, owner_id=account.pk)


def tell_operators(event: AuditEvent) -> None:
    """Tell every operator about an event."""
    for operator in User.objects.filter(is_staff=True, is_active=True):
        tell(operator, event)


def tell(user: User, event: AuditEvent, *, sms_to: str = "", email_to: str = "") -> None:
    """Queue a notice about an event to a person's mailbox, to another address or by SMS, in their language."""
    delivery.enqueue(
        channel="sms" if sms_to else "email",
        destination=sms_to or email_to or user.email,
        kind="notice",
        subject_id=event.pk,
        language=user.language,
        owner_id=user.account_id,
    )


def end_sessions(user: User, *, actor: User | None = None) -> None:
    """End every session and pending sign-in of a person, by raising their epoch."""
    User.objects.filter(pk=user.pk).update(session_epoch=F("session_epoch") + 1)
    user.refresh_from_db(fields=["session_epoch"])
    audit.record("sessions.ended", user=user, actor=actor)


def open_sessions(user: User) -> list[Session]:
    """Return where a person is signed in, the last seen first."""
    alive = Session.objects.filter(user=user, expire_date__gt=Clock()).order_by("-seen_at", "-pk")
    return [session for session in alive if session.holds_for(user)]


def end_session(user: User, session_id: int) -> bool:
    """End one of a person's own sessions; return whether there was one to end (S-12)."""
    with transaction.atomic():
        deleted, _rows = Session.objects.filter(user=user, pk=session_id).delete()
        if deleted:
            audit.record("session.ended", user=user)
    return bool(deleted)


def change_role(user: User, role: str, *, actor: User) -> bool:
    """Make somebody an administrator or a member; return whether that changed anything. Raises LastAdministrator."""
    with transaction.atomic():
        people = User.objects.filter(pk=user.pk) if role == Role.ADMINISTRATOR else _dispensable(user)
        changed = people.exclude(role=role).update(role=role)
        if changed:
            audit.record("user.role_changed", user=user, actor=actor, before=user.role, after=role)
        elif role != Role.ADMINISTRATOR:
            _refuse_if_last(user)
    user.refresh_from_db(fields=["role"])
    return bool(changed)


def deactivate_user(user: User, *, actor: User) -> bool:
    """Keep somebody out and end their sessions; return whether that changed anything. Raises LastAdministrator."""
    with transaction.atomic():
        changed = _dispensable(user).filter(is_active=True).update(is_active=False)
        if changed:
            audit.record("user.deactivated", user=user, actor=actor)
            end_sessions(user, actor=actor)
        else:
            _refuse_if_last(user)
    user.refresh_from_db(fields=["is_active"])
    return bool(changed)


def reactivate_user(user: User, *, actor: User) -> bool:
    """Let a deactivated person in again; return whether that changed anything."""
    with transaction.atomic():
        changed = User.objects.filter(pk=user.pk, is_active=False).update(is_active=True)
        if changed:
            audit.record("user.reactivated", user=user, actor=actor)
    user.refresh_from_db(fields=["is_active"])
    return bool(changed)


RUNS_THE_ACCOUNT = Q(role=Role.ADMINISTRATOR, is_active=True)


def _dispensable(user: User) -> "QuerySet[User]":
    """Return a person as a queryset; an empty one when their account could not be run without them (A-02).

    The lock on the account puts those who take administrators away in a line: of two who demote each other at
    once, the second one is refused. Somebody locked (D3) runs nothing until another administrator acts.
    """
    Account.objects.select_for_update(no_key=True).get(pk=user.account_id)
    others = User.objects.filter(RUNS_THE_ACCOUNT, account=user.account_id, locked_at=None).exclude(pk=user.pk)
    return User.objects.filter(~RUNS_THE_ACCOUNT | Exists(others), pk=user.pk)


def _refuse_if_last(user: User) -> None:
    """Say why nothing changed, unless it was so already."""
    if User.objects.filter(RUNS_THE_ACCOUNT, pk=user.pk).exists():
        raise LastAdministrator


def purge_budgets() -> int:
    """Forget windows that are over, in batches. Return how many."""
    return delete_in_batches(Budget.objects.filter(until__lte=Epoch()))


def lock_user(user: User, *, reason: str) -> None:
    """Keep a person out until an administrator acts, and end their sessions (D3)."""
    with transaction.atomic():
        User.objects.filter(pk=user.pk, locked_at__isnull=True).update(locked_at=Clock())
        tell(user, audit.record("user.locked", user=user, reason=reason))
        end_sessions(user)


def unlock_user(user: User, *, actor: User | None = None) -> bool:
    """Let a locked person in again; return whether they were locked. Without ``actor`` it is the operator."""
    with transaction.atomic():
        locked = Q(locked_at__isnull=False) | Q(failures_until__isnull=False)
        unlocked = User.objects.filter(locked, pk=user.pk).update(locked_at=None, failures=0, failures_until=None)
        if unlocked:
            audit.record("user.unlocked", user=user, actor=actor, by_operator=actor is None)
    return bool(unlocked)


def request_password_reset(email: str) -> None:
    """Send a link to choose a new password, made when the message leaves; none beyond the limit of the mailbox.

    Whoever asks is told the same either way, after the same statements: a stranger shall neither flood a mailbox nor
    learn that it is known (C-09). So a message is queued for nobody, too. Raises Limited, of the asker's own address.
    """
    found = User.objects.all_named(email).select_related("account").first()
    user = found if found and found.may_sign_in and found.has_usable_password() else None
    mailbox = budgets.windows("links", budgets.hidden(email.lower()))
    asker = budgets.windows("address_links", budgets.network(origin.current.get().ip))
    with transaction.atomic():
        over = [balance for balance in budgets.spend(mailbox + asker) if balance.is_overdrawn]
        if waits := [balance.wait for balance in over if balance.window.scope == "address_links"]:
            raise Limited(max(1, *waits), "address_links")
        if over:
            audit.record("password.reset_limited", user=user)
            return
        audit.record("password.reset_requested", user=user)
        delivery.enqueue(
            channel="email",
            destination=user.email if user else "",
            kind="password.reset",
            subject_id=user.pk if user else 0,
            language=user.language if user else "",
        )


def own_password_is(user: User, typed: str) -> bool:
    """Tell whether this is the password of somebody signed in.

    Raises Limited: a stolen session has no more guesses than the sign-in page, and ten a day from wherever.
    """
    ip = origin.current.get().ip
    own = budgets.windows("reauthentication", user.pk)
    if wait := budgets.own_password_wait(user, ip) or budgets.seconds_spent(own):
        raise Limited(wait, "password", user)
    if user.check_password(typed):
        return True
    budgets.count_wrong_password(user.username, ip, user)
    budgets.spend(own)
    audit.record("password.failed", user=user, signed_in=True)
    return False


def change_email(user: User, email: str, *, before: str, after: str) -> None:
    """Put a proved address in force and tell both, masked as ``before`` and ``after`` (R-08).

    Every session of the person ends. Raises AddressTaken when somebody else has it by now.
    """
    old = user.email
    user.email = email
    with transaction.atomic():
        try:
            with transaction.atomic():
                user.save(update_fields=["email"])
        except IntegrityError:
            user.email = old
            raise AddressTaken from None
        event = audit.record("email.changed", user=user, before=before, after=after)
        tell(user, event, email_to=old)
        tell(user, event)
        end_sessions(user)


def tell_address_taken(email: str) -> None:
    """Tell the person who has an address that somebody else wished it; nobody else learns that they exist (R-08)."""
    holder = User.objects.filter(email=email).first()
    if holder:
        tell(holder, audit.record("email.wished_by_another", user=holder))


def change_password(user: User, password: str, *, by_reset: bool = False) -> None:
    """Set a new password. Every session, pending sign-in and live token of the person dies with it (R-05, S-06)."""
    with transaction.atomic():
        user.set_password(password)
        user.mailbox_suspect = user.mailbox_suspect or by_reset
        user.save(update_fields=["password", "mailbox_suspect"])
        tell(user, audit.record("password.reset" if by_reset else "password.changed", user=user))
