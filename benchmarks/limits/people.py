"""Honest people at their browsers, over HTTP, and what they meet while they sign in."""

import re
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from django.contrib.auth.hashers import make_password

from accounts.auth import browser_links
from accounts.models import Account, RateLimit, Role, User
from messaging.delivery.models import Message
from tests.altcha import challenge_in, solve
from tests.conftest import PASSWORD, Browser
from tests.tools import let_pass
from twofactor import captcha
from twofactor.models import Challenge, PhoneDevice, Purpose

MAIL_SECONDS = 60  # assumed: until the link in a mail is read and opened
HELP_SECONDS = 30  # assumed: until a person who gets nothing looks for help
PATIENCE = 120  # a person who has to wait longer counts as refused
NEVER = 10**9
SCALE = 40  # how many times less work the captcha asks for here
_numbers = count(1)
_hash = ""


@dataclass
class Outcome:
    """What some honest people met: how many, how many were refused, and what it cost the others."""

    people: int = 0
    refused: int = 0
    known_wait: int | None = None  # the longest wait in a known browser; None if nobody used one
    new_wait: int | None = None
    captchas: int = 0  # beside the one that each send of a token needs
    most_work: int = 0
    links: int = 0
    asked_again: int = 0  # for another SMS, because the first came late
    why: dict[str, int] = field(default_factory=dict)

    def add(self, person: "Person") -> None:
        """Count one person's sign-in."""
        self.people += 1
        self.captchas += person.captchas
        self.most_work = max(self.most_work, person.work)
        self.links += person.links
        self.asked_again += person.asked_again
        if person.failed or person.wait > PATIENCE:
            self.refused += 1
            self.why[person.why] = self.why.get(person.why, 0) + 1
        elif person.known:
            self.known_wait = max(self.known_wait or 0, person.wait)
        else:
            self.new_wait = max(self.new_wait or 0, person.wait)


