"""Before the policy is switched on: whom it affects, telling them, and a date."""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponseBase
from django.shortcuts import redirect, resolve_url
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_POST, require_safe

from accounts import policy_schedule
from accounts.auth.decorators import administrators_only
from accounts.factors import FactorKind
from accounts.lists import csv, pagination
from accounts.models import Account, User
from accounts.request.http import SignedInRequest
from accounts.users import query as user_query
from messaging.delivery import gateways
from twofactor import session_state
from twofactor.factors import held
from twofactor.reauthentication.decorators import demand
from twofactor.sign_in.addresses import waiting_page

MAX_DAYS = 365
NAMES_SHOWN = 6
ADDRESSES_SHOWN = 200


class DateForm(forms.Form):
    """The day from which the policy is on. It begins at midnight in the portal's time zone."""

    starts = forms.DateField(
        label=gettext_lazy("Starting on"),
        input_formats=["%Y-%m-%d"],
        widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d"),
        error_messages={
            "required": gettext_lazy("Choose a day."),
            "invalid": gettext_lazy("Choose a day, like 2026-12-31."),
        },
    )

    def clean_starts(self) -> datetime:
        """Return the beginning of the day, which has to be in the future, and within a year."""
        day: date = self.cleaned_data["starts"]
        today = timezone.localdate()
        if not today < day <= today + timedelta(days=MAX_DAYS):
            raise ValidationError(_("Choose a day from tomorrow on, within a year."))
        return timezone.make_aware(datetime.combine(day, time()))


@administrators_only
@require_POST
def policy_date(request: SignedInRequest) -> HttpResponseBase:
    """Set the date from which the policy is on, or cancel it, after a re-authentication (A-01)."""
    here = resolve_url("account-settings")
    if request.POST.get("action") == "clear":
        return demand(request, "policy.date", path=here, pending_action={"starts": ""})
    form = DateForm(request.POST)
    if not form.is_valid():
        messages.error(request, str(form.errors["starts"][0]))
    elif not factor_is_possible(request.user.account):
        messages.error(request, _("No SMS gateway is configured: nobody could get a token."))
    elif not held.counting(request.user):
        return _own_factor_first(request, form.cleaned_data["starts"])
    else:
        return demand(
            request, "policy.date", path=here, pending_action={"starts": form.cleaned_data["starts"].isoformat()}
        )
    return redirect(here)


def factor_is_possible(account: Account) -> bool:
    """Tell whether anybody could set up a factor: a phone needs a gateway, an app and a passkey do not."""
    return gateways.sms_is_possible() or not account.accepts(FactorKind.SMS)


def _own_factor_first(request: SignedInRequest, starts: datetime) -> HttpResponseBase:
    """Let an administrator set up a second step, which is the re-authentication; then the date is set (A-02, D6)."""
    pending = session_state.turn_session_into_pending(request, request.user, resolve_url("account-settings"))
    session_state.keep_policy_date(request, starts)
    return redirect(waiting_page(pending))


@administrators_only
@require_POST
def policy_announce(request: SignedInRequest) -> HttpResponseBase:
    """Notify everybody by e-mail of what is coming; once a day."""
    told = policy_schedule.announce(request.user.account, actor=request.user)
    said = ngettext("%(count)d user is being told by e-mail.", "%(count)d users are being told by e-mail.", told)
    messages.success(request, said % {"count": told})
    return redirect("account-settings")


@administrators_only
@require_safe
def policy_without_factor(request: SignedInRequest) -> HttpResponseBase:
    """Export the list of people who have no second step that counts yet."""
    head = [_("Name"), _("Login name"), _("E-mail address"), _("Last sign-in")]
    name = csv.file_name("without-second-step", request.user.account.name)
    return csv.response(name, head, _rows(request.user.account), account=request.user.account)


def _rows(account: Account) -> Iterator[list[list[Any]]]:
    everybody = User.objects.filter(account=account)
    for chunk in pagination.chunks_of([user_query.without_factor(account)], everybody, user_query.SORTS["name"]):
        yield [[who.full_name, who.username, who.email, who.last_login] for who in chunk]


def context(user: User) -> dict[str, Any]:
    """Return the context of the settings page before the policy is on."""
    account = user.account
    if account.demands_second_factor:
        return {}
    waiting = list(user_query.SORTS["name"].of(user_query.without_factor(account))[: ADDRESSES_SHOWN + 1])
    starts = account.two_factor_from
    return {
        "preview": policy_schedule.preview(user),
        "counted": pagination.COUNTED,
        "waiting": waiting[:NAMES_SHOWN],
        "addresses": "; ".join(person.email for person in waiting) if len(waiting) <= ADDRESSES_SHOWN else "",
        "date_form": DateForm(initial={"starts": timezone.localdate(starts) if starts else None}),
        "earliest": (timezone.localdate() + timedelta(days=1)).isoformat(),
    }
