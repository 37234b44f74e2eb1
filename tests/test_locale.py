"""The words: complete catalogues, the help page's own labels, and everybody told in their own language.

What a page says is read out of it by ``Reader``. A page is free of leftover English if it shares no fragment with
the same page in English, names and words that are the same in both languages excepted. That finds forgotten
translations as well as text that was never made translatable.
"""

import csv
import io
import re
import shutil
from datetime import timedelta
from functools import cache
from typing import Any

import pytest
from django.conf import settings
from django.template.loader import render_to_string
from django.test import RequestFactory
from django.utils import timezone, translation
from django.utils.html import escape

from accounts.audit import descriptions
from accounts.audit.actions import Action
from accounts.audit.record import record_event
from accounts.dashboard import context as dashboard_context
from accounts.exceptions import Limited
from accounts.models import Account, AuditEvent, RateLimit, Role, Session, User
from accounts.models.user import BY_FAILURES
from accounts.notifications.notify import notify
from accounts.request import limited
from accounts.users.views import LIMIT_NAMES as HOLDING
from messaging.delivery import outbox
from messaging.delivery.models import Message, OpenCircuit, State
from messaging.portal import bulk
from tests.authenticator import give_passkey
from tests.conftest import ALICES_NUMBER, PASSWORD, Browser, deliver, enrol, last_token, many, person
from tests.locale_tools import (
    ACCOUNT_SETTINGS,
    ADDRESS,
    AUDIT,
    CHANNEL,
    CHROME,
    CODE,
    CONFIRM,
    IDENTITY,
    LOCALES,
    MAILBOX,
    NEW_NUMBER,
    OTHER_PASSWORD,
    PASSWORD_CHANGE,
    PHONE,
    PLACEHOLDER,
    PROFILE,
    SAME,
    SAME_WORDS,
    SECOND_STEP,
    SESSIONS,
    SIGN_IN,
    TAG,
    TOKEN,
    USERS,
    Reader,
    arrive,
    catalog,
    entries,
    forgotten,
    read,
    several,
)
from tests.test_app import give_app
from tests.tools import let_pass
from twofactor import error_messages, notifications
from twofactor.factors.codes import flows as codes
from twofactor.models import PendingSignIn, PhoneDevice
from twofactor.reauthentication.actions import OF_A_PERSON, OF_THE_ACCOUNT
from twofactor.tokens import texts

# The walk: every page and answer of the four journeys, in one language ----------------------------


WAYS = ("sms", "email", "app", "passkey", "passkey_alone", "recovery")


