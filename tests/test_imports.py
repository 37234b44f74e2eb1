"""The import rule of the house: messaging.urls → twofactor → accounts → messaging.delivery → Django."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tools import ROOT

OURS = ("messaging", "accounts", "twofactor")
LEAVES = {"messaging.database", "messaging.deadline"}
# What each part of the house may import of the others; everybody may import the leaves and Django.
MAY_IMPORT = {
    "twofactor": {"twofactor", "accounts", "messaging.delivery"},
    "accounts": {"accounts", "messaging.delivery"},
    "messaging.delivery": {"messaging.delivery"},
    "messaging.urls": {"twofactor", "accounts", "messaging"},
    "messaging": {"messaging"},
}
# A library and the one module that knows it.
ONE_READER = {
    "twilio": {"messaging.delivery.gateways"},
    "altcha": {"twofactor.captcha"},
    "django_recaptcha": {"twofactor.captcha"},
    "django_recaptcha.constants": {"twofactor.captcha", "twofactor.checks"},
    "environ": {"messaging.settings"},
    "importlib": set(),
    "django.dispatch": set(),
    "django.db.models.signals": set(),
}
MAY_READ_ENVIRONMENT = {"messaging.settings", "messaging.embedded"}
MAY_NAME_SETTINGS = {"messaging.wsgi", "messaging.asgi", "messaging.celery", "manage"}
MAY_TOUCH_SESSION = {"twofactor.session"}
THE_EXCEPTION = ("twofactor.middleware", "request.session.get(DEVICE_ID_SESSION_KEY)")

Trespasses = Iterator[str]


def modules() -> dict[str, str]:
    """Return the source of every module of ours by its dotted name."""
    paths = [ROOT / "manage.py", *(path for part in OURS for path in (ROOT / part).rglob("*.py"))]
    return {dotted(path.relative_to(ROOT)): path.read_text() for path in paths if "migrations" not in path.parts}


def dotted(path: Path) -> str:
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


def imported(module: str, tree: ast.AST) -> Iterator[str]:
    """Return the dotted name of all that a module imports, also late, inside a function."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            package = ".".join(module.split(".")[: -node.level]) if node.level else ""
            base = ".".join(filter(None, (package, node.module)))
            yield from (f"{base}.{alias.name}" for alias in node.names)


def within(name: str, part: str) -> bool:
    return name == part or name.startswith(f"{part}.")


def part_of(module: str) -> str:
    return next(part for part in sorted(MAY_IMPORT, key=len, reverse=True) if within(module, part))


def wrong_arrows(module: str, tree: ast.AST) -> Trespasses:
    if module == "manage":
        return
    allowed = MAY_IMPORT[part_of(module)] if module not in LEAVES else set()
    for name in imported(module, tree):
        ours = any(within(name, part) for part in OURS)
        leaf = any(within(name, part) for part in LEAVES) and module not in LEAVES
        if ours and not leaf and not any(within(name, part) for part in allowed):
            yield f"{module} imports {name}"


def second_readers(module: str, tree: ast.AST) -> Trespasses:
    for name in imported(module, tree):
        library = next((known for known in sorted(ONE_READER, key=len, reverse=True) if within(name, known)), None)
        if library and module not in ONE_READER[library]:
            yield f"{module} imports {name}"


def environment_readers(module: str, tree: ast.AST) -> Trespasses:
    names_settings = module in MAY_NAME_SETTINGS
    for node in ast.walk(tree):
        text = ast.unparse(node) if isinstance(node, ast.Attribute | ast.ImportFrom) else ""
        if text not in {"os.environ", "os.getenv", "os.putenv"} and not text.startswith("from os import"):
            continue
        if module not in MAY_READ_ENVIRONMENT and not (names_settings and only_names_settings(tree)):
            yield f"{module} reads the environment"


def only_names_settings(tree: ast.AST) -> bool:
    """Tell whether all that a module does with the environment is to say where the settings are."""
    uses = [ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    calls = [ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Call)]
    said = "os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'messaging.settings')"
    return uses.count("os.environ") == calls.count(said)


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


def hidden_arrows(module: str, tree: ast.AST) -> Trespasses:
    """Find the ways around an import, and rules in ``save()``."""
    for node in ast.walk(tree):
        called = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
        if called in {"__import__", "import_string", "import_module", "apps.get_model", "get_model"}:
            yield f"{module} calls {called}"
        if isinstance(node, ast.FunctionDef) and node.name == "save" and module.endswith(".models"):
            yield f"{module} has rules in save()"


