"""The scenarios. Each begins with an empty portal and returns what honest people met and what attackers got."""

from accounts.invitations import flows as invitations
from accounts.models import Role, User
from benchmarks.limits import attackers, newcomers
from benchmarks.limits.people import SCALE, Outcome, Person, account, users
from benchmarks.limits.scenario import (
    CARRIER,
    DAY,
    HOME,
    HOUR,
    OFFICE,
    SCENARIOS,
    THIEF,
    Result,
    one,
    scenario,
    see,
)
from messaging.delivery.models import Message
from tests.conftest import PASSWORD, Browser
from tests.tools import let_pass
from twofactor import captcha
from twofactor.models import Challenge

__all__ = ["SCENARIOS"]


def morning(people: list[Person], at_once: int, minutes: int, **how: object) -> Outcome:
    """Let people sign in, so many at the same time, over so many minutes; each fifth asks for another token."""
    outcome, pause = Outcome(), minutes * 60 * at_once // max(1, len(people))
    for first in range(0, len(people), at_once):
        group = people[first : first + at_once]
        going = [one for one in group if one.begin_sign_in() and one.ask(sms_works=bool(how.get("sms_works", True)))]
        for place, person in enumerate(group):
            if person in going:
                person.finish(resend=bool(how.get("resend")) and (first + place) % 5 == 0)
            outcome.add(person)
        let_pass(pause)
    return outcome


# Nobody attacks -----------------------------------------------------------------------------------


@scenario("300 colleagues behind one address at nine, each fifth asks twice")
def colleagues() -> Result:
    return Result(morning(_office(300), 20, 30, resend=True))


@scenario("the same while no SMS arrives for ten minutes and all take the e-mail")
def colleagues_without_sms() -> Result:
    return Result(morning(_office(300), 20, 10, resend=True, sms_works=False))


def _office(many: int) -> list[Person]:
    return [Person(user, OFFICE) for user in users(many, account())]


@scenario("300 newcomers with numbers of one range, from one address")
def newcomers_of_one_range() -> Result:
    people = [Person(user, OFFICE) for user in users(300, account(), phones=False)]
    for place, person in enumerate(people):
        person.own_number = f"31 99551-{place:04d}"  # type: ignore[attr-defined]
    return Result(morning(people, 20, 60))


@scenario("an office in which three people forget their password")
def forgotten_passwords() -> Result:
    staff = users(33, account())
    known = [one(user, known=True, address=OFFICE) for user in staff[:10]]
    for forgetful in staff[30:]:
        for _try in range(10):
            Browser(REMOTE_ADDR=OFFICE).post_password(forgetful.username, "esqueci")
    new = [one(user, known=False, address=OFFICE) for user in staff[10:30]]
    return Result(see(*known, *new), note="the three themselves are told to wait, or choose a new password")


@scenario("a carrier's NAT: 1,000 people of 100 accounts in an hour, each twentieth mistypes twice")
def carrier() -> Result:
    people = [Person(user, CARRIER) for _ in range(100) for user in users(10, account())]
    for person in people[::20]:
        for _try in range(2):
            Browser(REMOTE_ADDR=CARRIER).post_password(person.user.username, "engano")
    return Result(morning(people, 20, 60, resend=True))


# Somebody does ------------------------------------------------------------------------------------


@scenario("a neighbour behind the same address: 300 wrong passwords, 60 tokens never typed")
def neighbour() -> Result:
    staff = users(30, account())
    known = [one(user, known=True, address=OFFICE) for user in staff[:10]]
    own = users(6, account(), phones=False)
    attackers.guess_from_here(Browser(REMOTE_ADDR=OFFICE), 300)
    before = attackers.messages()
    for person in own:
        for turn in range(10):
            attackers.ask_as_thief(person, OFFICE, "sms", number=f"{11 + turn} 9{person.pk:04d}-{turn:04d}")
    got = _got(before)
    new = [one(user, known=False, address=OFFICE) for user in staff[10:]]
    return Result(see(*known, *new), "300 requests, 290 captchas, 6 accounts of people of theirs", *got)


@scenario("a botnet of 10,000 addresses guesses at one login")
def botnet() -> Result:
    (victim,) = users(1, account())
    known = one(victim, known=True)
    steps = [attackers.guess(victim.username, f"10.{n >> 8}.{n & 255}.1") for n in range(10_000)]
    looked_at = sum(step >= 0 for step in steps)
    paid = sum(captcha.work_of(step) * SCALE for step in steps if step > 0)
    did = f"10,000 requests, {looked_at} passwords looked at, {paid:,} keys derived for captchas"
    return Result(see(one(victim, known=False), known), did)


@scenario("two outsiders at one victim's phone and mailbox")
def outsiders() -> Result:
    (victim,) = users(1, account())
    known = one(victim, known=True)
    (first, second), before = users(2, account(), phones=False), attackers.messages()
    number = victim.phone_device.number.removeprefix("+55")
    for outsider in (first, second):
        for _hour in range(10):
            attackers.ask_as_thief(outsider, THIEF, "sms", number=number)
            let_pass(1800)
    askers = [one(user, known=False, address=THIEF) for user in users(2, account())]
    for asker in askers:
        asker.sign_in()
        for _wish in range(10):
            _ask_for_address(asker.browser, victim.email)
    got = _got(before)
    honest = see(one(victim, known=False), known)
    for person in (known,):
        let_pass(60)
        person.browser.post("/sair/")
        person.begin()
        person.sign_in(channel="email")
        honest.add(person)
    return Result(honest, "20 enrolments and 20 changes of address with the victim's", *got)


