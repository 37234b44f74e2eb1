"""Parse, screen and mask telephone numbers. Pure functions over libphonenumber."""

import re
from collections.abc import Collection
from dataclasses import dataclass

import phonenumbers
from babel import Locale
from phonenumbers import NumberParseException, PhoneNumber, PhoneNumberFormat, PhoneNumberType

from twofactor import exceptions as refusals

LONGEST_TYPED = 60
MOBILE_TYPES = {PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE}
# Letters would be read as the digits of a keypad: CALLMENOW is a valid number to libphonenumber.
_LETTERS = re.compile(r"[^\W\d_]")
_PREFIX = re.compile(r"\Atel:", re.IGNORECASE)
_EXTENSION = re.compile(r"(;?ext\.?=?|;?ramal|x)\s*\d{1,6}\Z", re.IGNORECASE)
_BRAZIL_LONG = 11
_BRAZIL_SHORT = 10


@dataclass(frozen=True, slots=True)
class Phone:
    """A mobile number that may receive tokens: E.164, ISO region, "mobile" or "fixed_line_or_mobile" (P-01)."""

    number: str
    region: str
    kind: str


def parse(region: str, typed: str, allowed: Collection[str]) -> Phone:
    """Return the phone that a person means by a country and a number, or raise a PhoneRefused that says why not.

    ``region`` is the ISO code of the chosen country; a number that begins with "+" must be of that country (P-10).
    """
    if region not in allowed:
        raise refusals.CountryNotAllowed(allowed)
    number = _read(region, typed)
    if number.country_code != phonenumbers.country_code_for_region(region):
        raise refusals.CountryMismatch
    if region == "BR":
        _screen_brazilian(number)
    if not phonenumbers.is_valid_number(number):
        raise refusals.NotANumber
    kind = phonenumbers.number_type(number)
    if kind not in MOBILE_TYPES:
        raise refusals.NotMobile
    # +1 is 25 regions and +44 four: the region, not the calling code, decides (P-03).
    if phonenumbers.region_code_for_number(number) != region:
        raise refusals.CountryMismatch
    e164 = phonenumbers.format_number(number, PhoneNumberFormat.E164)
    return Phone(e164, region, PhoneNumberType.to_string(kind).lower())


def known(number: str) -> Phone:
    """Return the phone of an E.164 number that was screened before."""
    parsed = phonenumbers.parse(number)
    region = phonenumbers.region_code_for_number(parsed) or ""
    return Phone(number, region, PhoneNumberType.to_string(phonenumbers.number_type(parsed)).lower())


def _read(region: str, typed: str) -> PhoneNumber:
    bare = _EXTENSION.sub("", _PREFIX.sub("", typed.strip()))
    if len(bare) > LONGEST_TYPED or _LETTERS.search(bare):
        raise refusals.NotANumber
    # With "00" the library takes the country code for a carrier: 00 55 11 … became +55 11 98… (security.md, 4.6).
    bare = re.sub(r"\A[\s(]*00", "+", bare)
    try:
        return phonenumbers.parse(bare, region)
    except NumberParseException:
        raise refusals.NotANumber from None


def _screen_brazilian(number: PhoneNumber) -> None:
    """Say what is wrong with a Brazilian number; never correct it silently (P-04)."""
    digits = phonenumbers.national_significant_number(number)
    if len(digits) in {8, 9}:
        raise (refusals.NotMobile if _is_service(number) else refusals.AreaCodeMissing)
    if len(digits) in {_BRAZIL_SHORT, _BRAZIL_LONG} and not digits.startswith("0"):
        if not _area_exists(digits[:2]):
            raise (refusals.NotMobile if _is_service(number) else refusals.UnknownAreaCode)
        if len(digits) == _BRAZIL_SHORT and digits[2] in "6789":
            raise refusals.NinthDigitMissing


def _area_exists(area: str) -> bool:
    return phonenumbers.is_valid_number(phonenumbers.parse(f"+55{area}987654321"))


def _is_service(number: PhoneNumber) -> bool:
    """Tell whether this is a valid number of no area: 0800, 0300, 4004, 0900."""
    return phonenumbers.is_valid_number(number)


def country_choices(regions: Collection[str], language: str) -> list[tuple[str, str]]:
    """Return (ISO code, "Brasil (+55)") for each region, named in a language and sorted; the first region leads."""
    territories = Locale.parse(language, sep="-").territories
    named = [
        (region, f"{territories.get(region, region)} (+{code})")
        for region in regions
        if (code := phonenumbers.country_code_for_region(region))
    ]
    return named[:1] + sorted(named[1:], key=lambda choice: choice[1])


def mask(number: str) -> str:
    """Return a number of which only the last two digits can be read (P-09)."""
    return f"•••••••{number[-2:]}"


def mask_email(address: str) -> str:
    """Return an address of which only the first letter of the mailbox can be read (P-09)."""
    mailbox, _at, domain = address.rpartition("@")
    return f"{mailbox[:1]}•••@{domain}"


def pretty(number: str) -> str:
    """Return an E.164 number as people write it, for the person it belongs to."""
    return phonenumbers.format_number(phonenumbers.parse(number), PhoneNumberFormat.INTERNATIONAL)
