"""The portal under test: the embedded default itself, as ``make run`` starts it, and what it would have sent."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from tests.browser import seed
from tests.services.programs import free_port

T = TypeVar("T")
BASE_DIR = Path(__file__).resolve().parents[2]
PATIENCE = float(os.environ.get("PATIENCE", "60"))  # seconds; other programs may keep this machine busy
# Six digits that are no part of a link, whose signature may have six in a row.
TOKEN = re.compile(r"(?<![\w/:=-])\d{6}(?![\w/:=-])")


def wait_for(look: Callable[[], T | None], meaning: str, seconds: float = PATIENCE) -> T:
    """Look until there is something to see."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if (seen := look()) is not None:
            return seen
        time.sleep(0.05)
    raise AssertionError(f"waited {seconds:.0f} s in vain for {meaning}")


class Portal:
    """One embedded default on a free port, with a data folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.base = f"http://localhost:{self.port}"
        self.log = folder / "portal.log"
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
        # Behind one proxy, so that each browser can come from an address of its own (see conftest).
        ours = {"VAR_DIR": str(folder / "var"), "PORT": str(self.port), "TRUSTED_PROXY_COUNT": "1"}
        ours["DEMO_PASSWORD"] = seed.PASSWORD
        ours["ALLOWED_REGIONS"] = "BR,PT,AO,MZ,US,ES"  # so that there is something to choose in Account Settings
        self.environment = kept | ours
        with self.log.open("wb") as log:
            command = [sys.executable, "-m", "messaging.embedded"]
            self.program = subprocess.Popen(command, cwd=BASE_DIR, env=self.environment, stdout=log, stderr=log)
        wait_for(self._answers, "the portal to answer", 3 * PATIENCE)

    def _answers(self) -> bool | None:
        assert self.program.poll() is None, f"the portal ended:\n{self.log.read_text()}"
        try:
            with urllib.request.urlopen(f"{self.base}/healthz", timeout=5) as answer:
                return True if answer.status == 200 else None
        except (urllib.error.URLError, OSError):
            return None

    def seed(self) -> list[seed.Household]:
        """Make accounts enough for every test of a session, in one process."""
        return [seed.Household(**entry) for entry in json.loads(self._run("-m", seed.__name__))]

    def manage(self, command: str) -> None:
        """Run a management command to its end."""
        self._run("manage.py", command)

    def _run(self, *arguments: str) -> str:
        environment = {**self.environment, "EMBEDDED": "1", "DJANGO_SETTINGS_MODULE": "messaging.settings"}
        command = [sys.executable, *arguments]
        done = subprocess.run(command, cwd=BASE_DIR, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{command} ended with {done.returncode}:\n{done.stderr}"
        return done.stdout

    def stop(self) -> int:
        """Ask the portal to end, and return how it did."""
        self.program.send_signal(signal.SIGTERM)
        return self.program.wait(PATIENCE)

    def outbox(self, to: str) -> list[dict[str, str]]:
        """Return what would have been sent to a number or an address, newest first."""
        request = urllib.request.Request(f"{self.base}/caixa-de-saida/", headers={"Accept": "application/json"})
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            entries: list[dict[str, str]] = json.load(answer)
        return [entry for entry in entries if entry["to"] == to]

    def notices(self, to: str, count: int) -> list[str]:
        """Wait until so many messages without a token have left; return their texts, newest first."""

        def enough() -> list[str] | None:
            texts = [entry["text"] for entry in self.outbox(to) if not TOKEN.search(entry["text"])]
            return texts if len(texts) >= count else None

        return wait_for(enough, f"notice {count} to {to}")

    def tokens(self, to: str) -> list[str]:
        """Return the tokens that have left for a number or an address, newest first."""
        return [found[0] for entry in self.outbox(to) if (found := TOKEN.search(entry["text"]))]

    def token(self, to: str, count: int = 1) -> str:
        """Wait until so many tokens have left for a number or an address, and return the newest.

        Only tokens are counted: a notice may leave before one or after it.
        """

        def newest() -> str | None:
            tokens = self.tokens(to)
            return tokens[0] if len(tokens) >= count else None

        return wait_for(newest, f"token {count} to {to}")

    def link(self, to: str, path: str, count: int = 1) -> str:
        """Wait until so many messages with a link to a page have left for an address; return the newest link's path."""

        def sent() -> str | None:
            links = [found[0] for entry in self.outbox(to) if (found := re.search(rf"{path}\S+", entry["text"]))]
            return links[0] if len(links) >= count else None

        return wait_for(sent, f"link {count} to {path} for {to}")
