"""What outsiders, other accounts and colleagues can do to whoever needs a token, at the limits that ship."""

from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F

from accounts import rate_limits, sms_limits
from accounts.models import Account, AuditEvent, RateLimit, Role, User
from accounts.users import flows as users
from accounts.users import limits as own_limits
from messaging.delivery.models import Message
from tests.conftest import BOBS_NUMBER, PASSWORD, Browser, deliver, enrol, last_token, many, person, sent_to
from tests.test_known_browsers import known_browser_of, link_to
from tests.tools import let_pass, page
from twofactor.models import Challenge, PhoneDevice

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("policy")]

TOKEN, RESEND, CHANNEL = "/entrar/token/", "/entrar/token/reenviar/", "/entrar/canal/"
NUMBER = "+5511987650001"  # that nobody has proved
NO_MORE_SMS = "No more SMS can be sent today."


def office(account: Account, count: int) -> list[str]:
    """Create so many people with a phone each; return their logins."""
    logins = []
    for number in range(count):
        user = person(f"o{number:02}", account)
        enrol(user, f"+55119{number:02}654321")
        logins.append(user.username)
    return logins


def newcomer(login: str, account: Account, **defaults: Any) -> Browser:
    """Create a person without a phone and lead them to where the phone is asked for."""
    person(login, account)
    return again(login, **defaults)


def again(login: str, **defaults: Any) -> Browser:
    browser = Browser(**defaults)
    browser.post_password(login)
    browser.post("/entrar/introducao/")
    return browser


def ask(login: str, channel: str = "sms") -> Any:
    browser = Browser()
    browser.post_password(login)
    return browser.post_channel(channel)


# What was typed is given back (B-07) ----------------------------------------------------------------


def test_a_token_that_was_counted_a_moment_after_its_issue_is_given_back(bob: User, bobs_phone: PhoneDevice) -> None:
    """B-07: it may have waited for the row of everybody's SMS, into the next second."""
    browser = Browser()
    browser.post_password("bob")
    browser.post_channel()
    token = last_token()
    Challenge.objects.update(issued_at=F("issued_at") - timedelta(seconds=3))
    browser.post_token(token)
    used = RateLimit.objects.filter(key__regex="^(user|phone)").values_list("used", flat=True)
    assert set(used) == {0}


def test_an_office_behind_one_address_where_everybody_asks_twice(account: Account) -> None:
    """B-07: the twentieth was refused for an hour, and from sixty leftovers on everybody for a day."""
    logins = office(account, 25)
    for login in logins:
        browser = Browser()
        browser.post_password(login)
        assert browser.post_channel().status_code == 302
        let_pass(31)
        assert browser.post(RESEND).status_code == 302
        assert browser.post_token(last_token()).headers["Location"] == "/"


def test_an_office_whose_sms_do_not_come_signs_in_by_e_mail(account: Account) -> None:
    """B-07: as the page tells them to; afterwards both ways are open to all."""
    logins = office(account, 25)
    for login in logins:
        browser = Browser()
        browser.post_password(login)
        assert browser.post_channel().status_code == 302
        assert browser.post(CHANNEL, {"channel": "email"}).status_code == 302
        assert browser.post_token(last_token()).headers["Location"] == "/"
    assert {ask(logins[0], channel).status_code for channel in ("sms", "email")} == {302}


def test_a_person_who_types_every_token_is_never_told_to_wait(bob: User, bobs_phone: PhoneDevice) -> None:
    """B-07: of their own limits and their phone's nothing is left."""
    for _time in range(12):
        assert Browser().sign_in("bob").headers["Location"] == "/"


# Ranges (B-08) --------------------------------------------------------------------------------------


def test_thirty_newcomers_of_one_range_at_the_same_minute_all_get_in(account: Account) -> None:
    """B-08: ten messages left, and the range was closed for twelve hours, for every account."""
    browsers = [newcomer(f"n{at:02}", account, REMOTE_ADDR=f"203.0.113.{at}") for at in range(30)]
    tokens = []
    for at, browser in enumerate(browsers):
        assert browser.post_phone(f"31 99551-00{at:02}").headers["Location"] == TOKEN
        tokens.append(last_token())
    assert Message.objects.filter(kind="token").count() == 30
    for browser, token in zip(browsers, tokens, strict=True):
        assert browser.post_token(token).headers["Location"] == "/"


def test_newcomers_whose_sms_never_leave_close_nothing(account: Account, charlie: User) -> None:
    """B-08: what a silent gateway kept, nobody could have typed."""
    tenants = [account, charlie.account, Account.objects.create(name="Terceira", two_factor_required=True)]
    for number in range(24):
        browser = newcomer(f"n{number:02}", tenants[number % 3], REMOTE_ADDR=f"203.0.113.{number}")
        assert browser.post_phone(f"31 99551-00{number:02}").status_code == 302
    let_pass(181)
    assert deliver() == []
    assert newcomer("late", account).post_phone("31 99551-0099").headers["Location"] == TOKEN
    assert not AuditEvent.objects.filter(action="challenge.withheld").exists()


