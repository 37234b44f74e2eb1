"""One spelling for what looks the same: an accent is typed as one character here and as two there (PW-04)."""

import unicodedata


def normalised(password: str) -> str:
    """Return the password in NFKC, the spelling that is checked and hashed (NIST 800-63B-4 §3.1.1.2)."""
    return unicodedata.normalize("NFKC", password)


def spellings(password: str) -> list[str]:
    """Return what a hash may have been made of: NFKC, and what was typed, for hashes made before NFKC was used."""
    return list(dict.fromkeys((normalised(password), password)))


def folded(text: str) -> str:
    """Return the letters and digits of a text, without accents and in lower case, for comparing."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return "".join(character for character in plain if character.isalnum())
