"""The pages without eyes and without a mouse, and what they must not show."""

import re

import pytest

from tests.e2e.pages.steps import PAGES
from tests.e2e.pages.steps import visit
from tests.e2e.pages.steps import wait_state
from tests.fixtures import page_server
from tests.fixtures.page_guest import rfb
from tests.fixtures.page_server import close

LIVE = """
- banner:
  - paragraph:
    - strong: guest-1
    - text: Connected
  - toolbar "Console tools":
    - button "Fit to window" [pressed]
    - button "Clipboard"
    - button "Ctrl+Alt+Del"
    - button "Full screen"
    - button "Disconnect"
- main:
  - status: Connected
  - application "The server's screen. Shift+F6 leaves it with the keyboard.":
    - img "The server's picture"
"""

REFUSED = """
- main:
  - status: The console service is not available. A part of it is missing. This is often over in \
a moment. Because
  - heading "The console service is not available" [level=1]
  - paragraph: A part of it is missing. This is often over in a moment.
  - paragraph: "The console service said: Because"
  - paragraph: Code 4503
  - timer: /Reconnecting in \\d+ s/
  - button "Reconnect now"
  - button "Cancel"
"""


def active(page):
    return page.evaluate("""(() => {
        const at = document.activeElement;
        return at.dataset.tool ?? at.tagName;
    })()""")


def test_what_a_screen_reader_finds_on_a_console(console, server):
    server.plan("good", rfb)
    page = console("good")
    assert page.locator("html").get_attribute("lang") == "en"
    assert page.locator("body").aria_snapshot().strip() == LIVE.strip()


def test_what_a_screen_reader_finds_on_a_refusal(console, server):
    server.plan("bad", close(4503, "Because"))
    page = console("bad", "refused", name="vnc_lite.html", options="&reconnect_delay=20000")
    shown = re.sub(r"(?<=timer: )Reconnecting in \d+ s", r"/Reconnecting in \\d+ s/",
                   page.locator("body").aria_snapshot())
    assert shown.strip() == REFUSED.strip()
    assert page.locator("[role=status].spoken").get_attribute("aria-live") == "polite"
    assert page.get_by_role("timer").get_attribute("aria-live") == "off"    # it speaks each second


def test_the_clipboard_has_names_and_its_button_says_that_it_is_open(console, server):
    server.plan("good", rfb)
    page = console("good")
    opener = page.get_by_role("button", name="Clipboard")
    assert opener.get_attribute("aria-expanded") == "false"
    opener.click()
    assert opener.get_attribute("aria-expanded") == "true"
    panel = page.get_by_role("region", name="Clipboard")
    assert panel.get_attribute("id") == opener.get_attribute("aria-controls")
    for name in ("Text for the server", "Text copied on the server"):
        text = panel.get_by_role("textbox", name=name)
        hint = text.get_attribute("aria-describedby")
        assert page.locator(f"#{hint}").inner_text()


@pytest.mark.parametrize("name", PAGES)
def test_the_keyboard_leaves_the_screen_and_comes_back(console, server, name):
    server.plan("good", rfb)
    page = console("good", name=name)
    assert active(page) == "CANVAS"
    ring = """getComputedStyle(document.querySelector(".screen"), "::after").borderTopStyle"""
    assert page.evaluate(ring) == "solid"
    page.keyboard.press("Shift+F6")
    assert active(page) == ("fit" if name == "vnc_auto.html" else "BODY")
    assert page.evaluate(ring) == "none"
    for _ in range(5 if name == "vnc_auto.html" else 2):    # the lite page: out of it and in again
        page.keyboard.press("Tab")
    assert active(page) == "CANVAS"
    assert page.evaluate(ring) == "solid"
    page.keyboard.press("b")
    assert server.wait_for("key", 4)[2:] == [(1, ord("b")), (0, ord("b"))]


@pytest.mark.parametrize("tool", ["Fit to window", "Ctrl+Alt+Del", "Full screen"])
def test_a_tool_used_with_the_keyboard_gives_the_focus_back(console, server, tool):
    server.plan("good", rfb)
    page = console("good")
    page.get_by_role("button", name=tool).focus()
    page.keyboard.press("Enter")
    page.wait_for_function("() => document.activeElement.tagName === 'CANVAS'")
    assert (1, 0xFF0D) not in server.all("key")     # the Enter was the page's


def test_a_refusal_takes_the_focus_and_its_button_is_next(console, server):
    server.plan("bad", close(4409), rfb)
    page = console("bad", "refused")
    assert page.evaluate("document.activeElement.className") == "card"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Reconnect"
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    wait_state(page, "connected")
    assert active(page) == "CANVAS"


def test_a_title_in_the_address_is_shown_nowhere(console, server):
    server.plan("good", rfb)
    page = console("good", options="&title=Your+bank&name=Your+bank")
    assert page.title() == "guest-1 - noVNC"
    assert "Your bank" not in page.locator("html").inner_text()
    server.plan("bad", close(4401))
    page = console("bad", "refused", options="&title=Your+bank")
    assert page.title() == "Console - noVNC"
    assert "Your bank" not in page.locator("html").inner_text()


def test_the_pages_set_no_cookie(page, server):
    server.plan("good", rfb)
    visit(page, server, "?token=good")
    assert page.evaluate("document.cookie") == ""
    assert page.context.cookies() == []


def test_every_sentence_stands_in_one_module():
    """Words with a space between them, in quotes, anywhere else than in strings.js."""
    for script in (page_server.WEB / "js").glob("*.js"):
        code = re.sub(r"/[*].*?[*]/|//[^\n]*", "", script.read_text(), flags=re.DOTALL)
        found = re.findall(r"""["'`][A-Z][a-z]+ [a-z]+[^"'`]*["'`]""", code)
        assert bool(found) == (script.name == "strings.js"), (script.name, found)


@pytest.mark.parametrize("name", PAGES)
def test_the_html_has_words_for_browsers_without_javascript_only(name):
    text = (page_server.WEB / name).read_text()
    assert re.sub(r"<(noscript|title)>.*?</\1>|<[^>]*>", "", text).split() == []
