"""A console that one may use at a time: who has it, taking it over, and losing it."""

import threading

from tests.e2e.pages.steps import buttons
from tests.e2e.pages.steps import sockets
from tests.e2e.pages.steps import visit
from tests.e2e.pages.steps import wait_state
from tests.e2e.pages.test_serial import guest
from tests.e2e.pages.test_serial import guest_until
from tests.fixtures.page_server import close

IN_USE = close(4409, "In use since 2026-05-04 10:11 UTC, by another user.")
TAKEN = close(4440, "taken over")


def test_who_has_it_is_said_and_it_is_taken_over(console, server):
    server.plan("T", IN_USE, guest)
    page = console("T", "refused", name="serial.html")
    assert "In use since 2026-05-04 10:11 UTC, by another user." in page.locator(
        ".reason").inner_text()
    assert buttons(page) == ["Take over", "Reconnect"]
    page.get_by_role("button", name="Take over").click()
    wait_state(page, "connected")
    assert sockets(server) == ["/?token=T", "/?token=T&takeover=1"]


def test_to_try_again_takes_nothing_over(console, server):
    server.plan("T", IN_USE, guest)
    page = console("T", "refused", name="serial.html")
    page.get_by_role("button", name="Reconnect").click()
    wait_state(page, "connected")
    assert sockets(server) == ["/?token=T"] * 2


def test_the_address_may_say_so(page, server):
    server.plan("T", guest)
    visit(page, server, "serial.html?token=T&takeover=1")
    assert sockets(server) == ["/?token=T&takeover=1"]


def test_who_lost_it_takes_it_back_only_on_demand(console, server):
    taken = threading.Event()
    server.plan("T", guest_until(taken, TAKEN), IN_USE, IN_USE, guest)
    page = console("T", name="serial.html", options="&takeover=1")
    taken.set()
    wait_state(page, "closed")
    assert page.locator(".card h1").inner_text() == "The console was taken over"
    assert buttons(page) == ["Reconnect"]
    page.get_by_role("button", name="Reconnect").click()
    wait_state(page, "refused")
    page.get_by_role("button", name="Take over").click()
    server.wait_for("websocket", 3)
    assert sockets(server) == ["/?token=T&takeover=1", "/?token=T", "/?token=T&takeover=1"]


def test_a_screen_is_shared_and_asks_for_no_takeover(page, server):
    server.plan("T", close(4409, "The server is not ready."))
    visit(page, server, "vnc_auto.html?token=T&takeover=1", "refused")
    assert buttons(page) == ["Reconnect"]
    assert sockets(server) == ["/?token=T"]