def test_three_outsiders_do_not_close_a_range(account: Account, charlie: User) -> None:
    """B-08: three accounts and eleven SMS closed it for twelve hours."""
    third = Account.objects.create(name="Terceira", two_factor_required=True)
    for number, tenant in enumerate((account, charlie.account, third)):
        for time in range(4):
            browser = again(f"p{number}") if time else newcomer(f"p{number}", tenant)
            assert browser.post_phone(f"31 99551-00{number}{time}").status_code == 302
            let_pass(200)
    honest = newcomer("honest", account)
    honest.post_phone("31 99551-0099")
    assert len(sent_to("+5531995510099")) == 1


# A victim's phone and mailbox (B-06) ----------------------------------------------------------------


def test_an_outsider_who_types_the_victims_number_all_day_takes_no_sms_away(
    bob: User, bobs_phone: PhoneDevice, charlie: User
) -> None:
    """B-06: ten of them closed the victim's SMS for a day."""
    for number in range(4):
        person(f"mal{number}", charlie.account)
        for _time in range(3):
            assert again(f"mal{number}").post_phone().status_code == 302
            let_pass(301)
    withheld = AuditEvent.objects.filter(action="challenge.withheld").values_list("data__scope", flat=True)
    assert set(withheld) == {"phone_typed"}
    assert len(sent_to(BOBS_NUMBER)) < 12
    assert ask("bob").status_code == 302
    assert Browser().sign_in("bob").headers["Location"] == "/"


@pytest.mark.parametrize("is_known", [True, False])
def test_people_who_share_a_phone_take_no_sms_from_each_other(
    alice: User, bob: User, bobs_phone: PhoneDevice, is_known: bool
) -> None:
    """B-01, B-06: three tokens of a colleague with the same phone closed its SMS, in known browsers too."""
    enrol(alice, bobs_phone.number)
    hers, his = (known_browser_of(login) if is_known else Browser() for login in ("alice", "bob"))
    let_pass(601)
    for status in (302, 302, 302, 429):
        hers.post_password("alice")
        assert hers.post_channel().status_code == status
        let_pass(61)
    his.post_password("bob")
    assert his.post_channel().status_code == 302


def test_an_outsider_who_asks_for_the_victims_address_takes_no_e_mail_away(bob: User, bobs_phone: PhoneDevice) -> None:
    """B-06: what is counted for an address that was only typed is not counted for its owner."""
    other = Account.objects.create(name="Sem política")
    for login in ("mal", "mel"):
        person(login, other)
        browser = Browser()
        browser.post_password(login)
        for _time in range(5):
            assert browser.post("/meu-perfil/email/", {"email": bob.email}).status_code == 302
            browser.post("/meu-perfil/email/confirmar/", {"password": PASSWORD})
            let_pass(61)
    assert AuditEvent.objects.filter(action="challenge.issued", data__purpose="change_email").count() == 10
    assert not RateLimit.objects.filter(key__startswith="mailbox ", used__gt=0).exists()
    assert Browser().sign_in("bob", "email").headers["Location"] == "/"


def test_sends_to_an_unconfirmed_address_use_up_no_confirmed_mailbox(bob: User, bobs_phone: PhoneDevice) -> None:
    """B-06: three in ten minutes to a mailbox that was only typed, and none of them is its holder's."""
    typed = rate_limits.windows("mailbox_typed", rate_limits.hidden(bob.email))
    rate_limits.count(typed, uses=99)
    typed = rate_limits.windows("phone_typed", rate_limits.hidden(BOBS_NUMBER))
    rate_limits.count(typed, uses=99)
    assert [ask("bob", channel).status_code for channel in ("sms", "email")] == [302, 302]


# A newcomer's own number, and the range it is of (B-01) ----------------------------------------------


def type_all_day(number: str, logins: list[str]) -> None:
    """Have people without a phone ask for tokens at one number until its limit of a day is reached."""
    for _hour in range(3):
        for login in logins:
            again(login, REMOTE_ADDR="203.0.113.9").post_phone(number)
            let_pass(301)
        let_pass(3600)


def test_a_newcomer_gets_the_token_although_others_typed_their_number_all_day(account: Account, charlie: User) -> None:
    """B-01: ten SMS of one outsider closed it for a day; whoever bombs it gains five for each account."""
    outsiders = [person(f"mal{number}", charlie.account).username for number in range(4)]
    type_all_day("11 98765-0001", outsiders)
    assert len(sent_to("+5511987650001")) <= 15
    honest = newcomer("honest", account)
    honest.post_phone("11 98765-0001")
    assert honest.post_token(last_token()).headers["Location"] == "/"


