"""The words for refusals. Exceptions have names; people read sentences."""

from collections.abc import Collection
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import get_language, gettext, ngettext
from django.utils.translation import gettext_lazy as _

from messaging.delivery.faults import Fault
from messaging.delivery.models import Channel, Message, State
from twofactor import exceptions as refusals
from twofactor import phones

SENTENCES: dict[type[refusals.TwoFactorError], Promise] = {
    refusals.NotANumber: _("This is not a complete phone number. Write DDD + number."),
    refusals.CountryMismatch: _("This number belongs to another country than the one you chose."),
    refusals.NinthDigitMissing: _("The ninth digit is missing: mobile numbers in Brazil have a 9 after the DDD."),
    refusals.UnknownAreaCode: _("This DDD does not exist. Check the two digits of the area."),
    refusals.AreaCodeMissing: _("The DDD is missing. Write the two digits of the area first."),
    refusals.NotMobile: _("This number cannot receive SMS. Use a mobile phone, not a landline."),
    refusals.SamePhone: _("This is already your phone. Write the new number."),
    refusals.CaptchaMissing: _("Tick “I'm not a robot” to go on."),
    refusals.CaptchaRefused: _("The verification “I'm not a robot” has expired. Tick it again."),
    refusals.CaptchaUnavailable: _(
        "The verification “I'm not a robot” does not answer right now. Try again in a minute."
    ),
    refusals.CaptchaReplaced: _("The usual check does not answer right now. Tick this one instead."),
    refusals.CaptchaNeeded: _("To send another token, tick “I'm not a robot” again."),
    refusals.SmsSpent: _("No more SMS can be sent today. Use the e-mail where it is offered, or try again tomorrow."),
    refusals.ChannelRefused: _("Choose SMS or e-mail."),
    refusals.JourneyOver: _("Your sign-in took too long or was ended. Please sign in again."),
    refusals.PasswordRefused: _("This is not your password."),
    refusals.OwnPhone: _("You change your own phone in My profile."),
    refusals.NoPhone: _("This user has no phone. They set one up at the next sign-in."),
    refusals.SameAddress: _("This is already your address. Write the new one."),
    refusals.AddressRefused: _("This address cannot be used. Begin again with another one."),
    refusals.TokenMalformed: _("The token has six digits. Write them as they came."),
    refusals.TokenLate: _("This token is too old. Ask for another one."),
    refusals.TokenSuperseded: _("A newer token was sent to you. Use the newest one."),
    refusals.TokenUsed: _("This token was already used. Ask for another one."),
    refusals.AttemptsSpent: _("Too many attempts with this token. Ask for another one."),
}


ATTEMPTS_TOLD = 3  # from here down a person is told how many are left


def of(refusal: refusals.TwoFactorError) -> str:
    """Return the sentence for a refusal, in the language in force."""
    if isinstance(refusal, refusals.TokenWrong):
        return _wrong(refusal.attempts_left)
    if isinstance(refusal, refusals.CountryNotAllowed):
        return _not_allowed(refusal.allowed)
    return str(SENTENCES[type(refusal)])


def _wrong(attempts_left: int) -> str:
    if not attempts_left:
        return str(SENTENCES[refusals.AttemptsSpent])
    if attempts_left > ATTEMPTS_TOLD:
        return gettext("Wrong token. Check the six digits and try again.")
    return ngettext(
        "Wrong token. You have %(count)d more attempt.",
        "Wrong token. You have %(count)d more attempts.",
        attempts_left,
    ) % {"count": attempts_left}


def _not_allowed(allowed: Collection[str]) -> str:
    choices = phones.country_choices(allowed, get_language() or "pt-br")
    return gettext("We send tokens only to: %(countries)s.") % {
        "countries": ", ".join(name for _region, name in choices)
    }


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of a token's message, for its reader: "going", "arrived" or "failed", and the sentence."""

    state: str
    text: str


NOT_DELIVERED: dict[str, Promise] = {
    Fault.NUMBER: _("Not delivered: this number cannot receive it."),
    Fault.REGION: _("Not delivered: we cannot send SMS to this country."),
    Fault.OPTED_OUT: _("Not delivered: this number has refused our messages at its carrier."),
    Fault.BLOCKED: _("Not delivered: the carrier blocks this range of numbers."),
    Fault.HANDSET: _("Not delivered: the phone is switched off or out of reach."),
}


def fate(message: Message | None) -> Fate:
    """Return the truth about a token's message. Without a message it says what everybody reads (P-08, C-09)."""
    if message and message.state == State.DELIVERED:
        return Fate("arrived", gettext("Delivered to the phone."))
    if message and message.state in {State.FAILED, State.EXPIRED}:
        known = NOT_DELIVERED.get(message.fault) if message.channel == Channel.SMS else None
        return Fate("failed", str(known or gettext("We could not send it. Try again or use the other way.")))
    return Fate("going", gettext("On its way."))
