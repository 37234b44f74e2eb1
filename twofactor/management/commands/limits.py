"""The limits in force, as docs/security.md shows them."""

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.models import User
from accounts.users import limits as own_limits
from twofactor.sign_in.query import YOUNG_SECONDS
from twofactor.tokens import lockout, worst_day
from twofactor.tokens.first_tokens import FIRST_TOKENS, KNOWN_HAVE, UNLOCKED_HAVE

TOLD, OFF = "the page says so: 429, try again in …", "the page says so: no SMS, e-mail still works"
SILENT = "withheld; the page shows the usual answer"
CAPTCHA = "asked for a captcha, whose work doubles as their number does"
STAYS = "the page says so, with the wait"
AS_NEW = "the browser counts as a new one until then"
LINK = f"{STAYS}; a link from the mailbox makes the browser known"
MAILBOX = "needs a link from the mailbox, once for each browser; the person is notified, once a day"
# Scope of settings.LIMITS, what is counted, what happens when it is reached.
ROWS = (
    ("password_known", "wrong passwords of a person in a known browser", AS_NEW),
    ("password_from_address", "wrong passwords in new browsers for a login from an address", LINK),
    ("password_anywhere", "wrong passwords in new browsers for a login, from anywhere", MAILBOX),
    ("password", "wrong passwords in new browsers for a login before a captcha", CAPTCHA),
    ("address_passwords", "wrong passwords in new browsers from an address before a captcha", CAPTCHA),
    ("reauthentication", "wrong passwords of a person who is signed in, for each known browser", TOLD),
    ("token_known", "wrong tokens of a person in a known browser while all others wait", TOLD),
    ("recovery", "wrong recovery codes of a person, for each known browser or network", TOLD),
    (
        "user",
        "tokens to a person, not typed; as many for re-authentication; in an hour and a day half for each channel",
        TOLD,
    ),
    ("phone", "SMS to a confirmed phone, tokens not typed", TOLD),
    ("phone_typed", "SMS to an unconfirmed phone, over all accounts, tokens not typed", SILENT),
    ("mailbox", "e-mails to a person's mailbox, tokens not typed", TOLD),
    ("mailbox_typed", "e-mails to an unconfirmed mailbox, over all accounts, tokens not typed", SILENT),
    ("numbers", "different numbers tried by a person and not confirmed", TOLD),
    ("address", "SMS of an account to unconfirmed numbers, asked for from an address, tokens not typed", TOLD),
    ("prefix", "SMS to unconfirmed numbers with the same digits but the last 4, tokens not typed", SILENT),
    ("country", "the same for a country other than the operator's first", SILENT),
    ("spared", "tokens of an account that leave although others have closed one of the above", SILENT),
    ("person", "SMS of a person, typed or not", OFF),
    ("account", "SMS of an account", OFF),
    ("links", "links to a new password, to a mailbox", SILENT),
    ("address_links", "links to a new password or to a known browser, asked for from an address", CAPTCHA),
    ("browser_links", "links that make a browser known, to a mailbox", SILENT),
    (
        "notices",
        "notices of one kind to a person, or to an account's administrators",
        "not sent; the audit log has the event",
    ),
    ("invitations", "invitations of an account", "the page says so, line by line"),
    (
        "invited",
        "invitations of an account to a mailbox, whatever tag its address has",
        "the page says so, line by line",
    ),
    ("system", "SMS of the whole system: the ceiling in money, divided by the price of one", OFF),
)
UNITS = ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s"))


class Command(BaseCommand):
    """Print the limits in force as a Markdown table, what attackers can cost, or the limits that a person reached."""

    help = "Prints the limits in force as a Markdown table, what attackers can cost, or what a person has reached."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--of", metavar="LOGIN", help="print the limits that this person has reached, and until when"
        )
        parser.add_argument("--worst-day", action="store_true", help="print what each kind of attacker can cost")
        parser.add_argument("--price", type=float, default=0.05, help="of one SMS, in US$")

    def handle(self, *args: Any, of: str | None = None, worst_day: bool, price: float, **options: Any) -> None:
        found = lines_of(of) if of else lines_of_worst_day(price) if worst_day else lines()
        self.stdout.write("\n".join(found))


def lines_of(login: str) -> Iterator[str]:
    """Return the limits that a person has reached. Raises CommandError when nobody has this login or address."""
    user = User.objects.named(login)
    if user is None:
        raise CommandError("Nobody has this login or address.")
    if user.locked_at:
        yield f"locked since {user.locked_at:%Y-%m-%d %H:%M} UTC, until somebody unlocks"
    if user.takes_no_tokens:
        yield f"failed second steps: {user.failures}; only a recovery code or a passkey opens, until somebody unlocks"
    elif seconds := lockout.seconds_locked(user):
        yield f"failed second steps: {user.failures}; {seconds} s left"
    for each in own_limits.reached(user):
        yield f"{each.scope}: {each.used} of {each.limit}; {each.seconds_left} s left"
    yield "No other limit is reached."


def lines_of_worst_day(price: float) -> Iterator[str]:
    """Return what each kind of attacker can cost in 24 hours, at a price of one SMS (B-18)."""
    yield f"| who | SMS | e-mails | US$ at {price} | which |"
    yield "| --- | --- | --- | --- | --- |"
    for day in worst_day.all_of_them():
        emails = "–" if day.emails is None else f"{day.emails:,}"
        yield f"| {day.who} | {day.sms:,} | {emails} | {day.sms * price:,.2f} | {day.what} |"