def test_one_colleague_does_not_close_a_newcomer_s_number(account: Account) -> None:
    """B-01: and has no more tokens than before."""
    colleague = person("mal", account).username
    type_all_day("11 98765-0001", [colleague] * 5)
    assert len(sent_to("+5511987650001")) <= 10
    honest = newcomer("honest", account)
    honest.post_phone("11 98765-0001")
    assert honest.post_token(last_token()).headers["Location"] == "/"


def test_colleagues_do_not_close_a_newcomer_s_number(account: Account) -> None:
    """B-01: four of them used up what the account had; a link from the mailbox is the newcomer's way."""
    first, *others = [person(f"mal{number}", account).username for number in range(4)]
    type_all_day("11 98765-0001", [first] * 5)
    type_all_day("11 98765-0001", others)
    assert len(sent_to("+5511987650001")) <= 15
    honest = newcomer("honest", account)
    honest.post_phone("11 98765-0001")
    withheld = AuditEvent.objects.filter(action="challenge.withheld", user__username="honest")
    assert list(withheld.values_list("data__scope", flat=True)) == ["phone_typed"]
    assert 'href="/entrar/navegador/"' in page(honest.get(TOKEN)), "the page says what to do"
    let_pass(61)
    honest.post(link_to(User.objects.get(username="honest"), honest))
    honest.post_phone("11 98765-0001")
    assert honest.post_token(last_token()).headers["Location"] == "/"


def test_colleagues_with_a_phone_use_up_nothing_that_newcomers_have(account: Account) -> None:
    """B-01: six of them, who change theirs to it in known browsers, leave a newcomer who has a link all ten."""
    rate_limits.count(rate_limits.windows("phone_typed", rate_limits.hidden(NUMBER)), uses=99)
    for login in office(account, 6):
        browser = Browser()
        browser.sign_in(login)
        for _time in range(2):
            let_pass(121)
            browser.post("/meu-perfil/telefone/", {"country": "BR", "number": NUMBER})
            browser.post("/meu-perfil/telefone/confirmar/", {"password": PASSWORD, "channel": "email"})
            browser.post("/meu-perfil/telefone/confirmar/", {"token": last_token()})
            browser.post("/meu-perfil/telefone/confirmar/", {"action": "cancel"})
    assert tokens_to(NUMBER) == 5
    honest = newcomer("honest", account)
    honest.post(link_to(User.objects.get(username="honest"), honest))
    honest.post_phone(NUMBER)
    assert honest.post_token(last_token()).headers["Location"] == "/"


def tokens_to(number: str) -> int:
    return Message.objects.filter(kind="token", destination=number).count()


def test_two_untyped_tokens_of_a_person_leave_for_a_closed_number(account: Account) -> None:
    """B-01: the third is withheld."""
    rate_limits.count(rate_limits.windows("phone_typed", rate_limits.hidden(NUMBER)), uses=99)
    honest, left = newcomer("honest", account), []
    for _time in range(3):
        again_here(honest, "honest").post_phone(NUMBER)
        left.append(tokens_to(NUMBER))
        let_pass(121)
    assert left == [1, 2, 2]


@pytest.mark.parametrize("is_unlocked", [True, False])
def test_a_typed_token_gives_back_what_it_took_for_a_closed_number(account: Account, is_unlocked: bool) -> None:
    """B-01, B-07: of the account's part, or of that of people whom an administrator has unlocked."""
    rate_limits.count(rate_limits.windows("phone_typed", rate_limits.hidden(NUMBER)), uses=99)
    honest = newcomer("honest", account)
    if is_unlocked:
        rate_limits.count([own_limits.unlocked(User.objects.get(username="honest"))])
    honest.post_phone(NUMBER)
    (taken,) = RateLimit.objects.filter(key__startswith="spared")
    assert (taken.key.endswith(" unlocked"), taken.used) == (is_unlocked, 1)
    honest.post_token(last_token())
    taken.refresh_from_db()
    assert taken.used == 0


def conspire(account: Account, number: str, first: int = 0) -> None:
    """Have eight newcomers use up what their account has for a closed number, five of them with their mailboxes."""
    rate_limits.count(rate_limits.windows("phone_typed", rate_limits.hidden(number)), uses=99)
    for at in range(first, first + 8):
        browser = newcomer(f"m{at}", account, REMOTE_ADDR="203.0.113.9")
        if at % 8 > 2:
            browser.post(link_to(User.objects.get(username=f"m{at}"), browser))
        for _time in range(2):
            again_here(browser, f"m{at}").post_phone(number)
            let_pass(121)


