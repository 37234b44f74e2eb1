"""Parse, check and mask telephone numbers. Pure functions over libphonenumber."""

import re
from collections.abc import Collection
from dataclasses import dataclass

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumber, PhoneNumberFormat, PhoneNumberType

from twofactor import exceptions as refusals

MAX_TYPED_LENGTH = 60
MOBILE_TYPES = {PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE}
# libphonenumber would read letters as keypad digits: CALLMENOW is a valid number to it.
_LETTERS = re.compile(r"[^\W\d_]")
_PREFIX = re.compile(r"\Atel:", re.IGNORECASE)
_EXTENSION = re.compile(r"(;?ext\.?=?|;?ramal|x)\s*\d{1,6}\Z", re.IGNORECASE)
# How Brazilians write "0, carrier, area" with the carrier left open: (0xx11).
_ANY_CARRIER = re.compile(r"\A(\(?)0xx\s*(?=\d\d)", re.IGNORECASE)
_BRAZIL_LONG = 11
_BRAZIL_SHORT = 10


@dataclass(frozen=True, slots=True)
class Phone:
    """A mobile number that may receive tokens: E.164, ISO region, "mobile" or "fixed_line_or_mobile" (P-01)."""

    number: str
    region: str
    kind: str


def parse(region: str, typed: str, allowed: Collection[str]) -> Phone:
    """Return the phone for a country and a typed number, or raise a PhoneRefused that says why not.

    ``region`` is the ISO code of the chosen country; a number that begins with "+" must be of that country (P-10).
    """
    if region not in allowed:
        raise refusals.CountryNotAllowed(allowed)
    number = _read(region, typed)
    if number.country_code != phonenumbers.country_code_for_region(region):
        raise _other_country(allowed)
    if region == "BR":
        _screen_brazilian(number)
    if not phonenumbers.is_valid_number(number):
        raise refusals.OneTooMany if _has_old_one(region, number) else refusals.NumberIncomplete
    kind = phonenumbers.number_type(number)
    if kind not in MOBILE_TYPES:
        raise refusals.NineMissing if _is_mobile_with_nine(region, number) else refusals.NotMobile
    # +1 is 25 regions and +44 four, so the region decides, not the calling code (P-03).
    if phonenumbers.region_code_for_number(number) != region:
        raise _other_country(allowed)
    e164 = phonenumbers.format_number(number, PhoneNumberFormat.E164)
    return Phone(e164, region, PhoneNumberType.to_string(kind).lower())


def _other_country(allowed: Collection[str]) -> refusals.PhoneRefused:
    """Return why a number of another country is refused; if only one country is allowed, nobody chose it."""
    return refusals.CountryMismatch() if len(allowed) > 1 else refusals.CountryNotAllowed(allowed)


def known(number: str) -> Phone:
    """Return the phone of an E.164 number that was checked before."""
    parsed = phonenumbers.parse(number)
    region = phonenumbers.region_code_for_number(parsed) or ""
    return Phone(number, region, PhoneNumberType.to_string(phonenumbers.number_type(parsed)).lower())


def _read(region: str, typed: str) -> PhoneNumber:
    bare = _EXTENSION.sub("", _PREFIX.sub("", typed.strip()))
    if region == "BR":
        bare = _ANY_CARRIER.sub(r"\1", bare)
    if len(bare) > MAX_TYPED_LENGTH or _LETTERS.search(bare):
        raise refusals.NotANumber
    # With "00" the library reads the country code as a carrier: 00 55 11 … became +55 11 98… (P-01).
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
            raise (refusals.DigitMissing if digits[2] == "9" else refusals.NinthDigitMissing)


def _is_mobile_with_nine(region: str, number: PhoneNumber) -> bool:
    """Tell whether an Argentine number lacks only the 9 that mobile phones have before the area (P-04)."""
    digits = phonenumbers.national_significant_number(number)
    with_nine = PhoneNumber(country_code=number.country_code, national_number=int(f"9{digits}"))
    return region == "AR" and phonenumbers.number_type(with_nine) in MOBILE_TYPES


def _has_old_one(region: str, number: PhoneNumber) -> bool:
    """Tell whether a Mexican number is wrong only by the 1 that mobile phones had until 2019 (P-04)."""
    digits = phonenumbers.national_significant_number(number)
    if region != "MX" or not digits.startswith("1") or not digits[1:]:
        return False
    without = PhoneNumber(country_code=number.country_code, national_number=int(digits[1:]))
    return phonenumbers.is_valid_number(without)


def _area_exists(area: str) -> bool:
    return phonenumbers.is_valid_number(phonenumbers.parse(f"+55{area}987654321"))


def _is_service(number: PhoneNumber) -> bool:
    """Tell whether this is a valid number without an area: 0800, 0300, 4004, 0900."""
    return phonenumbers.is_valid_number(number)


def calling_code(number: str) -> str:
    """Return the country code of an E.164 number."""
    return str(phonenumbers.parse(number).country_code)


def mask(number: str) -> str:
    """Return a number with all but its last two digits hidden (P-09)."""
    return f"•••••••{number[-2:]}"


def national(number: str) -> str:
    """Return an E.164 number as it is typed beside its country."""
    return phonenumbers.format_number(phonenumbers.parse(number), PhoneNumberFormat.NATIONAL)


def pretty(number: str) -> str:
    """Return an E.164 number as people write it, for the person it belongs to."""
    return phonenumbers.format_number(phonenumbers.parse(number), PhoneNumberFormat.INTERNATIONAL)
