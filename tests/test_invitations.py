"""Invitations and reminders: who is asked, who learns what, and what a link is good for."""

import re
from datetime import timedelta
from time import process_time
from typing import Any

import pytest
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.exceptions import InvitationOver
from accounts.invitations import flows as invitations
from accounts.models import Account, AuditEvent, Invitation, Role, User
from accounts.passwords.validators import GuessableValidator
from messaging.delivery import looks
from messaging.delivery.models import Message
from messaging.portal.joining import JUDGED
from tests.altcha import challenge_on, solve
from tests.conftest import PASSWORD, Browser, deliver, enrol, many, sent_to
from tests.tools import page

pytestmark = pytest.mark.django_db

USERS = "/configuracoes/usuarios/"
INVITE = f"{USERS}convidar/"
REMIND = f"{USERS}lembrar/"
NAMED = {"first_name": "Nina", "last_name": "Simone", "new_password": PASSWORD}


@pytest.fixture
def office(browser: Browser, alice: User) -> Browser:
    browser.post_password("alice")
    return browser


def ask(browser: Browser, addresses: str, language: str = "en") -> dict[str, str]:
    """Invite, and return the report."""
    response = browser.post(INVITE, {"addresses": addresses, "language": language})
    assert response.status_code == 200
    return dict(response.context.get("report") or [])


def link_to(address: str) -> str:
    """Return the path of the newest link that an address was sent."""
    found = re.search(r"http://testserver(/convite/\S+)", sent_to(address)[0]["text"])
    assert found
    return found[1]


def join(browser: Browser, path: str, **options: Any) -> Any:
    """Solve the captcha and say who joins."""
    return browser.post(path, {**NAMED, "altcha": browser.captcha(path)}, **options)


def test_twenty_thousand_brackets_are_read_at_once(office: Browser) -> None:
    """B3: a quadratic pattern took 15 seconds, in which nobody else was answered."""
    began = process_time()
    for pasted in ("<" * 160_000, '"' * 159_999, "@ " * 80_000):
        invitations.people(pasted)
    assert process_time() - began < 2


def test_a_list_is_parted_by_whatever_stands_between_addresses() -> None:
    pasted = 'a@x.com b@x.com\tc@x.com;d@x.com,"Silva, Maria" <e@x.com>\nAna <f@x.com> Bia <g@x.com>,"No One" h@x.com'
    assert list(invitations.people(pasted)) == [f"{letter}@x.com" for letter in "abcdefgh"]


def test_names_are_kept_and_filled_into_the_form_of_the_joining_person(office: Browser, other_browser: Browser) -> None:
    pasted = 'Maria da Silva <maria@example.com>, "Souza, João" <joao@example.com>; "?" <nonsense>'
    assert invitations.people(pasted) == {
        "maria@example.com": "Maria da Silva",
        "joao@example.com": "Souza, João",
        "nonsense": "?",
    }
    response = office.post(INVITE, {"addresses": pasted, "language": "en"})
    assert response.context["form"]["addresses"].value() == '"?" <nonsense>'
    shown = page(other_browser.get(link_to("maria@example.com")))
    assert 'value="Maria"' in shown
    assert 'value="da Silva"' in shown


# As an administrator ------------------------------------------------------------------------------


def test_an_administrator_is_invited_after_a_proof_only(office: Browser, browser: Browser, alice: User) -> None:
    """A-01, R-12: what was typed is sent once it is proved; written down as such."""
    asked = {"addresses": "nina@example.com", "language": "en", "role": "administrator"}
    assert office.post(INVITE, asked).headers["Location"] == "/confirmar-identidade/"
    assert not Invitation.objects.exists()
    assert "Invite administrators" in page(office.get("/confirmar-identidade/"))
    assert office.prove_identity().context["report"] == [("nina@example.com", "sent")]
    assert AuditEvent.objects.filter(action="invitation.sent_to_administrator", actor=alice).count() == 1
    nina = Browser()
    join(nina, link_to("nina@example.com"))
    assert User.objects.get(email="nina@example.com").role == "administrator"


def test_a_member_is_invited_without_one_and_members_invite_nobody(office: Browser, bob: User) -> None:
    """A-01, A-04."""
    assert ask(office, "nina@example.com") == {"nina@example.com": "sent"}
    member = Browser()
    member.post_password("bob")
    asked = {"addresses": "max@example.com", "language": "en", "role": "administrator"}
    assert member.post(INVITE, asked).status_code == 403


