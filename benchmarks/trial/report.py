"""The report of a trial in docs/faults.md."""

import os
import time

from benchmarks.soak.report import DOCS
from benchmarks.trial.load import Phase
from tests.services.releases import COMMIT

BEGIN, END = "<!-- trial: begin -->", "<!-- trial: end -->"


def percentile(values: list[float], part: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * part))] if values else 0.0


def line(phase: Phase) -> str:
    answered = sum(phase.statuses.values())
    clicks = f"{percentile(phase.clicks, 0.5):.2f} / {percentile(phase.clicks, 0.99):.2f}" if phase.clicks else "–"
    return (
        f"| {phase.name} | {phase.promise} | {phase.seconds:.0f} | {phase.signed_in} | {phase.given_up} | {answered} "
        f"| {phase.failed} | {phase.slowest:.2f} | {clicks} | {'**no**' if phase.broken else 'yes'} |"
    )


HEADS = ("what", "promise", "s", "signed in", "gave up", "requests", "failed", "slowest", "click → gateway", "kept")


def report(phases: list[Phase], command: str) -> str:
    broken = [f"{phase.name}: {what}" for phase in phases for what in phase.broken]
    where = f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at its end; begun with {COMMIT[:7]}"
    lines = [
        f"`{command}` on {time.strftime('%Y-%m-%d')}, {where}. Seconds; click → gateway: 50 / 99 %.",
        "",
        "| " + " | ".join(HEADS) + " |",
        "| " + " | ".join(["---"] * len(HEADS)) + " |",
        *map(line, phases),
    ]
    notes = [note for phase in phases for note in phase.notes]
    told = [" ".join(notes), f"Broken: {'; '.join(broken)}." if broken else ""]
    return "\n".join([*lines, *(part for sentence in told if sentence for part in ("", sentence))])


def write(text: str) -> None:
    before, _, rest = DOCS.read_text().partition(BEGIN)
    DOCS.write_text(f"{before}{BEGIN}\n{text}\n{END}{rest.partition(END)[2]}")
