from django.urls import path

from accounts.audit import views as audit_views
from accounts.branding import views as branding
from accounts.dashboard import views as dashboard
from accounts.invitations import revoking
from accounts.invitations import views as invitations_views
from accounts.notifications import views as notifications_views
from accounts.passwords import views as passwords
from accounts.profile import views as profile_views
from accounts.users import views as users_views

urlpatterns = [
    path("", dashboard.home, name="home"),
    path("meu-perfil/", profile_views.profile, name="profile"),
    path("configuracoes/minha-conta/aparencia/", branding.appearance, name="appearance"),
    path("configuracoes/minha-conta/avisos/", notifications_views.account_notices, name="account-notices"),
    path("configuracoes/minha-conta/logotipo/", branding.account_logo, name="account-logo"),
    path("logotipos/<slug:name>.png", branding.logo, name="logo"),
    path("senha/alterar/", passwords.password_change, name="password-change"),
    path("senha/esqueci/enviado/", passwords.PasswordResetSent.as_view(), name="password-reset-sent"),
    path("senha/redefinir/concluido/", passwords.PasswordResetDone.as_view(), name="password-reset-done"),
    path(
        "senha/redefinir/<uidb64>/<token>/",
        passwords.PasswordResetConfirm.as_view(),
        name="password-reset-confirm",
    ),
    path("configuracoes/usuarios/", users_views.users, name="users"),
    path("configuracoes/usuarios/exportar/", users_views.users_export, name="users-export"),
    path(
        "configuracoes/usuarios/convites/<int:invitation_id>/reenviar/",
        invitations_views.invitation_resend,
        name="invitation-resend",
    ),
    path(
        "configuracoes/usuarios/convites/<int:invitation_id>/revogar/",
        revoking.invitation_revoke,
        name="invitation-revoke",
    ),
    path("configuracoes/usuarios/convites/revogar/", revoking.invitations_revoke, name="invitations-revoke"),
    path("configuracoes/usuarios/lembrar/", invitations_views.remind, name="remind"),
    path("configuracoes/usuarios/<int:user_id>/", users_views.user, name="user"),
    path("configuracoes/usuarios/<int:user_id>/lembrar/", invitations_views.remind_one, name="remind-one"),
    path("configuracoes/auditoria/", audit_views.audit, name="audit"),
    path("configuracoes/auditoria/exportar/", audit_views.audit_export, name="audit-export"),
]
