"""Tela inicial."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.dashboard import context as dashboard_context
from accounts.request.http import SignedInRequest


@require_safe
def home(request: SignedInRequest) -> HttpResponse:
    """Show an administrator the state of the account, and everybody else their own."""
    if not request.user.is_administrator:
        return render(request, "accounts/home.html", dashboard_context.of_person(request.user))
    number = 30 if request.GET.get("dias") == "30" else 14
    return render(request, "accounts/home_account.html", dashboard_context.of_account(request.user.account, number))
