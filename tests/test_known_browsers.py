"""Nobody is refused because of what others did: known browsers, captcha, mailbox link, help (B-01 to B-05, B-13)."""

import re
from typing import Any

import pytest
from django.contrib.auth import authenticate
from django.core.management import call_command
from django.test import RequestFactory

from accounts import rate_limits
from accounts.auth import known_browsers
from accounts.exceptions import Limited
from accounts.models import AuditEvent, RateLimit, User
from accounts.users import limits as own_limits
from tests.altcha import challenge_in, challenge_on, solve
from tests.conftest import PASSWORD, Browser, enrol, sent_to
from tests.test_password_limits import OTHER_ADDRESS, guess_a_hundred_times, subjects_to, wrong
from tests.tools import let_pass, page
from twofactor import captcha

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("policy")]

COOKIE = "browser"


def known_browser_of(login: str) -> Browser:
    """Return a browser in which somebody signed in with both factors, and signed out."""
    browser = Browser()
    browser.sign_in(login)
    assert COOKIE in browser.cookies
    browser.post("/sair/")
    return browser


def fail_from_here(times: int) -> None:
    """Let the address that all browsers share type wrong passwords for invented logins."""
    for number in range(times):
        answer = Browser().post_password(f"invented{number}", "wrong")
        if challenge := challenge_in(answer.content.decode()):
            Browser().post_password(f"invented{number}", "wrong", altcha=solve(challenge))


# Known browsers -----------------------------------------------------------------------------------


@pytest.mark.usefixtures("bobs_phone")
def test_a_known_browser_never_notices_a_hundred_guesses(bob: User) -> None:
    """B-01, B-02, B-04."""
    browser = known_browser_of("bob")
    guess_a_hundred_times(bob)
    assert browser.post_password("bob").headers["Location"] == "/entrar/canal/"
    browser.post("/sair/")
    assert browser.post_password("bob@example.com").headers["Location"] == "/entrar/canal/"


@pytest.mark.usefixtures("bobs_phone")
def test_a_known_browser_has_ten_wrong_passwords_of_its_own(bob: User) -> None:
    """B-02: the counters of new browsers have none of them; from the eleventh on it counts as one of those."""
    browser = known_browser_of("bob")
    answers = [browser.post_password("bob", f"wrong {n}").status_code for n in range(10)]
    assert answers == [200] * 10
    assert not RateLimit.objects.filter(key__startswith="password_from_address").exists()
    answers = [browser.post_password("bob", f"wrong {n}").status_code for n in range(6)]
    assert answers == [200] * 5 + [429]
    let_pass(301)
    assert Browser().post_password("bob").status_code == 302
    assert known_browser_of("bob").post_password("bob").status_code == 302


@pytest.mark.usefixtures("bobs_phone", "alices_phone")
def test_a_known_browser_is_worth_nothing_to_another_person(bob: User, alice: User) -> None:
    """B-02: and it replaces no factor (S-08)."""
    browser = known_browser_of("bob")
    guess_a_hundred_times(alice)
    assert browser.post_password("alice").status_code == 429
    browser.post_password("bob")
    assert not browser.is_in()


@pytest.mark.usefixtures("bobs_phone", "alices_phone")
def test_two_people_share_a_browser(bob: User, alice: User) -> None:
    browser = known_browser_of("bob")
    browser.sign_in("alice")
    browser.post("/sair/")
    for login in ("bob", "alice"):
        assert is_known(browser, login)
    wrong_here = [browser.post_password("bob", f"wrong {n}").status_code for n in range(16)]
    assert wrong_here == [200] * 15 + [429]
    assert browser.post_password("alice").status_code == 302


@pytest.mark.usefixtures("bobs_phone", "alices_phone")
def test_a_copied_cookie_of_a_shared_browser_keeps_nobody_out(bob: User, alice: User) -> None:
    """B-01, B-02: ten wrong passwords elsewhere closed the owner's browser up to a day, and the link opened nothing."""
    mine = known_browser_of("bob")
    mine.sign_in("alice")
    mine.post("/sair/")
    copied = Browser(REMOTE_ADDR=OTHER_ADDRESS)
    copied.cookies[COOKIE] = mine.cookies[COOKIE].value
    for number in range(10):
        copied.post_password("bob", f"wrong {number}")
    assert mine.post_password("bob").headers["Location"] == "/entrar/canal/"
    wrong(5, "bob")
    assert mine.post_password("bob").status_code == 429, "a neighbour, too, has typed them wrong"
    mine.post(link_to(bob, mine))
    assert mine.post_password("bob").headers["Location"] == "/entrar/canal/"
    assert copied.post_password("bob", "wrong").status_code == 200
    assert not is_known(mine, "alice"), "her entry has the counter of before"


