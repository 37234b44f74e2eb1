"""Which new passwords are refused, and why (NIST 800-63B-4 §3.1.1.2, ASVS 6.1.2, 6.2.1, 6.2.11).

There are no rules of composition: any printable text of the right length may be chosen that is not easy to guess
(PW-01).
"""

import re
from collections.abc import Iterator
from functools import cache

from django.conf import settings
from django.contrib.auth.password_validation import CommonPasswordValidator
from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.models import Account, User
from accounts.passwords import breaches
from accounts.passwords.common import COMMON
from accounts.passwords.spelling import folded, normalised

# The estimator gets the beginning only: of the characters that cost it most, 20 take 0.14 s, 40 take 0.9 s and 128
# take 20 s (measured).
ESTIMATED_CHARACTERS = 20
SHORTEST_WORD = 4
PRODUCT = "Messaging"


def minimum_length(user: User | None) -> int:
    """Return the minimum length of a person's password: shorter where a second factor is required too."""
    if user is not None and _account(user) and user.two_factor_required:
        return int(settings.PASSWORD_MIN_LENGTH_TWO_FACTOR)
    return int(settings.PASSWORD_MIN_LENGTH)


class Validator:
    """A validator of AUTH_PASSWORD_VALIDATORS. The pages have the help texts."""

    def get_help_text(self) -> str:
        return ""


class LengthValidator(Validator):
    """Refuse a password shorter than the person's minimum, or longer than the sign-in page accepts (PW-02, PW-03)."""

    def validate(self, password: str, user: User | None = None) -> None:
        """Raise ValidationError when the length is wrong."""
        minimum, length = minimum_length(user), len(normalised(password))
        if length < minimum:
            text = ngettext(
                "Use at least %(minimum)d character; a short sentence is easy to remember.",
                "Use at least %(minimum)d characters; a short sentence is easy to remember.",
                minimum,
            )
            raise ValidationError(text, code="password_too_short", params={"minimum": minimum})
        refuse_too_long(password)


def refuse_too_long(password: str) -> None:
    """Raise ValidationError above the one maximum length, in NFKC, where a password is chosen and where it is typed."""
    if len(normalised(password)) > settings.PASSWORD_MAX_LENGTH:
        raise ValidationError(
            _("Use at most %(maximum)d characters."),
            code="password_too_long",
            params={"maximum": settings.PASSWORD_MAX_LENGTH},
        )


class ContextValidator(Validator):
    """Refuse a password with a name that an attacker knows: of the product, the account or the person (ASVS 6.2.11)."""

    def validate(self, password: str, user: User | None = None) -> None:
        """Raise ValidationError with the name's kind."""
        letters = folded(normalised(password))
        for word, reason in _names(user):
            if len(word) >= SHORTEST_WORD and word in letters:
                raise ValidationError(str(reason), code="password_names")


class CommonValidator(Validator):
    """Refuse the most common passwords in our three languages, with or without digits around them."""

    def validate(self, password: str, user: User | None = None) -> None:
        """Raise ValidationError when the password is a common one."""
        letters = folded(normalised(password))
        if re.sub(r"^\d+|\d+$", "", letters) in COMMON or not _is_rare(letters):
            raise ValidationError(
                _("This is one of the passwords that are tried first. Choose another one."), code="password_common"
            )


class GuessableValidator(Validator):
    """Refuse a password that an estimator of guesses finds soon, given the names and the common words (ASVS 6.2.11)."""

    def validate(self, password: str, user: User | None = None) -> None:
        """Raise ValidationError when too few guesses are needed."""
        from zxcvbn import zxcvbn  # noqa: PLC0415 (its word lists take 0.4 s and 20 MB: loaded when needed)

        words = [word for word, _reason in _names(user, parts=True) if word]
        beginning = normalised(password)[:ESTIMATED_CHARACTERS]
        found = zxcvbn(beginning, user_inputs=[*words, *sorted(COMMON)])
        if found["guesses_log10"] < settings.PASSWORD_MIN_GUESSES_LOG10:
            raise ValidationError(
                _("This password is easy to guess. Add words that do not belong together."), code="password_guessable"
            )


class BreachValidator(Validator):
    """Refuse a password in a list of leaked ones, if the operator has switched that on (ASVS 6.2.12)."""

    def validate(self, password: str, user: User | None = None) -> None:
        """Raise ValidationError when the password has leaked."""
        if settings.BREACHED_PASSWORDS and breaches.has_leaked(normalised(password)):
            raise ValidationError(
                _("This password was found in a leak from another site. Choose another one."), code="password_leaked"
            )


def _names(user: User | None, *, parts: bool = False) -> Iterator[tuple[str, Promise]]:
    """Return the names that a password must not have, folded, with the error for each."""
    yield folded(PRODUCT), _("It contains the name of this portal. Choose another one.")
    if user is None:
        return
    if account := _account(user):
        for name in _split(account.name, parts=parts):
            yield name, _("It contains the name of your account. Choose another one.")
    for name in (user.first_name, user.last_name, f"{user.first_name}{user.last_name}"):
        yield folded(name), _("It contains your name. Choose another one.")
    yield folded(user.username), _("It contains your login. Choose another one.")
    for name in (user.email, user.email.partition("@")[0]):
        yield folded(name), _("It contains your e-mail address. Choose another one.")


def _account(user: User) -> Account | None:
    """Return the person's account; a person who is just being created may have none yet."""
    try:
        return user.account
    except ObjectDoesNotExist:
        return None


def _split(name: str, *, parts: bool) -> list[str]:
    return [folded(name), *(folded(word) for word in name.split() if parts)]


@cache
def _common_list() -> CommonPasswordValidator:
    return CommonPasswordValidator()


def _is_rare(password: str) -> bool:
    return password not in _common_list().passwords
