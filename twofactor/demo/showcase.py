"""The showcase: an account of forty people in every state, with thirty days of history. Embedded default only.

The people and the days are the same each time, ending now; no message was ever sent.
"""

from datetime import datetime, timedelta
from random import Random

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.utils import timezone

from accounts import rate_limits
from accounts.audit.actions import Action
from accounts.dashboard import stats
from accounts.models import Account, AuditEvent, Role, SearchWord, User
from messaging.delivery.failure_reasons import Fault
from messaging.delivery.models import Channel, Message, State
from twofactor import phones
from twofactor.demo.story import Person, Story
from twofactor.models import PhoneDevice

ACCOUNT = "Editora Horizonte"
DAYS = 30
SWITCHED_ON = 20  # days ago
SEED = 2026
LAST_DAYS = {
    "invited": DAYS + 1,
    "deactivated": 12,
    "failing": 2,
}  # days ago: the last sign-in, if any
NAMES = """\
Helena Prado|Rui Tavares|Marina Okada|Ana Beatriz Rocha|Antônio Lima|Bruna Carvalho|Caio Menezes|Camila Duarte
Carlos Eduardo Nunes|Célia Barbosa|Daniel Furtado|Débora Pinheiro|Diego Santana|Eduarda Vieira|Elias Moura
Fábio Coutinho|Fernanda Leal|Flávia Queiroz|Gabriel Antunes|Giovana Peixoto|Gustavo Brandão|Heitor Salles
Igor Magalhães|Isabela Torres|João Pedro Assis|Joana Freitas|Juliana Matos|Karen Yamada|Larissa Teles
Leonardo Pires|Letícia Amaral|Lucas Rezende|Luíza Campos|Márcio Valente|Natália Borges|Otávio Guimarães
Paula Xavier|Rafael Toledo|Sofia Meireles|Tiago Arruda"""
STATES = ["enrolled"] * 28 + ["pending"] * 5 + ["invited"] * 3 + ["failing", "disavowed"] + ["deactivated"] * 2
_BLINK, _APPLE = "AppleWebKit/537.36 (KHTML, like Gecko)", "AppleWebKit/605.1.15 (KHTML, like Gecko)"
AGENTS = [
    f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_BLINK} Chrome/141.0.0.0 Safari/537.36",
    f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {_APPLE} Version/18.1 Safari/605.1.15",
    "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0",
    f"Mozilla/5.0 (Linux; Android 15; Pixel 9) {_BLINK} Chrome/141.0.0.0 Mobile Safari/537.36",
    f"Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) {_APPLE} Version/18.1 Mobile/15E148 Safari/604.1",
    f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_BLINK} Chrome/141.0.0.0 Safari/537.36 Edg/141.0.0.0",
]


@transaction.atomic
def create() -> User | None:
    """Create the account with its people and history; return its administrator, or None if it exists."""
    if Account.objects.filter(name=ACCOUNT).exists():
        return None
    story = Story(Account(name=ACCOUNT), Random(SEED), timezone.now())  # noqa: S311, TID251 (invented, no secret)
    _make_people(story)
    _switch_on(story)
    for days_ago in range(DAYS, -1, -1):
        _tell_day(story, days_ago)
    _tell_incidents(story)
    AuditEvent.objects.bulk_create(sorted(story.events, key=lambda event: event.at), batch_size=500)
    Message.objects.bulk_create(sorted(story.messages, key=lambda message: message.created_at), batch_size=500)
    _settle(story)
    _count_sms(story)
    stats.settle(None)
    return story.people[0].user


def _make_people(story: Story) -> None:
    story.account.created_at = story.at(DAYS, 9)
    story.account.two_factor_required = True
    story.account.two_factor_changed_at = story.at(SWITCHED_ON, 10, 12)
    story.account.save()
    password = make_password(settings.DEMO_PASSWORD)
    names = NAMES.replace("\n", "|").split("|")
    for index, (name, state) in enumerate(zip(names, STATES, strict=True)):
        story.people.append(_make_person(story, index, name, state, password))
    SearchWord.objects.renew(*User.objects.bulk_create([person.user for person in story.people]))


