"""What modules may know. Layers and one-reader rules are contracts and bans in pyproject.toml, run by ``make check``.

Here stands that they see a trespass, and the rules that no linter has.
"""

import ast
import json
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.tools import ROOT

OURS = ("messaging", "accounts", "twofactor")
MAY_TOUCH_SESSION = {"twofactor.session_state"}
THE_EXCEPTION = ("twofactor.middleware", "request.session.get(DEVICE_ID_SESSION_KEY)")
MAY_NAME_SETTINGS = {"messaging.wsgi", "messaging.asgi", "messaging.celery", "manage"}

Trespasses = Iterator[str]


@cache
def modules() -> dict[str, str]:
    """Return the source of every module of ours by its dotted name."""
    paths = [ROOT / "manage.py", *(path for part in OURS for path in (ROOT / part).rglob("*.py"))]
    return {dotted(path.relative_to(ROOT)): path.read_text() for path in paths if "migrations" not in path.parts}


def dotted(path: Path) -> str:
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


def environment_writers(module: str, tree: ast.AST) -> Trespasses:
    """Find who does more with the environment than to say where the settings are, though a noqa lets them."""
    uses = [ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)].count("os.environ")
    calls = [ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Call)]
    said = calls.count("os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'messaging.settings')")
    if module in MAY_NAME_SETTINGS and uses != said:
        yield f"{module} reads or writes the environment"


def session_touchers(module: str, tree: ast.AST) -> Trespasses:
    excepted = {
        id(part)
        for node in ast.walk(tree)
        if (module, ast.unparse(node) if isinstance(node, ast.Call) else "") == THE_EXCEPTION
        for part in ast.walk(node)
    }
    for node in ast.walk(tree):
        touches = isinstance(node, ast.Attribute) and ast.unparse(node).endswith("request.session")
        if touches and id(node) not in excepted and module not in MAY_TOUCH_SESSION:
            yield f"{module} touches request.session"


def rules_in_save(module: str, tree: ast.AST) -> Trespasses:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name == "save" and ".models" in module:
            yield f"{module} has rules in save()"
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "__import__":
            yield f"{module} calls __import__"


RULES = (environment_writers, session_touchers, rules_in_save)


def trespasses(module: str, source: str) -> list[str]:
    tree = ast.parse(source)
    return [trespass for rule in RULES for trespass in rule(module, tree)]


@pytest.mark.parametrize("module", sorted(modules()))
def test_a_module_touches_what_it_may_and_no_more(module: str) -> None:
    assert trespasses(module, modules()[module]) == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("accounts.users.flows", "__import__('twofactor')"),
        ("accounts.models", "class A:\n    def save(self): ..."),
        ("accounts.models.user", "class A:\n    def save(self): ..."),
        ("twofactor.sign_in.views", "def view(request):\n    request.session['a'] = 1"),
        ("accounts.views", "class V:\n    def get(self):\n        return self.request.session"),
        ("twofactor.middleware", "request.session.get('something_else')"),
        ("twofactor.middleware", "request.session[DEVICE_ID_SESSION_KEY] = 1"),
        ("messaging.wsgi", "import os\nos.environ['A'] = 'b'"),
    ],
)
def test_the_rule_finds_a_violation(module: str, source: str) -> None:
    assert trespasses(module, source) != []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("twofactor.middleware", "known = request.session.get(DEVICE_ID_SESSION_KEY)"),
        ("messaging.wsgi", "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'messaging.settings')"),
        ("messaging.delivery.gateways", "http.session.mount('https://', adapter)"),
    ],
)
def test_the_rule_accepts_the_code_as_it_is(module: str, source: str) -> None:
    assert trespasses(module, source) == []