@pytest.mark.parametrize("change", [{"role": "member"}, {"is_active": False}])
@pytest.mark.parametrize("role", ["administrator", "member"])
def test_a_former_administrators_invitation_makes_no_administrator(
    alice: User, browser: Browser, change: dict[str, Any], role: str
) -> None:
    """A-01: be it by an invitation that was sent before. Members come in as before."""
    invitations.invite(alice.account, {"nina@example.com": ""}, actor=alice, language="en", role=role)
    path = link_to("nina@example.com")
    User.objects.filter(pk=alice.pk).update(**change)
    if role == "member":
        join(browser, path)
    else:
        browser.post(path, NAMED)
    assert User.objects.filter(email="nina@example.com").exists() is (role == "member")


def test_refused_lines_stay_in_the_field(office: Browser, bob: User) -> None:
    response = office.post(INVITE, {"addresses": "nonsense\nbob@example.com\nnina@example.com", "language": "en"})
    assert response.context["form"]["addresses"].value() == "nonsense"


def test_a_deactivated_colleague_is_named_as_such(office: Browser, bob: User) -> None:
    User.objects.filter(pk=bob.pk).update(is_active=False)
    assert ask(office, "bob@example.com") == {"bob@example.com": "inactive"}
    assert "q=bob%40example.com" in page(office.post(INVITE, {"addresses": "bob@example.com", "language": "en"}))


def test_an_invitation_of_somebody_who_joined_otherwise_is_not_said_to_be_sent(office: Browser, bob: User) -> None:
    """B4."""
    ask(office, "nina@example.com")
    User.objects.filter(pk=bob.pk).update(email="nina@example.com")
    path = f"{USERS}convites/{Invitation.objects.get().pk}/reenviar/"
    office.post(path)
    shown = page(office.get(USERS))
    assert "Nothing was sent" in shown
    assert "sent again" not in shown


def test_sending_again_is_one_of_the_three_of_a_day(office: Browser) -> None:
    """The fourth is refused, and the link that was sent before it still leads in."""
    ask(office, "nina@example.com")
    path = f"{USERS}convites/{Invitation.objects.get().pk}/reenviar/"
    assert [office.post(path).status_code for _time in range(2)] == [302, 302]
    before = Invitation.objects.get()
    refused = office.post(path)
    assert refused.status_code == 429
    assert refused.headers["Retry-After"] == "86400"
    assert len(sent_to("nina@example.com")) == 3
    assert Invitation.objects.get().nonce == before.nonce
    assert AuditEvent.objects.get(action="limit.hit", data__scope="invited").user == User.objects.get(username="alice")


def test_sending_again_keeps_the_role(office: Browser) -> None:
    ask(office, "nina@example.com")
    Invitation.objects.update(role=Role.ADMINISTRATOR)
    office.post(f"{USERS}convites/{Invitation.objects.get().pk}/reenviar/")
    assert Invitation.objects.get().role == Role.ADMINISTRATOR


# Asking ------------------------------------------------------------------------------------------


def test_a_list_is_reported_line_by_line(office: Browser, bob: User) -> None:
    pasted = "Nina <NINA@example.com>\r\n\r\nbob@example.com; nonsense, max@example.com\nnina@example.com"
    assert ask(office, pasted) == {
        "nina@example.com": "sent",
        "bob@example.com": "member",
        "nonsense": "invalid",
        "max@example.com": "sent",
    }
    assert {entry["to"] for entry in deliver()} == {"nina@example.com", "max@example.com"}
    asked = AuditEvent.objects.filter(action="invitation.sent", actor__username="alice", account=bob.account)
    assert [event.data["address"] for event in asked.order_by("pk")] == ["n•••@example.com", "m•••@example.com"]


@pytest.mark.parametrize(("length", "result"), [(254, "sent"), (255, "invalid")])
def test_an_address_has_254_characters_at_most(alice: User, length: int, result: str) -> None:
    """PostgreSQL would refuse the row."""
    address = f"@{'.'.join(['a' * 60] * 3)}.example".rjust(length, "n")
    assert invitations.invite(alice.account, {address: ""}, actor=alice, language="en") == {address: result}


