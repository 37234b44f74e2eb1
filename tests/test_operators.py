"""/admin/: what operators see and may do, over HTTP: nothing in full that belongs to somebody, history read-only."""

from types import SimpleNamespace

import pytest
from django.contrib.admin import site
from django.contrib.admin.utils import label_for_field
from django.test import RequestFactory
from django.utils import timezone
from django.utils.translation import override

from accounts.models import Account, AuditEvent, User
from messaging.delivery.models import Heartbeat, Message, OpenCircuit
from tests.conftest import ALICES_NUMBER, BOBS_NUMBER, PASSWORD, Browser
from tests.tools import page
from twofactor.models import PhoneDevice

pytestmark = pytest.mark.django_db

USERS = "/admin/accounts/user/"
HISTORY = ["delivery/message", "delivery/opencircuit", "delivery/heartbeat", "accounts/auditevent"]


@pytest.fixture
def operator(browser: Browser, alice: User, bobs_phone: PhoneDevice, alices_phone: PhoneDevice) -> Browser:
    """Return the browser of an operator who has proved the second factor."""
    User.objects.create_superuser("op", "op@example.com", PASSWORD)
    browser.enrol("op", "11 97777-6655")
    Message.objects.create(channel="sms", destination=BOBS_NUMBER, kind="token", subject_id=0, language="en")
    Heartbeat.objects.create(name="w")
    OpenCircuit.objects.create(name="twilio", open_until=timezone.now(), fault="ours")
    return browser


def test_a_nul_in_a_filter_is_a_bad_request(operator: Browser) -> None:
    """PostgreSQL knows no such text; without the refusal it is a 500 there. Found by ``make fuzz``."""
    assert operator.get("/admin/delivery/message/?state__exact=%00").status_code == 400


@pytest.mark.parametrize("model", HISTORY)
def test_history_is_read_and_not_touched(operator: Browser, model: str) -> None:
    shown = page(operator.get(f"/admin/{model}/"))
    assert BOBS_NUMBER[-6:] not in shown
    assert "/add/" not in shown.partition('id="content"')[2]
    for path in (f"/admin/{model}/add/", f"/admin/{model}/1/delete/"):
        assert operator.post(path, {"post": "yes"}).status_code in {302, 403}
    assert Message.objects.filter(destination=BOBS_NUMBER).count() == 1


def test_a_message_is_shown_with_its_delivery_status_and_a_masked_number(operator: Browser) -> None:
    """P-09."""
    message = Message.objects.get(destination=BOBS_NUMBER)
    shown = page(operator.get(f"/admin/delivery/message/{message.pk}/change/"))
    assert "•••••••21" in shown
    assert BOBS_NUMBER[-6:] not in shown
    assert "queued" in shown.lower()


def test_what_an_account_decides_is_shown_and_not_switched_here(operator: Browser, account: Account) -> None:
    """A-01: nothing would be proved, audited or told."""
    address = f"/admin/accounts/account/{account.pk}/change/"
    shown = operator.get(address).content.decode()
    decided = ("two_factor_required", "email_tokens", "mailbox_before_phone", "passkeys_alone", "email_yields")
    assert [name for name in decided if f'name="{name}"' in shown] == []
    operator.post(address, {"name": "Padaria", "is_active": "on", "accent": "green", **dict.fromkeys(decided, "on")})
    account.refresh_from_db()
    assert (account.name, account.passkeys_alone, account.two_factor_required) == ("Padaria", False, False)


def test_people_are_found_by_the_last_digits_of_their_phone_and_no_more(operator: Browser) -> None:
    """P-09: a whole number finds nobody."""
    shown = page(operator.get(USERS, {"q": BOBS_NUMBER[-4:]}))
    assert "bob@example.com" in shown
    assert "alice@example.com" not in shown
    assert BOBS_NUMBER[-6:] not in shown
    assert "bob@example.com" not in page(operator.get(USERS, {"q": BOBS_NUMBER[1:]}))
    assert ALICES_NUMBER[-6:] not in page(operator.get(USERS, {"q": "alice"}))


def test_unlocking_is_audited_as_the_operators_doing(operator: Browser, bob: User) -> None:
    """J-01."""
    User.objects.filter(pk=bob.pk).update(locked_at=timezone.now())
    data = {"action": "unlock", "_selected_action": [str(bob.pk)]}
    assert "1 user was unlocked." in page(operator.post(USERS, data, follow=True))
    bob.refresh_from_db()
    assert bob.locked_at is None
    event = AuditEvent.objects.get(action="user.unlocked")
    assert event.actor
    assert (event.user, event.actor.username) == (bob, "op")


