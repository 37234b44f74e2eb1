"""What an administrator does for several people at once.

Each person is a transaction of their own: after a fault each of them is done or as before, and the same again does the
rest. Every rule stands in the flow that does it for one person, which writes it down for that person.
"""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from django.db import DatabaseError
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.exceptions import LastAdministrator
from accounts.models import Account, Role, User
from accounts.users import flows as users
from accounts.users import query as user_query
from accounts.users import reminders
from twofactor import devices, error_messages
from twofactor.exceptions import NoPhone, OwnPhone

logger = logging.getLogger(__name__)

MOST = 200  # people a request: some seconds' work


@dataclass(frozen=True, slots=True)
class Work:
    """Something that is done to people: its words, how it is done to one, and for whom there is nothing to do."""

    title: Promise
    points: list[Promise]
    button: Promise
    act: Callable[[User, User, str], bool]  # the person, who does it, the reason
    is_so: Callable[[User], bool]
    asks_reason: bool = False
    is_dangerous: bool = False


def _reset(person: User, actor: User, reason: str) -> bool:
    devices.reset_phone(person, reason=reason, actor=actor)
    return True


WORKS: dict[str, Work] = {
    "remind": Work(
        title=gettext_lazy("Remind several users"),
        points=[gettext_lazy("An e-mail tells them, step by step, how to set up a second step. Once a day at most.")],
        button=gettext_lazy("Remind"),
        act=lambda person, actor, _reason: bool(reminders.remind(person.account, actor=actor, user=person)),
        is_so=lambda person: user_query.has_counting(person) or not person.is_active,
    ),
    "deactivate": Work(
        title=gettext_lazy("Deactivate several users"),
        points=[
            gettext_lazy("They are signed out everywhere at once and can no longer sign in."),
            gettext_lazy("Second step, history and audit are kept; you can let them in again at any time."),
        ],
        button=gettext_lazy("Deactivate"),
        act=lambda person, actor, _reason: users.deactivate_user(person, actor=actor),
        is_so=lambda person: not person.is_active,
        is_dangerous=True,
    ),
    "reset_phone": Work(
        title=gettext_lazy("Reset the second steps of several users"),
        points=[
            gettext_lazy(
                "Their phones, apps, passkeys and recovery codes are removed at once. All their sessions end."
            ),
            gettext_lazy(
                "Each is told by e-mail. At the next sign-in they confirm that mailbox first, and then a second step."
            ),
        ],
        button=gettext_lazy("Reset the second steps"),
        act=_reset,
        is_so=lambda person: not person.has_device,
        asks_reason=True,
        is_dangerous=True,
    ),
    "member": Work(
        title=gettext_lazy("Make several users members"),
        points=[gettext_lazy("They can no longer see users, settings and audit, from the next click on.")],
        button=gettext_lazy("Make them members"),
        act=lambda person, actor, _reason: users.change_role(person, Role.MEMBER, actor=actor),
        is_so=lambda person: not person.is_administrator,
        is_dangerous=True,
    ),
    "administrator": Work(
        title=gettext_lazy("Make several users administrators"),
        points=[
            gettext_lazy(
                "They can invite, deactivate and unlock people, reset phones, and change how everybody signs in."
            ),
            gettext_lazy("That includes taking your own role away."),
        ],
        button=gettext_lazy("Make them administrators"),
        act=lambda person, actor, _reason: users.change_role(person, Role.ADMINISTRATOR, actor=actor),
        is_so=lambda person: person.is_administrator,
    ),
}


@dataclass(slots=True)
class Outlook:
    """To whom something will be done, and who is left out for which reason."""

    people: list[User] = field(default_factory=list)
    left_out: list[tuple[User, str]] = field(default_factory=list)


def outlook(work: Work, people: Iterable[User], actor: User) -> Outlook:
    """Tell what will happen to whom. Nobody does any of this to themselves."""
    found = Outlook()
    for person in people:
        if person.pk == actor.pk:
            found.left_out.append((person, _("This is you.")))
        elif work.is_so(person):
            found.left_out.append((person, _("There is nothing to do.")))
        else:
            found.people.append(person)
    return found


def chosen(account: Account, ids: Iterable[int]) -> list[User]:
    """Return the people of an account with these ids, by name; of another account's there is none (A-04)."""
    found = User.objects.filter(account=account, pk__in=ids, erased_at__isnull=True).select_related("phone_device")
    people = list(found.order_by("name_key", "pk")[:MOST])
    for person in people:
        person.account = account  # one row for all: it asks the clock once whether a date has come
    return people


@dataclass(frozen=True, slots=True)
class Result:
    """What became of it for one person."""

    person: User
    is_done: bool
    text: str


def carry_out(work: Work, people: Iterable[User], actor: User, reason: str) -> list[Result]:
    """Do it to each in turn, whatever becomes of the others; return one result each."""
    planned = outlook(work, people, actor)
    left_out = [Result(person, False, why) for person, why in planned.left_out]
    return [*(_carry_out(work, person, actor, reason) for person in planned.people), *left_out]


def _carry_out(work: Work, person: User, actor: User, reason: str) -> Result:
    try:
        changed = work.act(person, actor, reason)
    except LastAdministrator:
        return Result(person, False, _("Somebody has to run the account: make another person administrator first."))
    except (OwnPhone, NoPhone) as refusal:
        return Result(person, False, error_messages.of(refusal))
    except DatabaseError:
        logger.exception("bulk work failed for user %s", person.pk)
        return Result(person, False, _("This did not work, and nothing was changed. Try again."))
    return Result(person, changed, _("Done") if changed else _("There is nothing to do."))