def test_an_administrator_who_invites_learns_nothing_about_other_accounts(office: Browser, charlie: User) -> None:
    """A-04: the same answer, report, list and number of statements; the e-mail tells its reader alone."""
    with CaptureQueriesContext(connection) as known:
        elsewhere = office.post(INVITE, {"addresses": "charlie@example.com", "language": "en"})
    with CaptureQueriesContext(connection) as unknown:
        nobody = office.post(INVITE, {"addresses": "nobody1@example.com", "language": "en"})
    assert page(elsewhere).replace("charlie", "nobody1") == page(nobody)
    assert len(known) == len(unknown)
    shown = page(office.get(f"{USERS}?state=invited"))
    rows = re.findall(r'class="row-invited">(.*?)</tr>', re.sub(r'convites/\d+/|value="\d+"', "", shown), re.DOTALL)
    assert len({row.replace("charlie", "nobody1") for row in rows}) == 1
    told = sent_to("charlie@example.com")[0]["text"]
    assert "already has a user on another account" in told
    assert "/convite/" not in told
    assert "/convite/" in sent_to("nobody1@example.com")[0]["text"]


def test_the_invitation_is_in_the_chosen_language(office: Browser, alice: User) -> None:
    ask(office, "nina@example.com", language="es")
    [entry] = sent_to("nina@example.com")
    assert entry["subject"] == "Invitación a Messaging"
    assert alice.email in entry["text"]
    assert 'value="en" selected' in page(office.get(INVITE))


def test_a_handful_of_statements_invites_five_hundred_and_no_more(office: Browser) -> None:
    few = ",".join(f"a{number}@example.com" for number in range(2))
    all_of_them = ",".join(f"n{number}@example.com" for number in range(498))
    with CaptureQueriesContext(connection) as two:
        ask(office, few)
    with CaptureQueriesContext(connection) as many_more:
        assert set(ask(office, all_of_them).values()) == {"sent"}
    assert len(many_more) <= len(two) + 20  # SQLite takes only so many values in one statement
    assert ask(office, "late@example.com") == {"late@example.com": "limited"}, "500 a day for an account"
    refused = office.post(INVITE, {"addresses": ",".join(map(str, range(501))), "language": "en"})
    assert "Send at most 500 at once." in page(refused)
    assert Invitation.objects.count() == 500


def test_a_mailbox_is_asked_three_times_a_day_by_an_account_whatever_its_address_is(office: Browser) -> None:
    """B-11: tags everywhere, dots where the provider is known to leave them out."""
    pasted = ", ".join(f"nina+{number}@example.com" for number in range(40))
    assert list(ask(office, pasted).values()) == ["sent"] * 3 + ["limited"] * 37
    assert ask(office, "NINA@example.com, max@example.com") == {
        "nina@example.com": "limited",
        "max@example.com": "sent",
    }
    dotted = ["n.i.n.a@gmail.com", "nina@googlemail.com", "ni.na+x@gmail.com", "nina@gmail.com"]
    assert list(ask(office, ",".join(dotted)).values()) == ["sent"] * 3 + ["limited"]
    assert set(ask(office, "a.b@example.com, ab@example.com, +@example.com").values()) == {"sent"}


def test_other_accounts_invitations_stand_in_nobody_s_way(
    office: Browser, other_browser: Browser, charlie: User
) -> None:
    """B-11: three by a malicious administrator, and an honest one still invites the same person."""
    Account.objects.filter(pk=charlie.account_id).update(two_factor_required=False)
    other_browser.post_password("charlie")
    answers = [ask(other_browser, "nina@example.com")["nina@example.com"] for _time in range(4)]
    assert answers == ["sent", "sent", "sent", "limited"]
    assert ask(office, "nina@example.com") == {"nina@example.com": "sent"}


def test_a_list_costs_as_many_statements_as_one_address(office: Browser, account: Account, alice: User) -> None:
    """B-11: counting by mailbox is one statement; only a list with several addresses of one mailbox takes more."""
    counts = []
    for many_addresses in ({"a@x.com": ""}, {f"b{number}@x.com": "" for number in range(100)}):
        with CaptureQueriesContext(connection) as context:
            invitations.invite(account, dict.fromkeys(many_addresses, ""), actor=alice, language="en")
        counts.append(len([query for query in context.captured_queries if "accounts_budget" in query["sql"]]))
    assert counts == [2, 2]


@pytest.mark.parametrize("addresses", ["", " , ;\n", "\0"])
def test_an_empty_list_is_refused(office: Browser, addresses: str) -> None:
    response = office.post(INVITE, {"addresses": addresses, "language": "en"})
    assert response.status_code == 200
    assert page(response).count('class="field-errors"') == 1
    assert not Invitation.objects.exists()


# The link ------------------------------------------------------------------------------------------