def _make_person(story: Story, index: int, name: str, state: str, password: str) -> Person:
    first, _space, last = name.rpartition(" ")
    login = _plain(f"{first.split()[0]}.{last}" if index else first)
    user = User(account=story.account, username=login, email=f"{login}@horizonte.example", password=password)
    user.first_name, user.last_name = first, last
    user.role = Role.ADMINISTRATOR if index < 3 else Role.MEMBER
    user.is_active = state != "deactivated"
    user.language = "es" if index % 13 == 12 else "pt-br"
    user.created_at = story.at(DAYS, 9, 5)
    if state == "invited":
        user.password = make_password(None)
    office, home = f"203.0.113.{10 + index % 3}", f"198.51.100.{20 + index}"
    desk, hand = story.random.choice([0, 0, 0, 1, 2, 5]), story.random.choice([3, 4])
    places = [(office, AGENTS[desk]), (home, AGENTS[hand])]
    number = f"+55{(11, 21, 31, 41, 51, 81)[index % 6]}9{story.random.randrange(80_000_000, 99_999_999)}"
    return Person(user, state, number, places)


def _plain(name: str) -> str:
    """Return a login: lower case, without accents."""
    return name.lower().translate(str.maketrans("áâãàéêíóôõúüç", "aaaaeeiooouuc"))


def _switch_on(story: Story) -> None:
    helena = story.people[0]
    story.note(story.at(DAYS, 9, 1), helena, Action.ACCOUNT_CREATED)
    switched = story.at(SWITCHED_ON, 10, 12)
    story.note(switched, helena, Action.POLICY_SWITCHED_ON, before=False, after=True)
    _enrol(story, helena, switched - timedelta(minutes=1))


def _tell_day(story: Story, days_ago: int) -> None:
    weekend = story.at(days_ago, 12).weekday() >= 5
    for person in story.people:
        times = story.random.choices([0, 1, 2, 3], [85, 13, 2, 0] if weekend else [18, 40, 30, 12])[0]
        if days_ago < LAST_DAYS.get(person.state, 0):
            continue
        for hour in sorted(story.random.sample(range(8, 19), times)):
            at = story.at(days_ago, hour) + timedelta(seconds=story.random.randrange(3600))
            if days_ago > SWITCHED_ON:
                story.note(at, person, Action.SIGN_IN_PASSWORD_ONLY, place=_place(story))
            elif person.has_phone:
                _sign_in(story, person, at)
            else:
                story.note(at, person, Action.SIGN_IN_PENDING, place=_place(story))


def _place(story: Story) -> int:
    return int(story.random.random() < 0.12)


def _sign_in(story: Story, person: Person, at: datetime) -> None:
    """Add the second step of a sign-in, which mostly succeeds."""
    if person.enrolled_at is None:
        _enrol(story, person, at)
        return
    place = _place(story)
    story.note(at, person, Action.SIGN_IN_PENDING, place=place)
    channel = Channel.EMAIL if story.random.random() < 0.22 else Channel.SMS
    asked = at + timedelta(seconds=story.random.randint(6, 15))
    arrived = _send(story, person, channel, asked, place=place)
    if not arrived:
        channel, asked = Channel.EMAIL, asked + timedelta(seconds=50)
        _send(story, person, channel, asked, place=place, surely=True)
    if story.random.random() < 0.07:
        story.note(asked + timedelta(seconds=14), person, Action.TOKEN_REFUSED, place=place, purpose="login")
    if story.random.random() < 0.975:
        _verify(story, person, channel, asked, place=place)


def _verify(story: Story, person: Person, channel: str, asked: datetime, *, place: int = 0) -> None:
    done = asked + timedelta(seconds=story.random.randint(16, 55))
    story.note(done, person, Action.SIGN_IN_VERIFIED, place=place, channel=channel)
    if done < story.now:
        person.user.last_login = done


def _enrol(story: Story, person: Person, at: datetime) -> None:
    """Add the enrolment of a first phone."""
    if at >= story.now:
        return
    story.note(at - timedelta(seconds=70), person, Action.SIGN_IN_PENDING)
    _send(story, person, Channel.SMS, at - timedelta(seconds=40), purpose="enrol", surely=True)
    story.note(at, person, Action.PHONE_ENROLLED, number=phones.mask(person.number))
    story.note(at, person, Action.SIGN_IN_VERIFIED, channel=Channel.SMS)
    person.enrolled_at = person.user.last_login = at


def _send(
    story: Story,
    person: Person,
    channel: str,
    at: datetime,
    *,
    place: int = 0,
    purpose: str = "login",
    surely: bool = False,
) -> bool:
    """Add a token and its message; return whether it arrived. On one day most failed."""
    story.note(at, person, Action.CHALLENGE_ISSUED, place=place, purpose=purpose, channel=channel)
    arrives = surely or story.random.random() > (0.35 if story.is_bad(at) else 0.03)
    if at + timedelta(seconds=10) < story.now:
        story.messages.append(_message(story, person, channel, at, arrives=arrives))
    return arrives


