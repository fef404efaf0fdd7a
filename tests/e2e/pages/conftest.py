"""A server and a browser for the tests of the pages; each test has a tab of its own."""

import pytest
from playwright.sync_api import sync_playwright

from tests.e2e.pages.steps import visit
from tests.fixtures import page_server
from tests.fixtures.browser import ARGUMENTS
from tests.fixtures.processes import need


@pytest.fixture(scope="package")
def server():
    with page_server.serving() as running:
        yield running


@pytest.fixture(scope="package")
def context():
    """One browser with one cache for this directory, so that a test takes half a second.

    It is gone before other tests run, because Playwright's loop would be in their way.
    """
    chromium = need("chromium", "chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield browser.new_context()
        browser.close()


@pytest.fixture
def page(context):
    tab = context.new_page()
    tab.set_default_timeout(60_000)
    yield tab
    tab.close()


@pytest.fixture(autouse=True)
def fresh(server):
    """Each test hears only its own."""
    server.heard.clear()


@pytest.fixture
def timed_page(context):
    """A tab whose clock the test moves; in a context of its own, because all its tabs share it."""
    timed = context.browser.new_context()
    timed.clock.install()
    yield timed.new_page()
    timed.close()


@pytest.fixture
def console(page, server):
    """Open a page with a token; afterwards no page error and no breach of the CSP was seen."""
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text)
            if "Content Security Policy" in message.text else None)

    def open_console(token, state="connected", name="vnc_auto.html", options=""):
        return visit(page, server, f"{name}?path=%3Ftoken%3D{token}{options}", state)

    yield open_console
    assert not faults
