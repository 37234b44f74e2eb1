"""Actions of an administrator for several people at once.

Each person has a transaction of their own: after a fault each is either done or unchanged, and doing the same again
does the rest. The rules are in the flow for one person, which also records the event.
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

MAX_PEOPLE = 200  # people a request: some seconds' work


@dataclass(frozen=True, slots=True)
class BulkAction:
    """An action for people: its texts, how it is done for one of them, and for whom there is nothing to do."""

    title: Promise
    points: list[Promise]
    button: Promise
    act: Callable[[User, User, str], bool]  # the person, the administrator, the reason
    needs_nothing: Callable[[User], bool]
    asks_reason: bool = False
    is_dangerous: bool = False


def _reset(person: User, actor: User, reason: str) -> bool:
    devices.reset_phone(person, reason=reason, actor=actor)
    return True


ACTIONS: dict[str, BulkAction] = {
    "remind": BulkAction(
        title=gettext_lazy("Remind several users"),
        points=[gettext_lazy("An e-mail tells them, step by step, how to set up a second step. Once a day at most.")],
        button=gettext_lazy("Remind"),
        act=lambda person, actor, _reason: bool(reminders.remind(person.account, actor=actor, user=person)),
        needs_nothing=lambda person: user_query.has_counting(person) or not person.is_active,
    ),
    "deactivate": BulkAction(
        title=gettext_lazy("Deactivate several users"),
        points=[
            gettext_lazy("They are signed out everywhere at once and can no longer sign in."),
            gettext_lazy("Second step, history and audit are kept; you can let them in again at any time."),
        ],
        button=gettext_lazy("Deactivate"),
        act=lambda person, actor, _reason: users.deactivate_user(person, actor=actor),
        needs_nothing=lambda person: not person.is_active,
        is_dangerous=True,
    ),
    "reset_phone": BulkAction(
        title=gettext_lazy("Reset the second steps of several users"),
        points=[
            gettext_lazy(
                "Their phones, apps, passkeys and recovery codes are removed at once. All their sessions end."
            ),
            gettext_lazy(
                "Each is told by e-mail. At the next sign-in they confirm that mailbox first, and then a second step."
            ),
            gettext_lazy(
                "Where e-mail does not count they type a recovery code instead: you make it on each user's page."
            ),
        ],
        button=gettext_lazy("Reset the second steps"),
        act=_reset,
        needs_nothing=lambda person: not person.has_device,
        asks_reason=True,
        is_dangerous=True,
    ),
    "member": BulkAction(
        title=gettext_lazy("Make several users members"),
        points=[gettext_lazy("They can no longer see users, settings and audit, from the next click on.")],
        button=gettext_lazy("Make them members"),
        act=lambda person, actor, _reason: users.change_role(person, Role.MEMBER, actor=actor),
        needs_nothing=lambda person: not person.is_administrator,
        is_dangerous=True,
    ),
    "administrator": BulkAction(
        title=gettext_lazy("Make several users administrators"),
        points=[
            gettext_lazy(
                "They can invite, deactivate and unlock people, reset phones, and change how everybody signs in."
            ),
            gettext_lazy("That includes taking your own role away."),
        ],
        button=gettext_lazy("Make them administrators"),
        act=lambda person, actor, _reason: users.change_role(person, Role.ADMINISTRATOR, actor=actor),
        needs_nothing=lambda person: person.is_administrator,
    ),
}


@dataclass(slots=True)
class Outlook:
    """For whom something will be done, and who is left out for which reason."""

    people: list[User] = field(default_factory=list)
    left_out: list[tuple[User, str]] = field(default_factory=list)


def outlook(action: BulkAction, people: Iterable[User], actor: User) -> Outlook:
    """Return for whom something will be done. Nobody does any of this for themselves."""
    found = Outlook()
    for person in people:
        if person.pk == actor.pk:
            found.left_out.append((person, _("This is you.")))
        elif action.needs_nothing(person):
            found.left_out.append((person, _("There is nothing to do.")))
        else:
            found.people.append(person)
    return found


def chosen(account: Account, ids: Iterable[int]) -> list[User]:
    """Return the people of an account with these ids, by name; people of another account are not found (A-04)."""
    found = User.objects.filter(account=account, pk__in=ids, erased_at__isnull=True).select_related("phone_device")
    people = list(found.order_by("name_key", "pk")[:MAX_PEOPLE])
    for person in people:
        person.account = account  # one object for all: it asks only once whether a date has come
    return people


@dataclass(frozen=True, slots=True)
class Result:
    """The result for one person."""

    person: User
    is_done: bool
    text: str


def carry_out(action: BulkAction, people: Iterable[User], actor: User, reason: str) -> list[Result]:
    """Do it for each person in turn, whatever happens with the others; return one result each."""
    planned = outlook(action, people, actor)
    left_out = [Result(person, False, why) for person, why in planned.left_out]
    return [*(_carry_out(action, person, actor, reason) for person in planned.people), *left_out]


def _carry_out(action: BulkAction, person: User, actor: User, reason: str) -> Result:
    try:
        changed = action.act(person, actor, reason)
    except LastAdministrator:
        return Result(person, False, _("Somebody has to run the account: make another person administrator first."))
    except (OwnPhone, NoPhone) as refusal:
        return Result(person, False, error_messages.of(refusal))
    except DatabaseError:
        logger.exception("a bulk action failed for user %s", person.pk)
        return Result(person, False, _("This did not work, and nothing was changed. Try again."))
    return Result(person, changed, _("Done") if changed else _("There is nothing to do."))