class Person:
    """Somebody with the right password and their own phone, at a known or a new browser."""

    def __init__(self, user: User, address: str) -> None:
        self.user = user
        self.browser = Browser(REMOTE_ADDR=address)
        self.known = False
        self.begin()

    def begin(self) -> None:
        """Clear what was met before."""
        self.wait = self.captchas = self.work = self.links = self.asked_again = 0
        self.failed = False
        self.why = ""

    def make_known(self) -> "Person":
        """Make this browser one in which the person signed in long ago."""
        before = set(RateLimit.objects.values_list("pk", flat=True))
        self.sign_in()
        RateLimit.objects.exclude(pk__in=before).delete()
        self.browser.post("/sair/")
        let_pass(7200)
        self.begin()
        self.known = True
        return self

    def sign_in(self, *, channel: str = "sms", resend: bool = False, sms_works: bool = True) -> bool:
        """Sign in; return whether that was possible in the time that people have."""
        return self.begin_sign_in() and self.ask(channel, sms_works=sms_works) and self.finish(resend=resend)

    def begin_sign_in(self) -> bool:
        """Type the right password; solve the captcha or open the link if one is required."""
        answer = self._post_password()
        for _link in range(2):
            if answer.status_code == 302 or not self._open_link(answer):
                break
            answer = self._post_password()
        return answer.status_code == 302 or self._refused(answer, "password")

    def _post_password(self) -> Any:
        answer = self.browser.post_password(self.user.username)
        if answer.status_code == 200 and (challenge := challenge_in(answer.content.decode())):
            self.captchas += 1
            self.work = max(self.work, challenge["parameters"]["data"]["work"] * SCALE)
            answer = self.browser.post_password(self.user.username, altcha=solve(challenge))
        return answer

    def ask(self, channel: str = "sms", *, sms_works: bool = True) -> bool:
        """Ask for a token: for the first phone, or by a channel, and by the other channel if that is closed."""
        if not hasattr(self.user, "phone_device"):
            return self._ask_at_first_phone()
        answer, other = self._choose(channel), "email" if channel == "sms" else "sms"
        if answer.status_code == 302 and channel == "sms" and not sms_works:
            answer = self._choose("email")
        elif answer.status_code != 302 and f'value="{other}"' in answer.content.decode():
            answer = self._choose(other)
        if answer.status_code != 302 and self._open_link(answer):
            answer = self._choose(channel)
            if answer.status_code != 302:
                answer = self._choose(other)
        return self._sent(answer, "token")

    def _ask_at_first_phone(self) -> bool:
        """Type the number; if nothing comes, or nothing may, make the browser known and type it again."""
        self.browser.post("/entrar/introducao/")
        answer = self.browser.post_phone(self.number, altcha=solved())
        if answer.status_code == 302 and not self._has_left():
            self.wait += HELP_SECONDS
            answer = self.browser.get("/entrar/token/")
        if answer.status_code != 302 and self._open_link(answer):
            let_pass(MAIL_SECONDS)
            answer = self.browser.post_phone(self.number, altcha=solved())
        return self._sent(answer, "first phone")

    def finish(self, *, resend: bool = False) -> bool:
        """Type the token; the second one if the first was late and another one was asked for."""
        if resend:
            self.asked_again += Challenge.objects.filter(user=self.user).latest("pk").channel == "sms"
            let_pass(31)
            answer = self._resend()
            if not self._sent(answer, "another token"):
                return False
        token = Challenge.objects.filter(user=self.user).latest("pk").token()
        answer = self.browser.post_token(token)
        return answer.status_code == 302 or self._refused(answer, "token")

    def _resend(self) -> Any:
        """Ask for another token; wait as long as the page says, if people have the patience, and ask again."""
        answer = self.browser.post("/entrar/token/reenviar/")
        wait = int(answer.headers.get("Retry-After", 0))
        if answer.status_code != 429 or wait > PATIENCE:
            return answer
        self.wait += wait
        let_pass(wait + 1)
        return self.browser.post("/entrar/token/reenviar/")

    def _choose(self, channel: str) -> Any:
        return self.browser.post("/entrar/canal/", {"channel": channel, "altcha": solved()})

    def _sent(self, answer: Any, what: str) -> bool:
        """Tell whether a token left; one that is withheld never comes."""
        if answer.status_code != 302:
            return self._refused(answer, what)
        if self._has_left():
            return True
        self.wait, self.why, self.failed = NEVER, "withheld", True
        return False

    def _has_left(self) -> bool:
        challenge = Challenge.objects.filter(user=self.user).latest("pk")
        return bool(Message.objects.filter(kind="token", subject_id=challenge.pk).exists())

    def _open_link(self, answer: Any) -> bool:
        """Ask for the link that makes this browser known, if the page offers it, and open it."""
        if b"/entrar/navegador/" not in answer.content:
            return False
        self.browser.post("/entrar/navegador/", {"username": self.user.username, "altcha": solved()})
        mailed = Message.objects.filter(kind=browser_links.KIND, subject_id=self.user.pk)
        if not mailed.exists():
            return False
        self.user.refresh_from_db()
        path = re.sub(r"^https?://[^/]+", "", browser_links.link(self.user))
        self.browser.post(path)
        self.links += 1
        self.captchas += 1
        self.wait += MAIL_SECONDS
        return True

    def _refused(self, answer: Any, what: str) -> bool:
        self.wait += int(answer.headers.get("Retry-After", NEVER))
        self.why, self.failed = self.why or what, True
        return False

    @property
    def number(self) -> str:
        """Return a mobile number of the person's own, in one of nine areas."""
        serial = self.user.pk
        return getattr(self, "own_number", f"{11 + serial % 9} 9{serial % 10_000:04d}-{serial * 31 % 10_000:04d}")


def finished_sign_ins() -> int:
    """Return how many sign-ins a token has finished so far."""
    purposes = [Purpose.SIGN_IN, Purpose.ENROL]
    return Challenge.objects.filter(purpose__in=purposes, verified_at__isnull=False).count()


def solved() -> str:
    """Return a solved captcha with the work of every page that has one."""
    return solve(captcha.new_altcha(captcha.work_of(0)))


def account(name: str = "", **facts: bool) -> Account:
    """Create an account with the policy."""
    name = name or f"Conta {next(_numbers)}"
    made: Account = Account.objects.create(name=name, two_factor_required=True, **facts)
    return made


def users(many: int, of: Account, *, phones: bool = True, role: str = Role.MEMBER) -> list[User]:
    """Create so many people of an account, with a confirmed phone or without one."""
    global _hash  # noqa: PLW0603 (one hash for everybody: the password is the same)
    _hash = _hash or make_password(PASSWORD)
    logins = [f"pessoa{next(_numbers)}" for _ in range(many)]
    rows = [User(username=n, email=f"{n}@{n}.example", password=_hash, account=of, role=role) for n in logins]
    made = User.objects.bulk_create(rows)
    if phones:
        PhoneDevice.objects.bulk_create(
            PhoneDevice(user=one, name="phone", number=f"+55119{one.pk:08d}", region="BR", kind="mobile")
            for one in made
        )
        User.objects.filter(pk__in=[one.pk for one in made]).update(has_phone=True)
    return list(User.objects.filter(pk__in=[one.pk for one in made]).select_related("account", "phone_device"))
