"""The fresh proof that it is still you, before what matters: over HTTP, with a page of the test's own (R-01, A-01)."""

from collections.abc import Callable
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.urls import include, path

from accounts.auth import sessions as account_sessions
from accounts.auth.decorators import administrators_only
from accounts.models import AuditEvent, User
from accounts.passwords import flows as passwords
from messaging.database import clock_plus
from tests.conftest import ALICES_NUMBER, PASSWORD, Browser, deliver, last_token
from tests.database_dump import tags
from tests.tools import let_pass, page
from twofactor.exceptions import JourneyOver
from twofactor.models import Challenge, PhoneDevice, Reauthentication
from twofactor.reauthentication import flows
from twofactor.reauthentication.decorators import reauthenticated

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.test_reauthentication")]

CONFIRM, DANGER, OTHER = "/confirmar-identidade/", "/perigo/1/", "/perigo/2/"
JSON = {"accept": "application/json"}


@administrators_only
@reauthenticated("danger")
def danger(request: HttpRequest, number: int) -> HttpResponse:
    """Do something that a stolen session may not do; a form without "reason" is refused."""
    if request.method == "POST" and request.POST.get("reason"):
        User.objects.filter(username="bob").update(first_name=f"Endangered {number}")
        return HttpResponse("done", status=302, headers={"Location": "/"})
    return HttpResponse("Why?")  # and of a form that is refused


@administrators_only
@reauthenticated("another")
def another(request: HttpRequest) -> HttpResponse:
    return HttpResponse("another")


urlpatterns = [path("perigo/<int:number>/", danger), path("outro/", another), path("", include("messaging.urls"))]


@pytest.fixture
def alices(browser: Browser, policy: object, alices_phone: PhoneDevice, bob: User) -> Browser:
    browser.sign_in("alice")
    return browser


def act(browser: Browser, where: str = DANGER, **fields: str) -> Any:
    return browser.post(where, {"reason": "because", **fields})


def endangered() -> str:
    return User.objects.get(username="bob").first_name


def actions(begin: str = "reauthentication.") -> list[tuple[str, str]]:
    events = AuditEvent.objects.filter(action__startswith=begin).order_by("pk")
    return [(event.action.removeprefix(begin), event.data.get("purpose", "")) for event in events]


def test_the_page_comes_first_and_the_proof_at_its_last_click(alices: Browser) -> None:
    """R-12: what was clicked is done as soon as it is proved; each step is written down with its purpose (J-01)."""
    assert alices.get(DANGER).content == b"Why?"
    assert actions() == []
    assert act(alices).headers["Location"] == CONFIRM
    assert endangered() == ""
    assert alices.prove_identity().headers["Location"] == "/"
    assert endangered() == "Endangered 1"
    assert actions() == [("started", "danger"), ("proved", "danger")]


def test_each_step_of_a_proof_is_written_down_with_whose_it_is(alices: Browser, alice: User) -> None:
    """J-01."""
    act(alices)
    alices.post(CONFIRM, {"password": "wrong", "channel": "sms"})
    alices.prove_identity()
    assert actions() == [("started", "danger"), ("refused", "danger"), ("proved", "danger")]
    assert not AuditEvent.objects.filter(action__startswith="reauthentication.").exclude(user=alice).exists()


def test_one_proof_covers_the_administration_of_its_session(alices: Browser, other_browser: Browser) -> None:
    """R-12: for the five minutes that it announces; another session has proved nothing."""
    other_browser.sign_in("alice", "email")
    act(alices)
    assert "For the 5 minutes after it" in page(alices.get(CONFIRM))
    alices.prove_identity()
    let_pass(295)
    assert act(alices, OTHER).headers["Location"] == "/"
    assert endangered() == "Endangered 2"
    assert act(other_browser).headers["Location"] == CONFIRM
    let_pass(6)
    assert act(alices).headers["Location"] == CONFIRM
    assert endangered() == "Endangered 2"


