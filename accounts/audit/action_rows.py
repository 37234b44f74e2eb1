"""What a row of the catalogue of actions (``actions``) has: its sentence, its label, and where its events are shown."""

from enum import Flag, auto
from typing import Self, cast

from django.db import models
from django.utils.functional import Promise


class Shown(Flag):
    """Where an action is shown besides the audit page."""

    ROUTINE = auto()  # thousands of events a day: left out of the index of the notable ones
    ON_HOME = auto()  # among the latest events of an administrator's home page
    REFUSAL = auto()  # something was refused: marked on the page, counted by the metrics
    NOTICE = auto()  # somebody is notified (accounts/notifications, twofactor/notifications.py)


ROUTINE, ON_HOME, REFUSAL, NOTICE = Shown.ROUTINE, Shown.ON_HOME, Shown.REFUSAL, Shown.NOTICE
PLAIN = Shown(0)


class ActionRow(models.TextChoices):
    """The columns of the catalogue. It has no rows of its own."""

    sentence: Promise
    shown: Shown

    def __new__(cls, value: str, shown: Shown, sentence: Promise) -> Self:
        """Keep the sentence and the marks beside the stored name; Django has taken the label off the row already."""
        row = str.__new__(cls, value)
        row._value_ = value
        row.sentence = sentence
        row.shown = shown
        return row

    @classmethod
    def named(cls, name: str) -> Self | None:
        """Return the row of a stored name; None for a name of an older version that no longer exists."""
        return cast("Self | None", cls._value2member_map_.get(name))

    @classmethod
    def marked(cls, mark: Shown) -> list[str]:
        """Return the stored names of the actions with a mark, in alphabetical order."""
        return sorted(action.value for action in cls if mark in action.shown)
