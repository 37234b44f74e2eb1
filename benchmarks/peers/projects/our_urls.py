"""The portal's addresses, and the protected page that all projects have."""

from django.urls import include, path

from benchmarks.peers.projects import views

urlpatterns = [path("page/", views.page), path("", include("messaging.urls"))]
