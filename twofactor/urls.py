from django.urls import path

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

urlpatterns = [
    path("entrar/", sign_in.sign_in, name="sign-in"),
    path("entrar/senha/", sign_in.own_password, name="sign-in-password"),
    path("entrar/introducao/", sign_in.introduction, name="introduction"),
    path("entrar/email/", sign_in.mailbox, name="mailbox"),
    path("entrar/codigo/", sign_in.recovery_code, name="recovery-code"),
    path("entrar/telefone/", sign_in.phone, name="phone"),
    path("entrar/configurar/", setup_views.setup, name="setup"),
    path("entrar/configurar/aplicativo/", setup_views.setup_app, name="setup-app"),
    path("entrar/configurar/chave/", setup_views.setup_passkey, name="setup-passkey"),
    path("entrar/canal/", sign_in.channel, name="channel"),
    path("entrar/aplicativo/", app.app, name="app"),
    path("entrar/chave/", passkeys.passkey, name="sign-in-passkey"),
    path("entrar/so-com-chave/", alone_views.alone, name="sign-in-alone"),
    path("entrar/so-com-chave/pedido/", alone_views.alone_options, name="sign-in-alone-options"),
    path("entrar/token/", token_views.token, name="token"),
    path("entrar/token/estado/", token_views.token_status, name="token-status"),
    path("entrar/token/reenviar/", token_views.token_resend, name="token-resend"),
    path("entrar/navegador/", browser_views.browser_link, name="browser-link"),
    path("entrar/navegador/<str:signed>/", browser_views.browser_known, name="browser-known"),
    path("sair/", sign_in.sign_out, name="sign-out"),
    path("nao-fui-eu/<str:signed>/", phone.not_me, name="not-me"),
    path("meu-perfil/telefone/", phone.profile_phone, name="profile-phone"),
    path("meu-perfil/telefone/confirmar/", phone.phone_change, name="profile-phone-confirm"),
    path("meu-perfil/telefone/confirmar/estado/", phone.phone_change_status, name="profile-phone-status"),
    path("meu-perfil/email/", email_change.email, name="email"),
    path("meu-perfil/email/confirmar/", email_change.email_change, name="email-confirm"),
    path("meu-perfil/email/confirmar/estado/", email_change.email_change_status, name="email-status"),
    path("meu-perfil/segunda-etapa/", factors.factors, name="factors"),
    path("meu-perfil/segunda-etapa/primeira/", factors.factor_first, name="factor-first"),
    path("meu-perfil/segunda-etapa/aplicativo/", app.app_start, name="app-start"),
    path("meu-perfil/segunda-etapa/aplicativo/confirmar/", app.app_enrol, name="app-enrol"),
    path("meu-perfil/segunda-etapa/chaves/", passkeys.passkey_start, name="passkey-start"),
    path("meu-perfil/segunda-etapa/chaves/nova/", passkeys.passkey_new, name="passkey-new"),
    path("meu-perfil/segunda-etapa/codigos/", codes.codes_issue, name="codes-issue"),
    path("meu-perfil/segunda-etapa/codigos/remover/", codes.codes_remove, name="codes-remove"),
    path("meu-perfil/segunda-etapa/<str:kind>/<int:device_id>/nome/", factors.factor_rename, name="factor-rename"),
    path("meu-perfil/segunda-etapa/<str:kind>/<int:device_id>/remover/", factors.factor_remove, name="factor-remove"),
    path("meu-perfil/sessoes/", session_list.sessions, name="sessions"),
    path("meu-perfil/sessoes/<int:session_id>/encerrar/", session_list.session_end, name="session-end"),
    path("meu-perfil/sessoes/encerrar-outras/", session_list.sessions_end, name="sessions-end"),
    path("confirmar-identidade/", reauthentication.reauthentication, name="reauthentication"),
    path("confirmar-identidade/estado/", reauthentication.reauthentication_status, name="reauthentication-status"),
    path("componentes/", components.components, name="components"),
    path("configuracoes/minha-conta/", account_settings.account_settings, name="account-settings"),
    path("configuracoes/minha-conta/opcoes/", account_settings.account_options, name="account-options"),
    path("configuracoes/minha-conta/sem-email/", email_yields.account_email, name="account-email"),
    path("configuracoes/minha-conta/chaves/", passkeys_alone.account_passkeys, name="account-passkeys"),
    path("configuracoes/minha-conta/paises/", countries.account_countries, name="account-countries"),
    path("configuracoes/minha-conta/fatores/", kinds.account_factors, name="account-factors"),
    path("configuracoes/usuarios/<int:user_id>/telefone/", phone.phone_reset, name="phone-reset"),
    path("configuracoes/minha-conta/data/", schedule.policy_date, name="policy-date"),
    path("configuracoes/minha-conta/aviso/", schedule.policy_announce, name="policy-announce"),
    path("configuracoes/minha-conta/sem-segunda-etapa/", schedule.policy_without_factor, name="policy-without-factor"),
]