def again_here(browser: Browser, login: str) -> Browser:
    """Type the password anew in the same browser."""
    browser.post_password(login)
    browser.post("/entrar/introducao/")
    return browser


def test_an_administrator_lifts_what_conspiring_newcomers_have_closed(account: Account, alice: User) -> None:
    """B-01, B-05: they see on the person's page what it is; who conspires anew reaches none of these tokens."""
    enrol(alice, "+5521987651234")
    conspire(account, NUMBER)
    honest = newcomer("honest", account)
    user = User.objects.get(username="honest")
    honest.post(link_to(user, honest))
    honest.post_phone(NUMBER)
    assert tokens_to(NUMBER) == 15
    assert "choose Unlock" in page(honest.get(TOKEN)), "the page says what to do"
    helper = Browser()
    helper.sign_in("alice")
    path = f"/configuracoes/usuarios/{user.pk}/"
    assert "Others have typed their number too often" in page(helper.get(path))
    let_pass(121)
    helper.reauthenticate(f"{path}desbloquear/")
    assert "Others have typed their number too often" not in page(helper.get(path))
    conspire(account, NUMBER, first=8)
    again_here(honest, "honest").post_phone(NUMBER)
    assert honest.post_token(last_token()).headers["Location"] == "/"


def test_unlocking_puppets_does_not_bomb_a_number(account: Account) -> None:
    """B-18: of an account ten more leave for a closed number, and only to whom others had held up."""
    conspire(account, NUMBER)
    robots = [newcomer(f"r{at}", account) for at in range(12)]
    for time in range(2):
        for at, robot in enumerate(robots):
            users.unlock_user(User.objects.get(username=f"r{at}"))
            again_here(robot, f"r{at}").post_phone(NUMBER)
            let_pass(31)
        assert tokens_to(NUMBER) == 15 + 10 * time


def test_links_from_mailboxes_do_not_bomb_a_number(account: Account) -> None:
    """B-01, B-18: of an account ten more leave for a closed number, however many mailboxes it has."""
    rate_limits.count(rate_limits.windows("phone_typed", rate_limits.hidden("+5511987650001")), uses=99)
    for number in range(12):
        robot = newcomer(f"r{number:02}", account)
        robot.post(link_to(User.objects.get(username=f"r{number:02}"), robot))
        robot.post_phone("11 98765-0001")
    deliver()
    assert Message.objects.filter(channel="sms").count() == 10


def test_an_attacker_with_a_newcomers_password_uses_up_no_number_of_theirs(account: Account) -> None:
    """B-01, B-12: five numbers of a thief kept the newcomer from trying their own for a day."""
    newcomer("honest", account)
    for area in (11, 21, 31, 41, 51):
        again("honest", REMOTE_ADDR="203.0.113.9").post_phone(f"{area} 98765-4321")
        let_pass(301)
    mine = again("honest")
    told = mine.post_phone("61 98765-4321")
    assert told.status_code == 429
    assert 'href="/entrar/navegador/"' in page(told)
    mine.post(link_to(User.objects.get(username="honest"), mine))
    mine.post_phone("61 98765-4321")
    assert mine.post_token(last_token()).headers["Location"] == "/"


def test_an_office_gets_in_although_others_closed_its_range(account: Account, charlie: User, settings: Any) -> None:
    """B-01, B-08: what is typed is given back, so that five a day are as many as come; what robots ask for is not."""
    settings.LIMITS = {**settings.LIMITS, "prefix": [(6, 3600)]}
    settings.UNTYPED_PERCENT = 90  # so that what the office types does not open it
    settings.UNTYPED_OF_ACCOUNT = 0  # nor that none of theirs are untyped
    others = [charlie.account, *(Account.objects.create(name=f"X{n}", two_factor_required=True) for n in range(2))]
    for number in range(7):
        newcomer(f"p{number}", others[number % 3]).post_phone(f"31 99551-00{number:02}")
    deliver()
    let_pass(181)
    robots = [newcomer(f"r{number}", others[0]) for number in range(8)]
    for number, robot in enumerate(robots):
        robot.post_phone(f"31 99551-10{number:02}")
    assert len([entry for entry in deliver() if entry["to"].startswith("+55319955110")]) == 5
    for number in range(8):
        honest = newcomer(f"h{number}", account)
        honest.post_phone(f"31 99551-20{number:02}")
        assert honest.post_token(last_token()).headers["Location"] == "/"


