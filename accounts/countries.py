"""The countries of phones, named in the reader's language."""

from collections.abc import Collection

import phonenumbers
from babel import Locale


def country_choices(regions: Collection[str], language: str) -> list[tuple[str, str]]:
    """Return (ISO code, "Brasil (+55)") for each region, named in a language and sorted, but the first region first."""
    territories = Locale.parse(language, sep="-").territories
    named = [
        (region, f"{territories.get(region, region)} (+{code})")
        for region in regions
        if (code := phonenumbers.country_code_for_region(region))
    ]
    return named[:1] + sorted(named[1:], key=lambda choice: choice[1])
