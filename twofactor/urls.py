from django.urls import include, path

from twofactor import session_list
from twofactor.account_settings import countries, email_yields, kinds, passkeys_alone, schedule
from twofactor.account_settings import views as account_settings
from twofactor.demo import components
from twofactor.email_change import views as email_change
from twofactor.factors import views as factors
from twofactor.factors.app import views as app
from twofactor.factors.codes import views as codes
from twofactor.factors.passkeys import alone_views
from twofactor.factors.passkeys import views as passkeys
from twofactor.phone import views as phone
from twofactor.reauthentication import views as reauthentication
from twofactor.sign_in import browser_views, setup_views, token_views
from twofactor.sign_in import views as sign_in

# In groups, the pages of a sign-in first, because Django tries one pattern after the other: that took 840 of a
# sign-in's 23,826 Python calls, and 240 of the profile page's.
urlpatterns = [
    path(
        "entrar/",
        include(
            [
                path("", sign_in.sign_in, name="sign-in"),
                path("canal/", sign_in.channel, name="channel"),
                path("token/", token_views.token, name="token"),
                path("senha/", sign_in.own_password, name="sign-in-password"),
                path("introducao/", sign_in.introduction, name="introduction"),
                path("email/", sign_in.mailbox, name="mailbox"),
                path("codigo/", sign_in.recovery_code, name="recovery-code"),
                path("telefone/", sign_in.phone, name="phone"),
                path("configurar/", setup_views.setup, name="setup"),
                path("configurar/aplicativo/", setup_views.setup_app, name="setup-app"),
                path("configurar/chave/", setup_views.setup_passkey, name="setup-passkey"),
                path("app/", app.app, name="app"),
                path("chave/", passkeys.passkey, name="sign-in-passkey"),
                path("chave/opcoes/", passkeys.sign_in_options, name="sign-in-passkey-options"),
                path("so-com-chave/", alone_views.alone, name="sign-in-alone"),
                path("so-com-chave/pedido/", alone_views.alone_options, name="sign-in-alone-options"),
                path("token/estado/", token_views.token_status, name="token-status"),
                path("token/reenviar/", token_views.token_resend, name="token-resend"),
                path("navegador/", browser_views.browser_link, name="browser-link"),
                path("navegador/<str:signed>/", browser_views.browser_known, name="browser-known"),
            ]
        ),
    ),
    path(
        "meu-perfil/telefone/",
        include(
            [
                path("", phone.profile_phone, name="profile-phone"),
                path("confirmar/", phone.phone_change, name="profile-phone-confirm"),
                path("confirmar/estado/", phone.phone_change_status, name="profile-phone-status"),
            ]
        ),
    ),
    path(
        "meu-perfil/email/",
        include(
            [
                path("", email_change.email, name="email"),
                path("confirmar/", email_change.email_change, name="email-confirm"),
                path("confirmar/estado/", email_change.email_change_status, name="email-status"),
            ]
        ),
    ),
    path(
        "meu-perfil/segunda-etapa/",
        include(
            [
                path("", factors.factors, name="factors"),
                path("primeira/", factors.factor_first, name="factor-first"),
                path("app/", app.app_add, name="app-add"),
                path("chaves/", passkeys.passkey_start, name="passkey-start"),
                path("chaves/nova/", passkeys.passkey_new, name="passkey-new"),
                path("chaves/opcoes/", passkeys.passkey_options, name="passkey-options"),
                path("codigos/", codes.codes_issue, name="codes-issue"),
                path("codigos/remover/", codes.codes_remove, name="codes-remove"),
                path("<str:kind>/<int:device_id>/nome/", factors.factor_rename, name="factor-rename"),
                path("<str:kind>/<int:device_id>/remover/", factors.factor_remove, name="factor-remove"),
            ]
        ),
    ),
    path(
        "meu-perfil/sessoes/",
        include(
            [
                path("", session_list.sessions, name="sessions"),
                path("<int:session_id>/encerrar/", session_list.session_end, name="session-end"),
                path("encerrar-outras/", session_list.sessions_end, name="sessions-end"),
            ]
        ),
    ),
    path(
        "confirmar-identidade/",
        include(
            [
                path("", reauthentication.reauthentication, name="reauthentication"),
                path("estado/", reauthentication.reauthentication_status, name="reauthentication-status"),
            ]
        ),
    ),
    path(
        "configuracoes/minha-conta/",
        include(
            [
                path("", account_settings.account_settings, name="account-settings"),
                path("opcoes/", account_settings.account_options, name="account-options"),
                path("chaves/", passkeys_alone.account_passkeys, name="account-passkeys"),
                path("paises/", countries.account_countries, name="account-countries"),
                path("fatores/", kinds.account_factors, name="account-factors"),
                path("sem-email/", email_yields.account_email, name="account-email"),
                path("data/", schedule.policy_date, name="policy-date"),
                path("aviso/", schedule.policy_announce, name="policy-announce"),
                path("sem-segunda-etapa/", schedule.policy_without_factor, name="policy-without-factor"),
            ]
        ),
    ),
    path("sair/", sign_in.sign_out, name="sign-out"),
    path("nao-fui-eu/<str:signed>/", phone.not_me, name="not-me"),
    path("componentes/", components.components, name="components"),
    path("configuracoes/usuarios/<int:user_id>/telefone/", phone.phone_reset, name="phone-reset"),
]
