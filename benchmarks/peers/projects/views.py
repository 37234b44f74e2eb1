"""The protected page, and the two steps of the minimal implementation."""

import secrets

from celery import Celery
from django import forms
from django.conf import settings
from django.contrib.auth import get_user_model, login
from django.contrib.auth.decorators import login_required, user_passes_test
from django.contrib.auth.forms import AuthenticationForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

queue = Celery("reference", broker=getattr(settings, "BROKER_URL", None), set_as_current=False)


@queue.task(name="send", ignore_result=True)
def send(to: str, text: str) -> None:
    from benchmarks.peers.projects.sending import post  # noqa: PLC0415

    post(to, text)


def page(request: HttpRequest) -> HttpResponse:
    return render(request, "page.html")


signed_in = login_required(page)
verified = user_passes_test(lambda user: user.is_authenticated and user.is_verified(), login_url="/login/")(page)


class TokenForm(forms.Form):
    token = forms.CharField()


def first_step(request: HttpRequest) -> HttpResponse:
    form = AuthenticationForm(request, request.POST or None)
    if request.method == "POST" and form.is_valid():
        token = f"{secrets.randbelow(10**6):06}"
        request.session["pending"] = [form.get_user().pk, token]
        send.delay(form.get_user().email, f"Your token is {token}")
        return redirect("/token/")
    return render(request, "registration/login.html", {"form": form})


def second_step(request: HttpRequest) -> HttpResponse:
    form = TokenForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        user_id, token = request.session["pending"]
        if secrets.compare_digest(token, form.cleaned_data["token"]):
            user = get_user_model().objects.get(pk=user_id)
            login(request, user, backend="django.contrib.auth.backends.ModelBackend")
            return redirect("/page/")
    return render(request, "registration/login.html", {"form": form})
