"""The report of the soak in docs/faults.md."""

import json
import os
import re
import statistics
import time
from collections import Counter
from collections.abc import Iterator

from benchmarks.soak.people import Run
from tests.services.programs import BASE_DIR

DOCS = BASE_DIR / "docs" / "faults.md"
BEGIN, END = "<!-- soak: begin -->", "<!-- soak: end -->"
# One call in five fails: certainly not taken, unsure, silent, cut off, and numbers that get no SMS.
FAILURES = {"20429": 5, "20500": 4, "hang": 3, "reset": 3, "21211": 3, "21610": 2}


def spread(values: list[float]) -> str:
    if not values:
        return "–"
    ordered = sorted(values)
    p95 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]
    return f"{statistics.median(ordered):.2f} | {p95:.2f} | {ordered[-1]:.2f}"


def report(run: Run, command: str) -> tuple[str, bool]:
    people, portal = run.people, run.portal
    outcomes = Counter(person.outcome for person in people)
    broken = [(person.browser.login, what) for person in people for what in person.broken]
    told = Counter(person.told for person in people if person.outcome == "told")
    faults = [f"{at:.0f} s {what}" for at, what in run.faults]
    clicks = [person.click for person in people if person.click]
    calls = [person.to_gateway for person in people if person.to_gateway is not None]
    tokens = [person.to_token for person in people if person.to_token is not None]
    errors = Counter(errors_in(portal.logs()))
    where = f"{os.cpu_count()} cores"
    lines = [
        f"`{command}` on {time.strftime('%Y-%m-%d')}, {where}: **{len(people)} sign-ins in {run.seconds:.0f} s.**",
        f"One Twilio call in five fails ({', '.join(FAILURES)}); the others take 300 ms. There is no second gateway.",
        "",
        "| outcome | people |",
        "| --- | --- |",
        f"| signed in with the one token they got, within its life | {outcomes['in']} |",
        *(f"| told on the page: “{text}” | {count} |" for text, count in told.most_common()),
        f"| neither | {len(people) - outcomes['in'] - outcomes['told']} |",
        f"| two messages with different digits | {sum('different digits' in what for _, what in broken)} |",
        f"| more than two gateway calls | {sum('calls for one' in what for _, what in broken)} |",
        f"| in without a token (asked on the way; sessions in the database at the end) "
        f"| {sum('without a token' in what for _, what in broken) + run.intruders} |",
        f"| of those signed in: by the second gateway call, same digits "
        f"| {sum(person.calls == 2 and person.outcome == 'in' for person in people)} |",
        f"| got the same digits twice (killed in the call) | {sum(bool(person.duplicates) for person in people)} |",
        "",
        "| seconds | median | 95 % | worst |",
        "| --- | --- | --- | --- |",
        f"| the “send” request (Q-01: 1 s on quiet cores) | {spread(clicks)} |",
        f"| click → first gateway call (Q-02: 10 s; with a worker killed, Q-03: 20 s) | {spread(calls)} |",
        f"| click → token taken by the gateway | {spread(tokens)} |",
        "",
        f"Faults injected ({len(faults)}): " + "; ".join(faults) + ".",
        "",
        "Lines of level error in the portal's logs: "
        + ("; ".join(f"{count} × “{text}”" for text, count in errors.most_common()) or "none")
        + ".",
    ]
    if broken:
        lines += ["", "Broken promises: " + "; ".join(f"{login}: {what}" for login, what in broken[:20])]
    return "\n".join(lines), not broken and not run.intruders and outcomes["in"] + outcomes["told"] == len(people)


def errors_in(logs: str) -> Iterator[str]:
    """Yield what each line of level error says, and of its exception the last line, without their numbers."""
    for line in logs.splitlines():
        if line.startswith("{") and (entry := json.loads(line))["level"] == "error":
            cause = entry.get("exception", "").strip().splitlines()[-1:]
            yield re.sub(r"\d+", "…", ": ".join(" ".join(part.split())[:90] for part in (entry["message"], *cause)))


def write(text: str) -> None:
    page = DOCS.read_text() if DOCS.exists() else f"{BEGIN}\n{END}\n"
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    DOCS.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}")