class Walk:
    """Somebody who goes everywhere with a browser of one language and notes what is said."""

    def __init__(self, language: str) -> None:
        self.language = language
        self.pages: dict[str, Reader] = {}

    def browser(self, **options: Any) -> Browser:
        return Browser(headers={"accept-language": self.language}, **options)

    def note(self, name: str, response: Any, status: int = 200) -> None:
        assert response.status_code == status, (name, response.status_code, response.headers.get("Location"))
        self.hear(name, response.content.decode())

    def hear(self, name: str, page: str) -> None:
        assert name not in self.pages
        self.pages[name] = read(page)

    def everywhere(self) -> None:
        account = Account.objects.create(name="Padaria Aurora")
        alice = person("alice", account, Role.ADMINISTRATOR)
        bob = person("bob", account)
        self.before_the_door()
        self.without_policy(alice)
        Account.objects.update(two_factor_required=True)
        self.first_sign_in()
        let_pass(3600)
        self.later_sign_in_and_change(bob)
        self.second_steps(account)
        self.which_steps_count(account)
        enrol(alice, ALICES_NUMBER)
        self.administrator()
        self.limits(alice)
        self.home(alice, bob)
        self.errors()
        self.notices(bob)
        self.messages()

    def before_the_door(self) -> None:
        newcomer = self.browser()
        self.note("sign-in", newcomer.get(SIGN_IN))
        self.note("sign-in, nothing typed", newcomer.post(SIGN_IN))
        self.note("sign-in, wrong password", newcomer.post_password("bob", "wrong"))
        self.note("sign-in, too late", newcomer.get(TOKEN, follow=True))
        self.note("browser link", newcomer.get("/entrar/navegador/"))
        self.note("browser link, nothing typed", newcomer.post("/entrar/navegador/"))
        asked = {"username": "bob", "altcha": newcomer.captcha("/entrar/navegador/")}
        self.note("browser link, sent", newcomer.post("/entrar/navegador/", asked, follow=True))
        links = [found for entry in deliver() if (found := re.search(r"/entrar/navegador/\S+", entry["text"]))]
        self.note("browser link, followed", newcomer.get(links[0][0]))
        self.note("forgotten password", newcomer.get("/senha/esqueci/"))
        self.note("forgotten password, no address", newcomer.post("/senha/esqueci/", {"email": "bob"}))
        self.note(
            "forgotten password, sent", newcomer.post("/senha/esqueci/", {"email": "bob@example.com"}, follow=True)
        )
        self.note("new password, bad link", newcomer.get("/senha/redefinir/MQ/set-password/"))
        link = re.search(r"/senha/redefinir/\S+", deliver()[0]["text"])
        assert link
        self.note("new password", form := newcomer.get(link[0], follow=True))
        action = form.redirect_chain[-1][0]
        short = {"new_password": "12345"}
        self.note("new password, too short", newcomer.post(action, short))
        same = {"new_password": PASSWORD}
        self.note("new password, done", newcomer.post(action, same, follow=True))

    def without_policy(self, alice: User) -> None:
        browser = self.browser()
        self.note("home of an administrator", arrive(browser, "alice"))
        self.note("settings, off", browser.get(ACCOUNT_SETTINGS))
        self.note(
            "introduction to an administrator",
            browser.post(ACCOUNT_SETTINGS, {"two_factor_required": "on"}, follow=True),
        )

    def first_sign_in(self) -> None:
        browser = self.browser()
        self.note("introduction", arrive(browser, "bob"))
        self.note("phone", browser.post("/entrar/introducao/", follow=True))
        self.note("phone, nothing typed", browser.post(PHONE))
        for wrong in ("11 8765-4321", "987654321", "20 98765-4321", "11 3333-4444", "1", "+54 9 11 2345-6789"):
            self.note(f"phone, {wrong}", browser.post(PHONE, {"country": "BR", "number": wrong}))
        self.note("phone, not allowed", browser.post(PHONE, {"country": "AR", "number": "11 98765-4321"}))
        self.note("phone, no captcha", browser.post(PHONE, {"country": "BR", "number": "11 98765-4321"}))
        self.note("phone, bad captcha", browser.post_phone(altcha="e30="))
        browser.post_phone()
        self.note("first token", browser.get(TOKEN))
        self.note("first token, malformed", browser.post_token("12"))
        wrong = "000000" if last_token() != "000000" else "111111"
        for attempt in range(5):
            self.note(f"first token, wrong {attempt}", browser.post_token(wrong))
        self.note("first token, used up", browser.post_token(wrong))
        self.note("limit", browser.post("/entrar/token/reenviar/"), 429)
        let_pass(31)
        old = last_token()
        self.note("another token", browser.post("/entrar/token/reenviar/", follow=True))
        self.note("the token before", browser.post_token(old))
        token = last_token()
        let_pass(180)
        self.note("the token too late", browser.post_token(token))
        browser.post("/entrar/token/reenviar/")
        browser.post_token(last_token())
        self.note("home", browser.get("/"))

    def later_sign_in_and_change(self, bob: User) -> None:
        browser = self.browser()
        browser.post_password("bob")
        self.note("channel", browser.get(CHANNEL))
        self.note("channel, none", browser.post(CHANNEL, {"altcha": browser.captcha(CHANNEL)}))
        browser.post_channel("email")
        self.note("token by e-mail", browser.get(TOKEN))
        self.note("channel, unlocked", browser.get(CHANNEL))
        let_pass(61)
        browser.post(CHANNEL, {"channel": "sms"})
        self.note("token by SMS", browser.get(TOKEN))
        browser.post_token(last_token())
        self.note("forbidden", browser.get(ACCOUNT_SETTINGS), 403)
        self.note("profile", browser.get(PROFILE))
        other = self.browser()
        other.sign_in("bob", "email")
        self.note("sessions", browser.get(SESSIONS))
        other_id = Session.objects.latest("pk").pk
        self.note("sessions, one ended", browser.post(f"{SESSIONS}{other_id}/encerrar/", follow=True))
        self.note("sessions, all ended", browser.post(f"{SESSIONS}encerrar-outras/", follow=True))
        self.note("password", browser.get(PASSWORD_CHANGE))
        self.note("password, nothing typed", browser.post(PASSWORD_CHANGE, {"new_password": "bob"}))
        self.note(
            "phone, the same", browser.post("/meu-perfil/telefone/", {"country": "BR", "number": "11 98765-4321"})
        )
        wanted = {"country": "BR", "number": NEW_NUMBER}
        self.note("change", browser.post("/meu-perfil/telefone/", wanted, follow=True))
        self.note("change, wrong password", browser.post(CONFIRM, {"password": "wrong", "channel": "sms"}))
        self.note("change, cancelled", browser.post(CONFIRM, {"action": "cancel"}, follow=True))
        self.note("change, over", browser.get(CONFIRM, follow=True))
        browser.post("/meu-perfil/telefone/", wanted)
        self.note("change, first token", browser.post(CONFIRM, {"password": PASSWORD, "channel": "email"}, follow=True))
        self.note("change, new number", browser.post(CONFIRM, {"token": last_token()}, follow=True))
        self.note("change, done", browser.post(CONFIRM, {"token": last_token()}, follow=True))
        self.note("profile, saved", browser.post(PROFILE, {"language": ""}, follow=True))
        self.note("password, changed", browser.post(PASSWORD_CHANGE, OTHER_PASSWORD, follow=True))

    def second_steps(self, account: Account) -> None:
        """Add what stands beside the phone, and sign in with it."""
        pia = person("p98", account)
        enrol(pia, "+5511912345678")
        browser = self.browser()
        browser.sign_in("p98")
        self.note("second step", browser.get(SECOND_STEP))
        browser.reauthenticate(f"{SECOND_STEP}app/")
        confirm = f"{SECOND_STEP}app/"
        self.note("app, new", browser.get(confirm))
        self.note("app, malformed", browser.post(confirm, {"token": "12"}))
        self.note("app, wrong", browser.post(confirm, {"token": "000000"}))
        self.note("codes, new", browser.post(f"{SECOND_STEP}codigos/", follow=True))
        browser.post(f"{SECOND_STEP}chaves/")
        self.note("passkey, new", browser.get(f"{SECOND_STEP}chaves/nova/"))
        self.note("passkey, refused", browser.post(f"{SECOND_STEP}chaves/nova/", {"credential": "{}", "name": ""}))
        app = give_app(pia)
        give_passkey(pia)
        self.note("second step, all", browser.get(SECOND_STEP))
        self.note("second step, name", browser.get(f"{SECOND_STEP}app/{app.pk}/nome/"))
        self.note("second step, first", browser.post(f"{SECOND_STEP}primeira/", {"kind": "app"}, follow=True))
        self.note("second step, removed", browser.post(f"{SECOND_STEP}app/{app.pk}/remover/", follow=True))
        self.note("codes, removed", browser.post(f"{SECOND_STEP}codigos/remover/", follow=True))
        give_app(pia)
        codes.issue(pia)
        self.sign_in_without_a_message()

    def which_steps_count(self, account: Account) -> None:
        """Choose which second steps count, set one up where phones do not, and meet a day without SMS (K-06, K-07)."""
        ana = person("p96", account, Role.ADMINISTRATOR)
        enrol(ana, "+5511912345670")
        person("p97", account)
        browser = self.browser()
        browser.sign_in("p96")
        chosen = f"{ACCOUNT_SETTINGS}fatores/"
        self.note("factors, preview", browser.get(f"{chosen}?kinds=sms&kinds=app"))
        for kinds in ("kinds=", "kinds=email", "kinds=passkey", "kinds=pigeon", "preset=all"):
            self.note(f"factors, {kinds}", browser.get(f"{chosen}?{kinds}", follow=True))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("messaging.delivery.circuit.sms_is_available", lambda: False)
            pending = self.browser()
            pending.post_password("p96")
            Account.objects.filter(pk=account.pk).update(email_tokens=False, app_tokens=False, passkeys=False)
            self.note("channel, no SMS", pending.get(CHANNEL))
            self.note("home, only SMS", browser.get("/"))
            self.note("settings, only SMS", browser.get(ACCOUNT_SETTINGS))
        browser.post(chosen, {"kinds": ["sms", "email"]})
        browser.post(IDENTITY, {"password": PASSWORD, "channel": "sms"})
        self.note("factors, chosen", browser.post(IDENTITY, {"token": last_token()}, follow=True))
        Account.objects.filter(pk=account.pk).update(sms_tokens=False, app_tokens=True, passkeys=True)
        self.note("old step", browser.get("/", follow=True))
        newcomer = self.browser()
        self.note("introduction, no phone", arrive(newcomer, "p97"))
        self.note("set-up", newcomer.post("/entrar/introducao/", follow=True))
        for kind in ("app", "passkey"):
            self.note(f"set-up, {kind}", newcomer.post("/entrar/configurar/", {"kind": kind}, follow=True))
        Account.objects.filter(pk=account.pk).update(sms_tokens=True, email_tokens=True)
        User.objects.filter(username__in=["p96", "p97"]).update(is_active=False)

    def sign_in_without_a_message(self) -> None:
        browser = self.browser()
        browser.post_password("p98")
        self.note("channel, all", browser.get(CHANNEL))
        for path, field in (("app", "token"), ("chave", "credential"), ("codigo", "token")):
            self.note(f"sign-in, {path}", browser.get(f"/entrar/{path}/"))
            self.note(f"sign-in, {path}, wrong", browser.post(f"/entrar/{path}/", {field: "000000"}))
        self.note("sign-in, code, wrong", browser.post(CODE, {"token": "0000-0000-0000-0000"}))

    def administrator(self) -> None:
        browser = self.browser()
        browser.sign_in("alice")
        self.note("settings, on", browser.get(ACCOUNT_SETTINGS))
        for part in ("paises", "aparencia"):
            self.note(f"settings, {part}", browser.get(f"{ACCOUNT_SETTINGS}{part}/"))
        self.people_and_events(browser)
        bobs = f"/configuracoes/usuarios/{User.objects.get(username='bob').pk}/"
        self.note("sessions of somebody", browser.post(f"{bobs}sessoes/encerrar/", follow=True))
        self.note("reset", browser.post(f"{bobs}telefone/"))
        self.note("reset, done", browser.post(f"{bobs}telefone/", {"reason": "–"}))
        self.mailbox_first()
        self.another_address(browser)
        self.note("options", browser.post(f"{ACCOUNT_SETTINGS}opcoes/", {"mailbox_before_phone": "on"}, follow=True))
        self.note("identity", browser.post(ACCOUNT_SETTINGS, follow=True))
        self.note("identity, token", browser.post(IDENTITY, {"password": PASSWORD, "channel": "sms"}, follow=True))
        self.note("settings, switched off", browser.post(IDENTITY, {"token": last_token()}, follow=True))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(settings, "SMS_GATEWAYS", [])
            self.note("settings, no gateway", browser.post(ACCOUNT_SETTINGS, {"two_factor_required": "on"}))
        browser.post(ACCOUNT_SETTINGS, {"two_factor_required": "on"})
        browser.prove_identity()
        self.note("settings, switched on", browser.get(ACCOUNT_SETTINGS))
        browser.post(ACCOUNT_SETTINGS)
        self.note("identity, cancelled", browser.post(IDENTITY, {"action": "cancel"}, follow=True))
        self.note("identity, over", browser.get(IDENTITY, follow=True))

    def mailbox_first(self) -> None:
        RateLimit.objects.all().delete()
        browser = self.browser()
        browser.post_password("bob", OTHER_PASSWORD["new_password"])
        browser.post("/entrar/introducao/")
        self.note("mailbox", browser.get(MAILBOX))
        self.note("mailbox, code", browser.get(CODE))
        browser.post(MAILBOX, {"altcha": browser.captcha(MAILBOX)})
        self.note("mailbox, token", browser.get(TOKEN))

    def recovery_code(self, browser: Browser, bob: User, ida: User) -> None:
        """Erase somebody, take a code out, and come to where it is typed."""
        RateLimit.objects.all().delete()
        browser.prove_identity()
        self.note("user, erased", browser.get(f"{USERS}{ida.pk}/"))
        self.note("user, wants a code", browser.get(f"{USERS}{bob.pk}/"))
        self.note("code, shown", browser.post(f"{USERS}{bob.pk}/codigo/"))
        newcomer = self.browser()
        newcomer.post_password("bob", OTHER_PASSWORD["new_password"])
        newcomer.post("/entrar/introducao/")
        self.note("code, the only way", newcomer.get(CODE))
        self.note("code, half of it", newcomer.post(CODE, {"code": "12345"}))
        self.note("code, wrong", newcomer.post(CODE, {"code": "1" * 20}))
        PendingSignIn.objects.update(needs_password=True)
        self.note("password first", newcomer.get("/entrar/senha/"))
        self.note("password first, wrong", newcomer.post("/entrar/senha/", {"password": "no"}))
        User.objects.filter(pk=bob.pk).update(mailbox_suspect=False, phone_was_reset=False)
        enrol(bob)

    def another_address(self, browser: Browser) -> None:
        self.note("address", browser.get(ADDRESS))
        self.note("address, the same", browser.post(ADDRESS, {"email": "alice@example.com"}))
        self.note("address, wished", browser.post(ADDRESS, {"email": "x@example.com"}, follow=True))
        proof = {"password": PASSWORD, "channel": "email"}
        self.note("address, first token", browser.post(f"{ADDRESS}confirmar/", proof, follow=True))
        self.note("address, new", browser.post(f"{ADDRESS}confirmar/", {"token": last_token()}, follow=True))
        self.note("address, cancelled", browser.post(f"{ADDRESS}confirmar/", {"action": "cancel"}, follow=True))
        self.note("address, over", browser.get(f"{ADDRESS}confirmar/", follow=True))

    def limits(self, alice: User) -> None:
        """Hear what is said at the end of a day's SMS, and while reCAPTCHA is silent."""
        browser = self.browser()
        browser.post_password("alice")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(settings, "LIMITS", {**settings.LIMITS, "system": [(0, 86_400)]})
            self.note("channel, no more SMS", browser.post_channel())
        silent = {"RECAPTCHA_DOMAIN": "127.0.0.1:1", "RECAPTCHA_PUBLIC_KEY": "k", "RECAPTCHA_PRIVATE_KEY": "s"}
        with pytest.MonkeyPatch.context() as patch:
            for name, value in {**silent, "RECAPTCHA_ENABLED": True, "CAPTCHA_FALLBACK": True}.items():
                patch.setattr(settings, name, value)
            self.note("channel, reCAPTCHA", browser.get(CHANNEL))
            refused = browser.post(CHANNEL, {"channel": "sms", "g-recaptcha-response": "x"})
            self.note("channel, reCAPTCHA silent", refused)
            self.note("channel, fallback captcha", browser.get(CHANNEL))
        facts: dict[str, Any] = {"used": 100, "limit": 200, "number": "•••21", "people": 3}
        with translation.override(self.language):
            for action in (
                Action.ACCOUNT_SMS_HALF_USED_UP,
                Action.ACCOUNT_SMS_USED_UP,
                Action.SYSTEM_SMS_NEARLY_USED_UP,
                Action.PHONE_SHARED,
            ):
                notify(alice, record_event(action, user=alice, **facts))
        deliver()

    def people_and_events(self, browser: Browser) -> None:
        """Look at the lists, and at an event of every kind."""
        alice, bob = User.objects.get(username="alice"), User.objects.get(username="bob")
        gone = person("gone", alice.account, is_active=False, last_login=timezone.now())
        person("lost", alice.account, locked_at=timezone.now())
        many(alice.account, 30)
        self.note("users", browser.get(USERS))
        self.note("users, page 2", browser.get(f"{USERS}?after={bob.pk}"))
        self.note("users, nobody", browser.get(f"{USERS}?q=zzz"))
        self.note("user", browser.get(f"{USERS}{bob.pk}/"))
        self.note("user, deactivated", browser.get(f"{USERS}{gone.pk}/"))
        self.invited(browser)
        data = {"channel": "email", "purpose": "enrol", "reason": "phone.disowned", "hours": 1, "role": "member"}
        AuditEvent.objects.bulk_create(
            AuditEvent(account=alice.account, user=bob, actor=alice, action=action, data=data, user_agent=CHROME)
            for action in Action.values
        )
        last = 2**62
        for number in range(AuditEvent.objects.count() // 25 + 1):
            self.note(f"audit {number}", shown := browser.get(f"{AUDIT}?after={last}"))
            last = shown.context["page"].after or last
        self.note("audit, nobody", browser.get(f"{AUDIT}?person=zzz"))
        self.note("audit, nothing", browser.get(f"{AUDIT}?ip=203.0.113.9"))
        for name in (USERS, AUDIT):
            text = b"".join(browser.get(f"{name}exportar/")).decode()
            rows = csv.reader(io.StringIO(text.removeprefix("\ufeff")), delimiter=";" if ";" in text[:200] else ",")
            self.hear(f"table of {name}", "<br>".join(escape(cell) for row in rows for cell in row))

    def invited(self, browser: Browser) -> None:
        """Act for a person; invite, remind, and join."""
        bob = User.objects.get(username="bob")
        ida = person("p99", bob.account, is_active=False)
        self.note("user, left", browser.get(f"{USERS}{ida.pk}/"))
        PhoneDevice.objects.filter(user=bob).delete()
        suspect = {"mailbox_suspect": True, "phone_was_reset": True, "has_phone": False}
        User.objects.filter(pk=bob.pk).update(**suspect, locked_at=None, failures=0, failures_until=None)
        AuditEvent.objects.create(user=bob, action="password.reset")
        for action in ("papel", "desativar", "reativar", "desbloquear", "senha", "codigo", "apagar"):
            let_pass(301)
            path = f"{USERS}{ida.pk if action == 'apagar' else bob.pk}/{action}/"
            self.note(f"user, {action}", browser.get(path))
            browser.post(path)
            self.note(f"user, {action}, identity", browser.get(IDENTITY))
        self.recovery_code(browser, bob, ida)
        self.several(browser, bob)
        self.note("invite", browser.get(f"{USERS}convidar/"))
        self.note("invite, nobody", browser.post(f"{USERS}convidar/", {"addresses": ",", "language": "en"}))
        asked = {"addresses": "nina@example.com, ?, bob@example.com", "language": self.language}
        self.note(
            "invite, many", browser.post(f"{USERS}convidar/", {**asked, "addresses": ",".join(map(str, range(501)))})
        )
        browser.post(f"{USERS}convidar/", asked)
        browser.post(f"{USERS}convidar/", {**asked, "addresses": "nina@example.com"})
        self.note("invite, report", browser.post(f"{USERS}convidar/", asked))
        self.note("invite, limited", browser.post(f"{USERS}convidar/", {**asked, "addresses": "nina@example.com"}))
        self.note("users, invited", browser.get(f"{USERS}?state=invited"))
        self.note("remind", browser.get(f"{USERS}lembrar/"))
        self.note("reminded", browser.post(f"{USERS}lembrar/", follow=True))
        self.note("reminded, nobody", browser.post(f"{USERS}lembrar/", follow=True))
        link = re.search(r"/convite/\S+", next(entry["text"] for entry in deliver() if "nina@" in entry["to"]))
        assert link
        newcomer = self.browser()
        same = {"first_name": "Nina", "new_password": PASSWORD}
        self.note("join", newcomer.get(link[0]))
        self.note("join, done", newcomer.post(link[0], same, follow=True))
        self.note("join, over", newcomer.post(link[0], same))

    def several(self, browser: Browser, bob: User) -> None:
        """Do for several people what is done for one."""
        path = f"{USERS}varios/"
        for action in bulk.ACTIONS:
            self.note(f"several, {action}", browser.get(path, {"action": action, "person": [str(bob.pk)]}))
        self.note("several, nobody", browser.get(path, {"action": "deactivate"}, follow=True))
        done = browser.post(path, {"action": "member", "person": [str(bob.pk)]})
        self.note("several, done", done)

    def home(self, alice: User, bob: User) -> None:
        """Look at home with something to see: days, what needs doing, sign-ins of every kind."""
        rows = [("sign_in.verified", {"channel": way}) for way in WAYS] + [("sign_in.password_only", {})]
        events = [AuditEvent(account=bob.account, user=bob, actor=bob, action=name, data=data) for name, data in rows]
        AuditEvent.objects.bulk_create(events)
        facts: dict[str, Any] = {"channel": "sms", "kind": "token", "destination": "x", "subject_id": 0}
        facts |= {"language": "en", "owner_id": bob.account_id, "sent_at": timezone.now()}
        Message.objects.bulk_create(Message(state=state, **facts) for state in [State.SENT, State.FAILED] * 5)
        OpenCircuit.objects.create(name="outbox", fault="ours", open_until=timezone.now() + timedelta(minutes=1))
        User.objects.filter(pk=bob.pk).update(failures_until=timezone.now() + timedelta(minutes=1))
        for user in (alice, bob):
            browser = self.browser()
            browser.force_login(User.objects.get(pk=user.pk), backend="twofactor.backends.PhoneBackend")
            Account.objects.update(two_factor_required=False)
            self.note(f"home of {user}, off", browser.get("/?dias=30"))
            Account.objects.update(two_factor_required=True)
        with translation.override(self.language):
            context = dashboard_context.of_account(bob.account, 14) | {"user": alice}
            self.hear("home of the account, on", render_to_string("accounts/home_account.html", context))
        User.objects.update(failures_until=None)
        OpenCircuit.objects.all().delete()

    def notices(self, bob: User) -> None:
        """Hear the notice of everything that is told."""
        names = ("number", "before", "after", "reason", "channel", "purpose", "used", "limit", "people", "beginning")
        data = dict.fromkeys(names, "•")
        event = AuditEvent(pk=1, account=bob.account, user=bob, actor=bob, at=timezone.now(), data=data)
        with translation.override(self.language):
            for starts in (None, "2026-12-10T12:00:00+00:00"):
                event.data = data | {"starts": starts, "by_date": starts}
                for event.action, write in notifications.NOTICES.items():
                    self.hear(f"notice {event.action} {starts}", write(event).content("email").html)
            event.action, event.data = Action.USER_LOCKED, {"reason": BY_FAILURES}
            locked = notifications.NOTICES[event.action](event)
            self.hear("notice of the hundredth wrong token", locked.content("email").html)

    def errors(self) -> None:
        self.note("no page", self.browser().get("/nowhere/"), 404)
        self.note("no token against forgery", self.browser(enforce_csrf_checks=True).post(SIGN_IN), 403)
        request = RequestFactory().get("/")
        with translation.override(self.language):
            for name in ("400", "500", "503"):
                self.hear(name, render_to_string(f"{name}.html", request=request))
            for seconds in (1, 59, 600, 9000):
                facts = {"retry_after": seconds, "limit": limited.explained(Limited(seconds, "another"))}
                self.hear(f"limit of {seconds} s", render_to_string("429.html", facts, request))
            self.words_of_limits()

    def words_of_limits(self) -> None:
        """Hear what each limit says on the page that one is on, and to the administrator."""
        for scope in (*limited.SENTENCES, "another"):
            limit = limited.explained(Limited(60, scope, User.objects.get(username="bob")))
            context = {"retry_after": 60, "limit": limit | {"unguessable": True}, "email_offered": True}
            said = render_to_string("partials/_limit.html", context)
            self.hear(f"limit {scope}", f'<html lang="{self.language}">{said}</html>')
        for scope, words in HOLDING.items():
            self.hear(f"holding {scope}", f'<html lang="{self.language}"><p>{words}</p></html>')
        self.words_of_facts()

    def words_of_facts(self) -> None:
        """Hear what a refusal says, and every word that an event's fact may have."""
        said = [
            *error_messages.SENTENCES.values(),
            error_messages.LOCKED_BY_FAILURES,
            *OF_A_PERSON.values(),
            *OF_THE_ACCOUNT.values(),
        ]
        said += [words for values in descriptions.VALUES.values() for words in values.values()]
        told = "".join(f"<p>{escape(words)}</p>" for words in said)
        self.hear("facts", f'<html lang="{self.language}">{told}</html>')

    def messages(self) -> None:
        """Hear the page of the outbox, which shows every message that has left; then the bodies in HTML."""
        self.note("outbox", self.browser().get("/caixa-de-saida/"))
        for number, entry in enumerate(outbox.entries()):
            self.hear(f"message {number}", "".join(f"<p>{line}</p>" for line in entry["text"].splitlines()))
        with translation.override(self.language):
            email = texts._email("000000", "login", at=timezone.now())
        self.hear("token in HTML", email.html)
        shutil.rmtree(settings.OUTBOX_DIR)
        self.note("outbox, empty", self.browser().get("/caixa-de-saida/"))
        settings.OUTBOX_DIR.mkdir()


@cache
def walk(language: str) -> dict[str, Reader]:
    """Return what every page says in a language; the database is left as it was."""
    walker = Walk(language)
    with forgotten():
        walker.everywhere()
    return walker.pages


@pytest.mark.django_db
@pytest.mark.parametrize("locale", LOCALES)
def test_no_page_and_no_message_says_anything_in_english(locale: str) -> None:
    here, english = walk(LOCALES[locale]), walk("en")
    assert here.keys() == english.keys()
    leftovers = {
        (name, said.text)
        for name, page in here.items()
        for said in page.said
        if said.text in {other.text for other in english[name].said}
        and said.text.removesuffix(":") not in SAME_WORDS[locale]
        and not SAME.fullmatch(said.text)
    }
    assert leftovers == set()


@pytest.mark.django_db
@pytest.mark.parametrize("language", [*LOCALES.values(), "en"])
def test_every_page_says_which_language_it_is_in(language: str) -> None:
    pages = {name: page.language for name, page in walk(language).items() if not re.match(r"message \d|table", name)}
    assert pages == dict.fromkeys(pages, language)


@pytest.mark.django_db
@pytest.mark.parametrize("locale", LOCALES)
def test_the_walk_reads_a_good_part_of_the_catalogue(locale: str) -> None:
    """The guard above is worth what the walk sees."""
    seen = " ".join(said.text for page in walk(LOCALES[locale]).values() for said in page.said)
    shown = [
        message
        for message in entries(catalog(locale))
        if any(
            all(part.strip() in seen for part in TAG.split(PLACEHOLDER.sub("<b>", words)))
            for words in several(message.string)
        )
    ]
    assert len(shown) / len(entries(catalog(locale))) > 0.8, {m.id for m in entries(catalog(locale))} - {
        m.id for m in shown
    }


# The help page's own words ------------------------------------------------------------------------

HELP_PAGE = [
    # 1. The administrator switches it on.
    ("settings, off", "nav", "Configurações"),
    ("settings, off", "a", "Minha conta"),
    ("settings, off", "h1", "Account Settings"),
    ("settings, off", "label", "Two factor authentication"),
    ("settings, off", "button", "i"),
    # 2. First sign-in.
    ("sign-in", "button", "Login"),
    ("introduction", "button", "Next"),
    ("phone", "label", "Código do país"),
    ("phone", "label", "DDD + número"),
    ("phone", "p", "Código do país + DDD + número, por exemplo +55 11 98765-4321."),
    ("phone", "altcha-widget", "Não sou um robô"),
    ("first token", "label", "TOKEN"),
    ("first token", "button", "Validar token"),
    # 3. Every later sign-in.
    ("channel", "altcha-widget", "Não sou um robô"),
    ("channel", "button", "SMS"),
    ("channel", "button", "E-mail"),
    ("token by SMS", "label", "TOKEN"),
    ("token by SMS", "button", "Validar token"),
    ("token by e-mail", "button", "Validar token"),
    # 4. Changing the phone.
    ("home", "a", "Meu perfil"),
    ("profile", "h1", "Meu perfil"),
    ("profile", "h2", "Telefone"),
    ("profile", "label", "Código do país"),
    ("profile", "label", "DDD + número"),
    ("profile", "button", "Salvar"),
    ("change, first token", "label", "TOKEN"),
    ("change, first token", "button", "Validar token"),
    ("change, new number", "button", "Validar token"),
    # The rest of the portal.
    ("home", "a", "Tela inicial"),
]


@pytest.mark.django_db
@pytest.mark.parametrize(("page", "tag", "label"), HELP_PAGE)
def test_the_help_page_finds_its_words(page: str, tag: str, label: str) -> None:
    assert any(said.text == label and tag in said.inside for said in walk("pt-br")[page].said)


@pytest.mark.django_db
@pytest.mark.parametrize("page", ["first token", "token by SMS", "token by e-mail", "change, new number"])
def test_the_180_seconds_are_stated(page: str) -> None:
    assert any("180 segundos" in said.text for said in walk("pt-br")[page].said)
