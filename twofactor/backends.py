"""The authentication backend that loads a person together with their devices, in one statement."""

from django.db.models import QuerySet

from accounts.auth.backends import LoginOrEmailBackend
from accounts.models import User
from twofactor.factors import held
from twofactor.sign_in.query import with_begun


class PhoneBackend(LoginOrEmailBackend):
    """Load account and devices with the person, so that the gate needs no statement (S-05).

    Open sessions have the name of this class: another name would end all of them.
    """

    @classmethod
    def loaded(cls, people: "QuerySet[User]") -> "QuerySet[User]":
        """Add what the gate reads of a person."""
        found: QuerySet[User] = held.joined(super().loaded(people))
        return found

    @classmethod
    def annotated(cls, people: QuerySet[User]) -> QuerySet[User]:
        """Add the sign-ins begun before with the right password (B-12, B-16)."""
        return with_begun(people)
