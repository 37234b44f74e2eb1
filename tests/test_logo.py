"""The account's logo: one small PNG, written anew, seen by whoever knows its address, changed by an administrator."""

import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from accounts.branding import logos
from accounts.exceptions import LogoRefused
from accounts.models import Account, AuditEvent, Logo, User
from tests.conftest import Browser
from tests.pictures import chunk, png
from tests.tools import page
from twofactor.models import PhoneDevice

UPLOAD = "/configuracoes/minha-conta/logotipo/"


def send(browser: Browser, data: bytes) -> str:
    """Send a file as the form does; return the page that follows."""
    sent = {"logo": SimpleUploadedFile("logo.png", data)}
    return str(browser.post(UPLOAD, sent, follow=True).content.decode())


@pytest.mark.parametrize(("language", "label"), [("en", "Picture"), ("pt-br", "Imagem"), ("es", "Imagen")])
def test_the_field_takes_a_picture_and_says_so(browser: Browser, alice: User, language: str, label: str) -> None:
    """The browser makes the PNG of any; without a script a PNG is asked for."""
    browser.force_login(alice)
    shown = page(browser.get(UPLOAD, headers={"accept-language": language}))
    assert re.search(rf'<label for="id_logo">\s*{label}', shown)
    assert re.search(r"A PNG, 16|PNG, de 16", shown)


# What a logo is -------------------------------------------------------------------------------


def test_nothing_but_the_picture_is_kept() -> None:
    """A file that is something else as well, or that tells where it was taken, is that no more."""
    script = b"<script>alert(1)</script>"
    told = png(more=chunk(b"tEXt", b"Comment\0" + script) + chunk(b"eXIf", b"GPS"), after=b"PK\x03\x04" + script)
    kept = logos.rewrite(told)

    assert kept == logos.rewrite(png())
    assert logos.rewrite(kept) == kept
    assert all(noise not in kept for noise in (script, b"GPS", b"PK\x03\x04", b"tEXt"))


GREY_ROWS = (b"\0" + b"\x80" * 64) * 32
PALETTE = chunk(b"PLTE", b"\0\0\0\xff\xff\xff")


@pytest.mark.parametrize(
    "data",
    [
        png(),
        png(512, 512),
        png(16, 16),
        png(kind=(8, 0, 0), pixels=GREY_ROWS),
        png(kind=(1, 3, 0), pixels=(b"\0" + b"\xaa" * 8) * 32, more=PALETTE + chunk(b"tRNS", b"\0")),
        png(kind=(8, 6, 0), pixels=(b"\4" + b"\1\2\3\4" * 64) * 32),
        png(kind=(16, 4, 0), pixels=(b"\1" + b"\1\2\3\4" * 64) * 32),
    ],
)
def test_pictures_of_every_kind_are_taken(data: bytes) -> None:
    assert logos.rewrite(data).startswith(logos.SIGNATURE)


BOMB = b"\0" * 40_000_000
BROKEN = {
    "type": [b"", b"GIF89a", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"\xff\xd8\xff\xe0 JFIF", b"RIFF0000WEBP"],
    "large": [png() + b"x" * logos.MAX_BYTES],
    "sides": [png(15, 64), png(64, 513), png(0, 64, pixels=b"")],
    "interlaced": [png(kind=(8, 2, 1))],
    "broken": [
        logos.SIGNATURE,
        png()[:-1],
        png()[:-1] + b"x",
        png().replace(b"IDAT", b"IDOT"),
        png(more=chunk(b"XXXX", b"")),
        png(more=chunk(b"IHDR", b"x" * 13)),
        png(pixels=b""),
        png(pixels=BOMB),
        png(pixels=(b"\5" + b"\x10\x80\x60" * 64) * 32),
        png(kind=(7, 2, 0)),
        png(kind=(8, 5, 0)),
        png(kind=(8, 3, 0), pixels=GREY_ROWS),
        png(kind=(8, 0, 0), pixels=GREY_ROWS, more=PALETTE),
        png(kind=(8, 3, 0), pixels=GREY_ROWS, more=PALETTE + chunk(b"tRNS", b"\0" * 3)),
        logos.SIGNATURE + chunk(b"IHDR", b"short") + chunk(b"IDAT", b"") + chunk(b"IEND", b""),
        logos.SIGNATURE + b"\xff\xff\xff\xffIHDR" + b"\0" * 40,
    ],
}


