"""The sentences for refusals, and for the delivery status of a token's message."""

from collections.abc import Collection
from dataclasses import dataclass

from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import get_language, gettext, ngettext
from django.utils.translation import gettext_lazy as _

from accounts.countries import country_choices
from messaging.delivery.failure_reasons import Fault
from messaging.delivery.models import Channel, Message, State
from twofactor import exceptions as refusals
from twofactor.models import UNCONFIRMED, Purpose

SENTENCES: dict[type[refusals.TwoFactorError], Promise] = {
    refusals.NotANumber: _("This is not a phone number. Enter digits: area code + number."),
    refusals.NumberIncomplete: _("This phone number has too few digits, or too many. Enter area code + number."),
    refusals.CountryMismatch: _("This number belongs to another country than the one you chose."),
    refusals.NinthDigitMissing: _("The ninth digit is missing: mobile numbers in Brazil have a 9 after the area code."),
    refusals.DigitMissing: _("A digit is missing: after the area code there are 9 of them, and you typed 8."),
    refusals.NineMissing: _("Mobile numbers in Argentina have a 9 before the area code: 9 11 2345-6789."),
    refusals.OneTooMany: _("Mobile numbers in Mexico no longer have a 1 before the area code. Leave it out."),
    refusals.UnknownAreaCode: _("This area code does not exist. Check its two digits."),
    refusals.AreaCodeMissing: _("The area code is missing. Enter its two digits first."),
    refusals.NotMobile: _("This number cannot receive SMS. Use a mobile phone, not a landline."),
    refusals.SamePhone: _("This is already your phone. Enter the new number."),
    refusals.CaptchaMissing: _("Tick “I'm not a robot” to go on."),
    refusals.CaptchaRefused: _("The verification “I'm not a robot” has expired. Tick it again."),
    refusals.CaptchaUnavailable: _(
        "The verification “I'm not a robot” does not answer right now. Try again in a minute."
    ),
    refusals.CaptchaReplaced: _("The usual check does not answer right now. Tick this one instead."),
    refusals.CaptchaNeeded: _("To send another token, tick “I'm not a robot” again."),
    refusals.SmsUsedUp: _(
        "No more SMS can be sent today. Use another way where it is offered. If none is, an administrator of your "
        "account can allow tokens by e-mail, or you try again tomorrow."
    ),
    refusals.SmsForKnownBrowsers: _(
        "The rest of today's SMS is for browsers that we know. A link in your mailbox makes this one known."
    ),
    refusals.ChannelRefused: _("This way is not open to you now. Choose another one."),
    refusals.JourneyOver: _("Your sign-in took too long or was ended. Please sign in again."),
    refusals.PasswordRefused: _("This is not your password."),
    refusals.CodeRefused: _("This code does not work, or no longer. Ask your administrator for another one."),
    refusals.CodeMalformed: _("The recovery code has 20 digits. Enter all of them."),
    refusals.OwnPhone: _("You change your own phone in My profile."),
    refusals.NoPhone: _("This user has no phone. They set one up at the next sign-in."),
    refusals.SameAddress: _("This is already your address. Enter the new one."),
    refusals.AddressRefused: _("This address cannot be used. Begin again with another one."),
    refusals.TokenMalformed: _("The token has six digits. Enter them as they came."),
    refusals.TokenLate: _("This token is too old. Ask for another one."),
    refusals.TokenSuperseded: _("A newer token was sent to you. Use the newest one."),
    refusals.TokenUsed: _("This token was already used. Ask for another one."),
    refusals.AppTokenWrong: _("Wrong token. Enter the six digits that the app shows now."),
    refusals.AppTokenUsed: _("This token was already used. Wait for the next one in the app."),
    refusals.AppUnreadable: _("The app cannot be checked right now. Use another way, and tell your administrator."),
    refusals.OwnCodeRefused: _("This is none of your recovery codes, or it was used. Try another one."),
    refusals.OwnCodeMalformed: _("A recovery code has 16 letters and digits. Enter all of them."),
    refusals.FactorNotAllowed: _("This cannot be added to your login now."),
    refusals.LastFactor: _("This is your last second step. Add another one before you remove it."),
    refusals.AttemptsUsedUp: _("Too many attempts with this token. Ask for another one."),
    refusals.TokensClosed: _(
        "After a hundred wrong tokens no token opens your login any more. Use a recovery code or a passkey, or ask an "
        "administrator of your account to unlock you."
    ),
    refusals.PasskeyUnreadable: _("Nothing came from your key. Try again, or choose another way."),
    refusals.PasskeyLate: _("That took too long, or was answered before. Try again."),
    refusals.PasskeyWrong: _("This key does not fit this login. Try another key, or choose another way."),
    refusals.PasskeyCopied: _(
        "This key has counted backwards, so somebody may have a copy of it. Choose another way, and remove the key."
    ),
    refusals.PasskeyNotAlone: _(
        "This passkey alone does not sign in here. Sign in with your password; the key can be your second step then."
    ),
    refusals.PasskeyTaken: _("This key is registered already."),
    refusals.PasskeysEnough: _("You have ten passkeys. Remove one that you no longer use first."),
}


