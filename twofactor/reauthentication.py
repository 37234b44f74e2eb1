"""How it is proved that it is still you; registered with accounts, which asks for it (R-01)."""

from typing import cast

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from accounts.http import SignedInRequest
from accounts.reauthentication import Wish, register
from twofactor import flows, session
from twofactor.models import ReauthenticationQuerySet


class TokenProofs:
    """The password, then a token to today's phone or mailbox. A proof is for one purpose and one page."""

    def is_granted(self, request: HttpRequest, purpose: str) -> bool:
        """Tell whether the session holds a live proof for this page."""
        return _of(request, purpose).granted().exists()

    def claim(self, request: HttpRequest, purpose: str) -> bool:
        """Use the session's proof up; True for exactly one request."""
        return flows.claim_proof(_of(request, purpose))

    def settle(self, request: HttpRequest, purpose: str, *, used: bool) -> None:
        """Write down that the claimed proof was used, or give it back."""
        user = cast(SignedInRequest, request).user
        flows.settle_proof(_of(request, purpose), user, purpose, used=used)

    def ask(self, request: HttpRequest, purpose: str, *, path: str, query: str, wish: Wish | None) -> HttpResponse:
        """Begin the proof, unless it is under way for the same."""
        user, here = cast(SignedInRequest, request).user, session.session_hash(request)
        flows.begin_reauthentication(user, purpose, session_hash=here, path=path, query=query, wish=wish)
        return redirect("reauthentication")


def _of(request: HttpRequest, purpose: str) -> ReauthenticationQuerySet:
    return session.reauthentications(request).filter(action=purpose, path=request.path)


register(TokenProofs())