@pytest.mark.parametrize(("why", "data"), [(why, data) for why, all_of in BROKEN.items() for data in all_of])
def test_what_is_no_logo_is_refused_with_the_reason(why: str, data: bytes) -> None:
    with pytest.raises(LogoRefused) as refusal:
        logos.rewrite(data)
    assert refusal.value.args == (why,)


# Choosing it ----------------------------------------------------------------------------------


@pytest.fixture
def office(browser: Browser, alice: User) -> Browser:
    """Return the browser of Alice, who administers her account."""
    browser.post_password("alice")
    return browser


@pytest.mark.django_db
def test_an_administrator_chooses_the_logo_of_the_account(office: Browser, alice: User, charlie: User) -> None:
    page = send(office, png())
    name = Account.objects.get(pk=alice.account_id).logo

    assert name.endswith("-64x32")
    assert "The logo of your account was changed." in page
    assert (
        page.count(f'src="/logotipos/{name}.png" width="64" height="32" alt=""') == 2
    )  # in the bar and among the settings
    assert Account.objects.get(pk=charlie.account_id).logo == ""
    event = AuditEvent.objects.get(action="account.logo_changed")
    assert (event.user, event.data) == (alice, {"before": "", "after": name})

    send(office, png())
    assert AuditEvent.objects.filter(action="account.logo_changed").count() == 1  # the same again is no event


@pytest.mark.django_db
def test_a_logo_may_be_changed_and_taken_away(office: Browser, alice: User) -> None:
    send(office, png())
    send(office, png(32, 32))
    (second,) = Logo.objects.all()
    assert second.name == Account.objects.get(pk=alice.account_id).logo
    office.post(UPLOAD, {"action": "remove"})

    assert not Logo.objects.exists()
    assert Account.objects.get(pk=alice.account_id).logo == ""
    assert office.get(f"/logotipos/{second.name}.png").status_code == 404
    assert "account-logo" not in office.get("/").content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "Choose a file."),
        (b"GIF89a", "has to be a PNG file"),
        (b"x" * 3_000_000, "64 kB at most"),
        (png(15, 15), "between 16 and 512 pixels"),
        (png(kind=(8, 2, 1)), "without interlacing"),
        (png()[:-1], "is damaged"),
    ],
)
def test_a_file_that_is_no_logo_changes_nothing_and_it_is_said_why(office: Browser, data: bytes, words: str) -> None:
    page = send(office, data)
    assert words in page
    assert re.search(r'<input type="file"[^>]* aria-invalid="true"', page)
    assert not Logo.objects.exists()


@pytest.mark.django_db
def test_a_member_chooses_nothing(browser: Browser, bob: User) -> None:
    browser.post_password("bob")

    assert browser.post(UPLOAD, {"logo": SimpleUploadedFile("x.png", png())}).status_code == 403
    assert not Logo.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/entrar/", "/meu-perfil/", "/configuracoes/minha-conta/aparencia/"])
def test_no_other_address_takes_a_file(office: Browser, path: str) -> None:
    assert office.post(path, {"file": SimpleUploadedFile("x.png", png())}).status_code == 400


@pytest.mark.django_db
def test_what_is_larger_than_anybodys_mistake_is_not_read(office: Browser) -> None:
    assert office.post(UPLOAD, {"logo": SimpleUploadedFile("x.png", b"x" * 4_200_000)}).status_code in {400, 413}


# Showing it -----------------------------------------------------------------------------------


@pytest.mark.django_db
def test_the_pop_ups_have_the_logo_and_the_sign_in_page_does_not(
    browser: Browser, bobs_phone: PhoneDevice, policy: Account, other_browser: Browser
) -> None:
    kept = logos.rewrite(png())
    name = logos.name_of(kept)
    Account.objects.update(logo=name)
    Logo.objects.create(account=policy, name=name, png=kept)
    browser.post_password("bob")
    picture = f"/logotipos/{name}.png"
    assert picture in browser.get("/entrar/canal/").content.decode()
    assert "logotipos" not in other_browser.get("/entrar/").content.decode()

    answer = browser.get(picture)  # half-way through the sign-in
    assert (answer.content, answer["Content-Type"]) == (kept, "image/png")
    assert answer["Cache-Control"] == "max-age=315360000, public, immutable"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in answer["Content-Security-Policy"]
    assert other_browser.get(picture).status_code == 200


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["0" * 32 + "-64x32", "1"])
def test_a_logo_that_nobody_has_is_not_found(browser: Browser, name: str) -> None:
    assert browser.get(f"/logotipos/{name}.png").status_code == 404
