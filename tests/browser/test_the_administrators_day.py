"""Tried as an administrator would: ask three people in, announce, switch on, help them, and find it all again."""

import csv
import io
from pathlib import Path

import pytest
from playwright.sync_api import Locator, ViewportSize, expect

from tests.browser.conftest import ANY, Complaints, Fresh, Pictures, Visit
from tests.browser.person import Person, resize
from tests.browser.portal import PATIENCE, Portal, wait_for
from tests.browser.seed import PASSWORD
from tests.browser.wcag import violations

USERS, AUDIT = "/configuracoes/usuarios/", "/configuracoes/auditoria/"
SETTINGS, CONFIRM = "/configuracoes/minha-conta/", "/confirmar-identidade/"
NAMES = {"carla": "Carla Nunes", "davi": "Davi Prado", "elis": "Elis Moura"}
SIZES: list[ViewportSize] = [{"width": 390, "height": 844}, {"width": 1280, "height": 800}]
# What the audit must tell afterwards, and how often.
STORY = {
    "invitation.sent": 3,
    "invitation.accepted": 3,
    "policy.announced": 1,
    "policy.switched_on": 1,
    "phone.enrolled": 5,
    "phone.reset": 1,
    "phone.disowned": 1,
    "user.locked": 1,
    "user.unlocked": 1,
}


class Looker:
    """Somebody who looks at every page that they come to."""

    def __init__(self, person: Person, pictures: Pictures) -> None:
        self.page, self.pictures = person.page, pictures

    def look(self, name: str, at: str = "body") -> None:
        """Look at a page with axe, in both sizes and colours; nothing may stick out of it."""
        for size in SIZES:
            resize(self.page, size)
            assert violations(self.page) == [], f"{name} at {size['width']}"
            assert self.page.evaluate("document.documentElement.scrollWidth") <= size["width"], name
        self.page.emulate_media(color_scheme="light", reduced_motion="reduce")
        self.page.locator(at).evaluate("node => node.scrollIntoView()")
        if name in self.pictures.VIEWS:
            self.pictures.take(self.page, name)