def test_the_session_has_another_id_after_the_proof(alices: Browser) -> None:
    """S-13: the old one is dead."""
    old = alices.cookies["session"].value
    act(alices)
    alices.prove_identity()
    assert alices.cookies["session"].value != old
    assert alices.is_in()
    thief = Browser()
    thief.cookies["session"] = old
    assert not thief.is_in()
    assert act(thief).headers["Location"].startswith("/entrar/")


def test_what_cannot_be_kept_is_clicked_again(alices: Browser) -> None:
    """R-12: the database takes no NUL, and a form is short."""
    for reason in ("a\0b", "x" * 20_001):
        let_pass(301)
        assert act(alices, reason=reason).headers["Location"] == CONFIRM
        assert alices.prove_identity().headers["Location"] == DANGER
        assert "Identity confirmed. You have 5 minutes to go on." in page(alices.get("/"))
    assert endangered() == ""
    assert act(alices).headers["Location"] == "/"


def test_a_stolen_session_alone_does_nothing(alices: Browser) -> None:
    """R-01: nor does the password alone, where there is a phone."""
    sent = len(deliver())
    assert act(alices).headers["Location"] == CONFIRM
    for fields in ({"token": "123456"}, {"password": ""}, {"action": "resend"}, {"holder_proved": "on"}, {}):
        assert alices.post(CONFIRM, fields).status_code == 200
    assert len(deliver()) == sent
    alices.post(CONFIRM, {"password": PASSWORD})
    assert len(sent_tokens(ALICES_NUMBER)) == 2
    assert act(alices).headers["Location"] == CONFIRM
    assert endangered() == ""


def sent_tokens(to: str) -> list[str]:
    return [entry["text"] for entry in deliver() if entry["to"] == to]


def test_the_token_says_what_it_is_for(alices: Browser) -> None:
    """T-10."""
    act(alices)
    alices.post(CONFIRM, {"password": PASSWORD})
    assert "to confirm that it is you" in deliver()[0]["text"]


def test_the_proof_may_come_by_email_when_the_phone_is_lost(alices: Browser) -> None:
    act(alices)
    assert alices.prove_identity("email").headers["Location"] == "/"
    assert deliver()[0]["to"] == "alice@example.com"


def test_the_mailbox_proves_nothing_after_a_reset_by_email(alices: Browser, alice: User) -> None:
    """R-06: one mailbox would be both factors."""
    User.objects.filter(pk=alice.pk).update(mailbox_suspect=True)
    act(alices)
    assert 'value="email"' not in page(alices.get(CONFIRM))
    assert alices.post(CONFIRM, {"password": PASSWORD, "channel": "email"}).status_code == 200
    assert not [mail for mail in deliver() if mail["to"] == "alice@example.com"]


def test_a_proof_in_vain_is_good_for_the_next_click(alices: Browser) -> None:
    """A form that is refused after the proof is corrected without another one."""
    assert alices.reauthenticate(DANGER).status_code == 200
    assert endangered() == ""
    assert act(alices).headers["Location"] == "/"


def test_programs_get_a_403_that_says_why_and_start_no_proof(alices: Browser) -> None:
    answer = alices.post(DANGER, {"reason": "x"}, headers=JSON)
    assert (answer.status_code, answer.json()) == (403, {"detail": "reauthentication_required"})
    assert not Reauthentication.objects.exists()


def test_who_may_not_come_here_is_not_asked_either(browser: Browser, policy: object, bobs_phone: PhoneDevice) -> None:
    browser.sign_in("bob")
    assert act(browser).status_code == 403
    assert not Reauthentication.objects.exists()


def test_without_a_phone_the_password_is_the_proof(browser: Browser, alice: User, bob: User) -> None:
    browser.post_password("alice")
    assert browser.reauthenticate(DANGER, reason="because").headers["Location"] == "/"
    assert act(browser).headers["Location"] == "/"
    assert deliver() == []


