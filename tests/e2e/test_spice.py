"""A SPICE console in Chromium, on QEMU's own SPICE server: our page and the distribution's."""

import pathlib

import pytest

from consoles.proxies import catalog
from tests.e2e.test_console import COLOURS
from tests.fixtures.processes import wait_for

PICTURES = pathlib.Path("build/screenshots")
KEY = 20     # ms that a key is held: an emulated PS/2 keyboard keeps only 16 bytes
SPICE = {"console_type": "spice-html5", "access_url_base": "http://127.0.0.1:6082/spice_auto.html"}
PIXELS = """() => document.querySelector("canvas").toDataURL()"""


@pytest.fixture
def console(make_proxy, consoleauth, spice_guest):
    """A proxy; the token `good` leads to the guest."""
    consoleauth.add("good", spice_guest.spice_port, **SPICE)
    return make_proxy(spec=catalog.SPICE_HTML5)


@pytest.fixture
def faults(page):
    """Page errors and breaches of the policy."""
    seen = []
    page.on("pageerror", lambda error: seen.append(str(error)))
    page.on("console", lambda message: seen.append(message.text)
            if message.type == "error" or "Content Security Policy" in message.text else None)
    return seen


def shown(page):
    page.wait_for_selector("html[data-state=connected]")
    page.wait_for_function(f"() => ({COLOURS})() > 3")


def say(page, guest, marker):
    """Type it on the screen, key by key, and hear it on the serial line; the picture changes."""
    before = page.evaluate(PIXELS)
    for key in f"echo {marker} ":
        page.keyboard.press(key, delay=KEY)
    for key in ("Shift+Period", *"/dev/tty", "Shift+S", "0", "Enter"):
        page.keyboard.press(key, delay=KEY)
    wait_for(lambda: marker in guest.serial_text(), 20, "the typed text on the serial line")
    page.wait_for_function(
        "(before) => document.querySelector('canvas').toDataURL() !== before", arg=before)


def test_the_guests_screen_shows_and_typing_works(console, page, faults, spice_guest, consoleauth):
    opened = []
    page.on("websocket", lambda socket: opened.append(socket.url))
    page.goto(f"{console.own_origin}/spice_auto.html?token=good")
    shown(page)
    say(page, spice_guest, "typed-on-our-page")
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=PICTURES / "spice.png")

    assert "good" not in page.url
    assert page.title() == "Console - SPICE"
    assert page.evaluate("document.cookie") == ""
    assert set(opened) == {f"ws://127.0.0.1:{console.port}/?token=good"}
    assert len(opened) == 4     # main, cursor, inputs, display
    page.reload()
    shown(page)
    say(page, spice_guest, "typed-after-a-reload")
    assert faults == []
