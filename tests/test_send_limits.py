"""What may be sent, and who is told when it is too much (C-08, C-09, C-10)."""

import random
import re
from collections import Counter
from typing import Any

import pytest
from django.db import connection
from django.db.models import F, Q, Sum
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import rate_limits, sms_limits
from accounts.models import Account, AuditEvent, RateLimit, Role, User
from accounts.rate_limits import purge
from messaging.delivery.models import Message, State
from tests.conftest import BOBS_NUMBER, PASSWORD, Browser, deliver, enrol, last_token, person, sent_to
from tests.tools import let_pass, page
from twofactor.models import Challenge, PendingSignIn, PhoneDevice
from twofactor.tokens.sms_of_the_day import SmsDay

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("policy")]

CHANNEL, TOKEN, RESEND = "/entrar/canal/", "/entrar/token/", "/entrar/token/reenviar/"
NONE = [(0, 86_400)]
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
    """C-08: over all sign-ins and both channels, and the person is told."""
    for channel in ("sms", "email", "sms", "email", "sms"):
        assert ask(channel=channel).status_code == 302
    rest = RateLimit.objects.exclude(Q(key__startswith="events ") | Q(key__startswith="unfinished told"))
    counted = rest.values_list("key", "used", "until")
    before = set(counted.all())
    answer = ask(channel="email")
    assert answer.status_code == 429
    assert 890 <= int(answer.headers["Retry-After"]) <= 900
    assert set(counted.all()) == before, "a refusal counts nothing"
    assert Message.objects.filter(kind="token").count() == Challenge.objects.count() == 5
    let_pass(900)
    assert ask(channel="email").status_code == 302


@pytest.mark.parametrize(("channel", "other"), [("sms", "email"), ("email", "sms")])
def test_each_channel_has_half_of_a_person_s_hour(
    bob: User, bobs_phone: PhoneDevice, settings: Any, channel: str, other: str
) -> None:
    """C-08: SMS and e-mail each half."""
    limit(settings, user=[(4, 3600)])
    assert [ask(channel=channel).status_code for _ in range(3)] == [302, 302, 429]
    assert ask(channel=other).status_code == 302


@pytest.mark.parametrize(("seconds", "sends"), [(3600, 10), (86_400, 20)])
def test_a_person_has_an_hour_s_and_a_day_s_sends(
    bob: User, bobs_phone: PhoneDevice, settings: Any, seconds: int, sends: int
) -> None:
    """C-08: 10 an hour and 20 a day."""
    limit(settings, phone=[(99, 600)], mailbox=[(99, 600)])
    answers = []
    for number in range(sends):
        answers.append(ask(channel=("sms", "email")[number % 2]).status_code)
        let_pass(300 if seconds == 3600 else 901)
        let_pass(0 if seconds == 3600 else 2_800)
    assert answers == [302] * sends
    assert ask().status_code == 429


def test_a_limited_resend_leaves_the_good_token_good(bob: User, bobs_phone: PhoneDevice, settings: Any) -> None:
    """C-08: limits are counted before the challenge is issued, in one transaction; a refusal supersedes no token."""
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
    """C-02: the captcha is used with the send, or not at all."""
    limit(settings, user=[(1, 900)])
    ask()
    browser = Browser()
    browser.post_password("bob")
    captcha = browser.captcha(CHANNEL)
    assert browser.post(CHANNEL, {"channel": "email", "altcha": captcha}).status_code == 429
    limit(settings, user=[(2, 900)])
    assert browser.post(CHANNEL, {"channel": "email", "altcha": captcha}).status_code == 302


def test_a_mailbox_has_three_sends_in_ten_minutes(bob: User, bobs_phone: PhoneDevice) -> None:
    """C-08."""
    assert [ask(channel="email").status_code for _ in range(4)] == [302, 302, 302, 429]
    assert ask(channel="sms").status_code == 302


