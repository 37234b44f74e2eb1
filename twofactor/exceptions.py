"""Refusals with names. They carry facts; forms give them words."""

from collections.abc import Collection

from accounts import exceptions as accounts


class TwoFactorError(Exception):
    """A refusal that a person can be told."""


class PhoneRefused(TwoFactorError):
    """The number cannot be used to receive tokens."""


class NotANumber(PhoneRefused):
    """What was typed is no telephone number."""


class CountryNotAllowed(PhoneRefused):
    """The country is not among those the account sends to: ``allowed``, ISO regions (P-03)."""

    def __init__(self, allowed: Collection[str]) -> None:
        super().__init__(allowed)
        self.allowed = allowed


class CountryMismatch(PhoneRefused):
    """The number carries the code of another country than the chosen one (P-10)."""


class NinthDigitMissing(PhoneRefused):
    """A Brazilian mobile number without the 9 (P-04)."""


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
    """The captcha's unlock is spent or too old; a new one is needed (C-06)."""


class SmsSpent(TwoFactorError):
    """The account, or the whole system, has no SMS left for today; e-mail stays."""


class ChannelRefused(TwoFactorError):
    """This channel may not be used now."""


class JourneyOver(TwoFactorError):
    """The pending sign-in or phone change has ended; begin again (S-02, S-06)."""


class PasswordRefused(TwoFactorError):
    """The password of a re-authentication is wrong."""


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
    """Its 180 seconds are over (T-02)."""


class TokenSuperseded(TokenRefused):
    """A newer token was sent (T-04)."""


class TokenUsed(TokenRefused):
    """It was used before (T-03)."""


class AttemptsSpent(TokenRefused):
    """Five attempts were made on this token (L-01)."""


class Limited(TwoFactorError, accounts.Limited):
    """Too much, too soon, at the second step."""