def test_an_office_that_begins_at_once_gets_its_tokens_although_others_closed_its_range(
    account: Account, charlie: User
) -> None:
    """B-01, B-08: five of twelve left, and of three hundred thirty in an hour; who has left them untyped gets none."""
    others = [charlie.account, *(Account.objects.create(name=f"X{n}", two_factor_required=True) for n in range(2))]
    for number in range(24):
        robot = newcomer(f"p{number}", others[number % 3], REMOTE_ADDR=f"203.0.113.{number}")
        robot.post_phone(f"31 99551-{number:04}")
    deliver()
    let_pass(181)
    office = [newcomer(f"h{number:02}", account) for number in range(12)]
    for number, browser in enumerate(office):
        browser.post_phone(f"31 99551-90{number:02}")
    assert len([entry for entry in deliver() if entry["to"].startswith("+55319955190")]) == 12
    for number in range(7):
        newcomer(f"r{number}", others[0]).post_phone(f"31 99551-80{number:02}")
    withheld = AuditEvent.objects.filter(action="challenge.withheld").values_list("account", "data__scope")
    assert list(withheld) == [(others[0].pk, "prefix")] * 2


def test_a_newcomer_is_not_refused_for_what_colleagues_asked_behind_the_same_address(
    account: Account, settings: Any
) -> None:
    """B-01: four people with twenty tokens closed it for everybody of their account; they stay refused."""
    settings.LIMITS = {**settings.LIMITS, "address": [(6, 3600)]}
    for time in range(3):
        for number in range(2):
            browser = again(f"m{number}") if time else newcomer(f"m{number}", account)
            browser.post_phone(f"11 98765-1{number}{time}0")
            deliver()
            let_pass(301)
    told = again("m0").post_phone("11 98765-1999")
    assert told.status_code == 429
    assert 'href="/entrar/navegador/"' in page(told), "known browsers have some of their own here, too"
    honest = newcomer("honest", account)
    assert honest.post_phone("11 98765-0001").status_code == 302
    assert honest.post_token(last_token()).headers["Location"] == "/"


def test_the_sms_that_tells_of_a_change_is_counted(bob: User, bobs_phone: PhoneDevice) -> None:
    """B-10, B-18: a change of the phone sends it beside the tokens; to and fro, half of the SMS cost nothing."""
    browser = Browser()
    browser.sign_in("bob")
    browser.post("/meu-perfil/telefone/", {"country": "BR", "number": "11 98765-0002"})
    browser.post("/meu-perfil/telefone/confirmar/", {"password": PASSWORD, "channel": "email"})
    for _proof in range(2):
        browser.post("/meu-perfil/telefone/confirmar/", {"token": last_token()})
    assert Message.objects.filter(channel="sms", kind="notice").count() == 1
    paid = Message.objects.filter(channel="sms").count()
    for scope, name in (("person", bob.pk), ("account", bob.account_id), ("system", "sms")):
        (window,) = rate_limits.windows(scope, name)
        assert rate_limits.used(window) == paid == 3


# Numbers (B-09) -------------------------------------------------------------------------------------


def test_five_different_numbers_in_two_days_and_the_right_one_afterwards(bob: User) -> None:
    """B-09: no enrolment for thirty days, and only SQL helped."""
    for area in (11, 21, 31):
        assert again("bob").post_phone(f"{area} 98765-4321").status_code == 302
        let_pass(301)
    let_pass(86_400)
    for area in (41, 51):
        assert again("bob").post_phone(f"{area} 98765-4321").status_code == 302
        let_pass(301)
    assert Browser().enrol("bob", "61 98765-4321").headers["Location"] == "/"


# Money (B-10, B-17) ---------------------------------------------------------------------------------


def use_up(account: Account | None, uses: int) -> None:
    """Count so many SMS of an account, or of the whole system alone."""
    rate_limits.count(sms_limits.least(account) if account else sms_limits.system(reserved=False), uses)


@pytest.fixture
def operator(db: None) -> User:
    user = person("olga", Account.objects.create(name="Operação"), Role.ADMINISTRATOR, is_staff=True)
    enrol(user, "+5531987650000")
    return user


def test_an_administrator_with_five_hundred_puppets_has_two_hundred_sms(account: Account, charlie: User) -> None:
    """B-10: five a head was 2,500 on the first day; people without a phone add nothing, and others go on."""
    many(account, 500)
    use_up(account, 199)
    assert newcomer("p1", account).post_phone().status_code == 302
    assert NO_MORE_SMS in page(newcomer("p2", account).post_phone("21 98765-4321"))
    enrol(charlie, "+5521987651234")
    assert ask("charlie").status_code == 302
    assert newcomer("honest", charlie.account).post_phone("31 98765-4321").headers["Location"] == TOKEN


