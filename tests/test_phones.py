"""Which numbers may receive tokens, how they are kept, named and hidden."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.countries import country_choices
from accounts.models import Account, User
from messaging.delivery.models import Message
from messaging.masking import mask_email
from tests.conftest import Browser, last_token
from tests.tools import page
from twofactor import error_messages, phones
from twofactor import exceptions as refusals
from twofactor.exceptions import TwoFactorError
from twofactor.models import Challenge

SPELLINGS = [
    "11987654321",
    "11 98765-4321",
    "(11) 98765.4321",
    "011 98765-4321",
    "0 15 11 98765-4321",
    "+55 11 98765-4321",
    "00 55 11 98765-4321",
    "5511987654321",
    "tel:+55-11-98765-4321",
    "１１９８７６５４３２１",
    "11 98765-4321 ramal 22",
    "(0xx11) 98765-4321",
    "0xx11 98765-4321",
    "\t11 98765-4321\t",
    "11 98765-4321;ext=5",
]
NOT_A_NUMBER = "This is not a phone number. Enter digits: area code + number."
NOT_COMPLETE = "This phone number has too few digits, or too many. Enter area code + number."
ONE_MISSING = "A digit is missing: after the area code there are 9 of them, and you typed 8."
OTHER_COUNTRY = "This number belongs to another country than the one you chose."
NINTH = "The ninth digit is missing: mobile numbers in Brazil have a 9 after the area code."
NO_SUCH_DDD = "This area code does not exist. Check its two digits."
NO_DDD = "The area code is missing. Enter its two digits first."
NO_SMS = "This number cannot receive SMS. Use a mobile phone, not a landline."
ONLY_BRAZIL = "We send tokens only to: Brazil (+55)."

WRONG = {
    # P-04: Brazil, each way to be wrong
    "11 8765-4321": NINTH,
    "+55 11 8765-4321": NINTH,
    "+552178912345": NINTH,
    "11 9876-5432": ONE_MISSING,
    "23 98765-4321": NO_SUCH_DDD,
    "+5523987654321": NO_SUCH_DDD,
    "98765-4321": NO_DDD,
    "8765-4321": NO_DDD,
    "11 18765-4321": NOT_COMPLETE,
    "11 98765-43210": NOT_COMPLETE,
    "190": NOT_COMPLETE,
    # P-02: valid, but no mobile phone
    "11 3265-4321": NO_SMS,
    "+551132654321": NO_SMS,
    "0800 123 4567": NO_SMS,
    "+558001234567": NO_SMS,
    "0300 300 1234": NO_SMS,
    "+553003001234": NO_SMS,
    "4004-1234": NO_SMS,
    "+5540041234": NO_SMS,
    "0900 123 4567": NO_SMS,
    "+559001234567": NO_SMS,
    # P-03, P-10: another country
    "+18765550123": ONLY_BRAZIL,
    "+1876 5550123": ONLY_BRAZIL,
    "00 1 202 555 0123": ONLY_BRAZIL,
    "+447911123456": ONLY_BRAZIL,
    "+8816123456789": ONLY_BRAZIL,
    # no telephone number at all
    "CALLMENOW": NOT_A_NUMBER,
    "11 CALLMENOW": NOT_A_NUMBER,
    "11 98765-432l": NOT_A_NUMBER,
    "+": NOT_A_NUMBER,
    "00": NOT_A_NUMBER,
    "<script>": NOT_A_NUMBER,
    "\u202e11": NOT_COMPLETE,
    "": "This field is required.",
    "   ": "This field is required.",
    "1" * 61: "Ensure this value has at most 60 characters (it has 61).",
    "1" * 5_000: "Ensure this value has at most 60 characters (it has 5000).",
    "1198765\x004321": "Null characters are not allowed.",
}


@pytest.fixture
def enrolling(browser: Browser, bob: User, policy: object) -> Browser:
    browser.post_password("bob")
    browser.post("/entrar/introducao/")
    return browser


@pytest.mark.parametrize("typed", SPELLINGS)
def test_every_spelling_of_a_number_is_one_number(enrolling: Browser, bob: User, typed: str) -> None:
    """P-01."""
    assert enrolling.post_phone(typed).headers["Location"] == "/entrar/token/"
    enrolling.post_token(last_token())
    bob.refresh_from_db()
    device = bob.phone_device
    assert (device.number, device.region, device.kind) == ("+5511987654321", "BR", "mobile")


@pytest.mark.parametrize("typed", WRONG, ids=lambda typed: typed[:20])
def test_each_way_to_be_wrong_has_its_sentence_and_sends_nothing(enrolling: Browser, typed: str) -> None:
    """P-02, P-03, P-04, P-10."""
    response = enrolling.post_phone(typed)
    assert response.status_code == 200
    assert WRONG[typed] in page(response)
    assert [sentence for sentence in set(WRONG.values()) - {WRONG[typed]} if sentence in page(response)] == []
    assert not Message.objects.exists()
    assert not Challenge.objects.exists()


@pytest.mark.parametrize("country", ["US", "br", "55", "+5", "\x00", "ZZ", "B", "BRA", "001", ""])
def test_a_country_that_is_not_allowed_is_refused(enrolling: Browser, country: str) -> None:
    """P-03, P-10."""
    response = enrolling.post_phone("202 555 0123", country)
    assert response.status_code == 200
    assert not Message.objects.exists()


def allow(settings: Any, *regions: str) -> None:
    """Let the operator allow these regions, and every account choose them all."""
    settings.ALLOWED_REGIONS = list(regions)
    Account.objects.update(allowed_regions=regions)


def test_the_refusal_of_a_country_names_the_allowed_ones(enrolling: Browser, settings: Any) -> None:
    assert ONLY_BRAZIL in page(enrolling.post_phone("202 555 0123", "US"))
    allow(settings, "BR", "PT")
    assert "We send tokens only to: Brazil (+55), Portugal (+351)." in page(enrolling.post_phone("1", "US"))


def test_an_account_that_chose_nothing_has_the_operators_first_country(enrolling: Browser, settings: Any) -> None:
    """P-03: the default is one region; the account adds."""
    settings.ALLOWED_REGIONS = ["BR", "US"]
    assert ONLY_BRAZIL in page(enrolling.post_phone("202 555 0123", "US"))
    assert "(+1)" not in page(enrolling.get("/entrar/telefone/"))


def test_an_account_chooses_among_the_operators_countries_only(enrolling: Browser, settings: Any) -> None:
    """P-03: and what the operator takes back is gone at once."""
    settings.ALLOWED_REGIONS = ["BR", "US"]
    Account.objects.update(allowed_regions=["US", "JM"])
    assert "We send tokens only to: United States (+1)." in page(enrolling.post_phone("11 98765-4321"))
    assert "We send tokens only to: United States (+1)." in page(enrolling.post_phone("876 555 0123", "JM"))
    settings.ALLOWED_REGIONS = ["BR"]
    assert ONLY_BRAZIL in page(enrolling.post_phone("202 555 0123", "US"))
    assert enrolling.post_phone("11 98765-4321").status_code == 302


@pytest.mark.parametrize("typed", ["+18765550123", "876 555 0123", "00 1 876 555 0123"])
def test_jamaica_is_refused_where_only_the_united_states_are_allowed(
    enrolling: Browser, settings: Any, typed: str
) -> None:
    """P-03: +1 is 25 regions."""
    allow(settings, "BR", "US")
    assert OTHER_COUNTRY in page(enrolling.post_phone(typed, "US"))
    assert not Message.objects.exists()
    assert enrolling.post_phone("202 555 0123", "US").status_code == 302


def test_guernsey_is_refused_where_only_great_britain_is_allowed() -> None:
    """P-03: +44 7911… is Guernsey."""
    with pytest.raises(refusals.CountryNotAllowed):
        phones.parse("GB", "+447911123456", ["GB"])
    with pytest.raises(refusals.CountryMismatch):
        phones.parse("GB", "+447911123456", ["GB", "GG"])
    assert phones.parse("GG", "+447911123456", ["GG"]).region == "GG"


@pytest.mark.parametrize("region", ["001", "BR", "US"])
def test_satellites_are_always_refused(region: str) -> None:
    """P-03: +8816… is a valid mobile number of region 001."""
    with pytest.raises(refusals.PhoneRefused):
        phones.parse(region, "+8816123456789", [region])


@pytest.mark.parametrize(
    ("region", "typed"),
    [("GB", "+448431234567"), ("ES", "+34803123456"), ("GB", "+447012345678"), ("GB", "07640 123456")],
)
def test_premium_personal_and_pager_numbers_are_refused(region: str, typed: str) -> None:
    """P-02."""
    with pytest.raises(refusals.NotMobile):
        phones.parse(region, typed, [region])


def test_north_american_numbers_are_accepted_though_they_may_be_fixed_lines() -> None:
    """P-02."""
    assert phones.parse("US", "(202) 555-0123", ["US"]).kind == "fixed_line_or_mobile"


def test_a_known_number_is_described_as_when_it_was_screened() -> None:
    assert phones.known("+5511987654321") == phones.parse("BR", "11 98765-4321", ["BR"])
    assert phones.known("+12025550123") == phones.parse("US", "202 555 0123", ["US"])


# A busy machine takes as long as it takes.
unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


@unhurried
@given(typed=st.text(max_size=80), region=st.sampled_from(["BR", "US", "GB", "001", "ZZ", ""]) | st.text(max_size=4))
def test_any_text_is_a_phone_or_a_refusal(typed: str, region: str) -> None:
    try:
        phone = phones.parse(region, typed, [region])
    except refusals.PhoneRefused:
        return
    assert phone.number.startswith("+")
    assert phone.number[1:].isascii()
    assert phone.number[1:].isdigit()


@unhurried
@given(typed=st.text(alphabet="0123456789+ ()-./x;=٠１०", max_size=30))
def test_whatever_passes_for_brazil_is_a_brazilian_mobile(typed: str) -> None:
    """P-04: eleven national digits with the 9."""
    try:
        phone = phones.parse("BR", typed, ["BR"])
    except refusals.PhoneRefused:
        return
    assert len(phone.number) == len("+5511987654321")
    assert phone.number[:3] == "+55"
    assert phone.number[5] == "9"


@pytest.mark.parametrize(
    ("number", "masked"),
    [("+5511987654321", "•••••••21"), ("+12025550123", "•••••••23"), ("+5521998877665", "•••••••65")],
)
def test_a_masked_number_shows_its_last_two_digits_whatever_its_length(number: str, masked: str) -> None:
    """P-09."""
    assert phones.mask(number) == masked


@pytest.mark.parametrize(
    ("address", "masked"),
    [("bob@example.com", "b•••@example.com"), ("b@example.com", "b•••@example.com"), ('"a@b"@c.com', '"•••@c.com')],
)
def test_a_masked_address_shows_the_first_letter_of_the_mailbox(address: str, masked: str) -> None:
    """P-09."""
    assert mask_email(address) == masked


@pytest.mark.parametrize(
    ("language", "choices"),
    [
        ("pt-br", ["Brasil (+55)", "Argentina (+54)", "Estados Unidos (+1)", "Portugal (+351)"]),
        ("en", ["Brazil (+55)", "Argentina (+54)", "Portugal (+351)", "United States (+1)"]),
        ("es", ["Brasil (+55)", "Argentina (+54)", "Estados Unidos (+1)", "Portugal (+351)"]),
    ],
)
def test_countries_are_named_and_sorted_in_the_persons_language(language: str, choices: list[str]) -> None:
    named = country_choices(["BR", "US", "PT", "AR", "ZZ"], language)
    assert [name for _region, name in named] == choices
    assert named[0][0] == "BR"


@pytest.mark.parametrize(("language", "name"), [("pt-br", "Estados Unidos (+1)"), ("en", "United States (+1)")])
def test_the_page_offers_the_allowed_countries(enrolling: Browser, settings: Any, language: str, name: str) -> None:
    allow(settings, "BR", "US")
    shown = page(enrolling.get("/entrar/telefone/", headers={"accept-language": language}))
    assert name in shown
    assert "(+54)" not in shown


@pytest.mark.parametrize(
    ("region", "typed", "answer"),
    [
        ("AR", "11 2345-6789", "Mobile numbers in Argentina have a 9 before the area code: 9 11 2345-6789."),
        ("AR", "9 11 2345-6789", ""),
        ("AR", "011 15-2345-6789", ""),
        ("MX", "1 55 1234 5678", "Mobile numbers in Mexico no longer have a 1 before the area code. Leave it out."),
        ("MX", "+52 1 55 1234 5678", "Mobile numbers in Mexico no longer have a 1 before the area code. Leave it out."),
        ("MX", "55 1234 5678", ""),
        ("MX", "15", NOT_COMPLETE),
        ("MX", "1 55 1234 567", NOT_COMPLETE),
        ("MX", "2 55 1234 5678", NOT_COMPLETE),
        ("BR", "1 11 98765-4321", NOT_COMPLETE),  # valid without the 1, too
        ("BR", "19 3265-4321", NO_SMS),  # a mobile number with a 9 before it, too
        ("AR", "0800 555 1234", NO_SMS),  # nor is it one with the 9
    ],
)
def test_a_nine_or_a_one_of_other_countries_is_named(region: str, typed: str, answer: str) -> None:
    """P-04: never corrected silently."""
    try:
        phones.parse(region, typed, ["AR", "BR", "MX"])
        said = ""
    except TwoFactorError as refusal:
        said = error_messages.of(refusal)
    assert said == answer