def test_a_person_tries_five_numbers_a_day(bob: User, settings: Any) -> None:
    """B-09: the same number again, in whatever spelling, is no other one; the next day is another."""
    limit(settings, user=[(99, 900)])
    numbers = [f"{area} 98765-4321" for area in (11, 21, 31)]
    numbers += ["+55 (11) 98765 4321", "41 98765-4321", "51 98765-4321", "61 98765-4321"]
    assert [try_phone("bob", number).status_code for number in numbers] == [302] * 6 + [429]
    assert try_phone("bob", "31 98765-4321").status_code == 302
    let_pass(86_401)
    purge()
    assert try_phone("bob", "61 98765-4321").status_code == 302


def test_a_number_that_is_proved_does_not_count_among_those_tried(bob: User, settings: Any) -> None:
    """B-07, B-09: whoever mistyped four is in with the fifth, and changes the phone the same day."""
    limit(settings, user=[(99, 900)])
    for area in (11, 21, 31, 41):
        try_phone("bob", f"{area} 98765-4321")
    counted = RateLimit.objects.filter(key=f"numbers {bob.pk}")
    assert counted.get().used == 4
    assert Browser().enrol("bob", "51 98765-4321").headers["Location"] == "/"
    assert counted.get().used == 4


def test_a_number_that_a_colleague_proved_is_given_back_all_the_same(bob: User) -> None:
    """B-07, B-09: who shares a phone has tried no number more."""
    Browser().enrol(newcomers(1)[0], "51 98765-4321")
    assert Browser().enrol("bob", "51 98765-4321").headers["Location"] == "/"
    assert RateLimit.objects.get(key=f"numbers {bob.pk}").used == 0


@pytest.mark.usefixtures("many_sends")
def test_each_number_that_is_proved_is_given_back_once(bob: User) -> None:
    """B-07, B-09: two phones, to and fro, after two numbers that were mistyped."""
    try_phone("bob", "21 98765-4321")
    browser = Browser()
    browser.enrol("bob", "11 98765-0001")
    change_to(browser, "31 98765-4321")
    assert numbers_of(bob) == 2
    for number in ("11 98765-0002", "11 98765-0001", "11 98765-0002"):
        let_pass(121)
        change_to(browser, number)
        browser.post("/meu-perfil/telefone/confirmar/", {"token": last_token()})
        assert PhoneDevice.objects.get().number[-1] == number[-1]
        assert numbers_of(bob) == 2


def change_to(browser: Browser, number: str) -> None:
    """Walk a change of the phone up to the token of the new number."""
    browser.post("/meu-perfil/telefone/", {"country": "BR", "number": number})
    browser.post("/meu-perfil/telefone/confirmar/", {"password": PASSWORD, "channel": "email"})
    browser.post("/meu-perfil/telefone/confirmar/", {"token": last_token()})


def numbers_of(user: User) -> int:
    """Return how many numbers a person has tried and not proved, in new browsers and in known ones."""
    return sum(RateLimit.objects.filter(key__startswith=f"numbers {user.pk}").values_list("used", flat=True))


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
def test_an_address_whose_tokens_nobody_types_is_refused_whatever_it_says(
    account: Account, settings: Any, proxies: int
) -> None:
    """C-10: a forged X-Forwarded-For in each request, before what our proxies add."""
    settings.TRUSTED_PROXY_COUNT = proxies
    limit(settings, address=[(4, 3600)], spared=NONE)
    answers = []
    for number, login in enumerate(newcomers(6)):
        forged = ", ".join(f"198.51.100.{random.randrange(250)}" for _ in range(random.randrange(1, 4)))
        ours = ["203.0.113.7", "10.0.0.2"][:proxies]
        headers = {"x-forwarded-for": ", ".join([forged, *ours])}
        answers.append(try_phone(login, f"{11 + number} 98765-4321", headers=headers).status_code)
        if number == 4:
            deliver()
            let_pass(181)
    assert answers == [302] * 5 + [429], "of those whose tokens still live nobody knows whether they type them"


