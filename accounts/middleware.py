"""Remember where each request comes from."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from accounts import origin


class OriginMiddleware:
    """Set the origin for audit and logs, and answer with the request's id."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        here = origin.of(request)
        before = origin.current.set(here)
        try:
            response = self.get_response(request)
        finally:
            origin.current.reset(before)
        response["X-Request-ID"] = here.request_id
        return response
