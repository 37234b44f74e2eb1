"""Answer requests that no view can: an unknown charset (W-05), and a method that an address does not take (W-06)."""

from collections.abc import Callable, Iterable
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from django.http import HttpRequest, HttpResponse
from django.utils.http import parse_header_parameters

from messaging.errors import bad_request, method_not_allowed

GetResponse = Callable[[HttpRequest], HttpResponse]


UNREAD = "text/plain; charset=unread"


def without_codecs(application: WSGIApplication) -> WSGIApplication:
    """Hide charsets for which Django raises before any middleware runs: the server would answer with a bare 500."""

    def call(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        hide_codecs(environ)
        return application(environ, start_response)

    return call


def hide_codecs(environ: WSGIEnvironment) -> None:
    """Replace the names of all codecs except UTF-8; CharsetMiddleware still answers 400 (W-05).

    Django decodes the path in the charset of the form, and "hex", "base64" and "undefined" are codecs of Python, not
    charsets. A parameter may name one of its own, too (RFC 2231), but no honest client does that in ``Accept``.
    """
    try:
        media_type, params = parse_header_parameters(environ.get("CONTENT_TYPE", ""))
    except ValueError:
        environ["CONTENT_TYPE"] = UNREAD
    else:
        if params.get("charset", "utf-8").lower() != "utf-8":
            environ["CONTENT_TYPE"] = f"{media_type}; charset=unread"
    if "*=" in environ.get("HTTP_ACCEPT", ""):
        environ["HTTP_ACCEPT"] = "*/*"


class CharsetMiddleware:
    """Answer 400 to a request in another charset: Django would raise wherever its form is read first."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        charset = (request.content_params or {}).get("charset", "utf-8")
        if charset.lower() != "utf-8":
            request.encoding = "utf-8"  # the error page decodes the path in it
            return bad_request(request)
        return self.get_response(request)


class MethodMiddleware:
    """Replace Django's empty 405 by a page, for people."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if response.status_code == 405 and not response.content and request.accepts("text/html"):
            return method_not_allowed(request, response["Allow"])
        return response