def test_another_address_and_another_account_are_not_kept_out(account: Account, charlie: User, settings: Any) -> None:
    """B-01."""
    limit(settings, address=[(1, 3600)], spared=NONE)
    one, two, three = newcomers(3)
    (foreign,) = newcomers(1, charlie.account)
    assert try_phone(one, "11 98765-4321").status_code == 302
    deliver()
    let_pass(181)
    assert try_phone(two, "21 98765-4321").status_code == 429
    assert try_phone(three, "31 98765-4321", REMOTE_ADDR="203.0.113.9").status_code == 302
    assert try_phone(foreign, "41 98765-4321").status_code == 302


def test_a_proved_phone_is_sent_to_from_any_address(bob: User, bobs_phone: PhoneDevice, settings: Any) -> None:
    """B-01: a neighbour whose tokens nobody types stops newcomers of their own account at most."""
    limit(settings, address=[(1, 3600)], spared=NONE)
    one, two = newcomers(2)
    try_phone(one, "21 98765-4321")
    deliver()
    let_pass(181)
    assert try_phone(two, "31 98765-4321").status_code == 429
    assert ask("bob").status_code == 302


def test_colleagues_behind_one_address_all_enrol(account: Account, settings: Any) -> None:
    """F55: a typed token gives its send back to the address and to the range."""
    limit(settings, address=[(3, 3600)], prefix=[(3, 3600)])
    for number, login in enumerate(newcomers(9)):
        assert Browser().enrol(login, f"11 98765-{4321 + number}").headers["Location"] == "/"
    assert set(RateLimit.objects.filter(key__regex="^(address|prefix) ").values_list("used", flat=True)) == {0}


def test_who_comes_while_colleagues_are_still_typing_is_not_refused(account: Account, settings: Any) -> None:
    """B-08, F55: a token counts once its life is over."""
    limit(settings, address=[(2, 3600)], spared=NONE)
    for number, login in enumerate(newcomers(6)):
        assert try_phone(login, f"{11 + number} 98765-4321").status_code == 302
        deliver()


def test_what_another_account_left_untyped_at_an_address_refuses_nobody(
    account: Account, charlie: User, settings: Any
) -> None:
    """B-08, A-04: behind one address there may be two of them."""
    limit(settings, address=[(2, 3600)], spared=NONE)
    for number, login in enumerate([*newcomers(3, charlie.account), *newcomers(4)]):
        if number == 3:
            let_pass(181)
        assert try_phone(login, f"{11 + number} 98765-4321").status_code == 302
        deliver()


def test_a_token_gives_back_what_its_journey_took_and_only_once(bob: User, bobs_phone: PhoneDevice) -> None:
    """B-07: the resend and the other channel, too; another journey stays counted, and money is counted."""
    ask("bob")
    let_pass(31)
    browser = Browser()
    browser.post_password("bob")
    browser.post_channel()
    let_pass(31)
    browser.post(RESEND)
    let_pass(61)
    browser.post(CHANNEL, {"channel": "email"})
    assert used_of(bob, "user") == {4}
    browser.post_token(last_token())
    browser.post_token(last_token())
    assert (used_of(bob, "user"), used_of(bob, "user_sms"), used_of(bob, "user_email")) == ({1}, {1}, {0})
    assert set(RateLimit.objects.filter(key__startswith="phone ").values_list("used", flat=True)) == {1}
    assert set(RateLimit.objects.filter(key__startswith="mailbox ").values_list("used", flat=True)) == {0}
    assert rate_limits.used(sms_limits.least(bob.account)[0]) == 3


def used_of(user: User, scope: str) -> set[int]:
    return set(RateLimit.objects.filter(key=f"{scope} {user.pk}").values_list("used", flat=True))


def test_a_send_that_is_counted_a_second_after_its_token_is_given_back(bob: User, bobs_phone: PhoneDevice) -> None:
    """B-07: both are of one transaction, and the windows begin at a whole second."""
    browser = Browser()
    browser.post_password("bob")
    browser.post_channel("sms")
    counted = RateLimit.objects.filter(key__startswith="user", used=1)
    assert counted.update(until=F("until") + 2) == 3
    browser.post_token(last_token())
    assert not counted.exists()


