"""What may be sent, and who is told when it is too much (security.md, section 3; C-08 to C-10)."""

import random
import re
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts import budgets
from accounts.flows import purge_budgets
from accounts.models import Account, AuditEvent, Budget, Role, User
from messaging.delivery.models import Message
from tests.conftest import BOBS_NUMBER, Browser, deliver, enrol, last_token, person, sent_to
from tests.tools import let_pass, page
from twofactor import spending
from twofactor.models import Challenge, PhoneDevice

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("policy")]

CHANNEL, TOKEN, RESEND = "/entrar/canal/", "/entrar/token/", "/entrar/token/reenviar/"
NO_MORE_SMS = "No more SMS can be sent today."


def ask(login: str = "bob", channel: str = "sms", **defaults: Any) -> Any:
    """Sign in up to the request for a token, in a browser of one's own; return the answer."""
    browser = Browser(**defaults)
    browser.post_password(login)
    return browser.post_channel(channel)


def newcomers(count: int, account: Account | None = None) -> list[str]:
    """Create so many people without a phone; return their logins."""
    account = account or Account.objects.get(name="Padaria Aurora")
    first = User.objects.count()
    made = [person(f"new{number}", account) for number in range(first, first + count)]
    return [one.username for one in made]


def try_phone(login: str, number: str = BOBS_NUMBER, country: str = "BR", **defaults: Any) -> Any:
    """Sign in for the first time up to the request for a token; return the answer."""
    return at_phone(login, **defaults).post_phone(number, country)


def at_phone(login: str, **defaults: Any) -> Browser:
    browser = Browser(**defaults)
    browser.post_password(login)
    browser.post("/entrar/introducao/")
    return browser


def withheld() -> list[str]:
    """Return the limits for which messages were withheld."""
    return [event.data["scope"] for event in AuditEvent.objects.filter(action="challenge.withheld").order_by("pk")]


def limit(settings: Any, **scopes: list[tuple[int, int]]) -> None:
    settings.LIMITS = {**settings.LIMITS, **scopes}


# What is told: limits of one's own ------------------------------------------------------------------


def test_a_person_has_five_sends_in_a_quarter_of_an_hour(bob: User, bobs_phone: PhoneDevice) -> None:
    """C-08, section 3: over all sign-ins and both channels, and the person is told."""
    for channel in ("sms", "email", "sms", "email", "sms"):
        assert ask(channel=channel).status_code == 302
    spent = Budget.objects.exclude(key__startswith="limit.hit").values_list("key", "used", "until")
    before = set(spent.all())
    answer = ask(channel="email")
    assert answer.status_code == 429
    assert 890 <= int(answer.headers["Retry-After"]) <= 900
    assert set(spent.all()) == before, "a refusal spends nothing"
    assert Message.objects.count() == Challenge.objects.count() == 5
    let_pass(900)
    assert ask(channel="email").status_code == 302


@pytest.mark.parametrize(("channel", "other"), [("sms", "email"), ("email", "sms")])
def test_each_channel_has_half_of_a_person_s_hour(
    bob: User, bobs_phone: PhoneDevice, settings: Any, channel: str, other: str
) -> None:
    """Section 3: SMS and e-mail each half."""
    limit(settings, user=[(4, 3600)])
    assert [ask(channel=channel).status_code for _ in range(3)] == [302, 302, 429]
    assert ask(channel=other).status_code == 302


@pytest.mark.parametrize(("seconds", "sends"), [(3600, 10), (86_400, 20)])
def test_a_person_has_an_hour_s_and_a_day_s_sends(
    bob: User, bobs_phone: PhoneDevice, settings: Any, seconds: int, sends: int
) -> None:
    """Section 3: 10 an hour and 20 a day."""
    limit(settings, phone=[(99, 600)], mailbox=[(99, 600)])
    answers = []
    for number in range(sends):
        answers.append(ask(channel=("sms", "email")[number % 2]).status_code)
        let_pass(300 if seconds == 3600 else 901)
        let_pass(0 if seconds == 3600 else 2_800)
    assert answers == [302] * sends
    assert ask().status_code == 429


def test_a_limited_resend_leaves_the_good_token_good(bob: User, bobs_phone: PhoneDevice, settings: Any) -> None:
    """fojin PR#902: spent before the challenge is issued, and in one transaction."""
    limit(settings, user=[(1, 900)])
    browser = Browser()
    browser.sign_in("bob", "sms")
    let_pass(901)
    browser = Browser()
    browser.post_password("bob")
    browser.post_channel()
    token = last_token()
    let_pass(31)
    assert browser.post(RESEND).status_code == 429
    assert browser.post_token(token).headers["Location"] == "/"