@pytest.mark.usefixtures("bobs_phone", "alices_phone")
def test_a_link_keeps_the_counter_of_a_browser_that_has_tries_left(bob: User, alice: User) -> None:
    """B-02: and those who share it."""
    browser = known_browser_of("alice")
    browser.post(link_to(bob, browser))
    assert is_known(browser, "alice")
    assert is_known(browser, "bob")


@pytest.mark.usefixtures("bobs_phone", "alices_phone")
def test_entries_of_two_browsers_are_not_put_together(bob: User, alice: User) -> None:
    """B-02: guesses would be counted by the name of one browser and waited for by that of the other."""
    both = Browser()
    entries = [known_browser_of(login).cookies[COOKIE].value for login in ("alice", "bob")]
    both.cookies[COOKIE] = "|".join(entries)
    assert is_known(both, "alice")
    assert not is_known(both, "bob")


@pytest.mark.usefixtures("bobs_phone")
def test_known_browsers_end_by_their_epoch_and_after_180_days(bob: User, settings: Any) -> None:
    """B-02: "It was not me" raises the epoch."""
    browser = known_browser_of("bob")
    assert is_known(browser, "bob")
    assert browser.cookies[COOKIE]["max-age"] == 180 * 86_400
    assert browser.cookies[COOKIE]["httponly"]
    settings.KNOWN_BROWSER_SECONDS = -1
    assert not is_known(browser, "bob")
    settings.KNOWN_BROWSER_SECONDS = 180 * 86_400
    known_browsers.forget_all(bob)
    assert not is_known(browser, "bob")


def test_a_disavowal_ends_the_known_browsers(bob: User) -> None:
    """B-02: whoever enrolled in the person's place keeps none."""
    browser = Browser()
    browser.enrol("bob")
    link = re.search(r"/nao-fui-eu/\S+", sent_to("bob@example.com")[0]["text"])
    assert link
    assert is_known(browser, "bob")
    Browser().post(link[0])
    assert not is_known(browser, "bob")


def test_a_right_password_alone_makes_no_browser_known(bob: User) -> None:
    """B-02: only a completed second factor does."""
    browser = Browser()
    browser.post_password("bob")
    assert COOKIE not in browser.cookies


def is_known(browser: Browser, login: str) -> bool:
    """Tell whether a browser is known, from its cookie alone."""
    request = RequestFactory().get("/")
    request.COOKIES[COOKIE] = browser.cookies[COOKIE].value
    return known_browsers.is_known(request, User.objects.get(username=login))


# Addresses that fail ------------------------------------------------------------------------------


@pytest.mark.usefixtures("bobs_phone")
def test_a_failing_address_is_asked_for_a_captcha_and_never_refused(bob: User) -> None:
    """B-03: a colleague passes at once in a known browser, with one captcha in a new one."""
    known = known_browser_of("bob")
    fail_from_here(30)
    assert known.post_password("bob").status_code == 302
    new = Browser()
    asked = new.post_password("bob")
    assert asked.status_code == 200
    assert "Tick “I'm not a robot” to go on." in page(asked)
    answer = new.post_password("bob", altcha=solve(challenge_on(asked)))
    assert answer.headers["Location"] == "/entrar/canal/"


def test_without_its_captcha_a_password_is_not_looked_at(bob: User) -> None:
    """B-03: a robot learns nothing from right and wrong ones, and one captcha pays for one password."""
    fail_from_here(10)
    asked = Browser().post_password("bob")
    solved = solve(challenge_on(asked))
    assert page(asked) == page(Browser().post_password("bob", "wrong"))
    assert "is wrong" in page(Browser().post_password("bob", "wrong", altcha=solved))
    assert "has expired" in page(Browser().post_password("bob", altcha=solved))


