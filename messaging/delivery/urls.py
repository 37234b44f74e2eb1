from django.urls import path

from messaging.delivery import views

urlpatterns = [path("caixa-de-saida/", views.show_outbox, name="outbox")]
