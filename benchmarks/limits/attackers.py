"""Attackers. What they do by the thousand calls the same flow as the page, from a network address; the rest is HTTP."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count

from django.contrib.auth import authenticate

from accounts.exceptions import Limited
from accounts.models import User
from accounts.request import context as request_context
from benchmarks.limits.people import Person
from messaging.delivery.models import Channel, Message
from tests.altcha import challenge_in, solve
from tests.conftest import Browser
from tests.tools import let_pass
from twofactor import phones
from twofactor.exceptions import TwoFactorError
from twofactor.models import PendingSignIn
from twofactor.sign_in import flows

QUARTER = 900
_sessions = count(1)


def messages() -> tuple[int, int]:
    """Return how many SMS and how many e-mails with tokens have left so far."""
    tokens = Message.objects.filter(kind="token")
    return tokens.filter(channel=Channel.SMS).count(), tokens.filter(channel=Channel.EMAIL).count()


@contextmanager
def at(address: str) -> Iterator[None]:
    """Act from a network address."""
    before = request_context.current.set(request_context.Origin(ip=address))
    try:
        yield
    finally:
        request_context.current.reset(before)


def guess(login: str, address: str) -> int:
    """Type a wrong password, with every captcha solved; return the captcha's step, or -1 when it was refused."""
    paid: list[int] = [0]
    with at(address):
        try:
            authenticate(username=login, password="wrong", require_captcha=paid.append)
        except Limited:
            return -1
    return paid[-1]


def guess_from_here(browser: Browser, times: int) -> None:
    """Type wrong passwords for invented logins, and solve the captchas."""
    for number in range(times):
        answer = browser.post_password(f"inventado{number}", "wrong")
        if challenge := challenge_in(answer.content.decode()):
            browser.post_password(f"inventado{number}", "wrong", altcha=solve(challenge))


def ask_as_thief(user: User, address: str, channel: str, *, number: str = "") -> bool:
    """Ask for a token with a right password in a browser that is not known; return whether one was issued."""
    with at(address):
        pending = PendingSignIn.begin(user, session_hash=f"thief {next(_sessions)}")
        pending.user, captcha = user, f"captcha {pending.pk}"
        with suppress(TwoFactorError):
            if number:
                flows.start_enrolment(pending, phones.parse("BR", number, ["BR"]), captcha=captcha)
            else:
                flows.start_sign_in_challenge(pending, channel, captcha=captcha)
            return True
    return False


def count_as_members(people: list[Person]) -> None:
    """Let people sign in by SMS in their known browsers until none of them is sent one."""
    going = people
    while going:
        going = [person for person in going if person.sign_in()]
        for person in going:
            person.browser.post("/sair/")
        let_pass(31)


def close_number(number: str, people: list[User], address: str) -> None:
    """Type a number all day: one until it is closed, the others until it is closed to their account as well."""
    first, *others = people
    for _turn in range(10):
        ask_as_thief(first, address, "sms", number=number)
        let_pass(1800)
    for other in others * 2:
        ask_as_thief(other, address, "sms", number=number)


def use_up_the_day(victims: list[User], *, rounds: int = 96) -> None:
    """Ask for every token that these people's passwords allow, for a day, each time from another address."""
    tired = 0
    for turn in range(rounds):
        asked = 0
        for place, victim in enumerate(victims):
            for channel in (Channel.SMS, Channel.EMAIL):
                while ask_as_thief(victim, f"2001:db8:{turn:x}:{place:x}::1", channel):
                    asked += 1
        tired = 0 if asked else tired + 1
        if tired == 5:  # an hour and a quarter without a token: the day's limit is used up
            break
        let_pass(QUARTER)
