"""The purposes of re-authentications, in the words of the page that asks (R-12)."""

from django.urls import Resolver404, resolve
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.invitations.flows import people
from accounts.models import User
from twofactor.models import Reauthentication

SHOWN = 3  # addresses; the page counts the others

OF_A_PERSON: dict[str, Promise] = {
    "user.role": _("Change the role of %(person)s"),
    "user.deactivate": _("Deactivate %(person)s"),
    "user.reactivate": _("Reactivate %(person)s"),
    "user.unlock": _("Unlock %(person)s"),
    "user.password": _("Reset the password of %(person)s"),
    "user.reset_phone": _("Reset the phone of %(person)s"),
    "user.recovery_code": _("A recovery code for %(person)s"),
    "user.erase": _("Erase %(person)s"),
}
OF_THE_ACCOUNT: dict[str, Promise] = {
    "policy": _("Two factor authentication for everybody"),
    "policy.date": _("The date of two factor authentication"),
    "policy.factors": _("Which second steps count"),
    "policy.options": _("The options of the second step"),
    "policy.email": _("E-mail for whoever has something stronger"),
    "policy.passkeys": _("The sign-in by passkey alone"),
    "account.countries": _("The countries of the phones"),
    "user.invite": _("Invite administrators"),
    "app.add": _("Set up an authenticator app"),
    "passkey.add": _("Add a passkey"),
    "codes.issue": _("Make recovery codes"),
    "codes.remove": _("Remove the recovery codes"),
    "factor.remove": _("Remove a second step"),
    "user.bulk": _("Changes to several users"),
    "sessions.end": _("End your own sessions"),
}


def named(journey: Reauthentication) -> str:
    """Return the purpose in words; empty for one that an older version has begun."""
    if sentence := OF_A_PERSON.get(journey.action):
        return str(sentence) % {"person": _person(journey)}
    what = str(OF_THE_ACCOUNT.get(journey.action, ""))
    invited = ", ".join(_invited(journey))
    return f"{what}: {invited}" if invited else what


def _invited(journey: Reauthentication) -> list[str]:
    """Return the addresses that become administrators by this re-authentication, so that the page names them."""
    if journey.action != "user.invite":
        return []
    lists = (journey.posted or {}).get("addresses", [])
    found = [address for pasted in lists for address in people(pasted)]
    return [*found[:SHOWN], "…"] if len(found) > SHOWN else found


def _person(journey: Reauthentication) -> str:
    """Return the name of the person that the page is about; the page has checked that they are of the account."""
    try:
        user_id = resolve(journey.path).kwargs.get("user_id")
    except Resolver404:
        user_id = None
    person = User.objects.filter(pk=user_id, account=journey.user.account_id).first() if user_id else None
    return person.full_name if person else "–"
