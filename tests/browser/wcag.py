"""What axe has against a page."""

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

# With the rule about targets of 24 px (WCAG 2.5.8), which axe leaves off; without its preload, which reads style
# sheets for rules we have no use for by writing inline ones.
AXE = """() => axe.run({
    resultTypes: ['violations'], preload: false, rules: {'target-size': {enabled: true}},
})"""


SCRIPT = Axe().axe_script


def violations(page: Page, *schemes: str) -> list[str]:
    """Return what axe has against a page, in both colours or in those that are named."""
    if not page.evaluate("typeof axe === 'object'"):
        page.evaluate(SCRIPT)
    return [told for scheme in schemes or ("light", "dark") for told in _violations(page, scheme)]


def _violations(page: Page, scheme: str) -> list[str]:
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light", reduced_motion="reduce")
    found = page.evaluate(AXE)
    measured = {rule["id"] for rule in found["passes"]}
    assert "color-contrast" in measured, page.url
    return [f"{scheme}: {_told(violation)}" for violation in found["violations"]]


def _told(violation: dict[str, object]) -> str:
    nodes = violation["nodes"]
    assert isinstance(nodes, list)
    places = "; ".join(f"{node['html'][:160]} ({node['failureSummary'][:300]})" for node in nodes[:3])
    return f"{violation['id']}: {places}"
