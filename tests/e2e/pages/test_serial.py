"""The page of serial consoles: a terminal that works, and what happens to it at the end."""

import re
import threading

import pytest

from consoles.compute.guests.house import Guest
from consoles.compute.guests.house import House
from consoles.compute.guests.house import LINE
from consoles.proxies import catalog
from tests.e2e.pages.steps import buttons
from tests.e2e.pages.steps import sockets
from tests.e2e.pages.steps import wait_state
from tests.fixtures.browser import terminal_text
from tests.fixtures.browser import wait_terminal_text
from tests.fixtures.page_server import close

NAME = "serial.html"
QUICK = "&reconnect_delay=300"


def guest(peer):
    """Speaks, reports what it gets, and says it again."""
    peer.send("größe login: ".encode())
    while True:
        typed = peer.receive()
        peer.report("typed", typed)
        peer.send(typed.replace(b"\r", b"\r\n"))


def guest_until(event, end):
    def behave(peer):
        threading.Thread(target=lambda: event.wait(30) and end(peer), daemon=True).start()
        guest(peer)
    return behave


def typed(server):
    return b"".join(server.all("typed"))


def wait_typed(page, server, wanted):
    for count in range(1, 100):
        server.wait_for("typed", count)
        if wanted in typed(server):
            return
    raise AssertionError(typed(server))


def test_a_shell_of_a_built_in_guest_through_the_proxy(page, make_proxy, consoleauth):
    faults = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text)
            if message.type == "error" else None)
    house = House("127.0.0.1")
    house.start()
    try:
        house.run({"vm1": Guest("vm1", "testcard", "host-1", frozenset({LINE}))})
        proxy = make_proxy(spec=catalog.SERIAL)
        consoleauth.add("T", house.port("vm1", LINE), console_type="serial",
                        access_url_base="ws://127.0.0.1:6083/")
        page.goto(f"{proxy.own_origin}/?token=T")
        wait_state(page, "connected")
        assert "token=T" not in page.url
        wait_terminal_text(page, "guest@testcard:~$")
        page.keyboard.type("uname -a\n")
        wait_terminal_text(page, "consoles-guest testcard 1.0 ttyS0")
    finally:
        house.stop()
    assert faults == []


def test_keys_go_as_a_terminal_sends_them(console, server):
    server.plan("good", guest)
    page = console("good", name=NAME)
    wait_terminal_text(page, "größe login:")
    assert terminal_text(page).startswith("[Connected. Press Enter if nothing appears.]")
    page.keyboard.type("ls\n")      # without a click: the terminal has the focus
    page.keyboard.press("Tab")
    page.keyboard.press("Control+c")
    page.keyboard.press("ArrowUp")
    wait_typed(page, server, b"ls\r\t\x03\x1b[A")
    page.keyboard.insert_text("grün")
    wait_typed(page, server, "grün".encode())


def test_it_fills_the_window_and_follows_its_size(console, server):
    server.plan("good", guest)
    page = console("good", name=NAME)
    rows = page.locator(".xterm-rows > div").count()
    assert rows > 24
    last = page.locator(".xterm-rows > div").last.bounding_box()
    assert last["y"] + last["height"] <= page.viewport_size["height"]
    page.set_viewport_size({"width": 640, "height": 300})
    page.wait_for_function(
        "(rows) => document.querySelectorAll('.xterm-rows > div').length < rows / 2", arg=rows)


