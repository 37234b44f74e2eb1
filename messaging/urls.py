"""Every path of the portal. Only this module imports every app."""

from django.contrib import admin
from django.contrib.auth.decorators import login_not_required
from django.urls import include, path
from django.views.decorators.http import require_POST
from django.views.i18n import set_language

from messaging import health, well_known

urlpatterns = [
    path("", include("twofactor.urls")),
    path("", include("accounts.urls")),
    path("", include("messaging.portal.urls")),
    path("", include("messaging.delivery.urls")),
    path("idioma/", login_not_required(require_POST(set_language)), name="set_language"),
    path("admin/", admin.site.urls),
    path("healthz", health.alive, name="healthz"),
    path("readyz", health.ready, name="readyz"),
    path(".well-known/security.txt", well_known.security, name="security-txt"),
    path(".well-known/change-password", well_known.change_password, name="well-known-change-password"),
]

handler400 = "messaging.errors.bad_request"
handler404 = "messaging.errors.not_found"
handler500 = "messaging.errors.broken"