def test_a_limited_request_does_not_use_the_captcha_up(bob: User, bobs_phone: PhoneDevice, settings: Any) -> None:
    """C-02: the captcha is spent with the send, or not at all."""
    limit(settings, user=[(1, 900)])
    ask()
    browser = Browser()
    browser.post_password("bob")
    captcha = browser.captcha(CHANNEL)
    assert browser.post(CHANNEL, {"channel": "email", "altcha": captcha}).status_code == 429
    limit(settings, user=[(2, 900)])
    assert browser.post(CHANNEL, {"channel": "email", "altcha": captcha}).status_code == 302


def test_a_mailbox_has_three_sends_in_ten_minutes(bob: User, bobs_phone: PhoneDevice) -> None:
    """Section 3."""
    assert [ask(channel="email").status_code for _ in range(4)] == [302, 302, 302, 429]
    assert ask(channel="sms").status_code == 302


def test_a_person_tries_three_numbers_a_day(bob: User, settings: Any) -> None:
    """Section 3: the same number again, in whatever spelling, is no other one."""
    limit(settings, user=[(99, 900)])
    numbers = ["11 98765-4321", "21 98765-4321", "+55 (11) 98765 4321", "31 98765-4321", "41 98765-4321"]
    assert [try_phone("bob", number).status_code for number in numbers] == [302, 302, 302, 302, 429]
    assert try_phone("bob", "31 98765-4321").status_code == 302
    let_pass(86_401)
    assert try_phone("bob", "41 98765-4321").status_code == 302


def test_a_person_tries_five_numbers_in_thirty_days(bob: User, settings: Any) -> None:
    """Section 3: and the long windows outlive the clean-up."""
    limit(settings, user=[(99, 900)])
    for area in (11, 21, 31, 41, 51):
        assert try_phone("bob", f"{area} 98765-4321").status_code == 302
        let_pass(86_401)
        purge_budgets()
    assert try_phone("bob", "61 98765-4321").status_code == 429
    assert try_phone("bob", "11 98765-4321").status_code == 302


def test_a_limit_is_written_down_with_its_name(bob: User, bobs_phone: PhoneDevice, settings: Any) -> None:
    """J-01."""
    limit(settings, user=[(1, 900)])
    ask()
    ask()
    event = AuditEvent.objects.get(action="limit.hit")
    assert (event.user, event.data) == (bob, {"scope": "user"})
    assert 'messaging_limits_hit_5m{scope="user"} 1.0' in Browser().get("/metrics").content.decode()


# The address ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("proxies", [0, 1, 2])
def test_an_address_has_twenty_unconverted_sends_an_hour_whatever_it_says(
    account: Account, settings: Any, proxies: int
) -> None:
    """C-10: a forged X-Forwarded-For in each request, before what our proxies add."""
    settings.TRUSTED_PROXY_COUNT = proxies
    limit(settings, address=[(4, 3600)])
    answers = []
    for number, login in enumerate(newcomers(5)):
        forged = ", ".join(f"198.51.100.{random.randrange(250)}" for _ in range(random.randrange(1, 4)))
        ours = ["203.0.113.7", "10.0.0.2"][:proxies]
        headers = {"x-forwarded-for": ", ".join([forged, *ours])}
        answers.append(try_phone(login, f"{11 + number} 98765-4321", headers=headers).status_code)
    assert answers == [302] * 4 + [429]


def test_another_address_is_not_kept_out(account: Account, settings: Any) -> None:
    limit(settings, address=[(1, 3600)])
    one, two, three = newcomers(3)
    assert try_phone(one, "11 98765-4321").status_code == 302
    assert try_phone(two, "21 98765-4321").status_code == 429
    assert try_phone(three, "31 98765-4321", REMOTE_ADDR="203.0.113.9").status_code == 302


def test_colleagues_behind_one_address_all_enrol(account: Account, settings: Any) -> None:
    """F55: a typed token gives its send back to the address and to the range."""
    limit(settings, address=[(3, 3600)], prefix=[(3, 3600)])
    for number, login in enumerate(newcomers(9)):
        assert Browser().enrol(login, f"11 98765-{4321 + number}").headers["Location"] == "/"
    assert set(Budget.objects.filter(key__regex="^(address|prefix) ").values_list("used", flat=True)) == {0}


