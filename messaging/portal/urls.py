from django.urls import path

from messaging.portal import bulk_views, forgotten, help_views, joining, metrics, personal_data, user_actions

urlpatterns = [
    path("ajuda/", help_views.help_page, {"guide": "users"}, name="help"),
    path("ajuda/administrador/", help_views.help_page, {"guide": "administrators"}, name="help-administrators"),
    path("metrics", metrics.metrics, name="metrics"),
    path("senha/esqueci/", forgotten.PasswordReset.as_view(), name="password-reset"),
    path("configuracoes/usuarios/convidar/", joining.invite, name="invite"),
    path("configuracoes/usuarios/varios/", bulk_views.users_bulk, name="users-bulk"),
    path("convite/<str:signed>/", joining.join, name="join"),
    path(
        "configuracoes/usuarios/<int:user_id>/sessoes/encerrar/",
        user_actions.user_sessions_end,
        name="user-sessions-end",
    ),
    path("configuracoes/usuarios/<int:user_id>/papel/", user_actions.role, name="user-role"),
    path("configuracoes/usuarios/<int:user_id>/desativar/", user_actions.deactivate, name="user-deactivate"),
    path("configuracoes/usuarios/<int:user_id>/reativar/", user_actions.reactivate, name="user-reactivate"),
    path("configuracoes/usuarios/<int:user_id>/apagar/", user_actions.erase, name="user-erase"),
    path("configuracoes/usuarios/<int:user_id>/dados/", personal_data.data_of, name="user-data"),
    path("meu-perfil/dados/", personal_data.own_data, name="own-data"),
    path("configuracoes/usuarios/<int:user_id>/desbloquear/", user_actions.unlock, name="user-unlock"),
    path("configuracoes/usuarios/<int:user_id>/codigo/", user_actions.recovery_code, name="user-recovery-code"),
    path("configuracoes/usuarios/<int:user_id>/senha/", user_actions.password, name="user-password"),
]
