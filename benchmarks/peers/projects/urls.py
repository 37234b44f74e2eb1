"""The addresses of whichever project is in force."""

from django.conf import settings
from django.contrib.auth.views import LoginView
from django.urls import include, path

from benchmarks.peers.projects import views

name = settings.SETTINGS_MODULE.rsplit(".", 1)[1]
urlpatterns = [path("page/", views.signed_in if name in {"bare", "allauth_code", "reference"} else views.verified)]
if name == "bare":
    urlpatterns += [path("login/", LoginView.as_view())]
elif name == "reference":
    urlpatterns += [path("login/", views.first_step), path("token/", views.second_step)]
elif name == "two_factor_auth":
    from two_factor.urls import urlpatterns as two_factor

    urlpatterns += [path("", include(two_factor))]
elif name == "allauth_code":
    urlpatterns += [path("login/", include("allauth.urls"))]
else:
    from django_otp.views import LoginView as OtpLoginView

    urlpatterns += [path("login/", OtpLoginView.as_view(template_name="registration/login.html"))]
