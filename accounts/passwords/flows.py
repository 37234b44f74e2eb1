"""Passwords: reset, change, and checking one's own."""

from django.conf import settings
from django.db import transaction

from accounts import rate_limits
from accounts.audit.actions import Action
from accounts.audit.record import record_event
from accounts.audit.thinning import record_thinned
from accounts.auth import known_browsers
from accounts.exceptions import Limited
from accounts.models import User
from accounts.notifications.notify import is_first, notify
from accounts.passwords import limits as password_limits
from accounts.request import context as request_context
from accounts.users import flows as users
from accounts.users import limits as own_limits
from messaging.delivery import flows as delivery


def request_password_reset(email: str, require_captcha: password_limits.RequireCaptcha) -> None:
    """Send a link to choose a new password, made when the message leaves; none beyond the limit of the mailbox.

    The answer and the statements are the same for every address, so that nobody can flood a mailbox or learn that it is
    known (C-09). So a message is queued for an unknown address, too. A network address that asks for many has to solve
    a captcha and is never refused, because neighbours share it (B-03). Raises what ``require_captcha`` raises.
    """
    asker = links_from_here()
    if step := rate_limits.step_of(asker):
        require_captcha(step)
    found = User.objects.all_named(email).select_related("account").first()
    user = found if found and found.may_choose_a_password and found.has_usable_password() else None
    mailbox = rate_limits.windows("links", rate_limits.hidden(email.lower()))
    with transaction.atomic():
        counted = rate_limits.count(mailbox + asker)
        if any(usage.is_over_limit for usage in counted if usage.window.scope == "links"):
            record_thinned(Action.PASSWORD_RESET_LIMITED, user=user)
            return
        record_thinned(Action.PASSWORD_RESET_REQUESTED, user=user)
        delivery.enqueue(
            channel="email",
            destination=user.email if user else "",
            kind="password.reset",
            subject_id=user.pk if user else 0,
            language=user.language if user else "",
        )


def links_from_here() -> list[rate_limits.Window]:
    """Return the windows of the links asked for from this request's address, and from the networks around it (B-14)."""
    return rate_limits.windows_of_networks("address_links", request_context.current.get().ip)


def send_password_reset(user: User, *, actor: User) -> bool:
    """Send a person the link to a new password, which nobody else sees (ASVS 6.4.6). Raises Limited."""
    mailbox = rate_limits.windows("links", rate_limits.hidden(user.email))
    with transaction.atomic():
        if waits := [usage.wait for usage in rate_limits.count(mailbox) if usage.is_over_limit]:
            raise Limited(max(1, *waits), "links", actor)
        record_event(Action.PASSWORD_RESET_SENT, user=user, actor=actor)
        delivery.enqueue(
            channel="email",
            destination=user.email,
            kind="password.reset",
            subject_id=user.pk,
            language=user.language,
        )
    return True


def own_password_is(user: User, typed: str) -> bool:
    """Tell whether this is the password of a person who is signed in.

    Raises Limited: a stolen session has ten guesses a day in all, and its owner has others (B-01).
    """
    own = password_limits.own_windows(user, known_browsers.current_browser(user))
    if wait := rate_limits.seconds_until_free(own):
        raise Limited(wait, "reauthentication", user)
    if user.check_password(typed):
        return True
    rate_limits.count(own)
    record_thinned(Action.PASSWORD_FAILED, user=user, signed_in=True)
    return False


def notify_of_guesses(user: User) -> None:
    """Notify a person, once a day, that somebody is guessing their password, and what that changes (B-04)."""
    if is_first(f"password told {user.pk}"):
        with transaction.atomic():
            notify(user, record_event(Action.PASSWORD_GUESSED, user=user))


def change_password(user: User, password: str, *, by_reset: bool = False) -> None:
    """Set a new password. Every session, pending sign-in and live token of the person ends (R-05, S-06)."""
    with transaction.atomic():
        user.set_password(password)
        user.mailbox_suspect = user.mailbox_suspect or by_reset
        user.save(update_fields=["password", "mailbox_suspect"])
        if by_reset:
            own_limits.forget(user)
            # Ends the pause after wrong tokens, not their count: whoever typed them knew the password that is gone now.
            User.objects.filter(pk=user.pk, failures__lt=settings.FAILURES_DISABLED_AT).update(failures_until=None)
            users.unlock_by_new_password(user)
        notify(user, record_event(Action.PASSWORD_RESET if by_reset else Action.PASSWORD_CHANGED, user=user))
