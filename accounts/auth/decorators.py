"""Decorators: who may open a view."""

from collections.abc import Callable
from functools import wraps
from typing import Any, cast

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404

from accounts.models import User
from accounts.request.http import SignedInRequest

View = Callable[..., HttpResponseBase]


def administrators_only(view: View) -> View:
    """Answer 403 to anybody who is not an administrator of their account."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not (request.user.is_authenticated and request.user.is_administrator):
            raise PermissionDenied
        return view(request, *args, **kwargs)

    return guarded


def for_person_of_account(view: View) -> View:
    """Give the view the person of the administrator's own account whose id is in the address; 404 for others (A-04).

    Put it below ``administrators_only`` and above ``reauthenticated``: a page that does not exist asks for no proof.
    """

    @wraps(view)
    def found(request: HttpRequest, user_id: int, *args: Any, **kwargs: Any) -> HttpResponseBase:
        account = cast(SignedInRequest, request).user.account
        person = get_object_or_404(User, account=account, pk=user_id, erased_at__isnull=True)
        return view(request, person, *args, **kwargs)

    return found