def test_nothing_is_given_back_to_a_window_that_has_begun_since(bob: User, bobs_phone: PhoneDevice) -> None:
    """F55."""
    browser = Browser()
    browser.post_password("bob")
    browser.post_channel()
    RateLimit.objects.filter(key=f"user {bob.pk}", seconds=900).update(until=F("until") + 99)
    browser.post_token(last_token())
    counted = RateLimit.objects.filter(key__startswith="user").values_list("key", "seconds", "used")
    person, by_sms = f"user {bob.pk}", f"user_sms {bob.pk}"
    assert set(counted) == {(person, 900, 1), (by_sms, 3600, 0), (by_sms, 86_400, 0)}


@pytest.mark.parametrize("most", [4, 5])
def test_both_channels_together_allow_no_more_than_the_person_has(
    bob: User, bobs_phone: PhoneDevice, settings: Any, most: int
) -> None:
    """C-08: the halves of an even number are as much as the whole, which is counted beside them where it is odd."""
    limit(settings, user=[(most, 3600)])
    left = 0
    for channel in ("sms", "email") * 3:
        browser = Browser()
        browser.post_password("bob")
        left += browser.post_channel(channel).status_code == 302
        let_pass(121)
    assert left == most
    assert bool(used_of(bob, "user")) == (most == 5)


def test_a_window_of_the_phone_is_counted_where_it_is_smaller_than_the_persons(
    bob: User, bobs_phone: PhoneDevice, settings: Any
) -> None:
    """C-08: else the person's own is used up first, whatever the phone's says."""
    limit(settings, user=[(8, 3600), (8, 86_400)], phone=[(9, 60), (3, 3600), (4, 86_400)])
    browser = Browser()
    browser.post_password("bob")
    browser.post_channel("sms")
    counted = RateLimit.objects.filter(key__startswith="phone ")
    assert set(counted.values_list("seconds", flat=True)) == {60, 3600}


def test_a_number_that_nobody_typed_a_token_of_stays_counted(bob: User, settings: Any) -> None:
    """B-07: a robot that proves its own phone gets nothing back for the numbers that it had sent to before."""
    browser = at_phone("bob")
    for area in (21, 31):
        browser.post_phone(f"{area} 98765-4321")
    browser.post_phone("41 98765-4321")
    browser.post_token(last_token())
    assert used_of(bob, "user") == {2}
    typed = RateLimit.objects.filter(key__startswith="phone_typed ").values_list("used", flat=True)
    assert Counter(typed) == {1: 6, 0: 3}
    prefixes = RateLimit.objects.filter(key__startswith="prefix ").values_list("used", flat=True)
    assert sorted(prefixes) == [0, 1, 1]


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
    assert rate_limits.network(address) == counted


# What is not told: limits of other people's phones --------------------------------------------------


def test_a_phone_has_three_sends_in_ten_minutes_over_all_accounts(
    account: Account, charlie: User, settings: Any
) -> None:
    """C-08, C-09: the fourth looks like the others, and nothing leaves."""
    limit(settings, spared=NONE)
    logins = [*newcomers(2), *newcomers(2, charlie.account)]
    pages = [page(at_phone_token(login)) for login in logins]
    assert pages[2] == pages[3]
    assert len(sent_to(BOBS_NUMBER)) == 3
    assert withheld() == ["phone_typed"]


def at_phone_token(login: str) -> Any:
    browser = at_phone(login)
    assert browser.post_phone(BOBS_NUMBER).headers["Location"] == TOKEN
    return browser.get(TOKEN)


def uses() -> dict[str, int]:
    """Return how often each thing was counted, in all of its rows: one of money has two after an hour."""
    return dict(RateLimit.objects.values_list("key").annotate(Sum("used")))


def test_a_withheld_token_opens_nothing_and_costs_nothing(account: Account, settings: Any) -> None:
    """C-09: it gives back what only a message costs; a person's own sends are counted all the same."""
    limit(settings, phone_typed=[(1, 600)], spared=NONE)
    one, two = newcomers(2)
    try_phone(one)
    before = uses()
    try_phone(two)
    after = uses()
    assert {key: after[key] for key in before} == before
    assert used_of(User.objects.get(username=two), "user") == {1}


