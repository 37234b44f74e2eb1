"""The kinds of second factor that count in the account (K-06)."""

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponseBase, QueryDict
from django.shortcuts import redirect, render, resolve_url
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import policy_schedule
from accounts.auth.decorators import administrators_only
from accounts.dashboard import stats
from accounts.factors import CHOICES, OF_DEVICES, PRESETS, FactorKind, written
from accounts.lists import pagination
from accounts.models import Account, User
from accounts.request.http import SignedInRequest
from accounts.users import query as user_query
from messaging.delivery import circuit, gateways
from twofactor.account_settings.schedule import DateForm
from twofactor.factors import held
from twofactor.pages import page
from twofactor.reauthentication.decorators import demand

PRESET_NAMES = {
    "all": gettext_lazy("All"),
    "no_email": gettext_lazy("Without e-mail"),
    "phishing_resistant": gettext_lazy("Phishing-resistant only"),
}


class FactorsForm(DateForm):
    """The kinds that are to count, and the day from which they do; no day means at once."""

    kinds = forms.MultipleChoiceField(
        choices=[(kind.value, kind.label) for kind in CHOICES],
        error_messages={
            "required": gettext_lazy("Choose at least one second step."),
            "invalid_choice": gettext_lazy("Choose among the second steps of the list."),
        },
    )

    def __init__(self, data: QueryDict | None = None, *, request: HttpRequest) -> None:
        super().__init__(data)
        self.fields["starts"].required = False
        self.request = request

    def clean_starts(self) -> Any:
        """Return the beginning of the day, if one was chosen."""
        return super().clean_starts() if self.cleaned_data["starts"] else None

    def clean_kinds(self) -> list[str]:
        """Refuse a choice with which nobody, or not this administrator, could sign in."""
        chosen: list[str] = self.cleaned_data["kinds"]
        if not set(chosen) & set(OF_DEVICES):
            raise ValidationError(
                _("The e-mail stands in for a phone, an app or a passkey: let one of them count, too.")
            )
        if set(chosen) & set(OF_DEVICES) == {FactorKind.SMS} and not gateways.sms_is_possible():
            raise ValidationError(_("No SMS gateway is configured: nobody could get a token."))
        if not held.has_one_of(self.request.user, chosen):  # type: ignore[arg-type]
            raise ValidationError(_("You have none of these second steps yourself. Set one up first."), "own_first")
        return chosen


@administrators_only
@page
def account_factors(request: SignedInRequest) -> HttpResponseBase:
    """Show whom a choice would affect; then re-authenticate, and put it in force."""
    here, account = resolve_url("account-settings"), request.user.account
    if request.POST.get("action") == "clear":
        return demand(request, "policy.factors", path=here, pending_action={"kinds": [], "starts": ""})
    form = FactorsForm(_asked(request), request=request)
    if not form.is_valid() and "kinds" in form.errors:
        return render(request, "twofactor/account_factors_refused.html", _refused(request.user, form))
    chosen = form.cleaned_data["kinds"]
    if written(chosen) == written(account.accepted) and not account.accepted_next:
        messages.info(request, _("These are the second steps that count already."))
        return redirect(here)
    if request.method != "POST" or not form.is_valid():
        return render(request, "twofactor/account_factors.html", _review(account, form, chosen))
    starts = form.cleaned_data["starts"]
    pending = {"kinds": chosen, "starts": starts.isoformat() if starts else ""}
    return demand(request, "policy.factors", path=here, pending_action=pending)


def _asked(request: SignedInRequest) -> QueryDict:
    """Return the chosen kinds: those of a preset, or those that are ticked."""
    asked = (request.POST if request.method == "POST" else request.GET).copy()
    if preset := PRESETS.get(asked.get("preset", "")):
        asked.setlist("kinds", [str(kind) for kind in preset])
    return asked


def _refused(user: User, form: FactorsForm) -> dict[str, Any]:
    """Return the context of a refused choice: the kinds as they were ticked, the reason, and the page that helps."""
    ticked = form.data.getlist("kinds")  # type: ignore[attr-defined]
    shown = {"account": user.account, **context(user.account), "refusal": form.errors["kinds"][0]}
    if form.has_error("kinds", "own_first"):
        shown["way_on"] = _way_to_own(user, ticked)
    return {**shown, "factor_choices": [(kind, kind.label, kind in ticked) for kind in CHOICES]}


def _way_to_own(user: User, kinds: list[str]) -> dict[str, str]:
    """Return where an administrator sets up one of these kinds: a phone while switching on, the others after it."""
    if not held.counting(user):
        label = _("Switch two factor authentication on, or set a date: your own second step is asked for first")
        return {"url": resolve_url("account-settings"), "label": label}
    if set(kinds) & set(OF_DEVICES) == {FactorKind.SMS}:
        return {"url": f"{resolve_url('profile')}#phone", "label": _("Set your phone up in My profile")}
    return {"url": resolve_url("factors"), "label": _("Set one up in My profile, Second step")}


def _review(account: Account, form: FactorsForm, chosen: list[str]) -> dict[str, Any]:
    """Return the context of the preview: the people who have none of the chosen kinds yet."""
    waiting = user_query.without_factor(account, chosen)[: pagination.COUNTED + 1].count()
    gone = [FactorKind(kind).label for kind in CHOICES if kind in account.accepted and kind not in chosen]
    return {
        "form": form,
        "chosen": chosen,
        "labels": [FactorKind(kind).label for kind in CHOICES if kind in chosen],
        "gone": gone,
        "notified": policy_schedule.who_is_notified(account),
        "waiting": waiting,
        "total": stats.people(account).total,
        "counted": pagination.COUNTED,
        "earliest": (timezone.localdate() + timedelta(days=1)).isoformat(),
    }


def context(account: Account) -> dict[str, Any]:
    """Return the context of the settings page about the kinds."""
    accepted = account.accepted
    preset = next((name for name, kinds in PRESETS.items() if written(kinds) == written(accepted)), "")
    return {
        "factor_choices": [(kind, kind.label, kind in accepted) for kind in CHOICES],
        "presets": [
            (name, label, name == preset, [kind.label for kind in PRESETS[name]])
            for name, label in PRESET_NAMES.items()
        ],
        "factors_next": [FactorKind(kind).label for kind in account.accepted_next],
        "single_kind": accepted == [FactorKind.SMS],
        "sms_works": circuit.sms_is_available(),
    }