RULES = (wrong_arrows, second_readers, environment_readers, session_touchers, hidden_arrows)


def trespasses(module: str, source: str) -> list[str]:
    tree = ast.parse(source)
    return [trespass for rule in RULES for trespass in rule(module, tree)]


@pytest.mark.parametrize("module", sorted(modules()))
def test_a_module_imports_what_it_may_and_no_more(module: str) -> None:
    assert trespasses(module, modules()[module]) == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("messaging.delivery.flows", "from accounts.models import User"),
        ("messaging.delivery.flows", "import twofactor"),
        ("messaging.delivery.flows", "from messaging import settings"),
        ("accounts.flows", "from twofactor import flows"),
        ("accounts.flows", "def late():\n    from twofactor import flows"),
        ("accounts.flows", "class A:\n    def late(self):\n        import twofactor.flows as flows"),
        ("accounts.flows", "if TYPE_CHECKING:\n    from twofactor.models import PhoneDevice"),
        ("accounts.flows", "from messaging.urls import urlpatterns"),
        ("accounts.management.commands.create_demo", "from twofactor import flows"),
        ("twofactor.flows", "from messaging import urls"),
        ("twofactor.flows", "from messaging.settings import EMBEDDED"),
        ("messaging.health", "from accounts.models import User"),
        ("messaging.database", "from messaging.deadline import within"),
        ("messaging.database", "from accounts.models import User"),
        ("accounts.flows", "from importlib import import_module"),
        ("accounts.flows", "__import__('twofactor')"),
        ("accounts.flows", "apps.get_model('twofactor', 'PhoneDevice')"),
        ("accounts.flows", "import_string('twofactor.flows.resend')"),
        ("accounts.models", "from django.db.models.signals import post_save"),
        ("accounts.models", "from django.dispatch import Signal"),
        ("accounts.models", "class A:\n    def save(self): ..."),
        ("twofactor.flows", "import twilio"),
        ("messaging.delivery.flows", "from twilio.rest import Client"),
        ("twofactor.forms", "import altcha"),
        ("twofactor.forms", "from django_recaptcha.fields import ReCaptchaField"),
        ("twofactor.checks", "from django_recaptcha import client"),
        ("twofactor.views", "def view(request):\n    request.session['a'] = 1"),
        ("accounts.views", "class V:\n    def get(self):\n        return self.request.session"),
        ("twofactor.middleware", "request.session.get('something_else')"),
        ("twofactor.middleware", "request.session[DEVICE_ID_SESSION_KEY] = 1"),
        ("twofactor.flows", "import os\nos.environ['A']"),
        ("twofactor.flows", "import os\nos.getenv('A')"),
        ("twofactor.flows", "from os import environ"),
        ("messaging.wsgi", "import os\nos.environ['A'] = 'b'"),
        ("messaging.health", "import environ"),
    ],
)
def test_the_rule_sees_a_trespass(module: str, source: str) -> None:
    assert trespasses(module, source) != []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("messaging.urls", "from twofactor import urls\nfrom messaging import health"),
        ("twofactor.flows", "from accounts import flows\nfrom messaging.delivery import flows as delivery"),
        ("accounts.models", "from messaging.database import Clock"),
        ("messaging.delivery.gateways", "from messaging.deadline import within\nfrom twilio.rest import Client"),
        ("twofactor.checks", "from django_recaptcha.constants import TEST_PUBLIC_KEY"),
        ("twofactor.middleware", "known = request.session.get(DEVICE_ID_SESSION_KEY)"),
        ("messaging.wsgi", "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'messaging.settings')"),
        ("messaging.delivery.gateways", "http.session.mount('https://', adapter)"),
    ],
)
def test_the_rule_lets_the_house_be(module: str, source: str) -> None:
    assert trespasses(module, source) == []


def test_the_rule_looks_at_every_module() -> None:
    found = set(modules())
    assert {
        "manage",
        "twofactor.views",
        "accounts.management.commands.create_demo",
        "messaging.delivery.flows",
    } <= found
    assert len(found) > 60


def test_templates_do_not_touch_the_session() -> None:
    templates = [*(ROOT / "templates").rglob("*.html"), *(ROOT / "templates").rglob("*.txt")]
    assert len(templates) > 30
    assert [path.name for path in templates if "request.session" in path.read_text()] == []
