"""Connecting again: by itself, later each time, to be seen and to be stopped."""

import re
import threading

from tests.e2e.pages.steps import buttons
from tests.e2e.pages.steps import sockets
from tests.e2e.pages.steps import visit
from tests.e2e.pages.steps import wait_pixel
from tests.e2e.pages.steps import wait_state
from tests.fixtures import page_guest
from tests.fixtures import page_server
from tests.fixtures.page_guest import rfb
from tests.fixtures.page_server import close

QUICK = "&reconnect_delay=300"


def test_reconnects_by_itself_until_it_works(console, server):
    server.plan("back", close(4503), page_server.drop, close(1012), rfb)
    page = console("back", options=QUICK)
    wait_pixel(page)
    assert len(sockets(server)) == 4


def test_reconnects_a_console_that_was_cut(console, server):
    cut = threading.Event()
    server.plan("live", page_guest.rfb_then(close(1012, "Restart."), cut), rfb)
    page = console("live", options=QUICK)
    cut.set()
    server.wait_for("websocket", 2)
    wait_state(page, "connected")
    wait_pixel(page)


def test_countdown_is_visible_and_ends_in_an_attempt(timed_page, server):
    server.plan("down", close(4503), rfb)
    page = visit(timed_page, server, "?token=down&reconnect_delay=20000", "refused")
    first = seconds_left(page)
    page.clock.run_for(5_000)
    assert first - 7 <= seconds_left(page) <= first - 5
    page.clock.run_for(20_000)
    wait_state(page, "connected")


def seconds_left(page):
    return int(re.search(r"\d+", page.locator(".timer").inner_text())[0])


def test_countdown_can_be_cancelled_and_retried_by_hand(timed_page, server):
    server.plan("down", close(4503), rfb)
    page = visit(timed_page, server, "?token=down&reconnect_delay=20000", "refused")
    page.get_by_role("button", name="Cancel").click()
    assert buttons(page) == ["Reconnect"]
    page.clock.run_for(60_000)
    assert len(sockets(server)) == 1
    page.get_by_role("button", name="Reconnect").click()
    wait_state(page, "connected")


def test_reconnect_now_does_not_wait(console, server):
    server.plan("down", close(4502), rfb)
    page = console("down", "refused", options="&reconnect_delay=25000")
    page.get_by_role("button", name="Reconnect now").click()
    wait_state(page, "connected")


def test_reconnect_false_offers_only_the_button(console, server):
    server.plan("down", close(4503))
    page = console("down", "refused", options="&reconnect=false")
    assert buttons(page) == ["Reconnect"]


def test_delays_grow_are_bounded_and_reset(page, server):
    page.goto(f"{server.url}/vnc_auto.html")
    delays = page.evaluate("""async () => {
        const { Backoff } = await import("/js/retry.js");
        const backoff = new Backoff(2000, () => 0.5);
        const grown = [0, 1, 2, 3, 4, 5].map((now) => backoff.next(now));
        backoff.connected(1000);
        grown.push(backoff.next(2000));     // it lasted a second: no success
        backoff.connected(3000);
        grown.push(backoff.next(13000));
        return grown.map(Math.round);
    }""")
    assert delays == [2000, 4000, 8000, 16000, 30000, 30000, 30000, 2000]
