"""The portal's addresses, and the page that all projects have behind their door."""

from django.urls import include, path

from benchmarks.peers.projects import views

urlpatterns = [path("page/", views.page), path("", include("messaging.urls"))]