def test_ending_sessions_is_audited_as_the_operators_doing(
    operator: Browser, other_browser: Browser, bob: User
) -> None:
    """S-12, J-01: at their next request, and nobody else's."""
    other_browser.post_password("bob")
    assert other_browser.is_in()
    data = {"action": "end_sessions", "_selected_action": [str(bob.pk)]}
    assert "1 user was signed out." in page(operator.post(USERS, data, follow=True))
    assert not other_browser.is_in()
    event = AuditEvent.objects.get(action="sessions.ended")
    assert event.actor
    assert (event.user, event.actor.username) == (bob, "op")


def test_a_form_opened_before_a_lock_does_not_open_it(operator: Browser, bob: User, rf: RequestFactory) -> None:
    """Only what was changed in the form is written."""
    opened = User.objects.get(pk=bob.pk)
    User.objects.filter(pk=bob.pk).update(locked_at=timezone.now())
    opened.first_name = "Bob"
    request = rf.post("/")
    request.user = User.objects.get(username="op")
    form = SimpleNamespace(changed_data=["first_name"])
    site.get_model_admin(User).save_model(request, opened, form, change=True)
    bob.refresh_from_db()
    assert (bob.first_name, bob.locked_at is None) == ("Bob", False)


def test_people_and_accounts_are_not_deleted_here(operator: Browser, bob: User) -> None:
    for path in (f"{USERS}{bob.pk}/delete/", f"/admin/accounts/account/{bob.account_id}/delete/"):
        assert operator.post(path, {"post": "yes"}).status_code == 403
    assert Account.objects.filter(users=bob).exists()


@pytest.mark.parametrize("path", ["", "accounts/user/", "delivery/message/", "delivery/chore/"])
def test_an_administrator_of_an_account_is_no_operator(
    browser: Browser, alices_phone: PhoneDevice, policy: Account, path: str
) -> None:
    """S-10."""
    browser.sign_in("alice")
    assert browser.get(f"/admin/{path}", follow=True).status_code == 403


def test_an_administrator_is_not_sent_to_the_administrator(
    browser: Browser, bobs_phone: PhoneDevice, alices_phone: PhoneDevice, policy: Account
) -> None:
    """Who is one reads where their own pages are; who is none reads whom to ask."""
    browser.sign_in("alice")
    told = page(browser.get("/admin/", follow=True))
    assert "It belongs to the operators of Messaging. What you run yourself is under Settings." in told
    assert "ask an administrator" not in told
    browser.post("/sair/")
    browser.sign_in("bob")
    assert "ask an administrator of your account" in page(browser.get("/admin/", follow=True))


SAME_AS_ENGLISH: dict[str, set[str]] = {"pt-br": {"login", "e-mail"}, "es": set()}


@pytest.mark.parametrize("language", ["pt-br", "es"])
def test_every_word_of_the_operators_site_is_in_their_language(language: str) -> None:
    """Names of apps, rows and fields, of columns and of actions."""
    with override("en"):
        english = _words()
    with override(language):
        same = {word for word, theirs in zip(english, _words(), strict=True) if word == theirs}
    assert same == SAME_AS_ENGLISH[language]
    assert len(english) > 100


def _words() -> list[str]:
    """Return every name that the site shows, in the language of the moment."""
    request = RequestFactory().get("/admin/")
    request.user = User(is_superuser=True, is_staff=True)
    found = [str(site.site_header)]
    for model, model_admin in site._registry.items():
        meta = model._meta
        found += [str(meta.app_config.verbose_name), str(meta.verbose_name), str(meta.verbose_name_plural)]
        shown = {*model_admin.get_fields(request, model()), *model_admin.get_list_display(request)}
        found += [str(label_for_field(name, model, model_admin)) for name in sorted(map(str, shown))]
        found += [getattr(model_admin, str(name)).short_description for name in model_admin.actions or ()]
    return list(map(str, found))


def test_login_address_and_rank_are_not_changed_here(operator: Browser, bob: User) -> None:
    """B6: they have flows of their own, which write down, notify and end sessions."""
    form = {"email": "op@elsewhere.com", "username": "robert", "is_staff": "on", "is_superuser": "on"}
    person = {"first_name": "Robert", "last_name": "", "role": "member", "language": "", "is_active": "on"}
    assert operator.post(f"{USERS}{bob.pk}/change/", {**form, **person}).status_code == 302
    bob.refresh_from_db()
    assert bob.first_name == "Robert"
    assert (bob.email, bob.username, bob.is_staff, bob.is_superuser) == ("bob@example.com", "bob", False, False)
