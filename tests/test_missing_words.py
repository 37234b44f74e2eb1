"""O-02: whoever joins by the release before, while this one is put in its place, is found as everybody is."""

from typing import Any

import pytest

from accounts.models import Account, SearchWord, User
from accounts.users import missing_words
from messaging.periodic.scheduler import Last

pytestmark = pytest.mark.django_db


def joined(account: Account, login: str) -> User:
    """Write a person as the release before does."""
    return User.objects.create(
        account=account, username=login, email=f"{login}@example.org", first_name="Íris", last_name="Prado"
    )


def words(user: User) -> set[str]:
    return set(SearchWord.objects.filter(user=user).values_list("word", flat=True))


def test_people_without_search_words_get_them_once(account: Account) -> None:
    """O-02."""
    person = joined(account, "iris")
    mark = missing_words.write_missing(Last(None, None))
    assert words(person) == {"iris", "prado", "@example.org"}
    assert mark == person.pk
    later = joined(account, "iris2")
    assert missing_words.write_missing(Last(None, mark)) == later.pk
    assert words(later) == words(person)


def test_words_that_are_there_stay(account: Account) -> None:
    person = joined(account, "iris")
    SearchWord.objects.create(user=person, account=account, word="nickname")
    missing_words.write_missing(Last(None, None))
    assert words(person) == {"nickname"}


def test_an_erased_person_gets_none(account: Account) -> None:
    person = joined(account, "iris")
    User.objects.filter(pk=person.pk).update(erased_at="2026-01-01T00:00Z")
    missing_words.write_missing(Last(None, None))
    assert words(person) == set()


def test_many_are_done_in_parts(account: Account, monkeypatch: Any) -> None:
    monkeypatch.setattr(missing_words, "BATCH", 2)
    people = [joined(account, f"iris{n}") for n in range(3)]
    mark = missing_words.write_missing(Last(None, people[0].pk - 1))
    assert (mark, [bool(words(person)) for person in people]) == (people[1].pk, [True, True, False])
    assert missing_words.write_missing(Last(None, mark)) == people[2].pk
    assert missing_words.write_missing(Last(None, people[2].pk)) == people[2].pk
    assert words(people[2])


def test_no_more_of_the_table_is_looked_at_than_a_part(account: Account, monkeypatch: Any) -> None:
    monkeypatch.setattr(missing_words, "RANGE", 1)
    first, second = joined(account, "iris"), joined(account, "iris2")
    assert missing_words.write_missing(Last(None, first.pk - 1)) == first.pk
    assert (bool(words(first)), bool(words(second))) == (True, False)