def test_people_with_a_phone_make_an_account_s_day_longer_up_to_its_share(
    account: Account, bob: User, bobs_phone: PhoneDevice
) -> None:
    """B-10: a fifth of the system's day; an operator may give it more, or less."""
    many(account, 500, has_phone=True)
    use_up(account, 1_999)
    assert ask("bob").status_code == 302
    assert NO_MORE_SMS in page(ask("bob"))
    assert ask("bob", "email").status_code == 302
    Account.objects.filter(pk=account.pk).update(sms_a_day=3_000)
    assert ask("bob").status_code == 302
    Account.objects.filter(pk=account.pk).update(sms_a_day=10)
    assert NO_MORE_SMS in page(ask("bob"))


def test_the_last_part_of_the_system_s_day_is_for_proved_phones(
    account: Account, bob: User, bobs_phone: PhoneDevice
) -> None:
    """B-10: of 10,000 the last 3,000."""
    use_up(None, 6_999)
    assert newcomer("n1", account).post_phone("21 98765-4321").headers["Location"] == TOKEN
    assert NO_MORE_SMS in page(newcomer("n2", account).post_phone("31 98765-4321"))
    assert ask("bob").status_code == 302
    use_up(None, 2_999)
    assert NO_MORE_SMS in page(ask("bob"))


def type_numbers(account: Account, count: int) -> None:
    """Count so many SMS to unconfirmed phones of an account."""
    rate_limits.count(sms_limits.newcomers(account), count)


def test_each_account_s_first_newcomers_have_a_part_of_the_system_s_day(account: Account, charlie: User) -> None:
    """B-10: 35 malicious accounts with 200 SMS each kept the newcomers of all others out for a day."""
    use_up(None, 6_000)
    type_numbers(account, 9)
    tenth, eleventh = newcomer("n10", account), newcomer("n11", account)
    assert tenth.post_phone("21 98765-4321").headers["Location"] == TOKEN
    assert NO_MORE_SMS in page(eleventh.post_phone("31 98765-4321"))
    honest = newcomer("honest", charlie.account)
    honest.post_phone("61 98765-4321")
    assert honest.post_token(last_token()).headers["Location"] == "/"


def test_a_colleague_who_changes_the_phone_uses_up_no_newcomer_s_part(
    account: Account, bob: User, bobs_phone: PhoneDevice
) -> None:
    """B-01, B-10: ten changes kept the newcomers of the account out, where others had spent the rest."""
    inside = Browser()
    inside.sign_in("bob")
    inside.post("/meu-perfil/telefone/", {"country": "BR", "number": "11 98765-0002"})
    inside.post("/meu-perfil/telefone/confirmar/", {"password": PASSWORD, "channel": "email"})
    (sms,) = sms_limits.system(reserved=False)
    use_up(None, 5_999 - rate_limits.used(sms))
    inside.post("/meu-perfil/telefone/confirmar/", {"token": last_token()})
    assert Challenge.objects.filter(purpose="change_phone").count() == 1, "the 6,000th SMS"
    assert rate_limits.used(sms_limits.newcomers(account)[0]) == 0
    let_pass(61)
    sent = Message.objects.filter(channel="sms", kind="token")
    before = sent.count()
    inside.post("/meu-perfil/telefone/confirmar/", {"action": "resend"})
    assert sent.count() == before, "a change has nothing of that part"
    assert newcomer("n1", account).post_phone("21 98765-4321").headers["Location"] == TOKEN


def test_below_that_part_an_account_has_more_newcomers_than_the_first(account: Account) -> None:
    """B-10: honest accounts may set up two hundred phones a day."""
    use_up(None, 5_998)
    type_numbers(account, 50)
    assert newcomer("n51", account).post_phone("21 98765-4321").headers["Location"] == TOKEN
    assert newcomer("n52", account).post_phone("31 98765-4321").headers["Location"] == TOKEN
    assert NO_MORE_SMS in page(newcomer("n53", account).post_phone("41 98765-4321"))


def test_a_message_that_was_withheld_is_none_of_an_account_s_first(account: Account) -> None:
    """B-10, C-09: nothing was paid for it."""
    number = rate_limits.hidden("+5521987654321")
    rate_limits.count(rate_limits.windows("phone_typed", number), 10)
    rate_limits.count(rate_limits.windows("spared", f"{account.pk} phone_typed {number}"), 5)
    type_numbers(account, 10)
    browser = newcomer("n11", account)
    assert browser.post_phone("21 98765-4321").headers["Location"] == TOKEN
    assert not Message.objects.filter(kind="token").exists()
    assert rate_limits.used(sms_limits.newcomers(account)[0]) == 10


def test_operators_sign_in_when_the_system_has_no_sms_left(operator: User) -> None:
    """B-10: they are who helps. A number that they have only typed is nobody's yet, and waits like all others."""
    use_up(None, 10_000)
    use_up(operator.account, 200)
    browser = Browser()
    browser.post_password("olga")
    assert 'id="sms-used-up"' not in page(browser.get(CHANNEL))
    assert browser.post_channel().headers["Location"] == TOKEN
    person("otto", operator.account, is_staff=True)
    assert NO_MORE_SMS in page(again("otto").post_phone("21 98765-4321"))


