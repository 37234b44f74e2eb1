from django.urls import path

from twofactor import coming, components, proofs, sessions, views

urlpatterns = [
    path("entrar/", views.sign_in, name="sign-in"),
    path("entrar/introducao/", views.introduction, name="introduction"),
    path("entrar/email/", views.mailbox, name="mailbox"),
    path("entrar/telefone/", views.phone, name="phone"),
    path("entrar/canal/", views.channel, name="channel"),
    path("entrar/token/", views.token, name="token"),
    path("entrar/token/estado/", views.token_fate, name="token-fate"),
    path("entrar/token/reenviar/", views.token_resend, name="token-resend"),
    path("sair/", views.sign_out, name="sign-out"),
    path("nao-fui-eu/<str:signed>/", views.not_me, name="not-me"),
    path("meu-perfil/telefone/", views.profile_phone, name="profile-phone"),
    path("meu-perfil/telefone/confirmar/", proofs.phone_change, name="profile-phone-confirm"),
    path("meu-perfil/telefone/confirmar/estado/", proofs.phone_change_fate, name="profile-phone-fate"),
    path("meu-perfil/email/", proofs.email, name="email"),
    path("meu-perfil/email/confirmar/", proofs.email_change, name="email-confirm"),
    path("meu-perfil/email/confirmar/estado/", proofs.email_change_fate, name="email-fate"),
    path("meu-perfil/sessoes/", sessions.sessions, name="sessions"),
    path("meu-perfil/sessoes/<int:session_id>/encerrar/", sessions.session_end, name="session-end"),
    path("meu-perfil/sessoes/encerrar-outras/", sessions.sessions_end, name="sessions-end"),
    path("confirmar-identidade/", proofs.reauthentication, name="reauthentication"),
    path("confirmar-identidade/estado/", proofs.reauthentication_fate, name="reauthentication-fate"),
    path("componentes/", components.components, name="components"),
    path("configuracoes/minha-conta/", views.account_settings, name="account-settings"),
    path("configuracoes/minha-conta/opcoes/", views.account_options, name="account-options"),
    path("configuracoes/usuarios/<int:user_id>/telefone/", views.phone_reset, name="phone-reset"),
    path("configuracoes/minha-conta/data/", coming.policy_date, name="policy-date"),
    path("configuracoes/minha-conta/aviso/", coming.policy_announce, name="policy-announce"),
    path("configuracoes/minha-conta/sem-telefone/", coming.policy_without_phone, name="policy-without-phone"),
]
