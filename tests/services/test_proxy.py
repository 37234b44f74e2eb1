"""nginx in front as the documents show it: TLS, whose address it is, and slow browsers (O-12)."""

import contextlib
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.services.browser import location, style_sheet_of
from tests.services.conftest import MakePortal
from tests.services.proxy import BEHIND, BINARY, Front, proxied

SLOW = 40  # browsers who send half a request; within nginx's limit of 50 for an address, above any number of threads
IDLE = 16  # nginx keeps so many connections to the portal for the next request
# With what the portal refuses a request for before it reads the body.
HALF = (
    "POST /entrar/ HTTP/1.1\r\nHost: localhost\r\nOrigin: https://localhost\r\n"
    f"Cookie: __Host-csrf={32 * 'a'}\r\nContent-Length: 1000\r\n"
    "Content-Type: application/x-www-form-urlencoded\r\n\r\nusername="
).encode()

pytestmark = pytest.mark.services


@pytest.fixture(scope="module")
def front(make_portal: MakePortal, folder: Path) -> Iterator[Front]:
    if not BINARY:
        pytest.skip("nginx is not installed (Debian package: nginx-light)")
    portal = make_portal("proxied", **BEHIND)
    portal.start_web()
    portal.start_worker()
    with proxied(folder / "nginx", portal) as front:
        yield front


def half_a_request(front: Front) -> socket.socket:
    """Open a connection that sends the beginning of a POST, and goes on holding it."""
    context = ssl.create_default_context(cafile=str(front.certificate))
    wire = context.wrap_socket(socket.create_connection(("127.0.0.1", front.https)), server_hostname="localhost")
    wire.sendall(HALF)
    return wire


def test_a_sign_in_through_the_proxy(front: Front) -> None:
    bob = front.visit(front.portal.member()).ask_for_sms()
    assert location(bob.post_token(front.portal.token(bob))) == "/"
    assert bob.is_in()


def test_the_portal_reads_the_browsers_address_and_no_forged_one(front: Front) -> None:
    bob = front.visit(front.portal.member())
    bob.session.headers["X-Forwarded-For"] = "203.0.113.9"
    bob.post_password()
    statement = """
        SELECT host(ip) FROM accounts_auditevent
        WHERE user_id = (SELECT id FROM accounts_user WHERE username = %s)"""
    assert set(front.portal.database.rows(statement, bob.login)) == {("127.0.0.1",)}


def test_http_leads_to_https_and_the_machines_addresses_stay_inside(front: Front) -> None:
    plain = requests.get(f"http://localhost:{front.http}/entrar/?x=1", allow_redirects=False, timeout=30)
    assert (plain.status_code, plain.headers["Location"]) == (301, "https://localhost/entrar/?x=1")
    browser = front.visit(front.portal.member())
    assert {path: browser.get(path).status_code for path in ("/healthz", "/readyz", "/metrics", "/entrar/")} == {
        "/healthz": 404,
        "/readyz": 404,
        "/metrics": 404,
        "/entrar/": 200,
    }


def test_a_page_on_its_way_finds_the_files_of_its_own_release(front: Front) -> None:
    """O-02: a file of another release comes from the folder that keeps them all, and from nowhere else."""
    browser = front.visit(front.portal.member())
    (front.kept / "static" / "css").mkdir(parents=True)
    (front.kept / "static" / "css" / "app.0123456789ab.css").write_text("body { color: red }")
    (front.kept / "secret").write_text("not below /static/")
    kept = browser.get("/static/css/app.0123456789ab.css")
    own = browser.get(style_sheet_of(browser.get("/entrar/").text))
    assert (kept.status_code, kept.text) == (200, "body { color: red }")
    assert (kept.headers["Content-Type"], kept.headers["X-Content-Type-Options"]) == ("text/css", "nosniff")
    assert (own.status_code, "immutable" in own.headers["Cache-Control"]) == (200, True)
    assert browser.get("/static/css/app.ba9876543210.css").status_code == 404
    assert browser.get("/static/../secret").status_code == 404


def connections(port: int) -> int:
    """Return how many connections a port of this machine has open."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(row[1].endswith(f":{port:04X}") and row[3] == "01" for row in rows)


def test_browsers_that_send_half_a_request_do_not_reach_the_portal(front: Front) -> None:
    """O-12: each would hold one of its threads."""
    with contextlib.ExitStack() as held:
        for _ in range(SLOW):
            held.enter_context(half_a_request(front))
        browser = front.visit(front.portal.member())
        assert browser.get("/healthz").status_code == 404  # nginx itself answers: it has read the forty
        assert connections(front.portal.port) <= IDLE
        assert browser.get("/entrar/").status_code == 200