def test_the_work_doubles_with_the_failures(bob: User) -> None:
    """B-03: up to the most; an easy captcha does not pay for a hard one."""
    fail_from_here(10)
    easy = challenge_on(Browser().post_password("bob"))
    assert easy["parameters"]["data"]["work"] == 50
    RateLimit.objects.filter(key__startswith="address_passwords").update(used=160)
    hard = challenge_on(Browser().post_password("bob"))
    assert hard["parameters"]["data"]["work"] == 50 * 16
    assert "has expired" in page(Browser().post_password("bob", altcha=solve(easy)))
    assert captcha.work_of(40) == 100_000


@pytest.mark.parametrize(("used", "status"), [(20, 302), (80, 302), (160, 200)])
def test_a_captcha_is_good_after_the_work_has_doubled_three_times(
    bob: User, used: int, status: int, settings: Any
) -> None:
    """B-01, B-03: what somebody else fails between the page and the tick costs nobody three more captchas."""
    settings.ALTCHA_MAX_WORK = 2500  # as far above the tests' work as where it ships
    fail_from_here(10)
    solved = solve(challenge_on(Browser().post_password("bob")))
    RateLimit.objects.filter(key__startswith="address_passwords").update(used=used)
    answer = Browser().post_password("bob", altcha=solved)
    assert answer.status_code == status
    if status == 200:
        RateLimit.objects.filter(key__startswith="address_passwords").update(used=10**6)
        assert Browser().post_password("bob", altcha=solve(challenge_on(answer))).status_code == 302


def test_a_failing_login_is_asked_for_a_captcha_from_everywhere(bob: User) -> None:
    """B-03: ten in an hour, and the same for a login that nobody has (C-09)."""
    for login in ("bob", "nobody"):
        for number in range(10):
            Browser(REMOTE_ADDR=f"198.51.100.{number}").post_password(login, "wrong")
        assert challenge_on(Browser(REMOTE_ADDR=OTHER_ADDRESS).post_password(login))


def test_where_no_captcha_can_be_shown_a_failing_login_waits(bob: User) -> None:
    """B-03: a caller that forgets the captcha is no way around it."""
    for number in range(10):
        Browser(REMOTE_ADDR=f"198.51.100.{number}").post_password("bob", "wrong")
    with pytest.raises(Limited) as refusal:
        authenticate(username="bob", password=PASSWORD)
    assert refusal.value.retry_after == 3600


def test_a_large_network_of_ipv6_is_one_address_after_all(bob: User) -> None:
    """B-14: a /48 has 65,536 of /64; a hundred and sixty of them ask for the captcha."""
    for number in range(160):
        Browser(REMOTE_ADDR=f"2001:db8:7:{number << 8:x}::1").post_password(f"invented{number}", "wrong")
    assert challenge_on(Browser(REMOTE_ADDR="2001:db8:7:ff01::1").post_password("bob"))
    assert Browser(REMOTE_ADDR="2001:db8:8::1").post_password("bob").status_code == 302


def test_a_large_network_of_ipv6_cannot_ask_for_links_without_end(bob: User) -> None:
    """B-14: sixty links an hour from each /64 were four millions from a /48; whoever sits elsewhere pays nothing."""
    with_a_48 = rate_limits.windows_of_networks("address_links", "2001:db8:1:203::1")
    rate_limits.count([window for window in with_a_48 if "/48" in window.key], uses=960 * 8)
    work = [
        challenge_on(Browser(REMOTE_ADDR=address).get("/entrar/navegador/"))["parameters"]["data"]["work"]
        for address in ("2001:db8:1:ffff::1", "2001:db8:2::1")
    ]
    assert work == [50 * 8, 50]


@pytest.mark.usefixtures("bobs_phone")
def test_an_office_in_which_three_people_forget_their_password(bob: User) -> None:
    """B-01: nobody but the three is refused, and they only from here."""
    known = known_browser_of("bob")
    for name in ("anna", "bruno", "clara"):
        assert 429 not in wrong(5, name)
    assert known.post_password("bob").status_code == 302
    new = Browser()
    solved = solve(challenge_on(new.post_password("bob")))
    assert new.post_password("bob", altcha=solved).status_code == 302


# The mailbox --------------------------------------------------------------------------------------


def link_to(person: User, browser: Browser) -> str:
    """Ask for the link that makes a browser known; return its path."""
    browser.post("/entrar/navegador/", {"username": person.username, "altcha": browser.captcha("/entrar/navegador/")})
    return path_in_mail(person, r"/entrar/navegador/[^\s/]+/")


