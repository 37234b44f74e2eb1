"""A notice: a short message about something that happened, and how an e-mail looks."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.template.loader import render_to_string

from accounts.models import Accent, Account, AuditEvent
from messaging.delivery.models import Channel
from messaging.delivery.renderers import Content


@dataclass(frozen=True, slots=True)
class Notice:
    """A short message about something that happened. ``sms`` is GSM-7, one segment (T-11)."""

    heading: str
    paragraphs: list[str]
    sms: str = ""
    action: dict[str, str] = field(default_factory=dict)

    def content(self, channel: str, account: Account | None = None) -> Content:
        """Return the notice for a channel, in the look of the reader's account."""
        if channel == Channel.SMS:
            return Content(text=self.sms)
        context = {"heading": self.heading, "paragraphs": self.paragraphs, **self.action, **look_of(account)}
        return Content(
            subject=self.heading,
            text=render_to_string("messages/notice.txt", context),
            html=render_to_string("messages/notice.html", context),
        )


# The light palettes of app.css, because mail programs read no style sheet of ours; a test measures white on each.
ACCENTS = {
    Accent.GREEN: "#0b6b5b",
    Accent.BLUE: "#1d5fbf",
    Accent.VIOLET: "#6a3fb5",
    Accent.PINK: "#a8276f",
    Accent.AMBER: "#8a5200",
    Accent.GRAPHITE: "#3f4b57",
}


def look_of(account: Account | None) -> dict[str, Any]:
    """Return the look of an e-mail: the colour, and the account for its name and initial."""
    accent = Accent(account.accent) if account else Accent.GREEN
    return {"account": account, "colour": ACCENTS[accent]}


NoticeWriter = Callable[[AuditEvent], Notice]
