"""The list of an account's people: what it shows, and what it is searched, filtered and sorted by.

Every condition has an index in ``User.Meta`` whose end is the order of the list, so that a page costs the same
whatever the number of people.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import Case, Q, QuerySet, Value, When
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import pages
from accounts.models import SEEN_AT, Account, Invitation, Role, User
from messaging.database import Clock, fold

LOCKED = Q(locked_at__isnull=False) | Q(failures_until__gt=Clock())
MAYBE_LOCKED = Q(locked_at__isnull=False) | Q(failures_until__isnull=False)  # what the index knows
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
FACTORS: dict[str, Promise] = {
    "confirmed": gettext_lazy("Confirmed"),
    "pending": gettext_lazy("Pending"),
    "never": gettext_lazy("Never signed in"),
}
SORTS = {
    "name": pages.Order("name_key"),
    "-name": pages.Order("name_key", descending=True),
    "seen": pages.Order("seen_at"),
    "-seen": pages.Order("seen_at", descending=True),
}
INVITATIONS_ON_TOP = 5


def of(account: Account) -> QuerySet[User]:
    """Return the people of an account, with phone, ``state``, ``factor`` and ``seen_at``."""
    state = Case(
        When(is_active=False, then=Value("deactivated")),
        When(LOCKED, then=Value("locked")),
        default=Value("active"),
    )
    factor = Case(
        When(phone_device__isnull=False, then=Value("confirmed")),
        When(last_login__isnull=True, then=Value("never")),
        default=Value("pending"),
    )
    people = User.objects.filter(account=account).select_related("phone_device")
    return people.annotate(state=state, factor=factor, seen_at=SEEN_AT)


def without_phone(account: Account) -> QuerySet[User]:
    """Return the active people of an account who have not confirmed a phone."""
    return User.objects.filter(account=account, is_active=True, phone_device__isnull=True)


@dataclass(frozen=True, slots=True)
class Listing:
    """What an administrator asks the list for. Empty means: whatever."""

    account: Account
    q: str = ""
    role: str = ""
    state: str = ""
    factor: str = ""
    sort: str = "name"

    @property
    def order(self) -> pages.Order:
        """Return the order of the list."""
        return SORTS[self.sort]

    @property
    def people(self) -> QuerySet[User]:
        """Return who is on the list; invitations are apart."""
        people = of(self.account)
        if self.state == "invited":
            return people.none()
        if self.q:
            people = people.filter(_begins_with(self.q))
        if self.role:
            people = people.filter(role=self.role)
        if self.state:
            people = people.filter(CONDITIONS[self.state])
        return people.filter(_has_factor(self.factor)) if self.factor else people

    @property
    def all_invitations(self) -> QuerySet[Invitation]:
        """Return the account's invitations, also those that are settled."""
        return Invitation.objects.filter(account=self.account)

    @property
    def invitations(self) -> QuerySet[Invitation]:
        """Return the open invitations that are on the list."""
        invitations = Invitation.objects.open().with_age().filter(account=self.account)
        if self.state not in {"", "invited"} or self.factor or self.role not in {"", Role.MEMBER}:
            return invitations.none()
        return invitations.filter(email__startswith=self.q.lower()) if self.q else invitations

    def export(self) -> Iterator[list[list[Any]]]:
        """Return the list for a table, chunk by chunk: first who is invited."""
        for invited in pages.chunks_of([self.invitations], self.all_invitations, pages.Order("email")):
            yield [_invited(invitation) for invitation in invited]
        for people in pages.chunks_of([self.people], of(self.account), self.order):
            yield [_cells(person) for person in people]


def _begins_with(typed: str) -> Q:
    """Match the beginning of a name, a last name, a login or an address."""
    key = fold(" ".join(typed.split()))
    login = typed.strip().lower()
    names = Q(name_key__startswith=key) | Q(surname_key__startswith=key)
    return names | Q(username__startswith=login) | Q(email__startswith=login)


def _has_factor(factor: str) -> Q:
    if factor == "never":
        return Q(phone_device__isnull=True, last_login__isnull=True)
    return Q(phone_device__isnull=factor == "pending") & (Q(last_login__isnull=False) if factor == "pending" else Q())


def head() -> list[str]:
    """Return the headings of the table."""
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
    ]


def _invited(invitation: Invitation) -> list[Any]:
    return ["", "", invitation.email, Role.MEMBER.label, STATES["invited"], "", None, "", None]
