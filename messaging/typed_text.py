"""Clean what people type or paste (W-08): one spelling, nothing invisible, all blanks alike."""

import unicodedata
from typing import Any

from django import forms

# Letters that are drawn as nothing, beside Unicode's own category of invisible characters (Cf).
_BLANK_LETTERS = dict.fromkeys(map(ord, "\u115f\u1160\u3164\uffa0\u2800\u034f"))


def cleaned(text: str) -> str:
    """Return a text in NFKC without invisible and control characters, with single blanks between words.

    Tabs and line breaks become blanks. Joiners go, too: a name with one inside would not be found by typing it.
    NUL stays, for Django's validator to refuse: nobody types it.
    """
    plain = unicodedata.normalize("NFKC", text).translate(_BLANK_LETTERS)
    kept = (" " if character.isspace() else character for character in plain if not _is_hidden(character))
    return " ".join("".join(kept).split())


def _is_hidden(character: str) -> bool:
    category = unicodedata.category(character)
    return category in {"Cf", "Cc", "Cs", "Co", "Cn"} and not character.isspace() and character != "\0"


class TextField(forms.CharField):
    """A line of text, cleaned. With nothing visible in it, it is empty."""

    def to_python(self, value: Any) -> Any:
        return super().to_python(cleaned(value) if isinstance(value, str) else value)


class EmailField(forms.EmailField):
    """An e-mail address, cleaned as every line of text is."""

    def to_python(self, value: Any) -> Any:
        return super().to_python(cleaned(value) if isinstance(value, str) else value)