def _message(story: Story, person: Person, channel: str, at: datetime, *, arrives: bool) -> Message:
    by_sms = channel == Channel.SMS
    gateway = "smtp" if not by_sms else story.random.choices(["twilio", "sinch"], [94, 6])[0]
    message = Message(channel=channel, kind="token", subject_id=0, language="pt-br", gateway=gateway, tries=1)
    message.owner_id = story.account.pk
    message.destination = person.number if by_sms else person.user.email
    message.created_at, message.expires_at = at, at + timedelta(seconds=settings.TOKEN_LIFETIME_SECONDS)
    if not arrives:
        message.state, message.fault, message.error = State.FAILED, Fault.HANDSET, f"{gateway}-30003"
        return message
    message.state, message.sent_at = State.SENT, at + timedelta(seconds=story.random.uniform(0.4, 1.6))
    if gateway == "twilio":
        message.state = State.DELIVERED
        message.reported_at = message.sent_at + timedelta(seconds=story.random.uniform(1, 5))
    return message


def _tell_incidents(story: Story) -> None:
    """Add what an administrator looks for: failures, a foreign phone, changes, a leaver."""
    helena = story.people[0]
    failing, disavowed = (next(p for p in story.people if p.state == state) for state in ("failing", "disavowed"))
    _tell_failures(story, failing)
    story.note(story.at(3, 7, 40), disavowed, Action.PHONE_ENROLLED, place=1, number=phones.mask(disavowed.number))
    story.note(story.at(3, 8, 2), disavowed, Action.PHONE_DISAVOWED, after="phone.enrolled")
    story.note(story.at(3, 8, 2), disavowed, Action.USER_LOCKED, reason="phone.disowned")
    story.note(story.at(3, 8, 3), disavowed, Action.SESSIONS_ENDED)
    for days_ago, person in ((6, story.people[7]), (2, story.people[14])):
        story.note(story.at(days_ago, 11, 30), person, Action.PHONE_CHANGE_STARTED, number=phones.mask(person.number))
        masked = phones.mask(person.number)
        story.note(story.at(days_ago, 11, 32), person, Action.PHONE_CHANGED, before=phones.mask("00"), after=masked)
    story.note(story.at(4, 9, 15), story.people[11], Action.PASSWORD_RESET_REQUESTED)
    story.note(story.at(4, 9, 18), story.people[11], Action.PASSWORD_RESET)
    story.note(story.at(5, 10, 2), story.people[19], Action.USER_UNLOCKED, actor=helena.user, by_operator=False)


def _tell_failures(story: Story, person: Person) -> None:
    """Add 25 wrong tokens with the notices of the lockout schedule; the last pause still holds."""
    evening = story.at(2, 19, 20)
    begun = [evening, evening + timedelta(hours=1), evening + timedelta(hours=3), story.now - timedelta(hours=4)]
    failures = 0
    for at, wrong in zip(begun, [10, 5, 5, 5], strict=True):
        for minute in range(wrong):
            story.note(at - timedelta(minutes=wrong - minute), person, Action.TOKEN_REFUSED, place=1, purpose="login")
            failures += 1
            if failures == settings.FAILURES_NOTIFIED_AT:
                story.note(at, person, Action.SECOND_FACTOR_FAILING, place=1)
        held = settings.LOCKOUT_SCHEDULE[failures]
        story.note(at, person, Action.SECOND_FACTOR_LOCKED, place=1, hours=held / settings.HOUR)
        person.user.failures, person.user.failures_until = failures, at + timedelta(seconds=held)


def _count_sms(story: Story) -> None:
    """Count the SMS of the last 24 hours in the account's limits."""
    yesterday = story.now - timedelta(days=1)
    sent = [each for each in story.messages if each.channel == Channel.SMS and each.created_at > yesterday]
    rate_limits.count(rate_limits.windows("account", story.account.pk), uses=len(sent))


def _settle(story: Story) -> None:
    """Set the people's fields to the end of their story."""
    for person in story.people:
        user = person.user
        if person.state in {"pending", "disavowed", "deactivated"}:
            user.last_login = max(
                (e.at for e in story.events if e.user == user and "sign_in" in e.action), default=None
            )
        if person.state == "disavowed":
            user.locked_at = story.at(3, 8, 2)
        user.has_phone = person.enrolled_at is not None
        user.mailbox_suspect = person is story.people[11]
    User.objects.bulk_update(
        [person.user for person in story.people],
        ["last_login", "locked_at", "failures", "failures_until", "mailbox_suspect", "has_phone"],
    )
    PhoneDevice.objects.bulk_create(
        PhoneDevice(
            user=person.user,
            name="phone",
            number=person.number,
            region="BR",
            kind="mobile",
            confirmed_at=person.enrolled_at,
        )
        for person in story.people
        if person.enrolled_at
    )
