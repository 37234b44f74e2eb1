"""The pop-up of a re-authentication."""

from functools import partial
from typing import cast

from django.contrib import messages
from django.http import HttpResponseBase, QueryDict
from django.shortcuts import redirect
from django.urls import resolve
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_safe

from accounts.request.http import SignedInRequest
from twofactor import session_state
from twofactor.factors.base import Verified
from twofactor.models import Reauthentication
from twofactor.pages import delivery_status_answer, page
from twofactor.reauthentication import actions, flows
from twofactor.reauthentication.proof_pages import Outcome, ProofPage, ask_for_proofs


@sensitive_post_parameters("password")
@page
def reauthentication(request: SignedInRequest) -> HttpResponseBase:
    """Ask for the proofs of a re-authentication, then redirect to the page that needs it."""
    journey = session_state.reauthentication(request)
    if journey is None:
        messages.warning(request, _("The confirmation took too long or was ended. Begin again."))
        return redirect("home")
    if journey.holder_proved:  # a second click, or the back button
        return redirect(journey.next_url)
    return ask_for_proofs(request, journey, REAUTHENTICATION)


@require_safe
def reauthentication_status(request: SignedInRequest) -> HttpResponseBase:
    """Return the delivery status of the last token's message of a re-authentication."""
    return delivery_status_answer(session_state.reauthentication(request))


def _identity_proved(request: SignedInRequest, journey: Reauthentication, verified: Verified | None) -> Outcome:
    done = flows.complete_reauthentication(journey, verified)
    session_state.note_proof(request)
    if journey.posted is not None:
        return partial(_post_again, request, journey)
    messages.success(request, done or _("Identity confirmed. You have 5 minutes to go on."))
    return redirect(journey.next_url)


def _post_again(request: SignedInRequest, journey: Reauthentication) -> HttpResponseBase:
    """Carry out the last click; its view checks again who may do what."""
    posted = QueryDict(mutable=True)
    for name, values in (journey.posted or {}).items():
        posted.setlist(name, values)
    found = resolve(journey.path)
    request.POST = posted  # type: ignore[assignment]  # Django has a setter, its stubs have none
    request.path = request.path_info = journey.path
    request.resolver_match = found
    return cast(HttpResponseBase, found.func(request, *found.args, **found.kwargs))


REAUTHENTICATION = ProofPage(
    here="reauthentication",
    template="twofactor/reauthentication.html",
    current=_identity_proved,
    new=_identity_proved,
    cancelled=gettext_lazy("Nothing was changed."),
    used_up=gettext_lazy("Too many tokens for one confirmation. Begin again."),
    back=lambda journey: journey.next_url,
    naming=actions.named,
)