def path_in_mail(person: User, wanted: str) -> str:
    """Return the newest path of a form in a person's mailbox; notices that were queued before it may come after."""
    found = (re.search(wanted, entry["text"]) for entry in sent_to(person.email))
    return next(match[0] for match in found if match)


@pytest.mark.usefixtures("bobs_phone")
def test_a_link_from_the_mailbox_opens_a_new_browser_to_the_password(bob: User) -> None:
    """B-04: and to nothing else."""
    guess_a_hundred_times(bob)
    new = Browser(REMOTE_ADDR=OTHER_ADDRESS)
    assert new.post_password("bob").status_code == 429
    path = link_to(bob, new)
    new.get(path)
    assert COOKIE not in new.cookies  # mail programs open links by themselves
    assert new.post(path).headers["Location"] == "/entrar/"
    assert new.post_password("bob", "wrong").status_code == 200
    assert new.post_password("bob").headers["Location"] == "/entrar/canal/"
    assert not new.is_in()


def test_a_link_is_good_for_a_day_and_one_person(bob: User, settings: Any) -> None:
    path = link_to(bob, Browser())
    assert Browser().get(path[:-3] + "x/").status_code == 404
    settings.BROWSER_LINK_SECONDS = -1
    assert Browser().get(path).status_code == 404


def test_a_link_ends_with_the_known_browsers_and_with_the_address(bob: User) -> None:
    """B-04: whoever reads the old mailbox later has nothing."""
    first = link_to(bob, Browser())
    known_browsers.forget_all(bob)
    assert Browser().get(first).status_code == 404
    bob.refresh_from_db()
    second = link_to(bob, Browser())
    assert Browser().get(second).status_code == 200
    User.objects.filter(pk=bob.pk).update(email="robert@example.com")
    assert Browser().get(second).status_code == 404


def test_outsiders_cannot_use_up_the_links(bob: User) -> None:
    """B-04: three a day leave, each is good for a day; nobody learns who exists."""
    answers = []
    for login in ("bob", "bob", "bob", "bob", "nobody"):
        browser = Browser()
        solved = browser.captcha("/entrar/navegador/")
        answers.append(page(browser.post("/entrar/navegador/", {"username": login, "altcha": solved})))
    assert len(set(answers)) == 1
    assert len(subjects_to(bob)) == 3


def test_a_neighbour_cannot_use_up_the_links_of_an_address(bob: User) -> None:
    """B-01, B-03: five wrong passwords and sixty links kept whoever shares the address out for an hour."""
    wrong(5, "bob")
    for number in range(60):
        Browser().post("/senha/esqueci/", {"email": f"invented{number}@example.com"})
    mine = Browser()
    assert mine.post_password("bob").status_code == 429
    path = link_to(bob, mine)
    mine.post(path)
    assert mine.post_password("bob").status_code == 302


def test_the_captcha_of_a_link_grows_with_the_links_of_an_address(bob: User) -> None:
    """B-03: a robot pays, and whoever sits elsewhere does not."""
    rate_limits.count(rate_limits.windows("address_links", "127.0.0.1"), uses=60 * 8)
    work = [
        challenge_on(Browser(REMOTE_ADDR=address).get("/entrar/navegador/"))["parameters"]["data"]["work"]
        for address in ("127.0.0.1", OTHER_ADDRESS)
    ]
    assert work == [50 * 8, 50]


def test_the_person_is_told_once_a_day(bob: User) -> None:
    """B-04, B-15."""
    for _ in range(2):
        guess_a_hundred_times(bob)
        RateLimit.objects.exclude(key__startswith="password told").delete()
    assert subjects_to(bob) == ["Somebody is trying to guess your password"]


# Help ---------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("alices_phone")
def test_an_administrator_sees_a_persons_limits_and_clears_them(alice: User, bob: User) -> None:
    """B-05, PW-08: after a fresh proof, audited."""
    enrol(bob)
    guess_a_hundred_times(bob)
    browser = Browser()
    browser.sign_in("alice")
    shown = page(browser.get(f"/configuracoes/usuarios/{bob.pk}/"))
    assert "A hundred wrong passwords in new browsers" in shown
    path = f"/configuracoes/usuarios/{bob.pk}/desbloquear/"
    browser.reauthenticate(path)
    assert own_limits.reached(bob) == []
    assert AuditEvent.objects.filter(user=bob, actor=alice, action="user.limits_forgotten").count() == 1
    assert Browser(REMOTE_ADDR=OTHER_ADDRESS).post_password("bob").status_code == 302