def test_who_comes_while_too_many_colleagues_are_typing_waits_a_minute_at_most(account: Account, settings: Any) -> None:
    """F55: not the hour that a robot waits for in vain."""
    limit(settings, address=[(2, 3600)])
    first, second, third = (at_phone(login) for login in newcomers(3))
    first.post_phone("11 98765-4321")
    token = last_token()
    second.post_phone("21 98765-4321")
    told = third.post_phone("31 98765-4321")
    assert (told.status_code, told.headers["Retry-After"]) == (429, "60")
    first.post_token(token)
    assert third.post_phone("31 98765-4321").headers["Location"] == TOKEN


def test_a_token_gives_back_what_it_took_and_only_once(bob: User, bobs_phone: PhoneDevice) -> None:
    """F55: and not from a window that has begun since."""
    browser = Browser()
    for _ in range(2):
        browser = Browser()
        browser.post_password("bob")
        browser.post_channel()
        let_pass(31)
    counted = Budget.objects.filter(key="address 127.0.0.1")
    assert set(counted.values_list("used", flat=True)) == {2}
    browser.post_token(last_token())
    browser.post_token(last_token())
    assert set(counted.values_list("used", flat=True)) == {1}
    challenge = Challenge.objects.latest("pk")
    Budget.objects.filter(seconds=3600).update(
        until=Budget.objects.get(key="address 127.0.0.1", seconds=3600).until + 99
    )
    spending.convert(challenge)
    assert dict(counted.values_list("seconds", "used")) == {3600: 1, 86_400: 0}


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        (None, "None"),
    ],
)
def test_of_ipv6_the_whole_network_is_one_address(address: str | None, counted: str) -> None:
    """C-10: everybody has 2^64 addresses to themselves."""
    assert budgets.network(address) == counted


# What is not told: limits of other people's phones --------------------------------------------------


def test_a_phone_has_three_sends_in_ten_minutes_over_all_accounts(account: Account, charlie: User) -> None:
    """Section 3, C-09: the fourth looks like the others, and nothing leaves."""
    logins = [*newcomers(2), *newcomers(2, charlie.account)]
    pages = [page(at_phone_token(login)) for login in logins]
    assert pages[2] == pages[3]
    assert len(sent_to(BOBS_NUMBER)) == 3
    assert withheld() == ["phone"]


def at_phone_token(login: str) -> Any:
    browser = at_phone(login)
    assert browser.post_phone(BOBS_NUMBER).headers["Location"] == TOKEN
    return browser.get(TOKEN)


def test_a_withheld_token_is_worth_nothing_and_costs_nothing(account: Account, settings: Any) -> None:
    """C-09: it gives back what only a message costs; a person's own sends are spent all the same."""
    limit(settings, phone=[(1, 600)])
    one, two = newcomers(2)
    try_phone(one)
    before = dict(Budget.objects.exclude(key__startswith="phone").values_list("key", "used"))
    try_phone(two)
    after = dict(Budget.objects.values_list("key", "used"))
    assert {key: after[key] for key in before} == before
    two_pk = User.objects.get(username=two).pk
    assert after[f"user {two_pk}"] == 1


def test_withholding_takes_no_more_statements_than_sending(account: Account, settings: Any) -> None:
    """C-09: as fast."""
    limit(settings, phone=[(1, 600)])
    counts = []
    for login in newcomers(2):
        browser = at_phone(login)
        captcha = browser.captcha("/entrar/telefone/")
        with CaptureQueriesContext(connection) as context:
            browser.post_phone(altcha=captcha)
        counts.append(len([query for query in context.captured_queries if "SAVEPOINT" not in query["sql"]]))
    assert withheld() == ["phone"]
    assert abs(counts[0] - counts[1]) <= 1, counts


def test_a_person_is_told_of_the_limit_of_their_own_phone(account: Account, bob: User, bobs_phone: PhoneDevice) -> None:
    """C-09: the phone is proved, and e-mail stays."""
    for login in newcomers(3):
        try_phone(login)
    assert ask("bob").status_code == 429
    assert ask("bob", "email").status_code == 302


def test_a_range_of_numbers_is_blocked_for_twelve_hours(account: Account, settings: Any) -> None:
    """Section 3: after ten unconverted sends in an hour, and a token typed late does not lift it."""
    limit(settings, prefix=[(2, 3600)], address=[(99, 3600)])
    logins = newcomers(6)
    browsers = [at_phone(login) for login in logins]
    tokens = []
    for number, browser in enumerate(browsers[:3]):
        browser.post_phone(f"11 98765-432{number}")
        tokens.append(last_token())
    assert withheld() == ["prefix"]
    assert browsers[0].post_token(re.findall(r"\d{6}", sent_to("+5511987654320")[0]["text"])[0]).status_code == 302
    for wait in (3_700, 39_000):
        let_pass(wait)
        try_phone(logins[3], "11 98765-4323")
    assert withheld() == ["prefix"] * 3
    assert try_phone(logins[4], "11 98764-4321").status_code == 302
    let_pass(43_201 - 42_700)
    try_phone(logins[5], "11 98765-4325")
    assert withheld() == ["prefix"] * 3
    assert len(sent_to("+5511987654325")) == 1


