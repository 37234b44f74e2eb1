"""The limits in force, as docs/security.md shows them."""

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

TOLD, SILENT, OFF = "told: 429, try again in …", "withheld without a word", "told: SMS off, e-mail stays"
# Scope of settings.LIMITS, what is counted, what whoever reaches it notices.
BUDGETS = (
    ("password_from_address", "wrong passwords for a login from an address", TOLD),
    ("password", "wrong passwords for a login", TOLD),
    ("address_passwords", "wrong passwords from an address", TOLD),
    ("reauthentication", "wrong passwords of a person who is signed in", TOLD),
    ("user", "tokens to a person; of an hour and a day SMS and e-mail have half each", TOLD),
    (
        "phone",
        "SMS to a phone, over all accounts",
        "told where the phone is proved theirs, else withheld without a word",
    ),
    ("mailbox", "e-mails to a mailbox", TOLD),
    ("numbers", "different numbers tried by a person", TOLD),
    ("address", "tokens asked for from an address and not typed yet", TOLD),
    ("prefix", "SMS to typed numbers alike but for 4 digits, tokens not typed yet", SILENT),
    ("country", "SMS to typed numbers of a country other than the operator's first", SILENT),
    ("account", "SMS of an account", OFF),
    ("links", "links to a new password, to a mailbox", SILENT),
    ("address_links", "links to a new password, asked for from an address", TOLD),
    ("invitations", "invitations of an account", "told, line by line"),
    ("invited", "invitations to an address, over all accounts", "told, line by line"),
    ("system", "SMS of the whole system: the ceiling in money, divided by the price of one", OFF),
)
UNITS = ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s"))


class Command(BaseCommand):
    """Print the limits in force as a table in Markdown."""

    help = "Prints the limits in force as a table in Markdown."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write("\n".join(lines()))


def lines() -> Iterator[str]:
    """Return the lines of the table."""
    yield "| what | limit | who reaches it | setting |"
    yield "| --- | --- | --- | --- |"
    for row in (*budgets(), *others()):
        yield f"| {' | '.join(row)} |"


def budgets() -> Iterator[tuple[str, str, str, str]]:
    """Return the budgets, all of the form "so many in so many seconds"."""
    for scope, what, notice in BUDGETS:
        counts = "; ".join(f"{count} in {span(seconds)}" for count, seconds in settings.LIMITS[scope])
        yield what, counts + more(scope), notice, f"`LIMIT_{scope.upper()}`"


def more(scope: str) -> str:
    """Return what a scope has besides its windows."""
    return {
        "prefix": f", then blocked for {span(settings.PREFIX_BLOCK_SECONDS)}",
        "country": (
            f"; none while under {settings.COUNTRY_BREAKER_CONVERSION:.0%} of {settings.COUNTRY_BREAKER_SENDS}"
            " or more in that time were typed"
        ),
        "account": f", or {settings.ACCOUNT_SMS_PER_USER} a person if that is more; notices at 50, 80 and 100 %",
        "system": "; alarm at 50, 80 and 100 %",
    }.get(scope, "")


def others() -> Iterator[tuple[str, str, str, str]]:
    """Return the limits of other forms."""
    rungs = settings.FAILURE_LADDER
    ladder = "; ".join(f"{count}: {span(seconds)}" for count, seconds in list(rungs.items())[:4])
    pauses = ", ".join(str(seconds) for seconds in settings.RESEND_COOLDOWNS)
    captcha = f"{settings.CAPTCHA_UNLOCK_SENDS} in {span(settings.CAPTCHA_UNLOCK_SECONDS)}"
    yield "token", f"6 digits, {settings.TOKEN_LIFETIME_SECONDS} s", "told", "`TOKEN_LIFETIME_SECONDS`"
    yield "attempts at a token", str(settings.TOKEN_ATTEMPTS), "told", "`TOKEN_ATTEMPTS`"
    yield (
        "failed second steps of a person in a row",
        f"{ladder}, and again each 5; {settings.FAILURES_DISABLED_AT}: locked until somebody unlocks",
        f"told, and by e-mail at {settings.FAILURES_TOLD_AT} and at each rung",
        "`FAILURE_LADDER`",
    )
    yield "tokens for a passed captcha", captcha, "asked for another captcha", "`CAPTCHA_UNLOCK_SENDS`"
    yield "pause before another token to the same place", f"{pauses} s", TOLD, "`RESEND_COOLDOWNS`"
    life = f"{span(settings.PENDING_SIGN_IN_SECONDS)}; the newest {settings.PENDING_SIGN_INS} of a person"
    yield "pending sign-in", life, "sent to the password", "`PENDING_SIGN_IN_SECONDS`"
    people = f"{settings.USERS_PER_PHONE}; administrators are told at {settings.USERS_PER_PHONE_ALARM}"
    yield "people of an account with one phone", people, SILENT, "`USERS_PER_PHONE`"
    yield "gateway calls for a token", str(settings.DELIVERY_TRIES), "the page says so", "`DELIVERY_TRIES`"
    yield (
        "proof that it is still you",
        span(settings.REAUTHENTICATION_SECONDS),
        "asked again",
        "`REAUTHENTICATION_SECONDS`",
    )
    yield "session", span(settings.SESSION_COOKIE_AGE), "sent to the password", "`SESSION_COOKIE_AGE`"
    yield "session without use", span(settings.SESSION_IDLE_SECONDS), "sent to the password", "`SESSION_IDLE_SECONDS`"


def span(seconds: int) -> str:
    """Return a length of time in its largest whole unit."""
    size, name = next((size, name) for size, name in UNITS if seconds % size == 0)
    return f"{seconds // size} {name}"