def test_withholding_takes_no_more_statements_than_sending(account: Account, settings: Any) -> None:
    """C-09: as fast."""
    limit(settings, phone_typed=[(1, 600)])
    closed = rate_limits.windows("spared", f"{account.pk} phone_typed {rate_limits.hidden(BOBS_NUMBER)}")
    rate_limits.count(closed, uses=5)
    counts = []
    for login in newcomers(2):
        browser = at_phone(login)
        captcha = browser.captcha("/entrar/telefone/")
        with CaptureQueriesContext(connection) as context:
            browser.post_phone(altcha=captcha)
        counts.append(len([query for query in context.captured_queries if "SAVEPOINT" not in query["sql"]]))
    assert withheld() == ["phone_typed"]
    assert abs(counts[0] - counts[1]) <= 1, counts


def test_a_person_is_told_of_the_limit_of_their_own_phone(bob: User, bobs_phone: PhoneDevice, settings: Any) -> None:
    """C-09: the phone is proved, and e-mail stays."""
    limit(settings, phone=[(1, 600)])
    assert [ask("bob").status_code for _ in range(2)] == [302, 429]
    assert ask("bob", "email").status_code == 302


@pytest.fixture
def accounts(account: Account, charlie: User) -> list[Account]:
    """Return three accounts with the policy on."""
    third = Account.objects.create(name="Terceira", two_factor_required=True)
    return [account, charlie.account, third]


def pump(accounts: list[Account], people: int, country: str = "BR") -> list[Browser]:
    """Have so many people of these accounts, in turn, ask for a token at numbers of one range."""
    browsers = []
    for number in range(people):
        (login,) = newcomers(1, accounts[number % len(accounts)])
        browsers.append(at_phone(login))
        typed = f"11 98765-43{number:02}" if country == "BR" else f"9123456{number:02}"
        assert browsers[-1].post_phone(typed, country).status_code == 302
    deliver()
    return browsers


@pytest.fixture
def narrow(settings: Any) -> None:
    """Look at a range from six untyped tokens on, one of them of the account."""
    settings.UNTYPED_OF_ACCOUNT = 1
    limit(settings, prefix=[(6, 3600)], country=[(6, 3600)], spared=NONE)


def test_a_range_whose_tokens_nobody_types_is_closed_and_opened_by_tokens_typed(
    accounts: list[Account], narrow: None, alice: User, settings: Any
) -> None:
    """B-08: by their share, once their life is over; administrators and operators learn it, once."""
    operator = person("olga", Account.objects.create(name="Operação"), Role.ADMINISTRATOR, is_staff=True)
    pump(accounts, 7)
    assert withheld() == []
    let_pass(181)
    late = pump([accounts[0]], 3)
    assert withheld() == ["prefix"] * 3
    closed = "SMS to a range of numbers are withheld"
    assert (told(alice.email), told(operator.email)) == ([closed], [closed])
    event = AuditEvent.objects.get(action="range.closed")
    assert (event.account, event.data) == (accounts[0], {"beginning": "+551198765"})
    settings.UNTYPED_PERCENT = 10
    type_one(accounts[1])
    let_pass(31)
    assert late[0].post_phone("11 98765-4300").status_code == 302
    assert withheld() == ["prefix"] * 3
    assert len(sent_to("+5511987654300")) == 2


def type_one(account: Account) -> None:
    """Have one person of an account enrol whose message is let through, whatever the range."""
    (login,) = newcomers(1, account)
    user = User.objects.get(username=login)
    pending = PendingSignIn.begin(user, session_hash=login)
    moments = {"expires_at": timezone.now(), "verified_at": timezone.now()}
    challenge = Challenge.issue(pending, channel="sms", destination="+5511987654399")
    Challenge.objects.filter(pk=challenge.pk).update(**moments)
    Message.objects.create(
        kind="token",
        channel="sms",
        destination="+5511987654399",
        subject_id=challenge.pk,
        language="en",
        state=State.SENT,
    )