def test_it_scrolls_back(console, server):
    def talkative(peer):
        peer.send(b"".join(b"line %d\r\n" % number for number in range(2000)))
        guest(peer)

    server.plan("good", talkative)
    page = console("good", name=NAME)
    wait_terminal_text(page, "line 1999")
    page.mouse.move(300, 300)
    page.mouse.wheel(0, -300)
    page.wait_for_function(
        "() => !document.querySelector('.xterm-rows').innerText.includes('1999')")
    for _ in range(2000 // 20):
        page.keyboard.press("Shift+PageUp")
    wait_terminal_text(page, "line 1\n")
    page.keyboard.press("x")        # typing leads back to the end
    wait_terminal_text(page, "line 1999")


def test_copy_by_keys_and_by_the_panel(console, server):
    server.plan("good", guest)
    page = console("good", name=NAME)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    wait_terminal_text(page, "login:")
    box = page.get_by_text("login:").bounding_box()
    page.mouse.dblclick(box["x"] + 10, box["y"] + 8)
    page.keyboard.press("Control+Shift+C")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == "größe"
    page.get_by_role("button", name="Clipboard").click()
    assert page.get_by_label("Text selected in the terminal").input_value() == copied
    assert typed(server) == b""     # Ctrl+Shift+C is not the guest's


def test_paste_by_keys_and_by_the_panel(console, server):
    server.plan("good", guest)
    page = console("good", name=NAME)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.evaluate("navigator.clipboard.writeText('one\\ntwo')")
    page.keyboard.press("Control+Shift+V")
    wait_typed(page, server, b"one\rtwo")
    page.get_by_role("button", name="Clipboard").click()
    assert page.get_by_role("button", name="Type").count() == 0
    page.get_by_label("Text for the server").fill("three\n")
    page.get_by_role("button", name="Send").click()
    wait_typed(page, server, b"three\r")


def test_what_the_guest_sends_is_never_markup(console, server):
    def sly(peer):
        peer.send(b"\x1b]0;<b>title</b>\x07<img src=x onerror=alert(1)> "
                  b"\x1b]8;;javascript:alert(1)\x07link\x1b]8;;\x07\r\n")
        guest(peer)

    server.plan("sly", sly)
    page = console("sly", name=NAME)
    wait_terminal_text(page, "<img src=x onerror=alert(1)>")
    assert page.locator(".screen img").count() == 0
    assert page.locator(".name").inner_text() == "<b>title</b>"
    assert page.title() == "<b>title</b> - serial console"


def test_a_refusal_is_no_connection(console, server):
    server.plan("bad", close(4401, "The token is unknown."))
    page = console("bad", "refused", name=NAME)
    assert page.locator(".card h1").inner_text() == "This console URL is no longer valid"
    assert buttons(page) == []
    assert terminal_text(page).strip() == ""
    assert "bad" in page.url        # nothing was hidden: nothing was connected


def test_it_reconnects_by_itself_and_keeps_what_was_said(console, server):
    cut = threading.Event()
    server.plan("live", guest_until(cut, close(1012, "Restart.")), close(4503), guest)
    page = console("live", name=NAME, options=QUICK)
    page.keyboard.type("before\n")
    wait_terminal_text(page, "before")
    cut.set()
    server.wait_for("websocket", 3)
    wait_state(page, "connected")
    page.keyboard.type("after\n")
    wait_terminal_text(page, "after")
    assert "before" in terminal_text(page)


def test_the_last_words_stay_behind_the_card(console, server):
    cut = threading.Event()
    server.plan("live", guest_until(cut, close(4404, "Deleted.")))
    page = console("live", name=NAME)
    page.keyboard.type("kernel panic")
    wait_terminal_text(page, "kernel panic")
    cut.set()
    wait_state(page, "closed")
    assert page.locator(".card h1").inner_text() == "The server does not exist"
    assert "kernel panic" in terminal_text(page)
    assert page.locator(".screen").is_visible()
    page.keyboard.type("too late")
    assert b"late" not in typed(server)


def test_a_reload_finds_its_token(console, server):
    server.plan("secret", guest)
    page = console("secret", name=NAME)
    assert "secret" not in page.url
    page.reload()
    wait_state(page, "connected")
    wait_terminal_text(page, "login:")
    # its own session of a moment ago may still be known: that one is not in its way
    assert sockets(server) == ["/?token=secret", "/?token=secret&takeover=1"]


def test_view_only_types_nothing(console, server):
    server.plan("good", guest)
    page = console("good", name=NAME, options="&view_only=1")
    wait_terminal_text(page, "login:")
    page.keyboard.type("x")
    page.get_by_role("button", name="Disconnect").click()
    wait_state(page, "closed")
    assert typed(server) == b""


def test_the_keyboard_gets_out_of_the_terminal(console, server):
    server.plan("good", guest)
    page = console("good", name=NAME)
    page.keyboard.press("Shift+F6")
    reached = []
    for _ in range(3):
        reached.append(page.evaluate("document.activeElement.dataset.tool"))
        page.keyboard.press("Tab")
    assert reached == ["clipboard", "fullscreen", "disconnect"]


@pytest.mark.parametrize("missing", ["xterm.mjs", "fit/addon-fit.mjs"])
def test_a_missing_terminal_is_said(page, server, missing):
    page.route(f"**/vendor/xterm/{missing}", lambda route: route.fulfill(status=404))
    page.goto(f"{server.url}/{NAME}?token=T")
    page.get_by_role("alert").wait_for()
    assert re.search("not completely installed.*tools/pages",
                     page.get_by_role("alert").inner_text())