def test_a_proved_phone_in_a_blocked_range_goes_on(account: Account, settings: Any, bobs_phone: PhoneDevice) -> None:
    """ASVS 6.1.1: an outsider does not lock out whoever has a number nearby."""
    limit(settings, prefix=[(1, 3600)])
    for number, login in enumerate(newcomers(2)):
        try_phone(login, f"11 98765-432{number + 2}")
    assert withheld() == ["prefix"]
    assert ask("bob").status_code == 302
    assert len(sent_to(BOBS_NUMBER)) == 1


@pytest.fixture
def portugal(account: Account, settings: Any) -> None:
    settings.ALLOWED_REGIONS = ["BR", "PT"]
    Account.objects.update(allowed_regions=["BR", "PT"])
    limit(settings, address=[(99, 3600)], prefix=[(99, 3600)])


def test_a_country_has_its_hour(portugal: None, settings: Any) -> None:
    """Section 3: every country but the operator's first."""
    limit(settings, country=[(2, 3600)])
    for number, login in enumerate(newcomers(3)):
        assert try_phone(login, f"91234567{number}", "PT").status_code == 302
    assert withheld() == ["country"]
    for number, login in enumerate(newcomers(3)):
        try_phone(login, f"11 98765-432{number}")
    assert withheld() == ["country"]


def test_a_country_whose_tokens_nobody_types_is_no_longer_sent_to(portugal: None, settings: Any) -> None:
    """Section 3: under 30 % of 20 or more; and it heals when tokens are typed."""
    settings.COUNTRY_BREAKER_SENDS = 4
    browsers = [at_phone(login) for login in newcomers(6)]
    for number, browser in enumerate(browsers[:5]):
        browser.post_phone(f"91234567{number}", "PT")
    assert withheld() == ["conversion"]
    for number in (0, 1):
        (entry,) = sent_to(f"+35191234567{number}")
        browsers[number].post_token(re.findall(r"\b\d{6}\b", entry["text"])[0])
    browsers[5].post_phone("912345675", "PT")
    assert withheld() == ["conversion"]
    assert len(sent_to("+351912345675")) == 1


# A day's SMS of an account and of the system ----------------------------------------------------------


@pytest.fixture
def operator(db: None) -> User:
    return person("olga", Account.objects.create(name="Operação"), Role.ADMINISTRATOR, is_staff=True)


@pytest.fixture
def small(account: Account, settings: Any) -> list[str]:
    """Return people with phones of an account that has ten SMS a day."""
    settings.ACCOUNT_SMS_PER_USER = 0
    limit(settings, account=[(10, 86_400)], address=[(99, 3600)])
    logins = newcomers(12)
    for number, login in enumerate(logins):
        enrol(User.objects.get(username=login), f"+55119{number:02}654321")
    return logins


def told(address: str) -> list[str]:
    return [entry["subject"] for entry in reversed(sent_to(address))]


def test_an_account_is_told_at_half_at_eighty_and_at_the_end(alice: User, operator: User, small: list[str]) -> None:
    """Section 3: and the operators at the end; each once."""
    counts = []
    for login in small[:10]:
        assert ask(login).status_code == 302
        counts.append((len(told(alice.email)), len(told(operator.email))))
    assert counts == [(0, 0)] * 4 + [(1, 0)] * 3 + [(2, 0)] * 2 + [(3, 1)]
    assert "Half" in told(alice.email)[0]


def test_at_the_end_of_the_day_s_sms_email_stays(alice: User, small: list[str]) -> None:
    """Section 3: SMS off, e-mail on, and the person is told which way is open."""
    for login in small[:10]:
        ask(login)
    answer = ask(small[10])
    assert answer.status_code == 200
    assert NO_MORE_SMS in page(answer)
    assert ask(small[10], "email").status_code == 302
    assert NO_MORE_SMS in page(try_phone(newcomers(1)[0]))
    assert Message.objects.filter(channel="sms").count() == 10
    let_pass(86_401)
    assert ask(small[10]).status_code == 302