@pytest.mark.parametrize(("people", "few"), [(8, "accounts"), (4, "people")])
def test_a_range_is_not_closed_by_few(
    accounts: list[Account], narrow: None, settings: Any, people: int, few: str
) -> None:
    """B-08: not by two accounts, nor by four people; a pumper among them is stopped by their own limits."""
    if few == "accounts":
        accounts.pop()
    limit(settings, user=[(99, 900)], phone_typed=[(99, 900)], address=[(99, 900)])
    browsers = pump(accounts, people)
    for browser in browsers:
        let_pass(121)
        browser.post(RESEND)
    let_pass(181)
    pump([accounts[0]], 1)
    assert withheld() == []


def test_a_withheld_token_says_after_a_minute_what_to_do(accounts: list[Account], narrow: None) -> None:
    """B-08: and so does one that nobody knows the delivery status of, in the same words."""
    pump(accounts, 7)
    let_pass(181)
    (late,) = pump([accounts[0]], 1)
    (sent,) = newcomers(1)
    other = at_phone(sent)
    other.post_phone("21 98765-4321")
    assert withheld() == ["prefix"]
    told = [browser.get("/entrar/token/estado/").json()["text"] for browser in (late, other)]
    assert told == ["On its way."] * 2
    let_pass(60)
    told = [browser.get("/entrar/token/estado/").json()["text"] for browser in (late, other)]
    assert told == ["Nothing came? Check the number, try another phone, or ask an administrator of your account."] * 2
    assert "try another phone" in page(late.get(TOKEN))


def test_a_proved_phone_in_a_closed_range_goes_on(
    accounts: list[Account], narrow: None, bobs_phone: PhoneDevice
) -> None:
    """ASVS 6.1.1: an outsider does not lock out whoever has a number nearby."""
    pump(accounts, 7)
    let_pass(181)
    pump(accounts, 1)
    assert withheld() == ["prefix"]
    assert ask("bob").status_code == 302
    assert deliver()[0]["to"] == BOBS_NUMBER


@pytest.mark.parametrize("closes", [True, False])
def test_a_country_is_closed_like_a_range(accounts: list[Account], narrow: None, settings: Any, closes: bool) -> None:
    """B-08: every country but the operator's first."""
    settings.ALLOWED_REGIONS = ["BR", "PT"] if closes else ["PT", "BR"]
    Account.objects.update(allowed_regions=["BR", "PT"])
    limit(settings, prefix=[(99, 3600)])
    pump(accounts, 7, "PT")
    let_pass(181)
    pump(accounts, 2, "PT")
    assert withheld() == (["country"] * 2 if closes else [])
    pump(accounts, 2)
    assert len(withheld()) == (2 if closes else 0)


# A day's SMS of an account and of the system ----------------------------------------------------------


@pytest.fixture
def operator(db: None) -> User:
    return person("olga", Account.objects.create(name="Operação"), Role.ADMINISTRATOR, is_staff=True)


@pytest.fixture
def small(account: Account, settings: Any) -> list[str]:
    """Return people with phones of an account that has ten SMS a day."""
    settings.ACCOUNT_SMS_PER_USER = 0
    settings.ACCOUNT_SMS_KEPT = 0
    limit(settings, account=[(10, 86_400)], address=[(99, 3600)])
    logins = newcomers(12)
    for number, login in enumerate(logins):
        enrol(User.objects.get(username=login), f"+55119{number:02}654321")
    return logins


def told(address: str) -> list[str]:
    return [entry["subject"] for entry in reversed(sent_to(address))]


def test_an_account_is_told_at_half_at_eighty_and_at_the_end(alice: User, operator: User, small: list[str]) -> None:
    """C-08: and the operators at the end; each once."""
    counts = []
    for login in small[:10]:
        assert ask(login).status_code == 302
        counts.append((len(told(alice.email)), len(told(operator.email))))
    # At the end as well of new browsers, for which nothing is kept back here.
    assert counts == [(0, 0)] * 4 + [(1, 0)] * 3 + [(2, 0)] * 2 + [(4, 2)]
    assert "Half" in told(alice.email)[0]


