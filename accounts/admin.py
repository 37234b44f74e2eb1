"""The operators' pages of accounts and people. History can be read only; actions go through the flows."""

from typing import Any, cast

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.audit.actions import Action
from accounts.auth import sessions as account_sessions
from accounts.exceptions import LastAdministrator
from accounts.models import Account, AuditEvent, RateLimit, SearchWord, User
from accounts.request.http import SignedInRequest
from accounts.users import flows as users
from messaging.delivery.admin import ReadOnlyAdmin

MAX_DIGITS = 4  # of a phone that an operator searches by; more would reveal whose number it is


@admin.register(Account)
class AccountAdmin(admin.ModelAdmin):
    """Accounts. The policy is shown here, not switched: that is for the account's administrators."""

    list_display = ["name", "is_active", "two_factor_required", "two_factor_from", "created_at"]
    search_fields = ["name"]
    readonly_fields = [
        "two_factor_required",
        "two_factor_changed_at",
        "two_factor_from",
        "sms_tokens",
        "email_tokens",
        "app_tokens",
        "passkeys",
        "mailbox_before_phone",
        "passkeys_alone",
        "email_yields",
        "created_at",
    ]

    def has_delete_permission(self, request: object, obj: object = None) -> bool:
        return False


@admin.register(User)
class UserAdmin(admin.ModelAdmin):
    """People. They set their passwords and phones themselves; a locked person can be unlocked here."""

    list_display = ["username", "email", "account", "role", "is_active", "masked_phone", "is_locked", "last_login"]
    list_filter = ["is_active", "role", "is_staff"]
    list_select_related = ["account", "phone_device"]
    search_fields = ["username", "email"]
    search_help_text = _("Login, e-mail, or the last digits of the phone.")
    exclude = ["password", "groups", "user_permissions"]
    readonly_fields = ["masked_phone", "last_login", "locked_at", "failures", "failures_until", "created_at"]
    actions = ["unlock", "end_sessions"]

    @admin.display(description=_("phone"))
    def masked_phone(self, user: User) -> str:
        """Return the phone with all but its last two digits hidden (P-09)."""
        device = getattr(user, "phone_device", None)
        return str(device) if device else "-"

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> list[str]:
        """Refuse changes of the account, which has a person's history, and of login and address, which have flows.

        A change of address ends sessions and notifies both mailboxes (R-08). Operators are made by createsuperuser.
        """
        fixed = [*self.readonly_fields, "is_staff", "is_superuser"]
        return [*fixed, "account", "username", "email"] if obj else fixed

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Refuse: people are deactivated; their history stays, and an account keeps its last administrator."""
        return False

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        """Change role and activity by the flows, which protect the last administrator of an account (A-02).

        The other fields are written one by one: locks and sessions may have changed since the page was opened.
        """
        if not change:
            super().save_model(request, obj, form, change)
            SearchWord.objects.renew(obj)
            return
        role, is_active = obj.role, obj.is_active
        obj.refresh_from_db(fields=["role", "is_active"])
        obj.save(update_fields=set(form.changed_data) - {"role", "is_active"})
        SearchWord.objects.renew(obj)
        try:
            _change(obj, role, is_active, actor=cast(SignedInRequest, request).user)
        except LastAdministrator:
            self.message_user(request, _("An account needs at least one administrator."), messages.ERROR)

    @admin.display(description=_("locked"), boolean=True)
    def is_locked(self, user: User) -> bool:
        """Tell whether an administrator or an operator has to act."""
        return user.locked_at is not None or user.failures_until is not None

    def get_search_results(self, request: HttpRequest, queryset: QuerySet[User], search_term: str) -> Any:
        """Search by login or address, or by the last digits of the phone where only digits are typed."""
        digits = search_term.strip()
        if digits.isascii() and digits.isdigit() and len(digits) <= MAX_DIGITS:
            return queryset.filter(phone_device__number__endswith=digits), False
        return super().get_search_results(request, queryset, search_term)

    @admin.action(description=_("Let in again (audited)"))
    def unlock(self, request: HttpRequest, chosen: QuerySet[User]) -> None:
        """Unlock people, each through the flow."""
        actor: Any = request.user
        unlocked = sum(users.unlock_user(user, actor=actor) for user in chosen)
        said = ngettext("%(count)d user was unlocked.", "%(count)d users were unlocked.", unlocked)
        self.message_user(request, said % {"count": unlocked}, messages.SUCCESS)

    @admin.action(description=_("End all sessions (audited)"))
    def end_sessions(self, request: HttpRequest, chosen: QuerySet[User]) -> None:
        """Sign people out everywhere, each through the flow (S-12)."""
        actor: Any = request.user
        people = list(chosen)
        for user in people:
            account_sessions.end_sessions(user, actor=actor)
        said = ngettext("%(count)d user was signed out.", "%(count)d users were signed out.", len(people))
        self.message_user(request, said % {"count": len(people)}, messages.SUCCESS)


def _change(user: User, role: str, is_active: bool, *, actor: User) -> None:
    if is_active:
        users.reactivate_user(user, actor=actor)
    else:
        users.deactivate_user(user, actor=actor)
    users.change_role(user, role, actor=actor)


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnlyAdmin):
    """The audit log."""

    list_display = ["at", "what", "account", "user", "actor", "ip"]
    list_select_related = ["account", "user", "actor"]
    search_fields = ["=action", "=user__username"]
    search_help_text = _("The name of an event, such as phone.reset, or a login.")
    ordering = ["-pk"]

    @admin.display(description=_("event"), ordering="action")
    def what(self, event: AuditEvent) -> str:
        """Return the event's label, and the name to search it by."""
        action = Action.named(event.action)
        return f"{action.label} ({event.action})" if action else event.action


@admin.register(RateLimit)
class RateLimitAdmin(ReadOnlyAdmin):
    """The use of each limit; names of people in the keys are hashed."""

    list_display = ["key", "seconds", "used"]
    search_fields = ["key"]
