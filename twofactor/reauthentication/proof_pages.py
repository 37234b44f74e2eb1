"""One page asks for the proofs of a journey, one after the other. All journeys that re-authenticate use it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from django.contrib import messages
from django.http import HttpResponseBase
from django.shortcuts import redirect
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from accounts.factors import FactorKind
from accounts.request.http import SignedInRequest
from messaging.masking import mask_email
from twofactor import journeys, phones, session_state
from twofactor.exceptions import CaptchaNeeded, JourneyOver, SmsUsedUp
from twofactor.factors import catalogue, held
from twofactor.factors.codes.forms import OwnCodeForm
from twofactor.factors.passkeys.forms import PasskeyForm
from twofactor.forms import TokenForm
from twofactor.models import Challenge, Proof
from twofactor.pages import answer, posted, token_context
from twofactor.reauthentication import flows
from twofactor.reauthentication.forms import ProofForm

# An answer, or a function that makes it after the proof was consumed, so that its refusals are none of the proof.
Outcome = HttpResponseBase | Callable[[], HttpResponseBase]
Proved = Callable[[SignedInRequest, Any, Any], Outcome]


@dataclass(frozen=True, slots=True)
class ProofPage:
    """How one kind of journey asks for its proofs: its page, what each answer opens, and its texts."""

    here: str
    template: str
    current: Proved  # called after the re-authentication
    new: Proved  # called after the token that follows it
    cancelled: Promise
    used_up: Promise
    back: Callable[[Any], str]  # the page for people who give up
    naming: Callable[[Any], str] = lambda _journey: ""  # the purpose in words


def ask_for_proofs(request: SignedInRequest, journey: Proof, page: ProofPage) -> HttpResponseBase:
    """Ask for the outstanding proof, or take it."""
    if request.method == "POST" and _was_replaced(request, journey):
        return _begin_again(request, journey)
    form = _form(request, journey)
    if request.method == "POST" and (done := _advance(request, journey, page, form)):
        return done
    if form.undone:
        journey.refresh_from_db(fields=["password_proved", "holder_proved", "sends"])
    return answer(request, page.template, _context(request, journey, form) | {"doing": page.naming(journey)})


def _was_replaced(request: SignedInRequest, journey: Proof) -> bool:
    """Tell whether the page that was answered had asked for another action.

    Another tab has replaced this journey, or a thief of the session has: the owner's proof is not for that. Programs
    that post no ``asked`` have read no page.
    """
    return request.POST.get("asked", journey.asked) != journey.asked


def _begin_again(request: SignedInRequest, journey: Proof) -> HttpResponseBase:
    """End what nobody has read, and redirect home: the page it came from may be the thief's choice."""
    flows.cancel(journey)
    messages.warning(
        request, _("Something else was asked for in this session meanwhile. Nothing was changed. Begin again.")
    )
    return redirect("home")


def _form(request: SignedInRequest, journey: Proof) -> ProofForm | TokenForm | OwnCodeForm | PasskeyForm:
    """Return the form of the outstanding proof, with the person's usual factor chosen."""
    if _kind(journey) == FactorKind.PASSKEY:
        return PasskeyForm(posted(request))
    if journey.step != "password":
        return (OwnCodeForm if _kind(journey) == FactorKind.RECOVERY else TokenForm)(posted(request))
    usual = next((factor.kind for factor in catalogue.open_to(request.user)), "")
    return ProofForm(posted(request), initial={"channel": usual})


def _advance(request: SignedInRequest, journey: Proof, page: ProofPage, form: Any) -> HttpResponseBase | None:
    """Take the posted step; None when it was refused."""
    action = request.POST.get("action")
    if action == "cancel":
        flows.cancel(journey)
        messages.info(request, str(page.cancelled))
        return redirect(page.back(journey))
    if action == "resend" and journey.step != "password" and _kind(journey) != FactorKind.PASSKEY:
        taken = form.attempt(lambda: _resend(request, journey, page))
    elif journey.step == "password":
        taken = form.attempt(lambda: _prove_password(request, journey, page, form), at="password")
    else:
        at = None if isinstance(form, PasskeyForm) else "token"
        taken = form.attempt(lambda: _prove_token(request, journey, page, form), at=at)
    return cast("HttpResponseBase | None", taken() if callable(taken) else taken)


def _prove_password(request: SignedInRequest, journey: Proof, page: ProofPage, form: ProofForm) -> Outcome:
    flows.prove_password(journey, form.cleaned_data["password"], form.cleaned_data["channel"])
    return page.current(request, journey, None) if journey.holder_proved else redirect(page.here)


def _prove_token(request: SignedInRequest, journey: Proof, page: ProofPage, form: Any) -> Outcome:
    typed = form.typed if isinstance(form, PasskeyForm) else form.cleaned_data["token"]
    verified = catalogue.of_proof(journey).verify(journey, typed)
    done = (page.new if journey.holder_proved else page.current)(request, journey, verified)
    if verified.kind == FactorKind.RECOVERY:  # a device of the person is lost
        session_state.end_others(request)
    return done


def _kind(journey: Proof) -> str:
    """Return the kind of factor that answers now; empty while the password is asked for, and for a new phone."""
    return "" if journey.step != "current" else catalogue.of_proof(journey).kind


def _resend(request: SignedInRequest, journey: Proof, page: ProofPage) -> HttpResponseBase:
    try:
        journeys.resend(journey)
    except (CaptchaNeeded, JourneyOver, SmsUsedUp):
        flows.cancel(journey)
        messages.warning(request, str(page.used_up))
        return redirect(page.back(journey))
    messages.success(request, _("Another token is on its way. The one before is cancelled."))
    return redirect(page.here)


def _context(request: SignedInRequest, journey: Proof, form: Any) -> dict[str, Any]:
    user = request.user
    context = {
        "step": journey.step,
        "form": form,
        "journey": journey,
        "masked_phone": phones.mask(journey.phone.number) if journey.phone else "",
        "masked_email": mask_email(user.email),
        "email_offered": held.takes_tokens_by_email(user),
        "has_factor": journey.has_factor,
        "offered": {factor.kind for factor in catalogue.open_to(user)},
        "by_app": _kind(journey) == FactorKind.APP,
        "by_code": _kind(journey) == FactorKind.RECOVERY,
        "unsent": _kind(journey) in {FactorKind.APP, FactorKind.RECOVERY, FactorKind.PASSKEY},
    }
    if _kind(journey) == FactorKind.PASSKEY:
        return context | {"options": catalogue.PASSKEY.options(journey)}
    challenge = None if journey.step == "password" else Challenge.objects.shown(journey)
    return context | (token_context(journey, challenge) if challenge else {})