def _ask_for_address(browser: Browser, address: str) -> None:
    """Ask for an address as one's own new one, after the re-authentication, which costs the attacker a token."""
    let_pass(901)
    browser.post("/meu-perfil/email/", {"email": address})
    confirm = "/meu-perfil/email/confirmar/"
    browser.post(confirm, {"password": PASSWORD, "channel": "sms"})
    challenge = Challenge.objects.filter(purpose="reauth").latest("pk")
    browser.post(confirm, {"token": challenge.token()})


def _got(before: tuple[int, int]) -> tuple[int, int]:
    """Return the SMS and e-mails with tokens that left since."""
    sms, emails = attackers.messages()
    return sms - before[0], emails - before[1]


def _stolen(many: int, people_of_account: int, *, by_email: bool = True) -> Result:
    tenants = [account(email_tokens=by_email) for _ in range(max(1, many // people_of_account))]
    victims = [user for tenant in tenants for user in users(people_of_account, tenant)]
    victims = victims[:many]
    watched = [one(user, known=True) for user in victims[:3]]
    before = attackers.messages()
    attackers.use_up_the_day(victims)
    got = _got(before)
    new = [one(person.user, known=False) for person in watched]
    return Result(see(*watched, *new), f"{many:,} passwords, a captcha for each three tokens", *got)


@scenario("1 stolen password, a day")
def one_password() -> Result:
    return _stolen(1, 40)


@scenario("20 stolen passwords of one account of 40 people, a day")
def twenty_passwords() -> Result:
    return _stolen(20, 40)


@scenario("the same where the account takes no tokens by e-mail")
def twenty_passwords_without_email() -> Result:
    return _stolen(20, 40, by_email=False)


@scenario("7 malicious members of 40 ask for SMS all day in known browsers, no tokens by e-mail, and close a number")
def members() -> Result:
    tenant = account(email_tokens=False)
    *staff, newcomer = users(40, tenant), users(1, tenant, phones=False)[0]
    evil, honest = staff[0][:7], staff[0][7:]
    known = [one(user, known=True) for user in honest[:10]]
    before = attackers.messages()
    attackers.count_as_members([one(user, known=True, address=OFFICE) for user in evil])
    fresh = one(newcomer, known=False)
    attackers.close_number(fresh.number, users(4, tenant, phones=False), OFFICE)
    got = _got(before)
    new = [one(user, known=False) for user in honest[10:]]
    return Result(
        see(*known, *new, fresh), "7 people's sign-ins until nothing leaves, and 4 who type a newcomer's", *got
    )


@scenario("1,000 stolen passwords of 10 accounts, a day")
def thousand_passwords() -> Result:
    return _stolen(1000, 100)


@scenario("a thief with the password crowds: 50 right passwords at each step of the owner's")
def crowding() -> Result:
    (victim,) = users(1, account())
    outcome = Outcome()
    known, elsewhere = one(victim, known=True), one(victim, known=False)
    for person, thief in ((known, HOME), (elsewhere, THIEF)):
        going = person.begin_sign_in()
        _crowd(victim, thief)
        going = going and person.ask()
        _crowd(victim, thief)
        if going:
            person.finish()
        outcome.add(person)
        let_pass(HOUR)
    told = Message.objects.filter(kind="notice", destination=victim.email).count()
    return Result(outcome, "200 right passwords", note=f"notices to the person: {told}")


def _crowd(victim: User, address: str) -> None:
    for _turn in range(50):
        Browser(REMOTE_ADDR=address).post_password(victim.username)


@scenario("a malicious administrator, a week: 500 puppets a day who type numbers")
def administrator() -> Result:
    evil, others = account(), account()
    (boss,) = users(1, evil, role=Role.ADMINISTRATOR)
    honest, puppets, worst = Outcome(), [], 0
    before = attackers.messages()
    for day in range(7):
        invited = {f"p{day}x{n}@catch-all{n % 2}.example": "" for n in range(600)}
        sent = invitations.invite(evil, invited, actor=boss, language="pt-br")
        puppets += users(sum(state == "sent" for state in sent.values()), evil, phones=False)
        morning_of = attackers.messages()
        _spend_numbers(puppets, day)
        worst = max(worst, attackers.messages()[0] - morning_of[0])
        (new_user,), (old,) = users(1, others, phones=False), users(1, others)
        for person in (one(new_user, known=False), one(old, known=False), one(old, known=False)):
            person.sign_in()
            honest.add(person)
        let_pass(DAY)
    sms, emails = _got(before)
    return Result(honest, f"{len(puppets):,} joins", sms, emails, note=f"worst day {worst:,} SMS")


def _spend_numbers(puppets: list[User], day: int) -> None:
    """Let each puppet of the last days type three numbers, until a hundred of them get nothing."""
    nothing = 0
    for place, puppet in enumerate(reversed(puppets)):
        before = attackers.messages()[0] if place % 100 == 0 else None
        for turn in range(3):
            serial = (day * 100_003 + place * 7 + turn * 31) % 100_000_000
            number = f"{11 + place % 9} 9{serial % 100_000_000:08d}"
            attackers.ask_as_thief(puppet, f"2001:db8:{day:x}{turn:x}:{place:x}::1", "sms", number=number)
        if place % 100 == 99 and before == attackers.messages()[0]:
            nothing += 1
        if nothing:
            return


scenario("80 malicious accounts type numbers all day, then newcomers and others of two accounts come")(newcomers.play)
