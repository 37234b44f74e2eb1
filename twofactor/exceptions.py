"""Refusals as named exceptions. They carry facts; ``error_messages`` words them."""

from collections.abc import Collection

from accounts import exceptions as accounts


class TwoFactorError(Exception):
    """A refusal that a person may be told."""


class PhoneRefused(TwoFactorError):
    """The number cannot be used to receive tokens."""


class NotANumber(PhoneRefused):
    """What was typed is no telephone number."""


class NumberIncomplete(PhoneRefused):
    """Digits that are no number of the country: too few, too many, or of no range in use."""


class CountryNotAllowed(PhoneRefused):
    """The country is not among those the account sends to: ``allowed``, ISO regions (P-03)."""

    def __init__(self, allowed: Collection[str]) -> None:
        super().__init__(allowed)
        self.allowed = allowed


class CountryMismatch(PhoneRefused):
    """The number carries the code of another country than the chosen one (P-10)."""


class NinthDigitMissing(PhoneRefused):
    """A Brazilian mobile number without the 9 (P-04)."""


class DigitMissing(PhoneRefused):
    """A Brazilian mobile number of eight digits that begins with 9: one is missing, first or later (P-04)."""


class NineMissing(PhoneRefused):
    """An Argentine mobile number without the 9 before the area (P-04)."""


class OneTooMany(PhoneRefused):
    """A Mexican mobile number with the 1 that was used until 2019 (P-04)."""


class UnknownAreaCode(PhoneRefused):
    """No such DDD (P-04)."""


class AreaCodeMissing(PhoneRefused):
    """A Brazilian number without DDD."""


class NotMobile(PhoneRefused):
    """A landline, toll-free, premium or other number that is no mobile phone (P-02)."""


class SamePhone(PhoneRefused):
    """The new number is the current number."""


class CaptchaRefused(TwoFactorError):
    """The captcha was wrong, late or used before (C-01, C-02)."""


class CaptchaMissing(CaptchaRefused):
    """The box was not ticked."""


class CaptchaUnavailable(CaptchaRefused):
    """The captcha's verifier does not answer; nobody passes (C-05)."""


class CaptchaReplaced(CaptchaUnavailable):
    """The captcha's verifier does not answer, and the self-hosted captcha is used (F37)."""


class CaptchaNeeded(TwoFactorError):
    """The sends that the captcha paid for are used up or too old; a new captcha is needed (C-06)."""


class SmsUsedUp(TwoFactorError):
    """The account, or the whole system, has no SMS left for today; e-mail still works."""


class SmsForKnownBrowsers(SmsUsedUp):
    """The rest of the day's SMS is for known browsers; a link from the mailbox makes this one known."""


class ChannelRefused(TwoFactorError):
    """This channel may not be used now."""


class JourneyOver(TwoFactorError):
    """The pending sign-in or phone change has ended; begin again (S-02, S-06)."""


class PasswordRefused(TwoFactorError):
    """The password of a re-authentication is wrong."""


class CodeRefused(TwoFactorError):
    """The recovery code is wrong, used, replaced, too old, or was tried too often; the page does not say which."""


class CodeMalformed(TwoFactorError):
    """Not twenty digits; refused before any comparison and not counted."""


class OwnPhone(TwoFactorError):
    """Nobody resets their own phone (A-02)."""


class NoPhone(TwoFactorError):
    """There is no phone to reset."""


class SameAddress(TwoFactorError):
    """The new address is the current address."""


class AddressRefused(TwoFactorError):
    """Somebody else has got the address meanwhile (R-08)."""


class TokenRefused(TwoFactorError):
    """The token is refused."""


class TokenMalformed(TokenRefused):
    """Not six ASCII digits; refused before any comparison and not counted (T-08)."""


class TokenWrong(TokenRefused):
    """Six digits, but the wrong ones."""

    def __init__(self, attempts_left: int) -> None:
        super().__init__(attempts_left)
        self.attempts_left = attempts_left


class TokenLate(TokenRefused):
    """It has expired (T-02)."""


class TokenSuperseded(TokenRefused):
    """A newer token was sent (T-04)."""


class TokenUsed(TokenRefused):
    """It was used before (T-03)."""


class AttemptsUsedUp(TokenRefused):
    """Five attempts were made on this token (L-01)."""


class TokensClosed(TokenRefused):
    """A hundred wrong tokens in a row have closed everything that can be guessed, until an unlock (L-03)."""


class AppTokenWrong(TokenRefused):
    """Six digits, but not those that the app shows now."""


class AppTokenUsed(TokenRefused):
    """The token of this step, or of a later one, was used before (T-03)."""


class AppUnreadable(TwoFactorError):
    """The key of the app's secret is missing, so no token can be verified."""


class OwnCodeRefused(TokenRefused):
    """None of the person's own recovery codes, or one that was used."""


class OwnCodeMalformed(TokenRefused):
    """Not sixteen characters; refused before any comparison and not counted."""


class FactorNotAllowed(TwoFactorError):
    """This kind of factor cannot be added here."""


class LastFactor(TwoFactorError):
    """It is the last factor that counts, and the policy is on."""


class PasskeyRefused(TwoFactorError):
    """The answer of a passkey is refused (K-04)."""


class PasskeyUnreadable(PasskeyRefused):
    """Not an answer of a browser; refused before any comparison and not counted."""


class PasskeyLate(PasskeyRefused):
    """The challenge was answered before, replaced by a newer one, or has expired after 300 seconds."""


class PasskeyWrong(PasskeyRefused):
    """Not signed by a passkey of this person, for this journey, at this address."""


class PasskeyCopied(PasskeyWrong):
    """Its signature counter did not grow: somebody may have a copy of it."""


class PasskeyNotAlone(PasskeyRefused):
    """This key signs nobody in without the password; the page does not say why."""


class PasskeyTaken(PasskeyRefused):
    """It is registered already."""


class PasskeysEnough(TwoFactorError):
    """The person has as many passkeys as they may have."""


class Limited(TwoFactorError, accounts.Limited):
    """A limit of the second step was reached."""
