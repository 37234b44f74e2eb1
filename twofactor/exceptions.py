"""Refusals with names. They carry facts; forms give them words."""

from collections.abc import Collection

from accounts import exceptions as accounts


class TwoFactorError(Exception):
    """A refusal that a person can be told."""


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
    """A Mexican mobile number with the 1 of before 2019 (P-04)."""


class UnknownAreaCode(PhoneRefused):
    """No such DDD (P-04)."""


class AreaCodeMissing(PhoneRefused):
    """A Brazilian number without DDD."""


class NotMobile(PhoneRefused):
    """A landline, toll-free, premium or other number that is no mobile phone (P-02)."""


class SamePhone(PhoneRefused):
    """The new number is today's number."""


class CaptchaRefused(TwoFactorError):
    """The captcha was wrong, late or used before (C-01, C-02)."""


class CaptchaMissing(CaptchaRefused):
    """Nobody has ticked the box."""


class CaptchaUnavailable(CaptchaRefused):
    """The captcha's verifier does not answer; nobody passes (C-05)."""


class CaptchaReplaced(CaptchaUnavailable):
    """The captcha's verifier does not answer, and the self-hosted one takes its place (F37)."""


class CaptchaNeeded(TwoFactorError):
    """The captcha's unlock is used up or too old; a new one is needed (C-06)."""


class SmsUsedUp(TwoFactorError):
    """The account, or the whole system, has no SMS left for today; e-mail stays."""


class SmsForKnownBrowsers(SmsUsedUp):
    """What is left of the day's SMS is for known browsers, and this is none: a link from the mailbox makes it one."""


class ChannelRefused(TwoFactorError):
    """This channel may not be used now."""


class JourneyOver(TwoFactorError):
    """The pending sign-in or phone change has ended; begin again (S-02, S-06)."""


class PasswordRefused(TwoFactorError):
    """The password of a re-authentication is wrong."""


class CodeRefused(TwoFactorError):
    """The recovery code is wrong, used, replaced, too old, or was tried too often; none of these is told apart."""


class CodeMalformed(TwoFactorError):
    """Not twenty digits; refused before any comparison and not counted."""


class OwnPhone(TwoFactorError):
    """Nobody resets their own phone (A-02)."""


class NoPhone(TwoFactorError):
    """There is no phone to reset."""


class SameAddress(TwoFactorError):
    """The new address is today's address."""


class AddressRefused(TwoFactorError):
    """The address was taken by somebody else meanwhile (R-08)."""


class TokenRefused(TwoFactorError):
    """The token proves nothing."""


class TokenMalformed(TokenRefused):
    """Not six ASCII digits; refused before any comparison and not counted (T-08)."""


class TokenWrong(TokenRefused):
    """Six digits, but not these."""

    def __init__(self, attempts_left: int) -> None:
        super().__init__(attempts_left)
        self.attempts_left = attempts_left


class TokenLate(TokenRefused):
    """Its life is over (T-02)."""


class TokenSuperseded(TokenRefused):
    """A newer token was sent (T-04)."""


class TokenUsed(TokenRefused):
    """It was used before (T-03)."""


class AttemptsUsedUp(TokenRefused):
    """Five attempts were made on this token (L-01)."""


class AppTokenWrong(TokenRefused):
    """Six digits, but not those of the app now."""


class AppTokenUsed(TokenRefused):
    """The token of this step, or of a later one, was used before (T-03)."""


class AppUnreadable(TwoFactorError):
    """The key of the app's secret is gone: nobody can tell whether a token is right."""


class OwnCodeRefused(TokenRefused):
    """None of the person's own recovery codes, or one that was used."""


class OwnCodeMalformed(TokenRefused):
    """Not sixteen signs; refused before any comparison and not counted."""


class FactorNotAllowed(TwoFactorError):
    """This kind of factor cannot be added here."""


class LastFactor(TwoFactorError):
    """It is the last factor that counts, and the policy is on."""


class PasskeyRefused(TwoFactorError):
    """The answer of a passkey proves nothing (K-04)."""


class PasskeyUnreadable(PasskeyRefused):
    """No answer of a browser; refused before any comparison and not counted."""


class PasskeyLate(PasskeyRefused):
    """The challenge was answered before, replaced by a newer one, or its 300 seconds are over."""


class PasskeyWrong(PasskeyRefused):
    """Not signed by a passkey of this person, for this journey, at this address."""


class PasskeyCopied(PasskeyWrong):
    """It counts fewer signatures than before: somebody may have a copy of it."""


class PasskeyNotAlone(PasskeyRefused):
    """This key signs nobody in without the password; why is not told apart."""


class PasskeyTaken(PasskeyRefused):
    """It is registered already."""


class PasskeysEnough(TwoFactorError):
    """The person has as many as they may."""


class Limited(TwoFactorError, accounts.Limited):
    """Too much, too soon, at the second step."""