def lines() -> Iterator[str]:
    """Return the lines of the table."""
    yield "| what | limit | when it is reached | setting |"
    yield "| --- | --- | --- | --- |"
    for row in (*windows(), *others()):
        yield f"| {' | '.join(row)} |"


def windows() -> Iterator[tuple[str, str, str, str]]:
    """Return the limits, all of the form "so many in so many seconds"."""
    for scope, what, notice in ROWS:
        counts = "; ".join(f"{count} in {span(seconds)}" for count, seconds in settings.LIMITS[scope])
        yield what, counts + more(scope), notice, f"`LIMIT_{scope.upper()}`"


def more(scope: str) -> str:
    """Return the conditions of a scope besides its windows."""
    any_span = ", wherever it begins"
    people = f", of {settings.UNTYPED_PEOPLE} people or more in {settings.UNTYPED_ACCOUNTS} accounts"
    own = f"{settings.UNTYPED_OF_ACCOUNT} or more of the account's own"
    return {
        "address": f", if under {settings.UNTYPED_PERCENT} % were typed",
        "prefix": f"{people}, {own}, if under {settings.UNTYPED_PERCENT} % were typed",
        "country": f"{people}, {own}, if under {settings.UNTYPED_PERCENT} % were typed",
        "spared": (
            f", of people with {FIRST_TOKENS} tokens not typed at most; {KNOWN_HAVE} times as many for newcomers in"
            f" known browsers, and {UNLOCKED_HAVE} times for people unlocked that day"
        ),
        "person": any_span,
        "account": (
            f"{any_span}, or {settings.ACCOUNT_SMS_PER_USER} a person with a phone if that is more, at most"
            f" {settings.ACCOUNT_SMS_SHARE} % of the system's; notices at 50, 80 and 100 %; of these {_kept()}"
        ),
        "system": (
            f"{any_span}, the last {settings.SYSTEM_SMS_RESERVE} % for confirmed phones and"
            f" {settings.SYSTEM_SMS_RESERVE // 2} % for known browsers, and {settings.SYSTEM_SMS_NEWCOMERS} % before"
            f" these for each account's first {settings.ACCOUNT_SMS_NEWCOMERS} to unconfirmed phones; alarm at 50, 80"
            " and 100 %"
        ),
    }.get(scope, "")


def _kept() -> str:
    least, most = settings.ACCOUNT_SMS_FIRST
    return (
        f"{settings.ACCOUNT_SMS_KEPT} % for known browsers, in equal parts: each one's first {least}, or up to {most}"
        " where the people are few"
    )


def _life_of_sign_in() -> str:
    newest = f"the newest {settings.PENDING_SIGN_INS} of a person and browser or network"
    return f"{span(settings.PENDING_SIGN_IN_SECONDS)}; {newest}, and all younger than {span(YOUNG_SECONDS)}"


def _failed_second_steps() -> tuple[str, str, str, str]:
    steps = list(settings.LOCKOUT_SCHEDULE.items())[:4]
    schedule = "; ".join(f"{count}: {span(seconds)}" for count, seconds in steps)
    return (
        "failed second steps of a person in a row",
        f"{schedule}, and again each 5; {settings.FAILURES_DISABLED_AT}: locked until somebody "
        "unlocks, or until a new password and a recovery code or passkey",
        f"the page says so; notified at {settings.FAILURES_NOTIFIED_AT} and at each step of the schedule",
        "`LOCKOUT_SCHEDULE`",
    )


def others() -> Iterator[tuple[str, str, str, str]]:
    """Return the limits of other forms."""
    pauses = ", ".join(str(seconds) for seconds in settings.RESEND_COOLDOWNS)
    captcha = f"{settings.CAPTCHA_UNLOCK_SENDS} in {span(settings.CAPTCHA_UNLOCK_SECONDS)}"
    yield "token", f"6 digits, {settings.TOKEN_LIFETIME_SECONDS} s", "the page says so", "`TOKEN_LIFETIME_SECONDS`"
    yield "attempts at a token", str(settings.TOKEN_ATTEMPTS), "the page says so", "`TOKEN_ATTEMPTS`"
    yield _failed_second_steps()
    yield "tokens for a passed captcha", captcha, "asked for another captcha", "`CAPTCHA_UNLOCK_SENDS`"
    yield "pause before another token to the same destination", f"{pauses} s", TOLD, "`RESEND_COOLDOWNS`"
    yield "pending sign-in", _life_of_sign_in(), "sent to the password", "`PENDING_SIGN_IN_SECONDS`"
    people = f"{settings.USERS_PER_PHONE}; administrators are notified at {settings.USERS_PER_PHONE_ALARM}"
    yield "people of an account with one phone", people, SILENT, "`USERS_PER_PHONE`"
    yield "gateway calls for a token", str(settings.DELIVERY_TRIES), "the page says so", "`DELIVERY_TRIES`"
    yield (
        "re-authentication",
        span(settings.REAUTHENTICATION_SECONDS),
        "asked again",
        "`REAUTHENTICATION_SECONDS`",
    )
    code = f"20 digits, {span(settings.RECOVERY_CODE_SECONDS)}, once"
    yield "recovery code", code, "the page says so", "`RECOVERY_CODE_SECONDS`"
    yield "session", span(settings.SESSION_COOKIE_AGE), "sent to the password", "`SESSION_COOKIE_AGE`"
    yield "session without use", span(settings.SESSION_IDLE_SECONDS), "sent to the password", "`SESSION_IDLE_SECONDS`"


def span(seconds: int) -> str:
    """Return a length of time in its largest whole unit."""
    size, name = next((size, name) for size, name in UNITS if seconds % size == 0)
    return f"{seconds // size} {name}"
