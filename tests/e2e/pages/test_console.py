"""A console that works: picture, keys and tools."""

import re
import threading

import pytest

from tests.e2e.pages.steps import buttons
from tests.e2e.pages.steps import PAGES
from tests.e2e.pages.steps import sockets
from tests.e2e.pages.steps import visit
from tests.e2e.pages.steps import wait_pixel
from tests.e2e.pages.steps import wait_state
from tests.fixtures import page_guest
from tests.fixtures import page_server
from tests.fixtures.page_guest import rfb

CONTROL, ALT, SHIFT, DELETE, RETURN = 0xFFE3, 0xFFE9, 0xFFE1, 0xFFFF, 0xFF0D


@pytest.mark.parametrize("name", PAGES)
def test_connects_shows_pixels_and_sends_keys(console, server, name):
    server.plan("good", rfb)
    page = console("good", name=name)
    wait_pixel(page)
    assert page.title() == "guest-1 - noVNC"
    page.keyboard.press("a")        # without a click: the canvas has the focus
    assert server.wait_for("key", 2) == [(1, ord("a")), (0, ord("a"))]
    assert server.all("shared") == [1]
    assert page.locator(".card").is_hidden()
    assert page.locator("header").count() == (name == "vnc_auto.html")


@pytest.mark.parametrize("name", PAGES)
def test_files_are_what_clients_check_for(page, server, name):
    answer = page.request.get(f"{server.url}/{name}")
    assert answer.ok
    for wanted in ("<html", "</html>", "noVNC", "<script", "<noscript>"):
        assert wanted in answer.text()
    assert not re.search(r"<style|style=|\son\w+=|<script(?![^>]*src=)", answer.text())


def test_root_is_the_full_page_and_takes_a_plain_token(page, server):
    server.plan("good", rfb)
    visit(page, server, "?token=good")
    assert page.locator("header").is_visible()
    assert sockets(server) == ["/?token=good"]


def test_state_while_connecting_and_its_end_by_the_user(console, server):
    allowed = threading.Event()
    server.plan("slow", page_server.until(allowed))
    page = console("slow", "connecting")
    assert page.locator(".card h1").inner_text() == "Connecting to the console"
    assert page.locator(".state").inner_text() == "Connecting"
    page.get_by_role("button", name="Disconnect").click()
    wait_state(page, "closed")
    allowed.set()
    assert page.locator(".card h1").inner_text() == "You are disconnected"
    assert buttons(page) == ["Reconnect"]


def test_ctrl_alt_del_and_focus_returns_to_the_screen(console, server):
    server.plan("good", rfb)
    page = console("good")
    page.get_by_role("button", name="Ctrl+Alt+Del").click()
    keys = server.wait_for("key", 6)
    assert keys == [(1, CONTROL), (1, ALT), (1, DELETE), (0, DELETE), (0, ALT), (0, CONTROL)]
    assert page.evaluate("document.activeElement.tagName") == "CANVAS"


def test_clipboard_both_ways(console, server):
    server.plan("good", rfb)
    page = console("good")
    page.get_by_role("button", name="Clipboard").click()
    assert page.get_by_label("Text for the server").evaluate("e => e === document.activeElement")
    assert page.get_by_label("Text copied on the server").input_value() == "from the guest"
    page.get_by_label("Text for the server").fill("to the guest")
    page.get_by_role("button", name="Send").click()
    assert server.wait_for("text") == ["to the guest"]
    page.keyboard.press("Escape")
    assert page.locator(".panel").is_hidden()
    assert page.evaluate("document.activeElement.tagName") == "CANVAS"
    assert server.all("key") == []


def test_text_is_typed_as_keys(console, server):
    server.plan("good", rfb)
    page = console("good")
    page.get_by_role("button", name="Clipboard").click()
    page.get_by_label("Text for the server").fill("a:B\n")
    page.get_by_role("button", name="Type").click()
    page.get_by_text("Typed.").wait_for()
    assert server.wait_for("key", 12) == [
        (1, ord("a")), (0, ord("a")),
        (1, SHIFT), (1, ord(":")), (0, ord(":")), (0, SHIFT),
        (1, SHIFT), (1, ord("B")), (0, ord("B")), (0, SHIFT),
        (1, RETURN), (0, RETURN)]


def test_scaling(console, server):
    server.plan("good", rfb)
    page = console("good")
    fit = page.get_by_role("button", name="Fit to window")
    assert fit.get_attribute("aria-pressed") == "true"
    assert page.locator("canvas").bounding_box()["width"] > page_guest.WIDTH
    fit.click()
    assert fit.get_attribute("aria-pressed") == "false"
    assert page.locator("canvas").bounding_box()["width"] == page_guest.WIDTH
    page.set_viewport_size({"width": 240, "height": 300})
    assert page.locator("canvas").bounding_box()["width"] == page_guest.WIDTH     # it scrolls


@pytest.mark.parametrize(("resize", "scaled"), [("off", False), ("scale", True), ("odd", True)])
def test_resize_option(console, server, resize, scaled):
    server.plan("good", rfb)
    page = console("good", name="vnc_lite.html", options=f"&resize={resize}")
    assert (page.locator("canvas").bounding_box()["width"] > page_guest.WIDTH) == scaled


def test_view_only_sends_nothing_and_not_shared(console, server):
    server.plan("good", rfb)
    page = console("good", options="&view_only=1&shared=false")
    wait_pixel(page)
    assert page.locator(".state").inner_text() == "Connected (view only)"
    assert page.get_by_role("button", name="Ctrl+Alt+Del").count() == 0
    page.locator("canvas").click()
    page.keyboard.press("a")
    page.get_by_role("button", name="Disconnect").click()
    wait_state(page, "closed")
    assert server.all("key") == []
    assert server.all("shared") == [0]


def test_full_screen(console, server):
    server.plan("good", rfb)
    page = console("good")
    page.get_by_role("button", name="Full screen").click()
    page.wait_for_function("() => document.fullscreenElement !== null")
    page.get_by_role("button", name="Full screen").click()
    page.wait_for_function("() => document.fullscreenElement === null")


def test_everything_is_reached_by_keyboard(console, server):
    server.plan("good", rfb)
    page = console("good")
    page.keyboard.press("Tab")      # belongs to the guest
    assert server.wait_for("key", 2) == [(1, 0xFF09), (0, 0xFF09)]
    page.keyboard.press("Shift+F6")
    assert server.wait_for("key", 4)[2:] == [(1, SHIFT), (0, SHIFT)]        # no key is left held
    reached = []
    for _ in range(5):
        reached.append(page.evaluate("document.activeElement.dataset.tool"))
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
        page.keyboard.press("Tab")
    assert reached == ["fit", "clipboard", "keys", "fullscreen", "disconnect"]
