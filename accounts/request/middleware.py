"""The middleware that sets the origin of each request."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from accounts.request import context as request_context


class OriginMiddleware:
    """Set the origin for audit and logs, and answer with the request's id."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        here = request_context.of(request)
        before = request_context.current.set(here)
        try:
            response = self.get_response(request)
        finally:
            request_context.current.reset(before)
        response["X-Request-ID"] = here.request_id
        return response
