"""The list of an account's people: its contents, search, filters and orders.

Every condition has an index in ``User.Meta`` whose end is the order of the list, so a page costs the same whatever the
number of people.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import Case, Exists, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.functions import Coalesce
from django.db.models.lookups import IsNull
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.factors import DEVICE_FLAGS
from accounts.lists import pagination
from accounts.models import NEVER, SEEN_AT, Account, Invitation, SearchWord, User
from accounts.models.search_word import words_of
from accounts.users import mailboxes
from messaging.database import Bytewise, Clock, fold

LOCKED = Q(locked_at__isnull=False) | Q(failures_until__gt=Clock())
MAYBE_LOCKED = Q(locked_at__isnull=False) | Q(failures_until__isnull=False)  # the condition of the index
CONDITIONS = {
    "active": Q(is_active=True) & ~Q(LOCKED),
    "locked": Q(MAYBE_LOCKED, LOCKED, is_active=True),
    "deactivated": Q(is_active=False),
}
STATES: dict[str, Promise] = {
    "invited": gettext_lazy("Invited"),
    "active": gettext_lazy("Active"),
    "locked": gettext_lazy("Locked"),
    "deactivated": gettext_lazy("Deactivated"),
}
# A filter that is not a state of a person: their mailbox refuses our e-mails.
UNREACHABLE = "unreachable"
FACTORS: dict[str, Promise] = {
    "confirmed": gettext_lazy("Confirmed"),
    "pending": gettext_lazy("Pending"),
    "never": gettext_lazy("Never signed in"),
}
SIGNED_IN = {"pending": Q(last_login__isnull=False), "never": Q(last_login__isnull=True)}
SORTS = {
    "name": pagination.Order("name_key"),
    "-name": pagination.Order("name_key", descending=True),
    "seen": pagination.Order("seen_at"),
    "-seen": pagination.Order("seen_at", descending=True),
}
# The same conditions in a form that no index has.
FOUND = {"found_name_key": Coalesce("name_key", Value("")), "found_seen_at": Coalesce(SEEN_AT, Value(NEVER))}
INVITATIONS_ON_TOP = 5


def of(account: Account) -> QuerySet[User]:
    """Return the people of an account, with phone, ``state``, ``factor`` and ``seen_at``.

    ``factor`` says whether they have one that counts (K-06).
    """
    state = Case(
        When(is_active=False, then=Value("deactivated")),
        When(LOCKED, then=Value("locked")),
        default=Value("active"),
    )
    factor = Case(
        When(having(account.accepted), then=Value("confirmed")),
        When(last_login__isnull=True, then=Value("never")),
        default=Value("pending"),
    )
    people = User.objects.filter(account=account).select_related("phone_device")
    return people.annotate(state=state, factor=factor, seen_at=SEEN_AT)


def having(kinds: Iterable[str]) -> Q:
    """Return the condition that a person has a device of one of these kinds; nobody has if no kind has devices."""
    return reduce(or_, (Q(**{flag: True}) for kind, flag in DEVICE_FLAGS.items() if kind in kinds), Q(pk__in=[]))


def lacking(kinds: Iterable[str]) -> Q:
    """Return the condition that a person has none, in the form that the index of people without a phone has."""
    return Q(**{flag: False for kind, flag in DEVICE_FLAGS.items() if kind in kinds})


def has_counting(person: User) -> bool:
    """Tell whether a person has a device that their account lets count. No statement."""
    return any(getattr(person, flag) for kind, flag in DEVICE_FLAGS.items() if person.account.accepts(kind))


def without_factor(account: Account, kinds: Iterable[str] | None = None) -> QuerySet[User]:
    """Return the active people of an account who have no factor that counts: they set one up at the next sign-in.

    ``kinds``: as if these were the kinds that count.
    """
    asked = lacking(account.accepted if kinds is None else kinds)
    return User.objects.filter(asked, account=account, is_active=True)


@dataclass(frozen=True, slots=True)
class Listing:
    """What an administrator asks the list for. Empty values filter nothing."""

    account: Account
    q: str = ""
    role: str = ""
    state: str = ""
    factor: str = ""
    sort: str = "name"

    @property
    def is_narrowed(self) -> bool:
        """Tell whether anything but the search is asked for."""
        return bool(self.role or self.state or self.factor)

    @property
    def order(self) -> pagination.Order:
        """Return the order of the list.

        The results of a search are sorted: to read them off an index, the database would scan everybody for the last
        page.
        """
        order = SORTS[self.sort]
        return replace(order, key=f"found_{order.key}") if self.q else order

    @property
    def scope(self) -> QuerySet[User]:
        """Return all people that the list may show."""
        return of(self.account).annotate(**FOUND) if self.q else of(self.account)

    def find(self) -> tuple[QuerySet[User], int]:
        """Return the people of the list, and their number as ``pagination.count_of`` counts. No invitations.

        A search finds as many as a page counts. Their phones are fetched in a statement of their own: a join would
        fetch all phones before the page is cut.
        """
        people = self._filtered()
        if not self.q:
            return people, pagination.count_of(SORTS["name"].of(people))
        found = _first_found(self, people)
        shown = people.filter(pk__in=found).select_related(None).prefetch_related("phone_device")
        return shown, min(len(found), pagination.COUNTED + 1)

    @property
    def all_people(self) -> QuerySet[User]:
        """Return the same without the limit of a search: for the export, which reads everybody anyway."""
        people = self._filtered()
        return people.filter(_begins_so(self.q) | _has_words(self.q)) if self.q else people

    def _filtered(self) -> QuerySet[User]:
        people = self.scope
        if self.state == "invited":
            return people.none()
        if self.role:
            people = people.filter(role=self.role)
        if self.state == UNREACHABLE:
            people = people.filter(is_active=True, email__in=mailboxes.refused(self.account))
        elif self.state:
            people = people.filter(CONDITIONS[self.state])
        return people.filter(self._having()) if self.factor else people

    def _having(self) -> Q:
        """Return the condition of the chosen factor."""
        kinds = self.account.accepted
        return having(kinds) if self.factor == "confirmed" else lacking(kinds) & SIGNED_IN[self.factor]

    @property
    def all_invitations(self) -> QuerySet[Invitation]:
        """Return the account's invitations, settled ones included."""
        return Invitation.objects.filter(account=self.account)

    @property
    def invitations(self) -> QuerySet[Invitation]:
        """Return the open invitations of the list."""
        invitations = Invitation.objects.open().with_age().filter(account=self.account)
        if self.state not in {"", "invited"} or self.factor:
            return invitations.none()
        if self.role:
            invitations = invitations.filter(role=self.role)
        return invitations.filter(_invited_so(self.q)) if self.q else invitations

    def export(self) -> Iterator[list[list[Any]]]:
        """Return the list for an export, chunk by chunk: first the invited people."""
        for invited in pagination.chunks_of([self.invitations], self.all_invitations, pagination.Order("email")):
            yield [_invited(invitation) for invitation in invited]
        for people in pagination.chunks_of([self.all_people], self.scope, SORTS[self.sort]):
            yield [_cells(person) for person in people]


