"""How the pages look, narrow and dark, and how they show faults of their own."""

import threading

import pytest

from tests.e2e.pages.steps import PAGES
from tests.e2e.pages.steps import visit
from tests.fixtures import page_server
from tests.fixtures.page_guest import rfb
from tests.fixtures.page_server import close


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("token", ["good", "bad"])
def test_narrow_viewport(console, server, page, name, token):
    server.plan("good", rfb)
    server.plan("bad", close(4503, "The console authorisation service is not available. " * 2))
    page.set_viewport_size({"width": 320, "height": 480})
    console(token, "connected" if token == "good" else "refused", name=name,
            options="&reconnect_delay=20000")
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    for button in page.get_by_role("button").all():
        box = button.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 320
        assert box["width"] >= 36
        assert box["height"] >= 36


def test_narrow_clipboard(console, server, page):
    """A panel that is higher than the window scrolls in itself, never sideways."""
    server.plan("good", rfb)
    page.set_viewport_size({"width": 320, "height": 360})
    console("good")
    page.get_by_role("button", name="Clipboard").click()
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    for name in ("Send", "Type", "Copy", "Close"):
        button = page.get_by_role("button", name=name, exact=True)
        button.scroll_into_view_if_needed()
        box = button.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 320
        assert box["y"] + box["height"] <= 360
    button.click()
    assert page.locator(".panel").is_hidden()


def test_the_frame_of_who_has_the_keyboard_hides_nothing_of_the_picture(console, server, page):
    """A picture may be as wide as the window."""
    server.plan("good", rfb)
    page.set_viewport_size({"width": 320, "height": 480})
    console("good")
    canvas = page.locator("canvas")
    canvas.focus()
    style = "e => { const s = getComputedStyle(e, '::after'); return [s.width, s.borderTopWidth]; }"
    width, border = page.locator(".screen").evaluate(style)
    box = canvas.bounding_box()
    assert (width, border) == ("316px", "2px")
    assert (box["x"], box["width"]) == (2, 316)


@pytest.mark.parametrize(("wanted", "animation"), [("reduce", "none"), ("no-preference", "turn")])
def test_nothing_moves_for_who_wants_less_motion(console, server, page, wanted, animation):
    allowed = threading.Event()
    server.plan("slow", page_server.until(allowed))
    page.emulate_media(reduced_motion=wanted)
    console("slow", "connecting")
    spinner = page.locator(".spinner")
    assert spinner.is_visible()
    assert spinner.evaluate("e => getComputedStyle(e).animationName") == animation
    allowed.set()
    assert page.evaluate("""[...document.querySelectorAll("*")].every(e =>
        getComputedStyle(e).transitionDuration === "0s")""")


@pytest.mark.parametrize("name", PAGES)
def test_missing_novnc_is_said(page, server, name):
    page.route("**/vendor/novnc/core/rfb.js", lambda route: route.fulfill(status=404))
    page.goto(f"{server.url}/{name}?path=%3Ftoken%3DT")
    fault = page.get_by_role("alert")
    fault.wait_for()
    assert "not completely installed" in fault.inner_text()
    assert "tools/pages" in fault.inner_text()


@pytest.mark.parametrize("fault", [
    "setTimeout(() => { throw new Error('broken <b>here</b>'); })",
    "void Promise.reject(new Error('broken <b>here</b>'))",
])
def test_an_error_of_the_page_shows_in_it(page, server, fault):
    server.plan("good", rfb)
    visit(page, server, "?token=good")
    page.evaluate(f"() => {{ {fault} }}")
    page.get_by_role("alert").wait_for()
    assert page.get_by_role("alert").inner_text() == "This page has failed: broken <b>here</b>"


def test_a_broken_module_shows_in_it(page, server):
    page.route("**/js/toolbar.js", lambda route: route.fulfill(
        body="export const half = 1;", content_type="text/javascript"))
    page.goto(f"{server.url}/?token=good")
    page.get_by_role("alert").wait_for()
    assert page.get_by_role("alert").inner_text().startswith("This page has failed: ")


def test_without_javascript_the_page_says_so(page, server):
    with_out = page.context.browser.new_context(java_script_enabled=False)
    plain = with_out.new_page()
    plain.goto(f"{server.url}/vnc_auto.html")
    assert "needs JavaScript" in plain.locator("body").inner_text()
    with_out.close()
