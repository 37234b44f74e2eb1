"""Who is signing in: a login or an e-mail address, and a password."""

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.http import HttpRequest

from accounts.models import User


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
        if not username or password is None:
            return None
        user = User.objects.named(username, *self.related)
        if user is None:
            User().set_password(password)  # as slow as a wrong password, so nobody learns who exists
            return None
        return user if user.check_password(password) and user.may_sign_in else None

    def get_user(self, user_id: int) -> User | None:
        """Return the person with account and device, in the one statement a request makes anyway."""
        user = User.objects.select_related(*self.related).filter(pk=user_id).first()
        return user if user and user.may_sign_in else None