class Day(Looker):
    """Alice, who runs the account, and those whom she asks in."""

    def __init__(self, alice: Person, guests: dict[str, Person], pictures: Pictures) -> None:
        super().__init__(alice, pictures)
        self.alice, self.guests = alice, guests

    def prove(self, channel: str) -> None:
        """Prove that it is still Alice; where the last token is too fresh, a little later."""
        destination = {"sms": self.alice.number, "email": self.alice.email}[channel]
        before = len(self.alice.portal.tokens(destination))
        self.alice.is_at(CONFIRM)
        asked = self.page.url
        token, too_soon = self.alice.field("token"), self.page.locator(".trouble-wait, [role=alert]")

        def granted() -> bool | None:
            self.page.goto(asked)
            self.alice.write("password", PASSWORD)
            self.page.locator(f"[name=channel][value={channel}]").check()
            self.alice.press(CONFIRM)
            expect(token.or_(too_soon).first).to_be_visible()
            return True if token.count() else None

        wait_for(granted, "another token", 3 * PATIENCE)
        self.alice.enter_token(self.alice.portal.token(destination, before + 1))

    def do_it(self, channel: str) -> None:
        """Press the button of an action and come to the recovery code; prove who it is where that is asked."""
        self.page.locator("form.panel button[type=submit]").click()
        code, password = self.page.locator(".recovery-code"), self.alice.field("password")
        expect(code.or_(password).first).to_be_visible()
        if password.count():
            self.prove(channel)
        expect(code).to_be_visible()

    def row(self, person: Person) -> Locator:
        return self.page.locator("tbody tr").filter(has_text=person.email)

    # Asking in ------------------------------------------------------------------------------------

    def invite(self) -> None:
        self.alice.go(f"{USERS}convidar/")
        emails = [guest.email for guest in self.guests.values()]
        self.alice.write("addresses", "\n".join([emails[0], f"Davi Prado <{emails[1]}>; {emails[2]}", "sem arroba"]))
        self.alice.press(f"{USERS}convidar/")
        badges = self.page.locator(".report .badge")
        expect(badges).to_have_text(["Convidado"] * 3 + ["Não é um endereço de e-mail"])
        self.look("convidar")
        self.alice.go(USERS)
        expect(self.page.locator("tr.row-invited")).to_have_count(3)
        self.look("usuários, with invitations")

    def come_in(self, name: str) -> None:
        """Let somebody follow the link of their invitation, choose a password, and be in."""
        guest = self.guests[name]
        guest.go(guest.portal.link(guest.email, "/convite/"))
        first, _space, last = NAMES[name].partition(" ")
        guest.write("first_name", first)
        guest.write("last_name", last)
        guest.write("new_password", PASSWORD)
        guest.tick_captcha()
        guest.page.locator("button.wide").click()
        guest.is_at("/")
        guest.typed_login = guest.email  # the login has a number that nobody here knows

    # Switching on ---------------------------------------------------------------------------------

    def announce(self) -> None:
        self.alice.go(SETTINGS)
        # Those who were asked in are here; Bob has never come.
        expect(self.page.locator(".figures-3 strong")).to_have_text(["3", "5", "0"])
        self.look("antes-de-ativar", at=".panel:has(#before-title)")
        self.alice.press(f"{SETTINGS}aviso/")
        expect(self.page.locator(".messages, [role=status]").first).to_contain_text("5")
        for guest in self.guests.values():
            guest.portal.notices(guest.email, 2)  # after the invitation

    def switch_on(self) -> None:
        self.alice.field("two_factor_required").check()
        self.alice.press(SETTINGS)
        self.set_up(self.alice, "/entrar/introducao/")
        self.alice.is_at(SETTINGS)
        expect(self.alice.field("two_factor_required")).to_be_checked()

    def set_up(self, person: Person, first: str) -> None:
        person.is_at(first)
        person.press("/entrar/introducao/")
        person.is_at("/entrar/telefone/")
        person.give_phone()
        person.is_at("/entrar/token/")
        person.type_token()

    def watch(self) -> None:
        """The next click of each leads to their set-up; Alice sees who has done it."""
        self.alice.go(f"{USERS}?factor=confirmed")
        expect(self.page.locator("tbody tr")).to_have_count(1)
        for guest in self.guests.values():
            guest.go("/meu-perfil/")
            self.set_up(guest, "/entrar/introducao/")
            guest.is_at("/meu-perfil/")
        self.page.reload()
        expect(self.page.locator("tbody tr")).to_have_count(4)
        self.alice.go(USERS)
        self.look("usuários")
        name = self.page.locator("th.cell-person").first
        resize(self.page, SIZES[0])
        box = name.bounding_box()
        assert box
        assert box["width"] > 250  # a card, not a column
        resize(self.page, SIZES[1])

    # Helping --------------------------------------------------------------------------------------

    def open(self, person: Person) -> None:
        self.alice.go(f"{USERS}?q={person.login}")
        self.page.locator("a.who-name").click()
        expect(self.page.locator("h1")).to_have_text(NAMES[person.login.partition(".")[0]])

    def reset_lost_phone(self, person: Person) -> None:
        self.open(person)
        self.look("pessoa")
        self.page.locator("a[href$='/telefone/']").click()
        expect(self.alice.field("reason")).to_be_visible()
        self.look("redefinir")
        self.alice.write("reason", "Telefone perdido no ônibus")
        self.do_it("email")
        self.look("codigo-de-recuperacao")
        self.page.locator(".panel-foot a.button").click()
        expect(self.page.locator("dl.facts")).to_contain_text("Pendente")
        person.go("/")
        person.is_at("/entrar/")  # signed out

    def come_back(self, person: Person) -> None:
        """Whose phone was taken away proves the mailbox first, then another phone (R-07)."""
        before = len(person.portal.tokens(person.email))
        person.type_password()
        person.is_at("/entrar/introducao/")
        person.press("/entrar/introducao/")
        person.is_at("/entrar/email/")
        person.tick_captcha()
        person.press("/entrar/email/")
        person.is_at("/entrar/token/")
        person.enter_token(person.portal.token(person.email, before + 1))
        person.is_at("/entrar/telefone/")
        person.number = person.new_number
        person.give_phone()
        person.is_at("/entrar/token/")
        person.type_token()
        person.is_at("/")

    def disavow(self, person: Person) -> None:
        """Let somebody say, by the link in their e-mail, that the phone is not theirs: that locks them."""
        person.go(person.portal.link(person.email, "/nao-fui-eu/"))
        person.page.locator("button.wide").click()
        expect(person.page.locator("button.wide")).to_have_count(0)

    def unlock(self, person: Person) -> None:
        self.alice.go("/")
        task = self.page.locator(f"a[href='{USERS}?state=locked']")
        self.look("tela inicial, somebody locked")
        task.click()
        expect(self.page.locator("tbody tr")).to_have_count(1)
        self.row(person).locator("a.who-name").click()
        self.page.locator("a[href$='/desbloquear/']").click()
        expect(self.page.locator("form.panel button[type=submit]")).to_be_visible()
        self.look("desbloquear")
        self.do_it("sms")
        self.page.locator(".panel-foot a.button").click()
        expect(self.page.locator(".person-head")).to_contain_text("Ativo")

    # Finding it again -----------------------------------------------------------------------------

    def find_it(self, person: Person) -> None:
        self.alice.go(AUDIT)
        self.look("auditoria, of a day")
        self.alice.field("event").select_option("user.unlocked")
        self.alice.write("person", person.email)
        self.alice.press(AUDIT)
        expect(self.page.locator(".event-what")).to_have_text([f"Alice desbloqueou {NAMES['davi']}."])
        self.page.locator(".event-more summary").click()
        expect(self.page.locator(".facts")).to_contain_text("user.unlocked")
        self.look("auditoria, details")

    def export(self, folder: Path) -> list[list[str]]:
        """Save the table of the audit as a browser does, and read it as a spreadsheet would."""
        self.alice.go(AUDIT)
        with self.page.expect_download() as download:
            self.page.locator(f"a[href^='{AUDIT}exportar/']").click()
        path = folder / download.value.suggested_filename
        download.value.save_as(path)
        assert path.name.startswith("audit-padaria-aurora-")
        return list(csv.reader(io.StringIO(path.read_text("utf-8-sig")), delimiter=";"))


