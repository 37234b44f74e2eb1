from django.urls import path

from twofactor import coming, components, views

urlpatterns = [
    path("entrar/", views.sign_in, name="sign-in"),
    path("entrar/introducao/", views.introduction, name="introduction"),
    path("entrar/telefone/", views.phone, name="phone"),
    path("entrar/canal/", views.channel, name="channel"),
    path("entrar/token/", views.token, name="token"),
    path("entrar/token/estado/", views.token_fate, name="token-fate"),
    path("entrar/token/reenviar/", views.token_resend, name="token-resend"),
    path("sair/", views.sign_out, name="sign-out"),
    path("nao-fui-eu/<str:signed>/", views.not_me, name="not-me"),
    path("meu-perfil/telefone/", views.profile_phone, name="profile-phone"),
    path(
        "meu-perfil/telefone/confirmar/",
        views.profile_phone_confirm,
        name="profile-phone-confirm",
    ),
    path(
        "meu-perfil/telefone/confirmar/estado/",
        views.profile_phone_fate,
        name="profile-phone-fate",
    ),
    path("componentes/", components.components, name="components"),
    path("configuracoes/minha-conta/", views.account_settings, name="account-settings"),
    path("configuracoes/minha-conta/data/", coming.policy_date, name="policy-date"),
    path("configuracoes/minha-conta/aviso/", coming.policy_announce, name="policy-announce"),
    path("configuracoes/minha-conta/sem-telefone/", coming.policy_without_phone, name="policy-without-phone"),
]
