"""What operators see of accounts and people."""

from django.contrib import admin

from accounts.models import Account, AuditEvent, User


@admin.register(Account)
class AccountAdmin(admin.ModelAdmin):
    """Accounts. The policy is the account's own business: shown, not switched, here."""

    list_display = ["name", "is_active", "two_factor_required", "created_at"]
    search_fields = ["name"]
    readonly_fields = ["two_factor_required", "two_factor_changed_at", "created_at"]


@admin.register(User)
class UserAdmin(admin.ModelAdmin):
    """People. Passwords and phones are set by themselves."""

    list_display = ["username", "email", "account", "role", "is_active", "last_login"]
    list_select_related = ["account"]
    search_fields = ["username", "email"]
    exclude = ["password", "groups", "user_permissions"]
    readonly_fields = ["last_login", "locked_at", "created_at"]


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