def test_wrong_passwords_count_in_the_limit_of_the_password_step(alices: Browser) -> None:
    """R-01: a stolen session has no more guesses than the sign-in page."""
    act(alices)
    for _ in range(5):
        assert "This is not your password." in page(alices.post(CONFIRM, {"password": "no", "channel": "sms"}))
    assert alices.post(CONFIRM, {"password": PASSWORD, "channel": "sms"}).status_code == 429
    assert actions().count(("refused", "danger")) == 5


def test_wrong_tokens_count_in_the_lockout_schedule_and_right_ones_do_not_reset_it(
    alices: Browser, alice: User
) -> None:
    """L-02, L-04."""
    act(alices)
    alices.post(CONFIRM, {"password": PASSWORD, "channel": "sms"})
    token = last_token()
    alices.post(CONFIRM, {"token": "000000" if token != "000000" else "000001"})
    alices.post(CONFIRM, {"token": token})
    alice.refresh_from_db()
    assert alice.failures == 1


def test_another_session_of_the_same_person_has_proved_nothing(alices: Browser, other_browser: Browser) -> None:
    """R-01, T-05: neither the grant nor the token is good elsewhere."""
    other_browser.sign_in("alice", "email")
    act(alices)
    alices.post(CONFIRM, {"password": PASSWORD, "channel": "sms"})
    token = last_token()
    act(other_browser)
    let_pass(61)
    other_browser.post(CONFIRM, {"password": PASSWORD, "channel": "sms"})
    assert other_browser.post(CONFIRM, {"token": token}).status_code == 200
    assert alices.post(CONFIRM, {"token": token}).headers["Location"] == "/"
    assert act(other_browser).headers["Location"] == CONFIRM


