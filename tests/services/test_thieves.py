"""What whoever knows a password, or has many accounts, can and cannot do: over HTTP, at the limits that ship (B-12)."""

import re

import pytest

from tests.services.browser import Browser, location, words_of
from tests.services.conftest import MakePortal
from tests.services.portal import Portal
from tests.services.programs import wait_for
from tests.services.seed import PASSWORD
from twofactor.sign_in.query import MAX_UNUSED

CODE = "/entrar/codigo/"
NEW_PASSWORD = "Another-apple-9-window"
WRITTEN = re.compile(r"\b(?:[0-9A-HJKMNP-TV-Z]{4}-){3}[0-9A-HJKMNP-TV-Z]{4}\b")


@pytest.fixture(params=["portal", "sqlite_portal"], ids=["postgresql", "sqlite"])
def here(request: pytest.FixtureRequest) -> Portal:
    found: Portal = request.getfixturevalue(request.param)
    return found


def another(person: Browser) -> Browser:
    """Return a new browser of the same person, or of a thief who knows the password."""
    return Browser(person.base, person.login, person.number, person.secrets)


def change(portal: Portal, person: Browser, what: str) -> None:
    portal.database.rows(f"UPDATE accounts_user SET {what} WHERE username = %s RETURNING id", person.login)  # noqa: S608


def failures(portal: Portal, person: Browser) -> int:
    ((count,),) = portal.database.rows("SELECT failures FROM accounts_user WHERE username = %s", person.login)
    return int(count)


def rows_of(portal: Portal, person: Browser) -> int:
    statement = """
        SELECT COUNT(*) FROM twofactor_pendingsignin
        WHERE user_id = (SELECT id FROM accounts_user WHERE username = %s)"""
    return int(portal.database.rows(statement, person.login)[0][0])


def test_right_passwords_do_not_fill_the_disk(here: Portal) -> None:
    """B-12: beyond fifty, what is over goes; the owner signs in as before."""
    owner = here.member()
    for _time in range(MAX_UNUSED):
        location(another(owner).post_password())
    assert rows_of(here, owner) == MAX_UNUSED
    statement = """
        UPDATE twofactor_pendingsignin SET expires_at = created_at
        WHERE user_id = (SELECT id FROM accounts_user WHERE username = %s) RETURNING id"""
    here.database.rows(statement, owner.login)
    owner.ask_for_sms()
    assert rows_of(here, owner) == 1
    assert location(owner.post_token(here.token(owner))) == "/"


def codes_of(portal: Portal, person: Browser) -> list[str]:
    """Sign in and make ten recovery codes."""
    person.ask_for_sms()
    assert location(person.post_token(portal.token(person))) == "/"
    person.post("/meu-perfil/segunda-etapa/codigos/", form_at="/meu-perfil/segunda-etapa/")
    person.post("/confirmar-identidade/", password=PASSWORD, channel="sms")
    shown = WRITTEN.findall(person.post("/confirmar-identidade/", token=portal.token(person, 2)).text)
    person.secrets.update(shown)
    assert len(shown) == 10
    return shown


def fail(portal: Portal, person: Browser, sms: int, times: int) -> None:
    """Ask for the person's next SMS as a thief, and type wrong tokens."""
    thief = another(person).ask_for_sms()
    right = int(portal.token(person, sms))
    for number in range(1, times + 1):
        thief.post_token(f"{(right + number) % 1_000_000:06}")


def password_link(portal: Portal, person: Browser) -> str:
    another(person).post("/senha/esqueci/", email=person.email)

    def link() -> str:
        found = [re.search(r"/senha/redefinir/\S+/", str(entry)) for entry in portal.mail.received(person.email)]
        return next((match[0] for match in found if match), "")

    path = wait_for(link, meaning="the link to a new password")
    person.secrets.add(path.split("/")[-2])
    return path


def test_a_thief_shuts_nobody_out_who_has_a_recovery_code(here: Portal) -> None:
    """B-12, L-03: neither by the pause nor by the hundredth wrong token, and a new password guesses nothing more."""
    owner = here.member()
    codes = codes_of(here, owner)
    for sms in (3, 4):
        fail(here, owner, sms, 5)
    assert failures(here, owner) == 10
    thief = another(owner)
    thief.post_password()
    assert thief.post_channel("email").status_code == 429
    mine = another(owner)
    mine.post_password()
    assert location(mine.post(CODE, token=codes[0])) == "/"
    assert failures(here, owner) == 0

    change(here, owner, "failures = 99")
    fail(here, owner, 5, 1)
    assert "locked after a hundred wrong tokens" in words_of(another(owner).post_password())
    reader = another(owner)
    form = location(reader.get(password_link(here, owner)))
    assert location(reader.post(form, new_password=NEW_PASSWORD)) == "/senha/redefinir/concluido/"
    reader.post("/entrar/", username=owner.login, password=NEW_PASSWORD)
    assert "no token opens your login any more" in words_of(reader.post_channel())
    assert failures(here, owner) == 100
    assert location(reader.post(CODE, token=codes[1])) == "/"
    assert failures(here, owner) == 0


def test_many_accounts_keep_no_newcomer_of_another_out(make_portal: MakePortal) -> None:
    """B-10: of 20 SMS a day, 12 for whoever comes; the next two for an account's first ten."""
    portal = make_portal("newcomers", LIMIT_SYSTEM="20/86400")
    portal.database.rows("UPDATE accounts_account SET sms_a_day = 100 RETURNING id")
    honest = portal.newcomer()
    move = (
        "from accounts.models import Account, User;"
        " other = Account.objects.create(name='Other', two_factor_required=True);"
        f" User.objects.filter(username='{honest.login}').update(account=other)"
    )
    done = portal.manage("shell", "-c", move)
    assert done.returncode == 0, done.stderr
    portal.start_web()
    for _each in range(12):
        portal.newcomer().ask_for_first_sms()
    refused = portal.newcomer()
    refused.post_password()
    refused.post("/entrar/introducao/")
    assert "No more SMS can be sent today" in words_of(refused.post_phone())
    honest.ask_for_first_sms()
