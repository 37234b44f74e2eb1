"""One spelling for texts that look the same: an accent may be typed as one character or as two (PW-04)."""

import unicodedata

from django.conf import settings


def normalised(password: str) -> str:
    """Return the password in NFKC, which is checked and hashed (NIST 800-63B-4 §3.1.1.2).

    One that is far too long is returned as it is, for ``refuse_too_long`` to refuse.
    """
    return password if is_endless(password) else unicodedata.normalize("NFKC", password)


def is_endless(text: str) -> bool:
    """Tell whether a text is too long to normalise: Python's time grows with the square of its combining marks."""
    return len(text) > 4 * settings.PASSWORD_MAX_LENGTH


def spellings(password: str) -> list[str]:
    """Return the texts that a hash may be made from: NFKC, and as typed, for hashes made before NFKC was used."""
    return list(dict.fromkeys((normalised(password), password)))


def folded(text: str) -> str:
    """Return the letters and digits of a text, without accents and in lower case, for comparing."""
    lower = text.casefold()
    plain = lower if is_endless(lower) else unicodedata.normalize("NFKD", lower)
    return "".join(character for character in plain if character.isalnum())