def test_at_the_end_of_the_day_s_sms_email_stays(alice: User, small: list[str]) -> None:
    """C-08: SMS off, e-mail on, and the person is told which way is open."""
    for login in small[:10]:
        ask(login)
    answer = ask(small[10])
    assert answer.status_code == 200
    assert NO_MORE_SMS in page(answer)
    assert ask(small[10], "email").status_code == 302
    assert NO_MORE_SMS in page(try_phone(newcomers(1)[0]))
    assert Message.objects.filter(channel="sms").count() == 10
    let_pass(90_001)
    assert ask(small[10]).status_code == 302


def test_the_choice_shows_that_the_day_s_sms_are_used_up(alice: User, small: list[str]) -> None:
    """C-08: the button cannot be pressed and says why; the mailbox's can, where it is offered."""
    for login in small[:9]:
        ask(login)
    assert sms_button(small[10]) == 'value="sms" class="choice" disabled data-unlock aria-describedby="unlock-first"'
    ask(small[9])
    assert sms_button(small[10]) == 'value="sms" class="choice" disabled aria-describedby="sms-used-up"'
    let_pass(90_001)
    assert "sms-used-up" not in choice(small[10])


def test_a_large_account_s_choice_stays_open(small: list[str], settings: Any) -> None:
    """C-08: max(200, 5 x users)."""
    settings.ACCOUNT_SMS_PER_USER = 1
    for login in small[:11]:
        ask(login)
    assert "sms-used-up" not in choice(small[11])


def choice(login: str) -> str:
    browser = Browser()
    browser.post_password(login)
    return page(browser.get(CHANNEL))


def sms_button(login: str) -> str:
    shown = choice(login)
    assert (NO_MORE_SMS in shown) == ("sms-used-up" in shown)
    assert 'value="email" class="choice" disabled data-unlock aria' in shown
    return str(re.findall(r'value="sms"[^>]*', shown)[0]).replace(" data-first", "")


def test_another_account_goes_on(small: list[str], charlie: User) -> None:
    enrol(charlie, "+5521987651234")
    for login in small[:10]:
        ask(login)
    assert ask("charlie").status_code == 302


def test_a_large_account_has_five_sms_for_each_of_its_people(small: list[str], settings: Any) -> None:
    """C-08: max(200, 5 x users)."""
    settings.ACCOUNT_SMS_PER_USER = 1
    assert [ask(login).status_code for login in small] == [302] * 12


def test_people_are_counted_no_further_than_their_number_decides(small: list[str], settings: Any) -> None:
    """B-10: an SMS of an account of a million people counts some hundred of them, and its limits stay the same."""
    settings.ACCOUNT_SMS_PER_USER, settings.ACCOUNT_SMS_KEPT = 5, 60
    limit(settings, system=[(50, 86_400)], account=[(4, 86_400)])
    account = User.objects.get(username=small[0]).account
    day = sms_limits.least(account)[0]
    found = sms_limits.people(account)
    assert found == {"people": 3, "proved": 3}  # of 12: an account has 10 of the system's 50, 6 of them are kept
    assert sms_limits.most(account, day, found["proved"]) == sms_limits.most(account, day, 12) == 10
    assert sms_limits.most_first(account, **found) == sms_limits.most_first(account, people=12, proved=12)


def sms_of(account: Account, people: int, proved: int) -> tuple[int, int]:
    (day,) = sms_limits.least(account)
    return sms_limits.most(account, day, proved), sms_limits.most_first(account, people=people, proved=proved)


