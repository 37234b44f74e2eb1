"""Who is signing in: a login or an e-mail address, and a password."""

from functools import cache
from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.db.models import BigIntegerField, CharField
from django.http import HttpRequest

from accounts import budgets, origin
from accounts.exceptions import Limited
from accounts.models import User
from messaging.database import Compiled, Slot, Statement


class LoginOrEmailBackend(ModelBackend):
    """Find a person by login or by e-mail address, together with what every request asks of them."""

    related: tuple[str, ...] = ("account",)

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **kwargs: Any,
    ) -> User | None:
        """Return the active person of an active account with this login or address and password, or None.

        Raises Limited when too many wrong passwords came before, be this one right or wrong. Where they came under
        the person's other name, the right one is refused like a wrong one.
        """
        if not username or password is None:
            return None
        ip = origin.current.get().ip
        attempt, keys = budgets.Attempt.of(username, ip)
        typed = username.strip().lower()
        user = self._tried("email" if "@" in typed else "username", attempt).row(typed=typed, **keys)
        if wait := user.password_wait if user else budgets.password_wait(username, ip):
            raise Limited(wait, "password", user)
        if self._is_right(user, password) and user and not user.person_wait:
            return user
        budgets.count_wrong_password(username, ip, user)
        return None

    @staticmethod
    def _is_right(user: User | None, password: str) -> bool:
        if user is None:
            User().set_password(password)  # as slow as a wrong password, so nobody learns who exists
            return False
        return user.check_password(password) and user.may_sign_in

    def get_user(self, user_id: int) -> User | None:
        """Return the person with account and device, in the one statement a request makes anyway."""
        user = self._person().row(id=user_id)
        return user if user and user.may_sign_in else None

    @classmethod
    @cache
    def _tried(cls, field: str, attempt: budgets.Attempt) -> Compiled[User]:
        people = User.objects.with_policy().select_related(*cls.related)
        found = people.filter(**{field: Slot("typed", CharField())})
        return Compiled(lambda: Statement(attempt.annotate(found)))

    @classmethod
    @cache
    def _person(cls) -> Compiled[User]:
        people = User.objects.with_policy().select_related(*cls.related)
        return Compiled(lambda: Statement(people.filter(pk=Slot("id", BigIntegerField()))))