LOCKED_BY_FAILURES = _(
    "Your login is locked after a hundred wrong tokens: somebody knows your password. Choose a new one by “Forgot your "
    "password?”. Then a recovery code or a passkey signs you in, or an administrator of your account unlocks you."
)
ATTEMPTS_SHOWN = 3  # from so many on, the page says how many are left


def of(refusal: refusals.TwoFactorError) -> str:
    """Return the sentence for a refusal, in the language in force."""
    if isinstance(refusal, refusals.TokenWrong):
        return _wrong(refusal.attempts_left)
    if isinstance(refusal, refusals.CountryNotAllowed):
        return _not_allowed(refusal.allowed)
    return str(SENTENCES[type(refusal)])


def _wrong(attempts_left: int) -> str:
    if not attempts_left:
        return str(SENTENCES[refusals.AttemptsUsedUp])
    if attempts_left > ATTEMPTS_SHOWN:
        return gettext("Wrong token. Check the six digits and try again.")
    return ngettext(
        "Wrong token. You have %(count)d more attempt.",
        "Wrong token. You have %(count)d more attempts.",
        attempts_left,
    ) % {"count": attempts_left}


def _not_allowed(allowed: Collection[str]) -> str:
    choices = country_choices(allowed, get_language() or "pt-br")
    return gettext("We send tokens only to: %(countries)s.") % {
        "countries": ", ".join(name for _region, name in choices)
    }


@dataclass(frozen=True, slots=True)
class DeliveryStatus:
    """The delivery status for the reader: "going", "arrived" or "failed", and the sentence."""

    state: str
    text: str


NOT_DELIVERED: dict[str, Promise] = {
    Fault.NUMBER: _("Not delivered: this number cannot receive it."),
    Fault.REGION: _("Not delivered: we cannot send SMS to this country."),
    Fault.OPTED_OUT: _("Not delivered: this number has refused our messages at its carrier."),
    Fault.BLOCKED: _("Not delivered: the carrier blocks this range of numbers."),
    Fault.HANDSET: _("Not delivered: the phone is switched off or out of reach."),
    Fault.FILTERED: _("Not delivered: the carrier of this number filtered the message out."),
    Fault.LOST: _("Not delivered, and the carrier does not say why."),
}
# While it is tried again: what the reader may want to know before choosing the other channel.
HELD_UP: dict[tuple[str, str], Promise] = {
    (Channel.SMS, Fault.OURS): _("SMS does not work right now. We keep trying; the other way may be quicker."),
    (Channel.EMAIL, Fault.OURS): _("E-mail does not work right now. We keep trying; the other way may be quicker."),
    (Channel.EMAIL, Fault.REFUSED): _("E-mail does not work right now. We keep trying; the other way may be quicker."),
    (Channel.EMAIL, Fault.BUSY): _("The mail server asked us to wait. We keep trying; the other way may be quicker."),
}


# After a minute, when nobody knows whether it arrived.
ASK_AGAIN = _("Nothing came? Ask for another token, or use the other way.")
CHECK_NUMBER = _("Nothing came? Check the number, try another phone, or ask an administrator of your account.")
CHECK_ADDRESS = _("Nothing came? Look in the spam folder and check the address; then begin again.")
NOTHING_CAME: dict[str, Promise] = {
    Purpose.ENROL: CHECK_NUMBER,
    Purpose.CHANGE_PHONE: CHECK_NUMBER,
    Purpose.CHANGE_EMAIL: CHECK_ADDRESS,
}


def delivery_status(message: Message | None, *, purpose: str = "", age: float = 0) -> DeliveryStatus:
    """Return what a page says about a token's message. Without a message it is what everybody reads (P-08, C-09).

    ``age`` is the seconds since the token was asked for. After a minute the reader is told what else they can do, also
    for a message that is withheld (B-08). No page says that an unconfirmed phone has received it: that would tell a
    withheld message from one that left, and whose phone is switched on. Of a token to a new address everybody reads the
    same: where a mail server refuses it, nothing is withheld, so nobody else has the address (R-08).
    """
    if purpose == Purpose.CHANGE_EMAIL:
        message = None
    if message and message.state == State.DELIVERED and purpose not in UNCONFIRMED:
        return DeliveryStatus("arrived", gettext("Delivered to the phone."))
    if message and message.state in {State.FAILED, State.EXPIRED}:
        known = NOT_DELIVERED.get(message.fault) if message.channel == Channel.SMS else None
        return DeliveryStatus("failed", str(known or gettext("We could not send it. Try again or use the other way.")))
    held_up = HELD_UP.get((message.channel, message.fault)) if message and message.state == State.SENDING else None
    if held_up is None and age >= settings.NOTHING_CAME_SECONDS:
        return DeliveryStatus("going", str(NOTHING_CAME.get(purpose, ASK_AGAIN)))
    return DeliveryStatus("going", str(held_up or gettext("On its way.")))
