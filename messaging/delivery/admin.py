"""The operators' pages of messages, circuits and senders. Nothing can be changed there."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from messaging.delivery.models import Channel, GatewayFailure, Heartbeat, Message, OpenCircuit, PeriodicTask
from messaging.masking import mask_email


class ReadOnlyAdmin(admin.ModelAdmin):
    """A history that nobody adds to, changes or deletes here."""

    show_full_result_count = False

    def has_add_permission(self, request: object) -> bool:
        return False

    def has_change_permission(self, request: object, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: object, obj: object = None) -> bool:
        return False


@admin.register(Message)
class MessageAdmin(ReadOnlyAdmin):
    """Messages with their delivery status; destinations are masked (P-09)."""

    list_display = ["created_at", "kind", "channel", "masked", "state", "gateway", "fault", "error", "tries"]
    list_filter = ["state", "channel", "kind", "gateway", "fault"]
    ordering = ["-pk"]
    exclude = ["destination"]
    readonly_fields = ["masked"]

    @admin.display(description=_("destination"))
    def masked(self, message: Message) -> str:
        """Return the last two digits of a number, or the first letter of a mailbox."""
        if message.channel == Channel.SMS:
            return f"•••••••{message.destination[-2:]}"
        return mask_email(message.destination)


@admin.register(OpenCircuit)
class OpenCircuitAdmin(ReadOnlyAdmin):
    """Gateways that are not used for now."""

    list_display = ["name", "fault", "opened_at", "open_until"]


@admin.register(GatewayFailure)
class GatewayFailureAdmin(ReadOnlyAdmin):
    """Gateway calls that failed."""

    list_display = ["at", "name", "fault"]
    ordering = ["-pk"]


@admin.register(Heartbeat)
class HeartbeatAdmin(ReadOnlyAdmin):
    """Senders, and when each last looked for messages."""

    list_display = ["name", "at"]


@admin.register(PeriodicTask)
class PeriodicTaskAdmin(ReadOnlyAdmin):
    """Periodic tasks: when each last ended well, when it is due, and whether it runs now."""

    list_display = ["name", "done_at", "due_at", "leased_until", "high_water"]