def test_the_choice_shows_that_the_day_s_sms_are_spent(alice: User, small: list[str]) -> None:
    """Section 3: the button cannot be pressed and says why; the mailbox's can, where it is offered."""
    for login in small[:9]:
        ask(login)
    assert sms_button(small[10]) == 'value="sms" class="choice" disabled data-unlock aria-describedby="unlock-first"'
    ask(small[9])
    assert sms_button(small[10]) == 'value="sms" class="choice" disabled aria-describedby="sms-spent"'
    let_pass(86_401)
    assert "sms-spent" not in choice(small[10])


def test_a_large_account_s_choice_stays_open(small: list[str], settings: Any) -> None:
    """Section 3: max(200, 5 x users)."""
    settings.ACCOUNT_SMS_PER_USER = 1
    for login in small[:11]:
        ask(login)
    assert "sms-spent" not in choice(small[11])


def choice(login: str) -> str:
    browser = Browser()
    browser.post_password(login)
    return page(browser.get(CHANNEL))


def sms_button(login: str) -> str:
    shown = choice(login)
    assert (NO_MORE_SMS in shown) == ("sms-spent" in shown)
    assert 'value="email" class="choice" disabled data-unlock aria' in shown
    return str(re.findall(r'value="sms"[^>]*', shown)[0])


def test_another_account_goes_on(small: list[str], charlie: User) -> None:
    enrol(charlie, "+5521987651234")
    for login in small[:10]:
        ask(login)
    assert ask("charlie").status_code == 302


def test_a_large_account_has_five_sms_for_each_of_its_people(small: list[str], settings: Any) -> None:
    """Section 3: max(200, 5 x users)."""
    settings.ACCOUNT_SMS_PER_USER = 1
    assert [ask(login).status_code for login in small] == [302] * 12


def test_the_whole_system_has_a_ceiling(
    small: list[str], operator: User, charlie: User, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Section 3, ASVS 2.4.1: an alarm at half, and none above it; e-mail stays."""
    limit(settings, system=[(4, 86_400)], account=[(99, 86_400)])
    enrol(charlie, "+5521987651234")
    assert [ask(login).status_code for login in small[:2]] == [302] * 2
    assert "system_sms.half_spent: 2 of 4 SMS" in caplog.text
    assert len(told(operator.email)) == 1
    assert [ask(login).status_code for login in small[2:4]] == [302] * 2
    assert "sms-spent" in choice("charlie")
    assert NO_MORE_SMS in page(ask("charlie"))
    assert ask("charlie", "email").status_code == 302
    metrics = Browser().get("/metrics").content.decode()
    assert "messaging_sms_of_the_day 4.0" in metrics
    assert "messaging_sms_a_day 4.0" in metrics


# In the database ------------------------------------------------------------------------------------


def test_all_is_spent_in_one_statement_in_one_order(bob: User, bobs_phone: PhoneDevice) -> None:
    """F20, C-08."""
    browser = Browser()
    browser.post_password("bob")
    captcha = browser.captcha(CHANNEL)
    with CaptureQueriesContext(connection) as context:
        browser.post(CHANNEL, {"channel": "sms", "altcha": captcha})
    (spent,) = [query["sql"] for query in context.captured_queries if 'INSERT INTO "accounts_budget' in query["sql"]]
    keys = re.findall(r"\('(\S+) [^']*', (\d+)", spent)
    assert keys == sorted(keys, key=lambda key: (key[0], int(key[1])))
    assert {scope for scope, _ in keys} == {"account", "address", "captcha", "phone", "system", "user", "user_sms"}


def test_the_table_shows_no_number_and_no_mailbox(bob: User, bobs_phone: PhoneDevice) -> None:
    """J-02."""
    ask()
    ask(channel="email")
    try_phone(newcomers(1)[0], "21 98765-4321")
    keys = " ".join(Budget.objects.values_list("key", flat=True))
    assert "987654321" not in keys
    assert "example.com" not in keys


def test_five_pending_sign_ins_of_a_person_are_alive(bob: User, bobs_phone: PhoneDevice) -> None:
    """Section 3: the sixth ends the first."""
    browsers = [Browser() for _ in range(6)]
    for browser in browsers:
        browser.post_password("bob")
    assert [browser.get(CHANNEL).status_code for browser in browsers] == [302] + [200] * 5


def test_the_third_person_of_a_phone_is_an_alarm(
    account: Account, charlie: User, caplog: pytest.LogCaptureFixture
) -> None:
    """P-08: in one account."""
    enrol(charlie)
    one, two, three = newcomers(3)
    for login in (one, two):
        Browser().enrol(login)
        assert not AuditEvent.objects.filter(action="phone.shared").exists()
    Browser().enrol(three)
    event = AuditEvent.objects.get(action="phone.shared")
    assert (event.user.username if event.user else "", event.data["people"]) == (three, 3)
    assert deliver()