@pytest.fixture
def day(visit: Visit, fresh: Fresh, pictures: Pictures) -> Day:
    household = fresh("off")
    alice = visit(household.alice, household.alices_number)
    guests = {}
    for number, name in enumerate(NAMES):
        guests[name] = visit(f"{name}.{household.alice}", f"+554{number + 1}{household.alices_number[5:]}")
    return Day(alice, guests, pictures)


def test_the_administrators_day(day: Day, complaints: Complaints, tmp_path: Path) -> None:
    alice, lost, robbed = day.alice, day.guests["carla"], day.guests["davi"]
    alice.type_password()
    alice.is_at("/")
    day.invite()
    for name in day.guests:
        day.come_in(name)
    day.announce()
    day.switch_on()
    day.watch()
    day.reset_lost_phone(lost)
    day.come_back(lost)
    day.disavow(robbed)
    day.unlock(robbed)
    day.find_it(robbed)
    head, *rows = day.export(tmp_path)

    assert head[1] == "Evento"
    events = [row[1] for row in rows]
    assert {action: events.count(action) for action in STORY} == STORY
    (unlocked,) = (row for row in rows if row[1] == "user.unlocked")
    assert unlocked[2] == f"Alice desbloqueou {NAMES['davi']}."
    assert not any(number in "\n".join(map(str, rows)) for number in (alice.number[-8:], lost.number[-8:]))
    complaints.forgive("429", ANY)


# Of the account with thirty days of history: each page, and the name of the picture where it is one.
SHOWN = {
    "painel": "/",
    "tela inicial, 30 days": "/?dias=30",
    "usuarios": USERS,
    "usuários, locked": f"{USERS}?state=locked",
    "usuários, invited": f"{USERS}?state=invited",
    "usuários, nobody": f"{USERS}?q=nobody",
    "lembrar": f"{USERS}lembrar/",
    "auditoria": AUDIT,
    "auditoria, a mistake": f"{AUDIT}?person=nobody",
    "minha conta": SETTINGS,
}


def test_an_account_of_forty_is_shown_well(portal: Portal, visit: Visit, pictures: Pictures) -> None:
    """The showcase: people in every state, charts with columns in them, an audit of more than a page."""
    portal.manage("create_showcase")
    helena = visit("helena")
    helena.domain = "horizonte.example"
    helena.sign_in()
    looker = Looker(helena, pictures)
    for name, path in SHOWN.items():
        helena.go(path)
        looker.look(name)
