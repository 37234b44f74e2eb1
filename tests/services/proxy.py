"""nginx in front of a portal, configured as the documents show it."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.services.browser import Browser
from tests.services.parts import make_certificate
from tests.services.portal import Portal
from tests.services.programs import BASE_DIR, Program, free_port, listens

SHOWN = BASE_DIR / "docs" / "proxies" / "nginx.conf"
BINARY = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
BEHIND = {"PUBLIC_URL": "https://localhost", "TRUSTED_PROXY_COUNT": "1"}


@dataclass(frozen=True)
class Front:
    """What browsers reach, and the portal behind it."""

    portal: Portal
    kept: Path  # the files of all releases
    certificate: Path
    http: int
    https: int

    def visit(self, browser: Browser) -> Browser:
        """Have a browser come to the proxy, as a browser does where it has port 443."""
        browser.base = f"https://localhost:{self.https}"
        browser.session.verify, browser.session.trust_env = str(self.certificate), False
        browser.session.headers["Origin"] = "https://localhost"
        return browser


def here(text: str, changes: dict[str, str]) -> str:
    """Put this machine's ports and paths into a configuration."""
    for shown, used in changes.items():
        assert shown in text, f"{SHOWN.name} says nothing of {shown}"
        text = text.replace(shown, used)
    return text


def configure(folder: Path, portal: Portal, http: int, https: int) -> tuple[Path, Path]:
    """Write the configuration; return it and the certificate."""
    certificate, key = make_certificate(folder)
    changes = {
        "listen 80;": f"listen 127.0.0.1:{http};",
        "listen 443 ": f"listen 127.0.0.1:{https} ",
        "portal.example.com": "localhost",
        "127.0.0.1:8000": f"127.0.0.1:{portal.port}",
        "/etc/ssl/portal.pem": str(certificate),
        "/etc/ssl/portal.key": str(key),
        "/var/log/nginx/messaging.log": str(folder / "access.log"),
        "/srv/messaging/kept": str(folder / "kept"),
    }
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    paths = "".join(f"{kind}_temp_path {folder / kind};\n" for kind in kinds)
    main = folder / "nginx.conf"
    main.write_text(
        f"daemon off;\npid {folder / 'pid'};\nerror_log {folder / 'error.log'};\nevents {{}}\n"
        f"http {{\ninclude /etc/nginx/mime.types;\n{paths}{here(SHOWN.read_text(), changes)}\n}}\n"
    )
    return main, certificate


@contextmanager
def proxied(folder: Path, portal: Portal) -> Iterator[Front]:
    """Put nginx in front of a portal for a while; its environment has ``BEHIND``."""
    assert BINARY
    folder.mkdir()
    http, https = free_port(), free_port()
    main, certificate = configure(folder, portal, http, https)
    nginx = Program(BINARY, "-c", str(main), log=folder / "nginx.log")
    nginx.start(lambda: listens(https))
    try:
        yield Front(portal, folder / "kept", certificate, http, https)
    finally:
        nginx.stop()
