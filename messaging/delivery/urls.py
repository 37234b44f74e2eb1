from django.urls import path

from messaging.delivery import views

urlpatterns = [
    path("caixa-de-saida/", views.show_outbox, name="outbox"),
    path("retorno/twilio/<int:message_id>/<int:tries>/", views.twilio_report, name="twilio-report"),
    path("retorno/sinch/<str:signed>/", views.sinch_report, name="sinch-report"),
]