def test_the_sms_of_an_operator_take_none_from_the_new_browsers_of_the_account(operator: User) -> None:
    """B-10: those to a number that they have only typed do."""
    (new,) = sms_limits.of_all(operator.account, known=False)
    assert ask("olga").headers["Location"] == TOKEN
    assert rate_limits.used(new) == 0
    person("otto", operator.account, is_staff=True)
    again("otto").post_phone("21 98765-4321")
    assert rate_limits.used(new) == 1


def test_an_sms_that_leaves_for_a_closed_number_is_counted_once(account: Account) -> None:
    """B-10."""
    rate_limits.count(rate_limits.windows("phone_typed", rate_limits.hidden(NUMBER)), uses=99)
    newcomer("honest", account).post_phone(NUMBER)
    assert tokens_to(NUMBER) == 1
    (new,) = sms_limits.of_all(account, known=False)
    assert rate_limits.used(new) == 1


def test_a_colleague_who_signs_in_all_day_leaves_the_others_their_sms(
    account: Account, bob: User, bobs_phone: PhoneDevice
) -> None:
    """B-10: typed tokens are given back, money is not; thirty SMS a day are one person's part."""
    rate_limits.count(rate_limits.windows("person", bob.pk), uses=29)
    assert Browser().sign_in("bob").headers["Location"] == "/"
    assert NO_MORE_SMS in page(ask("bob"))
    assert ask("bob", "email").status_code == 302
    (colleague,) = office(account, 1)
    assert ask(colleague).status_code == 302


def thieves(account: Account, bob: User) -> list[str]:
    """Ask for SMS in new browsers with the passwords of an account of forty people, until it has none for them."""
    account.email_tokens = False
    account.save()
    logins = office(account, 39)
    for login in (*logins * 2, *logins):
        if "makes this one known" in page(ask(login)):
            break
        let_pass(31)
    return logins


def test_stolen_passwords_leave_known_browsers_their_sms(
    account: Account, bob: User, alice: User, bobs_phone: PhoneDevice
) -> None:
    """B-01, B-10: twenty of them used up the account's day, and where it takes no tokens by e-mail everybody waited."""
    mine = known_browser_of("bob")
    let_pass(601)
    thieves(account, bob)
    assert Message.objects.filter(channel="sms").count() == 80, "200 less three for each of forty"
    for _time in range(3):
        mine.post_password("bob")
        assert mine.post_channel().status_code == 302
        assert mine.post_token(last_token()).headers["Location"] == "/"
        mine.post("/sair/")
    told = [entry["subject"] for entry in sent_to(alice.email)]
    assert sum("New browsers" in subject for subject in told) == 1


def test_a_new_browser_is_one_link_away_from_the_sms_that_are_left(
    account: Account, bob: User, bobs_phone: PhoneDevice
) -> None:
    """B-01: and so is a newcomer, whose number is proved by none of it."""
    logins = thieves(account, bob)
    new = Browser()
    new.post_password(logins[0])
    refused = new.post_channel()
    assert 'href="/entrar/navegador/"' in page(refused)
    new.post(link_to(User.objects.get(username=logins[0]), new))
    let_pass(601)
    new.post_password(logins[0])
    assert new.post_channel().headers["Location"] == TOKEN
    assert new.post_token(last_token()).headers["Location"] == "/"
    late = newcomer("late", account)
    assert 'href="/entrar/navegador/"' in page(late.post_phone("61 98765-4321"))
    late.post(link_to(User.objects.get(username="late"), late))
    late.post_phone("61 98765-4321")
    assert late.post_token(last_token()).headers["Location"] == "/"


def test_colleagues_in_known_browsers_leave_each_other_the_first_sms(account: Account) -> None:
    """B-01, B-10: seven of them used up the day of all; three a day are each one's own, and the account has no more."""
    logins = office(account, 40)
    browsers = {login: known_browser_of(login) for login in (*logins[:2], logins[-1])}
    let_pass(90_001)
    rate_limits.count([*sms_limits.least(account), *sms_limits.of_all(account, known=True)], uses=79)
    answers = []
    for _time in range(5):
        browsers[logins[0]].post_password(logins[0])
        answers.append(page(browsers[logins[0]].post_channel()))
        browsers[logins[0]].post_token(last_token())
        browsers[logins[0]].post("/sair/")
        let_pass(31)
    assert [NO_MORE_SMS in answer for answer in answers] == [False, False, False, False, True]
    honest = browsers[logins[-1]]
    honest.post_password(logins[-1])
    assert honest.post_channel().headers["Location"] == TOKEN
    use_up(account, 115)
    browsers[logins[1]].post_password(logins[1])
    assert browsers[logins[1]].post_channel().headers["Location"] == TOKEN
    browsers[logins[1]].post_token(last_token())
    browsers[logins[1]].post("/sair/")
    browsers[logins[1]].post_password(logins[1])
    assert NO_MORE_SMS in page(browsers[logins[1]].post_channel()), "the two hundredth was the last"


