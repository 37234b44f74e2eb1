"""The actions of one person of the soak, and their results."""

import threading
import time
from dataclasses import dataclass, field

import requests

from tests.services.browser import Browser, location
from tests.services.portal import Portal, digits

LIFE = 180.0


@dataclass
class Person:
    """What happened to one person."""

    browser: Browser
    outcome: str = ""
    told: str = ""
    click: float = 0  # seconds that the "send" request took
    to_gateway: float | None = None  # seconds from the click to the first call
    to_token: float | None = None  # seconds from the click until the gateway took the token
    calls: int = 0
    duplicates: int = 0
    broken: list[str] = field(default_factory=list)


@dataclass
class Run:
    """One soak: its parts, its people, and what was done to them."""

    portal: Portal
    people: list[Person]
    began: float = field(default_factory=time.time)
    faults: list[tuple[float, str]] = field(default_factory=list)
    started: int = 0
    seconds: float = 0
    intruders: int = 0
    stop: threading.Event = field(default_factory=threading.Event)
    over: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, what: str) -> None:
        self.faults.append((time.time() - self.began, what))
        print(f"{time.time() - self.began:6.1f} s  {what}", flush=True)


def sign_in(run: Run, person: Person) -> None:
    if run.stop.is_set():
        person.outcome = "too late to begin"
        return
    with run.lock:
        run.started += 1
    browser, portal = person.browser, run.portal
    try:
        location(browser.post_password())
        response = browser.post_channel()
        clicked = time.time() - response.elapsed.total_seconds()
        person.click = response.elapsed.total_seconds()
        if location(response) != "/entrar/token/":
            raise AssertionError(f"sent to {location(response)}")
        wait_and_prove(portal, person, clicked)
    except (AssertionError, requests.RequestException, KeyError, ValueError) as error:
        person.outcome = "broken"
        person.broken.append(f"{type(error).__name__}: {error}"[:200])


def wait_and_prove(portal: Portal, person: Person, clicked: float) -> None:
    browser = person.browser
    while time.time() - clicked < LIFE + 20:
        received = portal.twilio.received(browser.number)
        if received and person.to_gateway is None:
            person.to_gateway = received[0]["at"] - clicked
            if browser.is_in():
                person.broken.append("in without a token")
        if arrived := [one for one in received if one["answer"] == "slow"]:
            person.to_token = arrived[0]["at"] - clicked
            prove(person, digits(arrived[0]["Body"]))
            return
        state, text = browser.delivery_status()
        if state == "failed":
            person.outcome, person.told = "told", text
            if browser.is_in():
                person.broken.append("in without a token")
            return
        time.sleep(0.5)
    person.outcome = "left alone"
    person.broken.append("neither a token nor a word")


def prove(person: Person, token: str) -> None:
    response = person.browser.post_token(token)
    if response.status_code == 302 and response.headers["Location"] == "/" and person.browser.is_in():
        person.outcome = "in"
    else:
        person.outcome = "broken"
        person.broken.append(f"the token was refused: {response.status_code}")


def look_back(portal: Portal, person: Person) -> None:
    """Compare with what the gateway got for a person, when everything is over."""
    received = portal.twilio.received(person.browser.number)
    person.calls = len(received)
    person.duplicates = max(0, sum(one["answer"] == "slow" for one in received) - 1)
    if len({digits(one["Body"]) for one in received}) > 1:
        person.broken.append("two messages with different digits")
    if len(received) > 2:
        person.broken.append(f"{len(received)} calls for one token")
    verified = [row[1] for row in portal.challenges_of(person.browser)]
    if verified != [person.outcome == "in"]:
        person.broken.append(f"challenges {verified}, outcome {person.outcome}")