@pytest.mark.parametrize("first", [(3, 10), (1, 10)])  # what ships, and where the first ones ask for more people
@pytest.mark.parametrize("chosen", [None, 5, 70, 3000])
def test_more_people_than_matter_change_no_sms(
    account: Account, settings: Any, chosen: int | None, first: tuple[int, int]
) -> None:
    """C-08: they are counted while the rows of everybody's SMS are locked; 60,000 took 20 ms of each SMS of all."""
    account.sms_a_day, settings.ACCOUNT_SMS_FIRST = chosen, first
    enough = sms_limits.enough(account)
    for people in (enough, enough + 1, 10 * enough, 10**6):
        assert sms_of(account, people, people) == sms_of(account, enough, enough)
        assert sms_of(account, people, 0) == sms_of(account, enough, 0)
        assert sms_of(account, people, enough // 2) == sms_of(account, enough, enough // 2)


def test_no_more_people_are_counted_than_matter(small: list[str], account: Account, settings: Any) -> None:
    account.sms_a_day = 10
    settings.ACCOUNT_SMS_KEPT = 60
    day = SmsDay(User.objects.get(username=small[0]))
    day.user.account = account
    assert day.people["proved"] == sms_limits.enough(account) == 11


def test_the_whole_system_has_a_ceiling(
    small: list[str], operator: User, charlie: User, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """C-08: an alarm at half, and none above it; e-mail stays."""
    settings.ACCOUNT_SMS_SHARE, settings.SYSTEM_SMS_RESERVE = 100, 0
    limit(settings, system=[(4, 86_400)], account=[(99, 86_400)])
    enrol(charlie, "+5521987651234")
    assert [ask(login).status_code for login in small[:2]] == [302] * 2
    assert "system_sms.half_spent: 2 of 4 SMS" in caplog.text
    assert len(told(operator.email)) == 1
    assert [ask(login).status_code for login in small[2:4]] == [302] * 2
    assert "sms-used-up" in choice("charlie")
    assert NO_MORE_SMS in page(ask("charlie"))
    assert ask("charlie", "email").status_code == 302
    metrics = Browser().get("/metrics").content.decode()
    assert "messaging_sms_of_the_day 4.0" in metrics
    assert "messaging_sms_a_day 4.0" in metrics


# In the database ------------------------------------------------------------------------------------


def test_all_is_counted_in_one_statement_in_one_order(bob: User, bobs_phone: PhoneDevice) -> None:
    """F20, C-08."""
    browser = Browser()
    browser.post_password("bob")
    captcha = browser.captcha(CHANNEL)
    with CaptureQueriesContext(connection) as context:
        browser.post(CHANNEL, {"channel": "sms", "altcha": captcha})
    (counted,) = [query["sql"] for query in context.captured_queries if 'INSERT INTO "accounts_budget' in query["sql"]]
    keys = re.findall(r"\('(\S+) [^']*', (\d+)", counted)
    assert keys == sorted(keys, key=lambda key: (key[0], int(key[1])))
    scopes = {"account", "account_all", "captcha", "person", "phone", "system", "user", "user_sms"}
    assert {scope for scope, _ in keys} == scopes


def test_the_table_shows_no_number_and_no_mailbox(bob: User, bobs_phone: PhoneDevice) -> None:
    """J-02."""
    ask()
    ask(channel="email")
    try_phone(newcomers(1)[0], "21 98765-4321")
    keys = " ".join(RateLimit.objects.values_list("key", flat=True))
    assert "987654321" not in keys
    assert "example.com" not in keys


def test_a_person_has_five_pending_sign_ins_at_most(bob: User, bobs_phone: PhoneDevice) -> None:
    """C-08: the sixth ends the first."""
    browsers = [Browser() for _ in range(6)]
    for browser in browsers[:5]:
        browser.post_password("bob")
    let_pass(121)
    browsers[5].post_password("bob")
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


@pytest.mark.usefixtures("many_sends")
def test_whoever_changes_to_a_shared_phone_is_the_third_as_well(account: Account) -> None:
    """P-08."""
    one, two, three = newcomers(3)
    for login in (one, two):
        Browser().enrol(login)
    browser = Browser()
    browser.enrol(three, "21 98765-0003")
    assert not AuditEvent.objects.filter(action="phone.shared").exists()
    let_pass(121)
    change_to(browser, BOBS_NUMBER)
    browser.post("/meu-perfil/telefone/confirmar/", {"token": last_token()})
    assert AuditEvent.objects.get(action="phone.shared").data["people"] == 3
