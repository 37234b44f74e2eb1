"""Who is signing in: a login or an e-mail address, and a password."""

from functools import cache
from typing import Any, cast

from django.conf import settings
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.hashers import make_password
from django.db.models import BigIntegerField, CharField, QuerySet
from django.http import HttpRequest

from accounts.auth import known_browsers
from accounts.exceptions import Limited
from accounts.models import User
from accounts.passwords import flows as passwords
from accounts.passwords import limits as password_limits
from accounts.passwords.spelling import spellings
from accounts.request import context as request_context
from messaging.database import Compiled, Slot, Statement


def _stop_anonymous(
    restrictions: password_limits.Restrictions, user: User | None, pay: password_limits.Pay | None
) -> None:
    """Refuse a new browser, or have it pay with a captcha first. Raises Limited and what ``pay`` raises."""
    if restrictions.name_wait:
        raise Limited(restrictions.name_wait, password_limits.ANYWHERE, user)
    if restrictions.pair_wait:
        raise Limited(restrictions.pair_wait, "password", user)
    if restrictions.step:
        if pay is None:
            raise Limited(settings.HOUR, "password", user)
        pay(restrictions.step)


def _count(login: str, user: User | None) -> None:
    """Count a wrong password of a new browser; the one that reaches the limit from everywhere is told to the person."""
    balances = password_limits.count_wrong_password(login, request_context.current.get().ip, user)
    from_anywhere = [balance for balance in balances if balance.window.scope == password_limits.ANYWHERE]
    if user and any(balance.used == balance.window.limit for balance in from_anywhere):
        passwords.notify_of_guesses(user)


class LoginOrEmailBackend(ModelBackend):
    """Find a person by login or by e-mail address, together with what every request asks of them."""

    @classmethod
    def loaded(cls, people: QuerySet[User]) -> QuerySet[User]:
        """Add what each request asks of a person."""
        return people.select_related("account")

    @classmethod
    def annotated(cls, people: QuerySet[User]) -> QuerySet[User]:
        """Add what an app above wants to know of whoever signs in."""
        return people

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        pay: password_limits.Pay | None = None,
        **kwargs: Any,
    ) -> User | None:
        """Return the active person of an active account with this login or address and password, or None.

        ``pay`` is called before the password is looked at where a captcha is due, with how many times its work doubles;
        it raises what it refuses. Raises Limited when too many wrong passwords came before, be this one right or wrong.
        """
        if not username or password is None:
            return None
        attempt = password_limits.Attempt.of(username, request_context.current.get().ip)
        user = self._find(username, attempt)
        browser = known_browsers.current_browser(user) if user else ""
        if browser and not user.known_wait:  # else it counts as a new one: somebody else may have copied its cookie
            return self._try_on_known_browser(user, browser, password)
        _stop_anonymous(password_limits.Restrictions.of(attempt, user), user, pay)
        if self._is_right(user, password) and user and not user.person_wait:
            return cast(User, user)
        _count(username, user)
        return None

    def _find(self, username: str, attempt: password_limits.Attempt) -> Any:
        """Return the person with this login or address, with what their counters say; None if there is none."""
        typed = username.strip().lower()
        slots, keys = attempt.with_slots()
        field = "email" if "@" in typed else "username"
        browser = known_browsers.current_name()
        return self._tried(field, slots).row(typed=typed, browser=browser, **keys)

    def _try_on_known_browser(self, user: Any, browser: str, password: str) -> User | None:
        if self._is_right(user, password):
            return cast(User, user)
        password_limits.count_on_known_browser(user, browser)
        return None

    @staticmethod
    def _is_right(user: User | None, password: str) -> bool:
        if user is None:
            for typed in spellings(password):  # as slow as a wrong password, so nobody learns who exists
                make_password(typed)
            return False
        if not user.check_password(password) or not user.may_sign_in:
            return False
        if user.password_is_old:
            user.set_password(password)
            user.save(update_fields=["password"])
        return True

    def get_user(self, user_id: int) -> User | None:
        """Return the person with account and device, in the one statement a request makes anyway."""
        user = self._person().row(id=user_id)
        return user if user and user.may_sign_in else None

    @classmethod
    @cache
    def _tried(cls, field: str, attempt: password_limits.Attempt) -> Compiled[User]:
        people = cls.loaded(User.objects.with_policy())
        found = cls.annotated(people.filter(**{field: Slot("typed", CharField())}))
        # Built once 125 µs, each time 7.3 ms.
        return Compiled(lambda: Statement(attempt.annotate(found)), "LIMITS")

    @classmethod
    @cache
    def _person(cls) -> Compiled[User]:
        people = cls.loaded(User.objects.with_policy())
        # Run for each request. Built once 158 µs, each time 1.2 ms.
        return Compiled(lambda: Statement(people.filter(pk=Slot("id", BigIntegerField()))))