def test_the_link_makes_a_user_once_and_lets_them_in(office: Browser, other_browser: Browser, account: Account) -> None:
    """S-10."""
    ask(office, "nina@example.com")
    path = link_to("nina@example.com")
    assert "Padaria Aurora" in page(other_browser.get(path))
    assert not User.objects.filter(email="nina@example.com").exists()
    said = page(join(other_browser, path, follow=True))
    assert re.search(r"Your login is nina\d{4}, or your e-mail address\.", said)
    assert other_browser.is_in()
    nina = User.objects.get(email="nina@example.com")
    assert (nina.account, nina.role, nina.full_name, nina.language) == (account, "member", "Nina Simone", "en")
    assert "no longer works" in page(other_browser.post(path, NAMED))
    assert User.objects.filter(email="nina@example.com").count() == 1
    other_browser.post_password("nina@example.com")
    assert other_browser.is_in()
    assert AuditEvent.objects.filter(action="invitation.accepted", user=nina, account=account).count() == 1
    assert ask(office, "nina@example.com") == {"nina@example.com": "member"}


def test_the_policy_stops_the_new_user_at_the_second_step(browser: Browser, alice: User, policy: Account) -> None:
    """S-10."""
    invitations.invite(policy, {"nina@example.com": ""}, actor=alice, language="en")
    answer = join(browser, link_to("nina@example.com"))
    assert answer.headers["Location"] == "/entrar/introducao/"
    assert not browser.is_in()
    assert browser.get("/").headers["Location"] == "/entrar/introducao/"
    assert browser.post_password("nina@example.com").headers["Location"] == "/entrar/introducao/"


def test_a_login_tells_nobody_which_others_there_are(office: Browser, browser: Browser, bob: User) -> None:
    """A-04: each has a number, whether the bare one is taken or not."""
    ask(office, "bob@elsewhere.example.com, ...@@, +@example.com")
    join(browser, link_to("bob@elsewhere.example.com"))
    assert re.fullmatch(r"bob\d{4}", User.objects.get(email="bob@elsewhere.example.com").username)
    join(browser, link_to("+@example.com"))
    assert re.fullmatch(r"user\d{4}", User.objects.get(email="+@example.com").username)


