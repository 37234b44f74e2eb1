"""What operators see of accounts and people."""

from typing import Any, cast

from django.contrib import admin, messages
from django.http import HttpRequest
from django.utils.translation import gettext as _

from accounts import flows
from accounts.exceptions import LastAdministrator
from accounts.http import SignedInRequest
from accounts.models import Account, AuditEvent, User


@admin.register(Account)
class AccountAdmin(admin.ModelAdmin):
    """Accounts. The policy is the account's own business: shown, not switched, here."""

    list_display = ["name", "is_active", "two_factor_required", "created_at"]
    search_fields = ["name"]
    readonly_fields = [
        "two_factor_required",
        "two_factor_changed_at",
        "email_tokens",
        "mailbox_before_phone",
        "created_at",
    ]


@admin.register(User)
class UserAdmin(admin.ModelAdmin):
    """People. Passwords and phones are set by themselves."""

    list_display = ["username", "email", "account", "role", "is_active", "last_login"]
    list_select_related = ["account"]
    search_fields = ["username", "email"]
    exclude = ["password", "groups", "user_permissions"]
    readonly_fields = ["last_login", "locked_at", "created_at"]

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> list[str]:
        """Keep people in their account: what they did belongs to it."""
        return [*self.readonly_fields, "account"] if obj else self.readonly_fields

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Refuse: people are deactivated; their history stays, and an account keeps its last administrator."""
        return False

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        """Change role and activity by the flows, which know what an account cannot do without (A-02)."""
        if not change:
            super().save_model(request, obj, form, change)
            return
        role, is_active = obj.role, obj.is_active
        obj.refresh_from_db(fields=["role", "is_active"])
        super().save_model(request, obj, form, change)
        try:
            _change(obj, role, is_active, actor=cast(SignedInRequest, request).user)
        except LastAdministrator:
            self.message_user(request, _("An account keeps its last administrator."), messages.ERROR)


def _change(user: User, role: str, is_active: bool, *, actor: User) -> None:
    if is_active:
        flows.reactivate_user(user, actor=actor)
    else:
        flows.deactivate_user(user, actor=actor)
    flows.change_role(user, role, actor=actor)


class ReadOnlyAdmin(admin.ModelAdmin):
    """History: nobody adds, changes or deletes it here."""

    def has_add_permission(self, request: object) -> bool:
        return False

    def has_change_permission(self, request: object, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: object, obj: object = None) -> bool:
        return False


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnlyAdmin):
    """Who did what, when, from where."""

    list_display = ["at", "action", "account", "user", "actor", "ip"]
    list_select_related = ["account", "user", "actor"]
    search_fields = ["action", "user__username"]
    show_full_result_count = False
