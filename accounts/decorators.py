"""Who may open a view."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase

View = Callable[..., HttpResponseBase]


def administrators_only(view: View) -> View:
    """Answer 403 to anybody who is not an administrator of their account."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not (request.user.is_authenticated and request.user.is_administrator):
            raise PermissionDenied
        return view(request, *args, **kwargs)

    return guarded
