"""How often a password may be wrong: kept in the database, the same for who exists and who does not."""

from typing import Any

import pytest

from accounts import budgets
from accounts.flows import purge_budgets
from accounts.models import Budget, User
from tests.conftest import PASSWORD, Browser
from tests.tools import let_pass, page

pytestmark = pytest.mark.django_db

CONFIRM = "/meu-perfil/telefone/confirmar/"
OTHER_ADDRESS = "203.0.113.9"


def wrong(times: int, login: str = "bob") -> list[int]:
    """Type a wrong password so often; return the answers."""
    return [Browser().post("/entrar/", {"username": login, "password": f"wrong {n}"}).status_code for n in range(times)]


def let_windows_pass() -> None:
    """Let every window run out."""
    Budget.objects.update(until=0)


def test_after_five_wrong_passwords_the_right_one_waits_too(bob: User) -> None:
    """Section 3: 5 failures in 5 minutes per login and address."""
    assert wrong(6) == [200] * 5 + [429]
    answer = Browser().post_password("bob")
    assert answer.status_code == 429
    assert 290 <= int(answer.headers["Retry-After"]) <= 300
    let_windows_pass()
    assert Browser().post_password("bob").status_code == 302


def test_a_stranger_s_login_is_limited_just_the_same(bob: User) -> None:
    """C-09: the limit does not tell who exists."""
    assert wrong(6, "nobody") == [200] * 5 + [429]


def test_another_address_is_not_kept_out(bob: User) -> None:
    """ASVS 6.1.1: an outsider does not lock a person out."""
    wrong(6)
    answer = Browser(REMOTE_ADDR=OTHER_ADDRESS).post_password("bob")
    assert answer.status_code == 302


def test_one_address_has_ten_wrong_passwords_a_minute(bob: User) -> None:
    """Section 3: whoever tries many logins from one address."""
    answers = [wrong(1, f"person{n}")[0] for n in range(11)]
    assert answers == [200] * 10 + [429]
    assert Browser().post_password("bob").status_code == 429


def test_one_login_has_a_hundred_wrong_passwords_an_hour(bob: User) -> None:
    """ASVS 4.0.3, 2.2.1: from however many addresses."""
    for number in range(100):
        budgets.count_wrong_password("bob", f"198.51.100.{number}", bob)
    assert Browser(REMOTE_ADDR=OTHER_ADDRESS).post_password("bob").status_code == 429


def test_case_and_spaces_do_not_give_another_budget(bob: User) -> None:
    wrong(5, "bob")
    assert wrong(1, " BOB ") == [429]


# Two names of one person --------------------------------------------------------------------------


def slip(name: str) -> None:
    """Type five wrong passwords for a name, and wait until it may be tried again."""
    assert wrong(5, name) == [200] * 5
    let_pass(301)


def test_login_and_address_of_a_person_are_one_budget_by_the_hour(bob: User) -> None:
    """Section 3: ten in an hour are ten, whichever name they are typed for; the right password waits, too."""
    slip("bob")
    slip("bob@example.com")
    for name in ("bob", "bob@example.com"):
        assert Browser().post_password(name).status_code == 200
    assert Browser(REMOTE_ADDR=OTHER_ADDRESS).post_password("bob").status_code == 302
    let_pass(3600)
    assert Browser().post_password("bob").status_code == 302


def test_a_hundred_an_hour_are_a_hundred_for_both_names(bob: User) -> None:
    """ASVS 4.0.3, 2.2.1: from however many addresses."""
    for number in range(100):
        budgets.count_wrong_password(("bob", "bob@example.com")[number % 2], f"198.51.100.{number}", bob)
    assert Browser(REMOTE_ADDR=OTHER_ADDRESS).post_password("bob").status_code == 200


def test_nobody_learns_by_it_that_two_names_are_one_persons(bob: User) -> None:
    """C-09: the answers are those of two names that nobody has."""

    def answers(login: str) -> list[tuple[int, str]]:
        said = []
        for name in (login, f"{login}@example.com", login, f"{login}@example.com"):
            for guess in range(6):
                answer = Browser(REMOTE_ADDR=f"198.51.100.{len(login)}").post_password(name, f"wrong {guess}")
                said.append((answer.status_code, page(answer).replace(login, "NAME")))
            let_pass(301)
        return said

    assert answers("bob") == answers("nobody")


def test_a_stolen_session_and_the_sign_in_page_are_one_budget(browser: Browser, bob: User) -> None:
    """R-01: also where the sign-in page is tried by the address."""
    browser.post_password("bob")
    slip("bob@example.com")
    slip("bob@example.com")
    fields = {"new_password1": "a thiefs own password", "new_password2": "a thiefs own password"}
    assert browser.post("/senha/alterar/", {"old_password": PASSWORD, **fields}).status_code == 429


def test_a_right_password_spends_nothing(bob: User) -> None:
    for _ in range(12):
        assert Browser().post_password("bob").status_code == 302
    assert not Budget.objects.exists()


def test_counting_is_exact(bob: User) -> None:
    """L-05: one upsert, no reading first."""
    for _ in range(7):
        budgets.count_wrong_password("bob", "192.0.2.1", bob)
    assert set(Budget.objects.values_list("used", flat=True)) == {7}


def test_no_login_stands_in_the_table(bob: User) -> None:
    """J-02: people type passwords into the wrong field."""
    wrong(1, PASSWORD)
    assert not [key for key in Budget.objects.values_list("key", flat=True) if "horse" in key]


def test_windows_that_are_over_are_forgotten(bob: User) -> None:
    """J-05."""
    wrong(1)
    assert purge_budgets() == 0
    let_windows_pass()
    assert purge_budgets() == 12
    assert not Budget.objects.exists()


@pytest.mark.usefixtures("policy")
def test_a_stolen_session_has_ten_guesses_a_day(browser: Browser, bob: User, settings: Any) -> None:
    """Section 3: from however many addresses, and the sign-in page goes on."""
    settings.LIMITS = {**settings.LIMITS, "reauthentication": [(2, 86_400)]}
    browser.enrol("bob")
    browser.post("/meu-perfil/telefone/", {"country": "BR", "number": "21 99887-7665"})
    answers = [
        browser.post(CONFIRM, {"password": f"wrong {n}"}, REMOTE_ADDR=f"198.51.100.{n}").status_code for n in range(3)
    ]
    assert answers == [200, 200, 429]
    assert Browser().post_password("bob").status_code == 302


@pytest.mark.usefixtures("policy")
def test_a_stolen_session_has_no_more_guesses_than_the_sign_in_page(browser: Browser, bob: User) -> None:
    """R-01: re-authentication spends the same budget, and then refuses the right password too."""
    browser.enrol("bob")
    browser.post("/meu-perfil/telefone/", {"country": "BR", "number": "21 99887-7665"})
    confirm = "/meu-perfil/telefone/confirmar/"
    answers = [browser.post(confirm, {"password": f"wrong {n}"}).status_code for n in range(6)]
    assert answers == [200] * 5 + [429]
    assert browser.post(confirm, {"password": PASSWORD}).status_code == 429