def first_ones(account: Account, browser: Browser, login: str) -> int:
    """Return how many SMS a person has in a known browser when new ones and colleagues have used up all they can."""
    (shared,) = sms_limits.of_all(account, known=True)
    rate_limits.count([shared], uses=10_000)
    for time in range(20):
        browser.post_password(login)
        if NO_MORE_SMS in page(browser.post_channel()):
            return time
        browser.post_token(last_token())
        browser.post("/sair/")
        let_pass(31)
    raise AssertionError("there is no end")


@pytest.mark.parametrize(("people", "each"), [(3, 10), (20, 6), (40, 3), (60, 3)])
def test_what_is_kept_for_known_browsers_is_divided_among_the_people(account: Account, people: int, each: int) -> None:
    """B-01, B-10: two were all that anybody was sure of, however few shared the two hundred."""
    (login,) = office(account, 1)
    mine = known_browser_of(login)
    many(account, people - 1, has_phone=True)
    let_pass(90_001)
    assert first_ones(account, mine, login) == each
    assert each * people <= 120 or people > 40


def test_stolen_passwords_of_an_account_without_phones_leave_newcomers_their_sms(account: Account) -> None:
    """B-01, B-10: nothing was kept where nobody had a phone yet: nobody could enrol that day, also with a link."""
    thieves_sms = [*sms_limits.least(account), *sms_limits.of_all(account, known=False)]
    (most,) = sms_limits.of_all(account, known=False)
    rate_limits.count(thieves_sms, uses=most.limit)
    honest = newcomer("honest", account)
    assert 'href="/entrar/navegador/"' in page(honest.post_phone("61 98765-4321"))
    honest.post(link_to(User.objects.get(username="honest"), honest))
    honest.post_phone("61 98765-4321")
    assert honest.post_token(last_token()).headers["Location"] == "/"


def test_the_last_of_the_system_s_sms_are_for_known_browsers(
    account: Account, bob: User, bobs_phone: PhoneDevice
) -> None:
    """B-01, B-10: of 10,000 the last 1,500; thousands of stolen passwords sit in new browsers."""
    mine = known_browser_of("bob")
    let_pass(601)
    use_up(None, 8_500 - rate_limits.used(sms_limits.system(reserved=False)[0]))
    assert 'href="/entrar/navegador/"' in page(ask("bob"))
    mine.post_password("bob")
    assert mine.post_channel().headers["Location"] == TOKEN


def test_no_day_has_two_ceilings(bob: User, bobs_phone: PhoneDevice) -> None:
    """B-17: 5,000 now and 5,000 half a day later; when the first day is over the second 5,000 still count."""
    use_up(None, 5_000)
    let_pass(12 * 3600)
    use_up(None, 5_000)
    assert NO_MORE_SMS in page(ask("bob"))
    let_pass(11 * 3600)
    assert NO_MORE_SMS in page(ask("bob")), "23 hours after the first"
    let_pass(2 * 3600)
    assert ask("bob").status_code == 302
    use_up(None, 4_999)
    assert NO_MORE_SMS in page(ask("bob")), "the second half still counts"
    let_pass(12 * 3600)
    assert ask("bob").status_code == 302


def test_an_account_has_one_day_in_any_24_hours(account: Account, bob: User, bobs_phone: PhoneDevice) -> None:
    """B-17."""
    use_up(account, 100)
    let_pass(23 * 3600)
    use_up(account, 100)
    let_pass(2 * 3600)
    use_up(account, 100)
    assert NO_MORE_SMS in page(ask("bob"))
    let_pass(23 * 3600)
    assert ask("bob").status_code == 302


def test_a_withheld_message_costs_no_money(account: Account, bob: User, bobs_phone: PhoneDevice, settings: Any) -> None:
    """B-17: its use is taken back from the part of the day that it was counted in."""
    settings.LIMITS = {**settings.LIMITS, "spared": [(0, 86_400)]}
    rate_limits.count(rate_limits.windows("phone_typed", rate_limits.hidden(BOBS_NUMBER)), uses=99)
    newcomer("n1", account).post_phone()
    assert rate_limits.used(sms_limits.least(account)[0]) == 0
    assert rate_limits.used(sms_limits.system(reserved=False)[0]) == 0
