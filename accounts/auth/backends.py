"""The authentication backend: a login or an e-mail address, and a password."""

from functools import cache
from typing import Any, cast

from django.conf import settings
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.hashers import make_password
from django.db.models import BigIntegerField, CharField, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest

from accounts.auth import known_browsers
from accounts.exceptions import Limited, LockedByFailures
from accounts.models import User
from accounts.passwords import flows as passwords
from accounts.passwords import limits as password_limits
from accounts.passwords.spelling import spellings
from accounts.request import context as request_context
from messaging.database import Compiled, Slot, Statement


def _stop_new_browser(
    restrictions: password_limits.Restrictions,
    user: User | None,
    require_captcha: password_limits.RequireCaptcha | None,
) -> None:
    """Refuse a new browser, or require a captcha of it. Raises Limited and whatever ``require_captcha`` raises."""
    if restrictions.name_wait:
        raise Limited(restrictions.name_wait, password_limits.ANYWHERE, user)
    if restrictions.pair_wait:
        raise Limited(restrictions.pair_wait, "password", user)
    if restrictions.step:
        if require_captcha is None:
            raise Limited(settings.HOUR, "password", user)
        require_captcha(restrictions.step)


def _count(login: str, user: User | None) -> None:
    """Count a wrong password of a new browser; notify the person when one reaches the limit from everywhere."""
    usages = password_limits.count_wrong_password(login, request_context.current.get().ip, user)
    from_anywhere = [usage for usage in usages if usage.window.scope == password_limits.ANYWHERE]
    if user and any(usage.used == usage.window.limit for usage in from_anywhere):
        passwords.notify_of_guesses(user)


class LoginOrEmailBackend(ModelBackend):
    """Find a person by login or by e-mail address, with everything that a request reads of them."""

    @classmethod
    def loaded(cls, people: QuerySet[User]) -> QuerySet[User]:
        """Add what each request reads of a person."""
        return people.select_related("account")

    @classmethod
    def annotated(cls, people: QuerySet[User]) -> QuerySet[User]:
        """Add what an app above reads of a person who signs in."""
        return people

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        require_captcha: password_limits.RequireCaptcha | None = None,
        **kwargs: Any,
    ) -> User | None:
        """Return the active person of an active account with this login or address and password, or None.

        ``require_captcha`` is called where a captcha is due, before the password is compared; its argument says how
        many times the captcha's work doubles, and it raises its own refusals. Raises Limited after too many wrong
        passwords, whether this one is right or wrong; LockedByFailures for a right one of a person whom wrong tokens
        have locked.
        """
        if not username or password is None:
            return None
        attempt = password_limits.PasswordWindows.of(username, request_context.current.get().ip)
        user, restrictions = self._find(username, attempt)
        browser = known_browsers.current_browser(user) if user else ""
        if browser and not user.known_wait:  # else it counts as a new one: its cookie may have been copied
            return self._try_on_known_browser(user, browser, password)
        _stop_new_browser(restrictions, user, require_captcha)
        if self._is_right(user, password) and user and not user.person_wait:
            return cast(User, user)
        _count(username, user)
        return None

    def _find(
        self, username: str, attempt: password_limits.PasswordWindows
    ) -> tuple[Any, password_limits.Restrictions]:
        """Return the person with this login or address, None if there is none, and what the attempt has to wait for.

        The statement, and so its time, is the same for a login that nobody has. It returns the row of any person then,
        because the counters are columns of a row. When such a login took three more statements, their time revealed
        who exists (C-09).
        """
        typed = username.strip().lower()
        slots, keys = attempt.with_slots()
        field = "email" if "@" in typed else "username"
        browser = known_browsers.current_name()
        found = self._tried(field, slots).row(typed=typed, browser=browser, **keys)
        user = found if found and getattr(found, field) == typed else None
        return user, password_limits.Restrictions.of(found)

    def _try_on_known_browser(self, user: Any, browser: str, password: str) -> User | None:
        if self._is_right(user, password):
            return cast(User, user)
        password_limits.count_on_known_browser(user, browser)
        return None

    @staticmethod
    def _is_right(user: User | None, password: str) -> bool:
        if user is None:
            for typed in spellings(password):  # takes as long as a wrong password, so that nobody learns who exists
                make_password(typed)
            return False
        if not user.check_password(password):
            return False
        if not user.may_sign_in:
            if user.may_choose_a_password and not user.person_wait:
                raise LockedByFailures
            return False
        if user.password_is_old:
            user.set_password(password)
            user.save(update_fields=["password"])
        return True

    def get_user(self, user_id: int) -> User | None:
        """Return the person with account and devices, in the one statement that a request makes anyway."""
        user = self._person().row(id=user_id)
        return user if user and user.may_sign_in else None

    @classmethod
    @cache
    def _tried(cls, field: str, attempt: password_limits.PasswordWindows) -> Compiled[User]:
        people = cls.loaded(User.objects.with_policy())
        named = User.objects.filter(**{field: Slot("typed", CharField())}).values("pk")
        somebody = User.objects.order_by("pk").values("pk")[:1]
        found = cls.annotated(people.filter(pk=Coalesce(Subquery(named), Subquery(somebody))))
        # Built once 125 µs, each time 7.3 ms.
        return Compiled(lambda: Statement(attempt.annotate(found)), "LIMITS")

    @classmethod
    @cache
    def _person(cls) -> Compiled[User]:
        people = cls.loaded(User.objects.with_policy())
        # Run for each request. Built once 158 µs, each time 1.2 ms.
        return Compiled(lambda: Statement(people.filter(pk=Slot("id", BigIntegerField()))))
