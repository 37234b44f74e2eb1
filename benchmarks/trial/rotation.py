"""All keys rotated as docs/operations.md says: known everywhere first, then used, then the old ones removed."""

import re
import secrets
import time
from base64 import b32decode

from django_otp.oath import hotp

from benchmarks.trial.installation import Trial
from benchmarks.trial.load import Phase
from tests.services.browser import Browser, location
from tests.services.programs import Program
from tests.services.seed import PASSWORD

APP = "/meu-perfil/segunda-etapa/app/"
PROOF = "/confirmar-identidade/"
STEP = 30  # seconds
# The variable of the second key, and the separator where one variable has both.
SECOND = {"SECRET_KEY": "SECRET_KEY_FALLBACKS", "TOKEN_KEY": "TOKEN_KEY_PREVIOUS", "FACTOR_KEYS": ""}


def rotate(trial: Trial, web: Program, workers: list[Program]) -> None:
    promise = "no request fails, nobody is signed out or begins anew, apps go on"
    with trial.phase("all keys rotated", promise) as phase:
        browser, secret = with_an_app(trial)
        new = {name: secrets.token_urlsafe(50) for name in SECOND}
        old = {name: trial.portal.env[name] for name in SECOND}
        web = take_over(trial, old, new, web, workers)
        web = take_over(trial, new, old, web, workers)
        done = trial.portal.manage("reseal_secrets")
        phase.expect((done.returncode, done.stdout) == (0, "1 secrets sealed anew.\n"), done.stdout + done.stderr)
        trial.portal.env["FACTOR_KEYS"] = new["FACTOR_KEYS"]  # secrets still under the old key would be lost now
        trial.restart(web, workers)
        judge(trial, phase, browser, secret)
    phase.expect(phase.failed == 0, f"requests failed: {dict(phase.statuses)}")
    phase.expect(phase.signed_in and not phase.given_up, f"{phase.signed_in} signed in, {phase.given_up} gave up")


def take_over(
    trial: Trial, first: dict[str, str], second: dict[str, str], web: Program, workers: list[Program]
) -> Program:
    """Start everything with these keys; return the new web."""
    env = trial.portal.env
    for name, place in SECOND.items():
        env[name] = first[name] if place else f"{first[name]},{second[name]}"
        if place:
            env[place] = second[name]
    return trial.restart(web, workers)


def with_an_app(trial: Trial) -> tuple[Browser, bytes]:
    """Return a signed-in person with an app, and its secret."""
    browser = trial.member()
    location(browser.ask_for_sms().post_token(trial.portal.token(browser)))
    browser.post(APP, form_at="/meu-perfil/segunda-etapa/")
    location(browser.post(PROOF, password=PASSWORD, channel="sms"))
    location(browser.post(PROOF, token=trial.portal.token(browser, 2)))
    shown = re.search(r'class="secret">([A-Z2-7 ]+)<', browser.get(APP).text)
    assert shown, "no secret of an app"
    secret = b32decode(shown[1].replace(" ", ""))
    location(browser.post(APP, token=token_of(secret)))
    return browser, secret


def token_of(secret: bytes) -> str:
    return f"{hotp(secret, int(time.time()) // STEP):06}"


def judge(trial: Trial, phase: Phase, browser: Browser, secret: bytes) -> None:
    """Check that a person who was signed in still is, and that the app signs in."""
    phase.expect(browser.is_in(), "a session ended")
    other = trial.front.visit(Browser(trial.portal.base, browser.login, browser.number, trial.portal.secrets))
    location(other.post_password())
    location(other.post("/entrar/app/", token=token_of(secret)))
    phase.expect(other.is_in(), "the app opens nothing")
    told = trial.portal.manage("doctor").stdout
    phase.expect("apps are under an old key" not in told and "no key opens" not in told, told)