# A line that nobody may write, the module it is written into, and whom the contracts then name.
AGAINST_CONTRACTS = [
    ("messaging/delivery/flows.py", "from accounts.models import User", "accounts"),
    ("messaging/delivery/leases.py", "import twofactor", "twofactor"),
    ("messaging/delivery/mail.py", "from messaging.periodic import scheduler", "messaging.periodic"),
    ("messaging/delivery/wakeup.py", "from messaging import settings", "messaging.settings"),
    ("messaging/periodic/scheduler.py", "from accounts.models import User", "accounts"),
    ("messaging/health.py", "from accounts.models import User", "accounts"),
    ("messaging/database/batches.py", "from messaging.deadline import within", "messaging.deadline"),
    ("messaging/deadline.py", "from accounts.models import User", "accounts"),
    ("accounts/users/flows.py", "def late():\n    from twofactor.sign_in import flows", "twofactor"),
    ("accounts/policy.py", "if TYPE_CHECKING:\n    from twofactor.models import PhoneDevice", "twofactor"),
    ("accounts/metrics.py", "from messaging.urls import urlpatterns", "messaging.urls"),
    ("accounts/management/commands/create_demo.py", "from twofactor.sign_in import flows", "twofactor"),
    ("twofactor/sign_in/flows.py", "from messaging import urls", "messaging.urls"),
    ("twofactor/devices.py", "from messaging.settings import EMBEDDED", "messaging.settings"),
    ("twofactor/phones.py", "from messaging.environment import text", "messaging.environment"),
    ("messaging/safety.py", "from messaging import service_urls", "messaging.service_urls"),
    ("messaging/delivery/circuit.py", "from twilio.rest import Client", "twilio"),
    ("twofactor/forms.py", "import altcha", "altcha"),
    ("twofactor/pages.py", "from django_recaptcha.fields import ReCaptchaField", "django_recaptcha"),
    ("accounts/passwords/flows.py", "import zxcvbn", "zxcvbn"),
    ("accounts/passwords/forms.py", "import pwned_passwords_django", "pwned_passwords_django"),
]
BANNED = [
    "from importlib import import_module",
    "from django.utils.module_loading import import_string",
    "from django.apps import apps\napps.get_model('twofactor', 'PhoneDevice')",
    "from django.db.models.signals import post_save",
    "from django.dispatch import Signal",
    "import os\nos.environ['A']",
    "import os\nos.getenv('A')",
    "from os import environ",
    "import time\ntime.time()",
]


def contracts_broken(folder: Path) -> tuple[int, str]:
    program = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([program, "--no-cache", "--no-logo"], cwd=folder, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


def test_the_contracts_find_each_violation(tmp_path: Path) -> None:
    for part in OURS:
        shutil.copytree(ROOT / part, tmp_path / part, ignore=shutil.ignore_patterns("*.mo", "__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for path, source, _known in AGAINST_CONTRACTS:
        with (tmp_path / path).open("a") as file:
            file.write(f"\n{source}\n")
    code, said = contracts_broken(tmp_path)
    found = [line for line in said.splitlines() if " -> " in line]
    unseen = [
        (path, known)
        for path, _source, known in AGAINST_CONTRACTS
        if not any(f"{dotted(Path(path))} -> {known}" in line for line in found)
    ]
    assert unseen == []
    assert code == 1


def test_the_contracts_accept_the_code_as_it_is() -> None:
    code, said = contracts_broken(ROOT)
    assert code == 0, said


def test_the_contracts_name_every_part_of_messaging() -> None:
    """A new module must take its place among the layers."""
    configuration = tomllib.loads((ROOT / "pyproject.toml").read_text())
    layers, processes = configuration["tool"]["importlinter"]["contracts"][:2]
    named = {name.strip(" :|\n") for layer in layers["layers"] for name in layer.replace("|", ":").split(":")}
    parts = {name for name in modules() if name.count(".") == 1 and name.startswith("messaging.")}
    beside = {"messaging.environment", "messaging.service_urls"}  # each has a contract of its own
    assert named - {"accounts", "twofactor"} == parts
    around = next(layer for layer in layers["layers"] if "messaging.settings" in layer)
    assert {name.strip() for name in around.split(":")} == set(processes["protected_modules"]) | beside


def test_the_bans_find_each_violation(tmp_path: Path) -> None:
    """With the rules of this project: what is written here is linted as a module of twofactor."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / "twofactor").mkdir()
    for number, source in enumerate(BANNED):
        (tmp_path / "twofactor" / f"trespass_{number}.py").write_text(f"{source}\n")
    command = [sys.executable, "-m", "ruff", "check", "--no-cache", "--select=TID251", "--output-format=json", "."]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    seen = {Path(problem["filename"]).name for problem in json.loads(done.stdout)}
    assert seen == {f"trespass_{number}.py" for number in range(len(BANNED))}


def test_the_rule_looks_at_every_module() -> None:
    found = set(modules())
    assert {
        "manage",
        "twofactor.sign_in.views",
        "accounts.management.commands.create_demo",
        "messaging.delivery.flows",
    } <= found
    assert len(found) > 60


def test_templates_do_not_touch_the_session() -> None:
    templates = [*(ROOT / "templates").rglob("*.html"), *(ROOT / "templates").rglob("*.txt")]
    assert len(templates) > 30
    assert [path.name for path in templates if "request.session" in path.read_text()] == []