ENDINGS: dict[str, Callable[[User], object]] = {
    "signed out everywhere": account_sessions.end_sessions,
    "password changed": lambda alice: passwords.change_password(alice, "another good password"),
    "deactivated": lambda alice: User.objects.filter(pk=alice.pk).update(is_active=False),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_proof_ends_with_its_session(alices: Browser, alice: User, ending: str) -> None:
    """S-06."""
    alices.reauthenticate(DANGER)
    ENDINGS[ending](alice)
    assert act(alices).headers["Location"].startswith("/entrar/")
    assert endangered() == ""


def test_a_proof_does_not_survive_the_persons_own_change_of_password(alices: Browser) -> None:
    """S-06: the session goes on under another id, the proof does not."""
    alices.reauthenticate(DANGER)
    fields = {"old_password": PASSWORD, "new_password": "another good one"}
    assert alices.post("/senha/alterar/", fields).headers["Location"] == "/meu-perfil/"
    assert act(alices).headers["Location"] == CONFIRM


def test_a_reload_starts_nothing_again_and_looking_sends_nothing(alices: Browser) -> None:
    """C-07, F47."""
    act(alices)
    alices.post(CONFIRM, {"password": PASSWORD, "channel": "sms"})
    sent = len(deliver())
    for _ in range(3):
        act(alices)
        assert alices.get(CONFIRM).status_code == 200
        assert alices.get(f"{CONFIRM}estado/").json()["state"] == "going"
    assert len(deliver()) == sent
    assert actions() == [("started", "danger")]
    assert alices.post(CONFIRM, {"token": last_token()}).headers["Location"] == "/"


def test_a_second_click_on_the_right_token_goes_on(alices: Browser) -> None:
    """F46."""
    alices.reauthenticate(DANGER)
    assert alices.post(CONFIRM, {"token": last_token()}).headers["Location"] == DANGER


def test_another_token_and_giving_up(alices: Browser) -> None:
    """T-04, R-02."""
    act(alices)
    alices.post(CONFIRM, {"password": PASSWORD, "channel": "sms"})
    assert alices.post(CONFIRM, {"action": "resend"}).status_code == 429
    assert len(sent_tokens(ALICES_NUMBER)) == 2
    let_pass(61)
    assert alices.post(CONFIRM, {"action": "resend"}).headers["Location"] == CONFIRM
    assert len(sent_tokens(ALICES_NUMBER)) == 3
    assert alices.post(CONFIRM, {"action": "cancel"}).headers["Location"] == DANGER
    assert alices.get(CONFIRM).headers["Location"] == "/"
    assert act(alices).headers["Location"] == CONFIRM
    assert ("cancelled", "danger") in actions()


def test_numbers_are_masked_while_it_is_asked(alices: Browser) -> None:
    """P-09."""
    act(alices)
    assert "•••••••34" in page(alices.get(CONFIRM))
    alices.post(CONFIRM, {"password": PASSWORD, "channel": "sms"})
    assert ALICES_NUMBER[-6:] not in page(alices.get(CONFIRM))


def test_a_pending_action_is_carried_out_once_and_needs_a_proof_of_its_own(alices: Browser, policy: Any) -> None:
    """A-01, R-12: what was asked for happens with the proof; the next change of the settings takes another one."""
    assert alices.post("/configuracoes/minha-conta/", {}).headers["Location"] == CONFIRM
    policy.refresh_from_db()
    assert policy.two_factor_required
    assert alices.prove_identity().headers["Location"] == "/configuracoes/minha-conta/"
    policy.refresh_from_db()
    assert not policy.two_factor_required
    assert (
        alices.post("/configuracoes/minha-conta/opcoes/", {"mailbox_before_phone": "on"}).headers["Location"] == CONFIRM
    )
    assert AuditEvent.objects.filter(action="policy.switched_off").count() == 1
    assert Challenge.objects.filter(reauthentication__isnull=False).count() == 1


def test_a_proof_that_took_too_long_begins_anew_at_the_next_click(alices: Browser) -> None:
    """R-12: its row is still there."""
    act(alices, reason="too late")
    let_pass(601)
    assert alices.get(CONFIRM).headers["Location"] == "/"
    act(alices)
    assert alices.prove_identity().headers["Location"] == "/"
    assert endangered() == "Endangered 1"


def test_the_token_of_a_proof_is_used_up_and_what_was_posted_is_kept_no_longer(alices: Browser) -> None:
    """T-03."""
    act(alices)
    assert Reauthentication.objects.get().posted
    alices.prove_identity()
    assert not Challenge.objects.open().exists()
    assert Reauthentication.objects.get().posted is None


def test_a_pending_action_uses_up_its_own_proof_only(alices: Browser, bob: User) -> None:
    """A-04, R-12: not the one of another administrator at that moment."""
    facts = {"session_hash": "bobs", "action": "policy", "path": "/configuracoes/minha-conta/", "holder_proved": True}
    theirs = Reauthentication.objects.create(user=bob, expires_at=clock_plus(300), **facts)
    alices.post("/configuracoes/minha-conta/opcoes/", {"mailbox_before_phone": "on"})
    alices.prove_identity()
    assert AuditEvent.objects.filter(action="policy.options_changed").exists()
    theirs.refresh_from_db()
    assert theirs.used_at is None


def test_what_one_session_asks_for_changes_nothing_that_another_asked_for(
    alices: Browser, other_browser: Browser
) -> None:
    """R-12: of the same person, on the same page."""
    other_browser.sign_in("alice", "email")
    act(alices, reason="mine")
    act(other_browser, reason="the other's")
    kept = Reauthentication.objects.order_by("pk").values_list("posted", flat=True)
    assert list(kept) == [{"reason": ["mine"]}, {"reason": ["the other's"]}]


def test_two_right_passwords_at_once_carry_a_pending_action_out_once(browser: Browser, alice: User, bob: User) -> None:
    """A-01, W-04: where there is no phone the password is the proof, and both requests have read that none was used."""
    browser.post_password("alice")
    browser.post("/configuracoes/minha-conta/opcoes/", {"mailbox_before_phone": "on"})
    one, other = (Reauthentication.objects.select_related("user__account").get() for _ in range(2))
    flows.prove_password(one, PASSWORD, "")
    flows.complete_reauthentication(one, None)
    with pytest.raises(JourneyOver):
        flows.complete_reauthentication(other, None)
    assert AuditEvent.objects.filter(action="policy.options_changed").count() == 1
    assert AuditEvent.objects.filter(action="reauthentication.used").count() == 1


def test_a_proof_of_somebody_else_is_worth_nothing(alices: Browser, bob: User) -> None:
    """R-01: not even were it to stand under the id of one's own session."""
    act(alices)
    Reauthentication.objects.update(user=bob)
    assert alices.get(CONFIRM).headers["Location"] == "/"
    assert act(alices).headers["Location"] == CONFIRM
    assert not endangered()


def test_proofs_do_not_use_up_the_tokens_of_sign_ins(alices: Browser, other_browser: Browser) -> None:
    """R-12: three SMS to a phone in ten minutes, and as many again to prove who one is."""
    used = 0
    for _time in range(4):
        let_pass(31)
        act(alices)
        answer = alices.post(CONFIRM, {"password": PASSWORD, "channel": "sms"})
        used += answer.status_code == 302
        alices.post(CONFIRM, {"action": "cancel"})
    assert used == 3, "they have a limit of their own"
    other_browser.post_password("alice")
    assert other_browser.post_channel("sms").headers["Location"] == "/entrar/token/"


# Another's words in the same session --------------------------------------------------------------------


def thief_with_the_cookie_of(browser: Browser) -> Browser:
    thief = Browser()
    thief.cookies["session"] = browser.cookies["session"].value
    return thief


def answered(browser: Browser, **fields: str) -> dict[str, str]:
    """Answer the page as a browser does: with what it shows."""
    (asked,) = {tag["value"] for tag in tags(browser.get(CONFIRM), lambda _tag, attrs: attrs.get("name") == "asked")}
    return {"asked": asked or "", **fields}


@pytest.mark.parametrize("at", ["password", "token"])
@pytest.mark.parametrize(
    ("where", "fields"), [(DANGER, {"reason": "theft"}), (OTHER, {})], ids=["same page", "another page"]
)
def test_the_proof_carries_out_only_what_its_page_asked_for(
    alices: Browser, at: str, where: str, fields: dict[str, str]
) -> None:
    """R-12: whoever has stolen the session asks for something of their own, and waits for its owner to prove it."""
    act(alices)
    step = answered(alices, password=PASSWORD, channel="sms")
    if at == "token":
        alices.post(CONFIRM, step)
        step = answered(alices, token=last_token())
    assert act(thief_with_the_cookie_of(alices), where, **fields).headers["Location"] == CONFIRM
    answer = alices.post(CONFIRM, step, follow=True)
    assert "Something else was asked for" in page(answer)
    assert endangered() == ""
    assert not Reauthentication.objects.filter(holder_proved=True).exists()
    assert alices.get(CONFIRM).headers["Location"] == "/", "nothing of the thief's waits for the next proof"


def test_what_was_shown_is_carried_out(alices: Browser) -> None:
    act(alices)
    alices.post(CONFIRM, answered(alices, password=PASSWORD, channel="sms"))
    assert alices.post(CONFIRM, answered(alices, token=last_token())).headers["Location"] == "/"
    assert endangered() == "Endangered 1"


def test_the_re_authentication_names_the_new_administrators(alices: Browser) -> None:
    """R-12, A-01."""
    typed = "\n".join(f"p{number}@example.com" for number in range(4))
    alices.post("/configuracoes/usuarios/convidar/", {"addresses": typed, "role": "administrator", "language": "en"})
    shown = page(alices.get(CONFIRM))
    assert "Invite administrators: p0@example.com, p1@example.com, p2@example.com, …" in shown
