from django.urls import path

from accounts import actions, administration, membership, views

urlpatterns = [
    path("", views.home, name="home"),
    path("meu-perfil/", views.profile, name="profile"),
    path(
        "configuracoes/usuarios/<int:user_id>/sessoes/encerrar/",
        views.user_sessions_end,
        name="user-sessions-end",
    ),
    path("configuracoes/minha-conta/aparencia/", views.appearance, name="appearance"),
    path("configuracoes/minha-conta/logotipo/", views.account_logo, name="account-logo"),
    path("logotipos/<slug:name>.png", views.logo, name="logo"),
    path("senha/alterar/", views.password_change, name="password-change"),
    path("senha/esqueci/", views.PasswordReset.as_view(), name="password-reset"),
    path("senha/esqueci/enviado/", views.PasswordResetSent.as_view(), name="password-reset-sent"),
    path("senha/redefinir/concluido/", views.PasswordResetDone.as_view(), name="password-reset-done"),
    path(
        "senha/redefinir/<uidb64>/<token>/",
        views.PasswordResetConfirm.as_view(),
        name="password-reset-confirm",
    ),
    path("configuracoes/usuarios/", administration.users, name="users"),
    path("configuracoes/usuarios/exportar/", administration.users_export, name="users-export"),
    path("configuracoes/usuarios/convidar/", membership.invite, name="invite"),
    path(
        "configuracoes/usuarios/convites/<int:invitation_id>/reenviar/",
        membership.invitation_resend,
        name="invitation-resend",
    ),
    path(
        "configuracoes/usuarios/convites/<int:invitation_id>/revogar/",
        membership.invitation_revoke,
        name="invitation-revoke",
    ),
    path("configuracoes/usuarios/lembrar/", membership.remind, name="remind"),
    path("configuracoes/usuarios/<int:user_id>/", administration.user, name="user"),
    path("configuracoes/usuarios/<int:user_id>/papel/", actions.role, name="user-role"),
    path("configuracoes/usuarios/<int:user_id>/desativar/", actions.deactivate, name="user-deactivate"),
    path("configuracoes/usuarios/<int:user_id>/reativar/", actions.reactivate, name="user-reactivate"),
    path("configuracoes/usuarios/<int:user_id>/desbloquear/", actions.unlock, name="user-unlock"),
    path("configuracoes/usuarios/<int:user_id>/lembrar/", membership.remind_one, name="remind-one"),
    path("convite/<str:signed>/", membership.join, name="join"),
    path("configuracoes/auditoria/", administration.audit, name="audit"),
    path("configuracoes/auditoria/exportar/", administration.audit_export, name="audit-export"),
]
