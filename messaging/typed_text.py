"""Cleaning typed and pasted text (W-08): one spelling, nothing invisible, all blanks alike."""

import unicodedata
from typing import Any

from django import forms
from django.core.validators import MaxLengthValidator

# Python needs 0.02 s to normalise so many combining marks, and 9 s for 160,000: its time grows with their square.
MAX_LENGTH = 4096
# Letters that are invisible, besides Unicode's own category of invisible characters (Cf).
_BLANK_LETTERS = dict.fromkeys(map(ord, "\u115f\u1160\u3164\uffa0\u2800\u034f"))


def cleaned(text: str) -> str:
    """Return a text in NFKC without invisible and control characters, with single blanks between words.

    Tabs and line breaks become blanks. Joiners are dropped, too: a name with one inside could not be found by typing
    it. NUL stays, for Django's validator to refuse: nobody types it.
    """
    plain = unicodedata.normalize("NFKC", text).translate(_BLANK_LETTERS)
    kept = (" " if character.isspace() else character for character in plain if not _is_hidden(character))
    return " ".join("".join(kept).split())


def _is_hidden(character: str) -> bool:
    category = unicodedata.category(character)
    return category in {"Cf", "Cc", "Cs", "Co", "Cn"} and not character.isspace() and character != "\0"


class TextField(forms.CharField):
    """A line of text, cleaned. Without anything visible it is empty."""

    def to_python(self, value: Any) -> Any:
        return super().to_python(_cleaned_value(value, self.max_length))


class EmailField(forms.EmailField):
    """An e-mail address, cleaned in the same way."""

    def to_python(self, value: Any) -> Any:
        return super().to_python(_cleaned_value(value, self.max_length))


def _cleaned_value(value: Any, maximum: int | None) -> Any:
    """Return the cleaned text of a field. Raises ValidationError, before it is cleaned, above MAX_LENGTH."""
    if not isinstance(value, str):
        return value
    if len(value) > MAX_LENGTH:
        MaxLengthValidator(min(maximum or MAX_LENGTH, MAX_LENGTH))(value)
    return cleaned(value)
