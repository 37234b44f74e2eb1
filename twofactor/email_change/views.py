"""The pages of a change of the e-mail address."""

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, resolve_url
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_safe

from accounts.request.http import SignedInRequest
from twofactor import session_state
from twofactor.email_change import flows
from twofactor.email_change.forms import EmailForm
from twofactor.factors.base import Verified
from twofactor.models import EmailChange
from twofactor.pages import answer, delivery_status_answer, page, posted
from twofactor.reauthentication.proof_pages import ProofPage, ask_for_proofs


@page
def email(request: SignedInRequest) -> HttpResponse:
    """Ask for the new address; the proofs come next (R-08)."""
    form = EmailForm(posted(request))
    here = session_state.session_hash(request)
    started = request.method == "POST" and form.attempt(
        lambda: flows.start_email_change(request.user, form.cleaned_data["email"], session_hash=here), at="email"
    )
    return redirect("email-confirm") if started else answer(request, "twofactor/email.html", {"form": form})


@sensitive_post_parameters("password")
@page
def email_change(request: SignedInRequest) -> HttpResponseBase:
    """Ask for the proofs, one after the other: the re-authentication, then the new mailbox."""
    change = session_state.email_change(request)
    if change is None:
        messages.warning(request, _("The change of your e-mail address took too long or was ended."))
        return redirect("profile")
    return ask_for_proofs(request, change, EMAIL_CHANGE)


@require_safe
def email_change_status(request: SignedInRequest) -> HttpResponse:
    """Return the delivery status of the last token's message of a change of the address."""
    return delivery_status_answer(session_state.email_change(request))


def _old_mailbox_proved(request: SignedInRequest, change: EmailChange, verified: Verified | None) -> HttpResponse:
    flows.prove_before_email(change, verified)
    session_state.change_id(request)
    return redirect("email-confirm")


def _new_mailbox_proved(request: SignedInRequest, change: EmailChange, verified: Verified) -> HttpResponse:
    flows.complete_email_change(change, verified)
    session_state.keep_signed_in(request, change.user)
    messages.success(request, _("Your e-mail address was changed. Your other sessions were ended."))
    return redirect("profile")


EMAIL_CHANGE = ProofPage(
    here="email-confirm",
    template="twofactor/email_change.html",
    current=_old_mailbox_proved,
    new=_new_mailbox_proved,
    cancelled=gettext_lazy("Your e-mail address was not changed."),
    used_up=gettext_lazy("Too many tokens for one change. Begin again."),
    back=lambda change: resolve_url("profile"),
)
