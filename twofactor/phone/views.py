"""The pages of changing the phone, of resetting a lost one, and of disavowing one that somebody else added."""

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render, resolve_url
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from accounts.audit.actions import Action
from accounts.auth.decorators import administrators_only, for_person_of_account
from accounts.factors import FactorKind
from accounts.models import User
from accounts.profile.forms import ProfileForm
from accounts.request.http import SignedInRequest
from twofactor import devices, disavowal, error_messages, phones, recovery, session_state
from twofactor.exceptions import NoPhone, OwnPhone
from twofactor.factors.base import Verified
from twofactor.models import PhoneChange
from twofactor.pages import answer, delivery_status_answer, page, posted
from twofactor.phone import flows
from twofactor.phone.forms import PhoneForm, PhoneResetForm
from twofactor.reauthentication.decorators import reauthenticated
from twofactor.reauthentication.proof_pages import ProofPage, ask_for_proofs


@require_POST
def profile_phone(request: SignedInRequest) -> HttpResponse:
    """Take the new number; the proofs come next (journey 4)."""
    user = request.user
    if not (user.two_factor_required and hasattr(user, "phone_device")):
        raise Http404
    form = PhoneForm(request.POST, regions=user.account.regions)
    started = form.attempt(
        lambda: flows.start_phone_change(user, form.phone, session_hash=session_state.session_hash(request)),
        at="number",
    )
    if started:
        return redirect("profile-phone-confirm")
    context = {"form": ProfileForm(instance=user), "phone_form": form}
    return answer(request, "accounts/profile.html", context, form.limited)


@sensitive_post_parameters("password")
@page
def phone_change(request: SignedInRequest) -> HttpResponseBase:
    """Ask for the proofs, one after the other: the re-authentication, then the new number."""
    change = session_state.phone_change(request)
    if change is None:
        messages.warning(request, _("The change of your phone took too long or was ended."))
        return redirect("profile")
    return ask_for_proofs(request, change, PHONE_CHANGE)


@require_safe
def phone_change_status(request: SignedInRequest) -> HttpResponse:
    """Return the delivery status of the last token's message of a phone change."""
    return delivery_status_answer(session_state.phone_change(request))


def _old_phone_proved(request: SignedInRequest, change: PhoneChange, verified: Verified) -> HttpResponse:
    flows.prove_old_phone(change, verified)
    session_state.change_id(request)
    return redirect("profile-phone-confirm")


def _new_phone_proved(request: SignedInRequest, change: PhoneChange, verified: Verified) -> HttpResponse:
    flows.complete_phone_change(change, verified)
    session_state.keep_signed_in(request, change.user)
    messages.success(request, _("Your phone was changed. Your other sessions were ended."))
    return redirect("profile")


PHONE_CHANGE = ProofPage(
    here="profile-phone-confirm",
    template="twofactor/phone_change.html",
    current=_old_phone_proved,
    new=_new_phone_proved,
    cancelled=gettext_lazy("Your phone was not changed."),
    used_up=gettext_lazy("Too many tokens for one change. Begin again."),
    back=lambda change: resolve_url("profile"),
)


@administrators_only
@for_person_of_account
@reauthenticated("user.reset_phone")
@page
def phone_reset(request: SignedInRequest, person: User) -> HttpResponse:
    """Reset a lost phone, with the reason (R-07)."""
    form = PhoneResetForm(posted(request))
    if request.method == "POST" and form.is_valid():
        try:
            devices.reset_phone(person, reason=form.cleaned_data["reason"], actor=request.user)
        except (OwnPhone, NoPhone) as refusal:
            messages.error(request, error_messages.of(refusal))
        else:
            said = (
                _("The phone of %(person)s was removed.")
                if person.has_phone
                else _("The second step of %(person)s was removed.")
            )
            messages.success(request, said % {"person": person.full_name})
            if code := recovery.issue_if_wanted(person, actor=request.user):
                return render(request, "accounts/recovery_code.html", {"person": person, "code": code})
        return redirect("user", person.pk)
    device = getattr(person, "phone_device", None)
    context = {
        "form": form,
        "person": person,
        "masked_phone": phones.mask(device.number) if device else "",
        "phones_count": person.accepts(FactorKind.SMS),
        "email_counts": person.accepts(FactorKind.EMAIL),
        "mailbox_warning": recovery.warning(person),
    }
    return render(request, "twofactor/phone_reset.html", context)


@login_not_required
@page
def not_me(request: HttpRequest, signed: str) -> HttpResponse:
    """Disavow what somebody else did with the login, after a click: mail programs open links by themselves."""
    event = disavowal.event_of(signed)
    if event is None:
        raise Http404
    if request.method == "POST":
        devices.disavow(event)
        session_state.sign_out(request)
    context = {"done": request.method == "POST", "sign_in": event.action == Action.SIGN_IN_NEW_PLACE}
    return render(request, "twofactor/not_me.html", context)