def _begun(typed: str) -> dict[str, str]:
    """Return how a name, a last name, a login or an address has to begin, by field."""
    key, login = fold(" ".join(typed.split())), typed.strip().lower()
    return {"name_key": key, "surname_key": key, "username": login, "email": login}


def _begins_so(typed: str) -> Q:
    return reduce(or_, (Q(**{f"{field}__startswith": text}) for field, text in _begun(typed).items()))


def _words(typed: str) -> list[str]:
    """Return how the words of a name, or the domain, have to begin; the longest first, because it finds fewest."""
    asked = typed.strip().lower()
    if asked.startswith("@"):
        return [asked]
    return [] if "@" in asked else sorted(words_of(asked), key=len, reverse=True)


def _of_person(word: str) -> Exists:
    return Exists(SearchWord.objects.filter(user=OuterRef("pk"), word__startswith=word))


def _has_words(typed: str) -> Q:
    """Return the condition that every typed word begins one of the person's; an empty search finds nobody."""
    words = _words(typed)
    return Q(*(_of_person(word) for word in words)) if words else Q(pk__in=[])


def _invited_so(typed: str) -> Q:
    asked = typed.strip()
    begins = Q(email__startswith=asked.lower()) | Q(name__icontains=asked)
    return begins | Q(email__contains=asked.lower()) if asked.startswith("@") else begins


def _found_by_words(asked: Listing, people: QuerySet[User]) -> list[QuerySet[Any, Any]]:
    """Return the ids of people with the typed words, read off the index of the longest one.

    PostgreSQL would scan all people, or all words, for a frequent word. So people are joined only if there are other
    filters, and the other words are an expression instead of EXISTS, which it would turn into a join.
    """
    words = _words(asked.q)
    if not words:
        return []
    found = SearchWord.objects.filter(account=asked.account).alias(begun=Bytewise("word"))
    for word in words[1:]:
        other = SearchWord.objects.filter(user=OuterRef("user"), word__startswith=word).values("pk")[:1]
        found = found.filter(IsNull(Subquery(other), False))
    if asked.is_narrowed:
        found = found.filter(user__in=people.values("pk"))
    return [found.filter(begun__startswith=words[0]).order_by("begun").values("user")]


def _first_found(asked: Listing, people: QuerySet[User]) -> list[int]:
    """Return the ids that a search finds, from each way of searching as many as the page counts.

    Each way has an index. Joined by OR, the database would scan everybody by name if it expects many matches, and read
    a hundred thousand people before it comes to one named Zoë.
    """
    found = [
        people.alias(begun=Bytewise(field)).filter(begun__startswith=text).order_by("begun").values("pk")
        for field, text in _begun(asked.q).items()
    ]
    found += _found_by_words(asked, people)
    first, *others = (User.objects.filter(pk__in=way[: pagination.COUNTED + 1]) for way in found)
    return list(first.union(*others).values_list("pk", flat=True))


def head() -> list[str]:
    """Return the headings of the export."""
    return [
        _("Name"),
        _("Login name"),
        _("E-mail address"),
        _("Role"),
        _("State"),
        _("Second factor"),
        _("Confirmed since"),
        _("Phone"),
        _("Last sign-in"),
        _("Authenticator app"),
        _("Passkey"),
    ]


def _cells(person: Any) -> list[Any]:
    device = getattr(person, "phone_device", None)
    return [
        person.full_name,
        person.username,
        person.email,
        person.get_role_display(),
        STATES[person.state],
        FACTORS[person.factor],
        device and device.confirmed_at,
        device and str(device),  # masked (P-09)
        person.last_login,
        _("yes") if person.has_app else "",
        _("yes") if person.has_passkey else "",
    ]


def _invited(invitation: Invitation) -> list[Any]:
    return ["", "", invitation.email, invitation.get_role_display(), STATES["invited"], "", None, "", None, "", ""]
