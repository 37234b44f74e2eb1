"""What people are found by, besides the beginning of name, login and address: any word of the name, and the domain."""

import re
import unicodedata
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.db import models, transaction

from accounts.models.account import Account
from messaging.database import Bytewise

PARTICLES = {"da", "de", "do", "das", "dos"}
MAX_LENGTH = 80


def words_of(text: str) -> list[str]:
    """Return the words of a name as they are compared: lower case, without accents however they are composed.

    Particles are left out, unless there is nothing else.
    """
    plain = "".join(char for char in unicodedata.normalize("NFKD", text.lower()) if not unicodedata.combining(char))
    words = [word[:MAX_LENGTH] for word in re.findall(r"\w+", plain)]
    return [word for word in words if word not in PARTICLES] or words


def domain_of(email: str) -> str:
    """Return the domain of an address, with the @ before it."""
    return ("@" + email.lower().rpartition("@")[2])[:MAX_LENGTH]


class SearchWordManager(models.Manager["SearchWord"]):
    """Keep the words up to date. Code that writes names or addresses calls ``renew`` in its transaction."""

    def renew(self, *people: Any) -> None:
        """Rewrite the words of people."""
        rows = [row for person in people for row in self._rows(person)]
        with transaction.atomic():
            self.filter(user__in=[person.pk for person in people]).delete()
            self.bulk_create(rows, ignore_conflicts=True)

    def _rows(self, person: Any) -> Iterable["SearchWord"]:
        words = {*words_of(f"{person.first_name} {person.last_name}"), domain_of(person.email)}
        return [self.model(user_id=person.pk, account_id=person.account_id, word=word) for word in sorted(words)]


class SearchWord(models.Model):
    """A word of a person's name, or the domain of their address behind an @."""

    # Each begins one of the two below; Django's own indexes would be duplicates.
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="words", db_index=False)
    account = models.ForeignKey(Account, models.CASCADE, related_name="+", db_index=False)
    word = models.CharField(max_length=MAX_LENGTH)

    objects = SearchWordManager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "word"], name="search_word_once")]
        indexes = [models.Index("account", Bytewise("word"), name="search_word_begins")]

    def __str__(self) -> str:
        return self.word