def test_nobody_takes_all_the_logins_of_a_name(
    office: Browser, make_browser: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """B-01: ten thousand of one name, made by another account, kept everybody of that name from joining."""
    ask(office, "nina@example.com, nina@example.org")
    paths = [link_to(address) for address in ("nina@example.com", "nina@example.org")]
    monkeypatch.setattr("accounts.invitations.flows.secrets.randbelow", lambda _below: 7)
    for path in paths:
        assert join(make_browser(), path).status_code == 302
    made = User.objects.filter(first_name="Nina").order_by("pk").values_list("username", flat=True)
    assert list(made) == ["nina0007", "nina00000007"]


@pytest.mark.parametrize("change", ["resent", "revoked", "late", "account", "forged", "taken"])
def test_an_invitation_that_is_over_makes_no_user(
    office: Browser, make_browser: Any, charlie: User, change: str
) -> None:
    ask(office, "nina@example.com")
    path, invitation = link_to("nina@example.com"), Invitation.objects.get()
    if change == "resent":
        office.post(f"{USERS}convites/{invitation.pk}/reenviar/")
    elif change == "revoked":
        office.post(f"{USERS}convites/{invitation.pk}/revogar/")
        event = AuditEvent.objects.get(action="invitation.revoked", data__address="n•••@example.com")
        assert event.actor == User.objects.get(username="alice")
    elif change == "late":
        Invitation.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    elif change == "account":
        Account.objects.update(is_active=False)
    elif change == "taken":
        User.objects.filter(pk=charlie.pk).update(email="nina@example.com")
    else:
        path = path[:-4] + "AAA/"
    reader = make_browser()
    before = User.objects.count()
    answer = join(reader, path) if change == "taken" else reader.post(path, NAMED)
    assert "no longer works" in page(answer)
    assert User.objects.count() == before
    if change == "resent":
        assert "no longer works" not in page(reader.get(link_to("nina@example.com")))


def test_nobody_joins_without_the_captcha_and_one_pays_for_one_user(office: Browser, make_browser: Any) -> None:
    """B-11, C-02: sixty puppets in four seconds were made by a script."""
    ask(office, "nina@example.com, max@example.com")
    guest, robot = make_browser(), make_browser()
    path, other = link_to("nina@example.com"), link_to("max@example.com")
    assert "robot" in page(robot.post(path, NAMED))
    captcha = guest.captcha(path)
    assert guest.post(path, {**NAMED, "altcha": captcha}).status_code == 302
    assert "has expired" in page(robot.post(other, {**NAMED, "altcha": captcha}))
    assert not User.objects.filter(email="max@example.com").exists()
    assert join(robot, other).status_code == 302


def test_a_password_is_judged_beside_a_solved_captcha_and_ten_times(office: Browser, monkeypatch: Any) -> None:
    """B-11: it takes 0.14 s of a processor, and whoever has a link could ask for that all day."""
    ask(office, "nina@example.com")
    judged: list[str] = []
    monkeypatch.setattr(GuessableValidator, "validate", lambda self, password, user: judged.append(password))
    guest, path = Browser(), link_to("nina@example.com")
    for captcha in ({}, {"altcha": "nonsense"}):
        assert guest.post(path, {**NAMED, **captcha}).status_code == 200
    assert judged == []
    solved, without_name = guest.captcha(path), {**NAMED, "first_name": ""}
    for _time in range(JUDGED):
        assert "altcha-widget" not in page(guest.post(path, {**without_name, "altcha": solved})), "it is kept"
    assert len(judged) == JUDGED
    answer = guest.post(path, {**NAMED, "altcha": solved})
    assert "has expired" in page(answer)
    assert len(judged) == JUDGED
    assert guest.post(path, {**NAMED, "altcha": solve(challenge_on(answer))}).status_code == 302


def test_two_clicks_at_once_make_one_user(office: Browser) -> None:
    """The row decides, not what was read before."""
    ask(office, "nina@example.com")
    invitation = Invitation.objects.get()
    invitations.accept(invitation, first_name="Nina", last_name="", password=PASSWORD)
    with pytest.raises(InvitationOver):
        invitations.accept(invitation, first_name="Mallory", last_name="", password=PASSWORD)


def test_who_joins_settles_no_other_invitation(office: Browser) -> None:
    """A-04: neither the acceptance nor the new user is of the others."""
    ask(office, "nina@example.com, max@example.com")
    Invitation.objects.update(nonce=7)  # it is random, and may be the same
    nina, other = (Invitation.objects.get(email=f"{name}@example.com") for name in ("nina", "max"))
    user = invitations.accept(nina, first_name="Nina", last_name="", password=PASSWORD)
    for invitation in (nina, other):
        invitation.refresh_from_db()
    assert (nina.user, other.user, other.accepted_at) == (user, None, None)


def test_an_invitation_that_was_sent_again_meanwhile_is_not_accepted(office: Browser) -> None:
    """The page of the link before is still open: only the newest link is good."""
    ask(office, "nina@example.com")
    read = Invitation.objects.get()
    ask(office, "nina@example.com")
    with pytest.raises(InvitationOver):
        invitations.accept(read, first_name="Nina", last_name="", password=PASSWORD)
    assert not User.objects.filter(email="nina@example.com").exists()


def test_one_who_was_revoked_or_joined_long_ago_is_invited_anew(
    office: Browser, make_browser: Any, alice: User, bob: User
) -> None:
    """Nothing of before is left in the row, least of all the role (A-01)."""
    ask(office, "nina@example.com")
    join(make_browser(), link_to("nina@example.com"))
    User.objects.filter(email="nina@example.com").update(email="another@example.com")
    long_ago = timezone.now() - timedelta(days=400)
    before = {"sent_at": long_ago, "expires_at": long_ago, "revoked_at": long_ago}
    Invitation.objects.update(role=Role.ADMINISTRATOR, invited_by=bob, **before)
    ask(office, "Nina <nina@example.com>", language="es")
    again = Invitation.objects.get()
    assert (again.revoked_at, again.accepted_at, again.user) == (None, None, None)
    assert (again.name, again.language, again.role, again.invited_by) == ("Nina", "es", Role.MEMBER, alice)
    assert again.sent_at > long_ago
    assert join(make_browser(), link_to("nina@example.com")).status_code == 302


def test_the_password_is_as_strong_as_any(office: Browser, browser: Browser) -> None:
    ask(office, "nina@example.com")
    path = link_to("nina@example.com")
    weak = {**NAMED, "first_name": "Ninasimone", "new_password": "ninasimone1 xkvqz"}
    assert "It contains your name." in page(browser.post(path, {**weak, "altcha": browser.captcha(path)}))
    assert "This field is required" in page(browser.post(path, {**NAMED, "first_name": ""}))
    assert not User.objects.filter(email="nina@example.com").exists()


def test_nothing_is_sent_for_an_invitation_that_is_settled(office: Browser) -> None:
    ask(office, "nina@example.com")
    Invitation.objects.update(revoked_at=timezone.now())
    assert sent_to("nina@example.com") == []


@pytest.mark.parametrize("action", ["reenviar", "revogar"])
def test_invitations_are_touched_by_administrators_of_their_account_only(
    office: Browser, make_browser: Any, bob: User, charlie: User, action: str
) -> None:
    """A-04: 403, 302, 404; and an accepted one is settled."""
    ask(office, "nina@example.com")
    invitation = Invitation.objects.get()
    path = f"{USERS}convites/{invitation.pk}/{action}/"
    member, anonymous, other = make_browser(), make_browser(), make_browser()
    member.post_password("bob")
    Account.objects.filter(pk=charlie.account_id).update(two_factor_required=False)
    other.post_password("charlie")
    assert [one.post(path).status_code for one in (member, anonymous, other)] == [403, 302, 404]
    assert office.get(path).status_code == (405 if action == "reenviar" else 200)
    assert Invitation.objects.open().exists()
    Invitation.objects.update(accepted_at=timezone.now())
    assert office.post(path).status_code == 404


# Reminders -------------------------------------------------------------------------------------------


@pytest.fixture
def running(browser: Browser, alice: User, alices_phone: Any, policy: Account) -> Browser:
    """Return the browser of Alice, who is signed in; the policy is on."""
    browser.sign_in("alice")
    return browser


def reminded() -> list[str]:
    return sorted(Message.objects.filter(kind="reminder").values_list("destination", flat=True))


def test_one_statement_reminds_everybody_without_a_phone_once_a_day(
    running: Browser, account: Account, bob: User, charlie: User
) -> None:
    """Whatever their number; not the deactivated, the locked, the enrolled, or other accounts."""
    crowd = many(account, 40)
    User.objects.filter(pk=crowd[0].pk).update(is_active=False)
    User.objects.filter(pk=crowd[1].pk).update(locked_at=timezone.now())
    enrol(crowd[2])
    assert re.findall(r"<strong>(\d+)</strong>", page(running.get(REMIND))) == ["39", "38"]
    with CaptureQueriesContext(connection) as context:
        running.post(REMIND)
    assert sum("INSERT" in query["sql"] and "delivery_message" in query["sql"] for query in context) == 1
    assert reminded() == sorted([bob.email, *(person.email for person in crowd[3:])])
    assert AuditEvent.objects.get(action="reminders.sent").data == {"count": 38}
    assert "There was nobody to remind" in page(running.post(REMIND, follow=True))
    running.post(f"{USERS}{bob.pk}/lembrar/")
    assert len(reminded()) == 38
    Message.objects.update(created_at=F("created_at") - timedelta(days=1, seconds=1))
    running.post(f"{USERS}{bob.pk}/lembrar/")
    assert len(reminded()) == 39
    assert AuditEvent.objects.get(action="reminder.sent").user == bob


def test_the_reminder_says_what_to_do_in_the_readers_language(running: Browser, bob: User) -> None:
    User.objects.filter(pk=bob.pk).update(language="pt-br")
    running.post(REMIND)
    [entry] = sent_to(bob.email)
    assert entry["subject"] == "Confirme o seu telefone para a segunda etapa"
    assert "http://testserver/entrar/" in entry["text"]


def test_no_reminder_reaches_a_person_who_has_a_phone_by_then(running: Browser, bob: User) -> None:
    running.post(f"{USERS}{bob.pk}/lembrar/")
    enrol(bob)
    assert sent_to(bob.email) == []


def test_without_the_policy_there_is_nothing_to_remind_of(office: Browser, bob: User) -> None:
    office.post(REMIND)
    office.post(f"{USERS}{bob.pk}/lembrar/")
    assert reminded() == []


def test_reminding_is_for_the_administrators_of_the_account(running: Browser, make_browser: Any, charlie: User) -> None:
    """A-04."""
    assert running.post(f"{USERS}{charlie.pk}/lembrar/").status_code == 404
    assert make_browser().post(REMIND).status_code == 302
    assert reminded() == []


def test_reminders_never_stand_before_a_token(running: Browser, make_browser: Any, account: Account, bob: User) -> None:
    many(account, 5)
    running.post(REMIND)
    enrol(bob)
    other = make_browser()
    other.post_password("bob")
    other.post_channel("sms")
    waiting = Message.objects.sendable().order_by(*looks.order())
    assert waiting[0].kind == "token"
    assert waiting[1].kind == "reminder"