@pytest.mark.usefixtures("alices_phone", "bobs_phone")
def test_an_administrator_sees_that_a_person_has_no_sms_left_and_gives_them_another_day(
    alice: User, bob: User, settings: Any
) -> None:
    """B-05: a thief with the password used them up; the page showed nothing, and Unlock changed nothing."""
    settings.LIMITS = {**settings.LIMITS, "person": [(2, 86_400)]}
    mine = known_browser_of("bob")
    mine.sign_in("bob")
    mine.post("/sair/")
    mine.post_password("bob")
    assert mine.post_channel("sms").status_code == 200
    own_limits.forget(bob)
    assert mine.post_channel("sms").status_code == 200, "a reset, which anybody does alone, gives none"
    office = Browser()
    office.sign_in("alice")
    assert "SMS of a day: none is left" in page(office.get(f"/configuracoes/usuarios/{bob.pk}/"))
    (found,) = own_limits.reached(bob)
    assert (found.used, found.limit) == (2, 2)
    assert 86_400 <= found.seconds_left <= 86_400 + 3600
    office.reauthenticate(f"/configuracoes/usuarios/{bob.pk}/desbloquear/")
    assert own_limits.reached(bob) == []
    assert mine.post_channel("sms").status_code == 302


def hold_up(bob: User) -> None:
    """Use up every limit that is Bob's own, and one of Alice's."""
    names = ["user", "numbers", "reauthentication"]
    RateLimit.objects.bulk_create(
        RateLimit(key=f"{scope} {pk}", seconds=86_400, used=99, until=2**32)
        for scope in names
        for pk in (bob.pk, f"{bob.pk}0")
    )
    guess_a_hundred_times(bob)


def test_unlock_user_clears_the_person_s_own_limits_and_no_other(bob: User, capsys: Any) -> None:
    """B-05: where no administrator can act."""
    hold_up(bob)
    call_command("limits", of="bob@example.com")
    said = capsys.readouterr().out
    for scope in ("user: 99 of 20", "numbers: 99 of", "reauthentication: 99 of 10", "password_anywhere: 100 of 100"):
        assert scope in said
    call_command("unlock_user", "bob")
    assert own_limits.reached(bob) == []
    assert RateLimit.objects.filter(key=f"user {bob.pk}0").exists()
    call_command("limits", of="bob")
    assert "password_anywhere" not in capsys.readouterr().out


def test_a_completed_reset_clears_the_person_s_own_limits(bob: User) -> None:
    """B-05, PW-08: a hundred wrong passwords, a reset, and a new browser signs in."""
    hold_up(bob)
    Browser().post("/senha/esqueci/", {"email": bob.email})
    path = path_in_mail(bob, r"/senha/redefinir/\S+")
    browser = Browser()
    form = browser.get(path).headers["Location"]
    browser.post(form, {"new_password": "another horse and battery"})
    assert own_limits.reached(bob) == []
    assert Browser(REMOTE_ADDR=OTHER_ADDRESS).post_password("bob", "another horse and battery").status_code == 302


# The wait that is told ----------------------------------------------------------------------------


def test_a_limit_keeps_the_person_on_the_sign_in_page(bob: User) -> None:
    """B-13: with the running clock, the true wait, and what else they can do."""
    wrong(5)
    answer = Browser().post_password("bob", PASSWORD)
    told = re.search(r'data-wait-clock="(\d+)"', answer.content.decode())
    assert told
    assert told[1] == answer.headers["Retry-After"]
    assert abs(int(told[1]) - own_limits.reached(bob)[0].seconds_left) <= 1
    shown = page(answer)
    for words in ('name="password"', 'value="bob"', "/senha/esqueci/", "/entrar/navegador/"):
        assert words in shown


def test_a_program_is_told_a_limit_in_json(bob: User) -> None:
    """B-13."""
    wrong(5)
    answer = Browser(headers={"accept": "application/json"}).post_password("bob")
    assert answer.status_code == 429
    assert answer.json() == {"detail": "limited", "retry_after": int(answer.headers["Retry-After"])}
