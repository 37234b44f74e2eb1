"""The pages that make a browser known by a link in an e-mail (B-04)."""

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from accounts.auth import browser_links
from twofactor.pages import answer, page, posted
from twofactor.sign_in.forms import BrowserForm


@login_not_required
@page
def browser_link(request: HttpRequest) -> HttpResponse:
    """Send the link, behind a captcha; the answer is the same for every login."""
    form = BrowserForm(posted(request), initial={"username": request.GET.get("login", "")[:254]})
    if request.method == "POST" and form.attempt(form.send):
        return render(request, "twofactor/browser_link_sent.html")
    return answer(request, "twofactor/browser_link.html", {"form": form})


@login_not_required
@page
def browser_known(request: HttpRequest, signed: str) -> HttpResponse:
    """Make this browser known, after a click: mail programs open links by themselves."""
    user = browser_links.user_of(signed)
    if user is None:
        raise Http404
    if request.method != "POST":
        return render(request, "twofactor/browser_known.html", {"login": user.username})
    messages.success(request, _("This browser is known now. Sign in with your password."))
    response = redirect("sign-in")
    browser_links.make_known(response, user, signed)
    return response
