"""The operators' site in Chromium, under the portal's own policy: no inline script, no inline style, no other host.

What a browser complains about (a violation of the policy is an error of its console) fails the test: see conftest.
"""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import SOME, Complaints, Fresh, Visit
from tests.browser.person import Person


@pytest.fixture
def operator(visit: Visit, fresh: Fresh) -> Person:
    household = fresh("operated")
    alice = visit(household.alice, household.alices_number)
    alice.sign_in()
    return alice


def test_the_operators_site_needs_no_looser_policy(operator: Person) -> None:
    """W-02: lists, filters, searches and forms, with what the site's own scripts and styles do."""
    page = operator.page
    operator.go("/admin/")
    expect(page.locator("#header")).not_to_have_css("background-color", "rgba(0, 0, 0, 0)")
    before = page.locator("html").get_attribute("data-theme")
    page.locator(".theme-toggle").first.click()
    expect(page.locator("html")).not_to_have_attribute("data-theme", str(before))
    for model in ("account", "user", "auditevent", "ratelimit", "session"):
        if page.locator(f"a[href='/admin/accounts/{model}/']").count():
            operator.go(f"/admin/accounts/{model}/")
            expect(page.locator("#content-main")).to_be_visible()
    operator.go(f"/admin/accounts/user/?q={operator.login}")
    page.locator("#action-toggle").check()
    expect(page.locator("#result_list input.action-select:checked")).to_have_count(1)
    page.locator("#result_list tbody th a").first.click()
    expect(page.locator("#user_form")).to_be_visible()
    page.locator("a.historylink").click()
    expect(page.locator("#change-history")).to_be_visible()
    page.locator("#nav-filter").fill("limites")
    expect(page.locator("#nav-sidebar a:visible", has_text=re.compile("limites", re.IGNORECASE)).first).to_be_visible()


def test_the_policy_stands_on_the_operators_site(operator: Person, complaints: Complaints) -> None:
    """W-02: what somebody brought into a page there would not run, and the test above would see it."""
    operator.go("/admin/")
    operator.page.evaluate("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"window.ran = 1\">')")
    expect(operator.page.locator("img[src=x]")).to_be_attached()
    operator.page.wait_for_function("() => document.querySelector('img[src=x]').complete")
    assert operator.page.evaluate("window.ran") is None
    complaints.forgive("Content Security Policy", SOME)
    complaints.forgive("404")  # there is no such picture
