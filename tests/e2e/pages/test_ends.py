"""Whatever ends or refuses a console: its words, and whether connecting again is offered."""

import threading

import pytest

from tests.e2e.pages.steps import AUTOMATIC
from tests.e2e.pages.steps import buttons
from tests.e2e.pages.steps import check_offer
from tests.e2e.pages.steps import MANUAL
from tests.e2e.pages.steps import NEVER
from tests.e2e.pages.steps import sockets
from tests.e2e.pages.steps import visit
from tests.e2e.pages.steps import wait_state
from tests.fixtures import page_guest
from tests.fixtures import page_server
from tests.fixtures.page_guest import rfb
from tests.fixtures.page_server import close

ENDINGS = [
    (1000, "The console was closed", MANUAL),
    (1001, "The console was closed", MANUAL),
    (1002, "The connection failed", MANUAL),
    (1003, "The connection failed", MANUAL),
    (1009, "The connection failed", MANUAL),
    (1011, "The console service failed", MANUAL),
    (1012, "The console service restarts", AUTOMATIC),
    (4400, "This console URL is not valid", NEVER),
    (4401, "This console URL is no longer valid", NEVER),
    (4403, "This console is not open to you", NEVER),
    (4404, "The server does not exist", NEVER),
    (4408, "The connection took too long", AUTOMATIC),
    (4409, "The console cannot be opened now", MANUAL),
    (4429, "Too many consoles", MANUAL),
    (4440, "The console was taken over", MANUAL),
    (4441, "The session was ended by an administrator", NEVER),
    (4442, "The session was idle for too long", MANUAL),
    (4443, "The session's time is over", NEVER),
    (4444, "The server has moved to another host", NEVER),
    (4502, "The server's console does not answer", AUTOMATIC),
    (4503, "The console service is not available", AUTOMATIC),
    (4999, "The console was closed", MANUAL),
]


@pytest.mark.parametrize(("code", "heading", "retry"), ENDINGS)
def test_close_codes_before_a_picture(console, server, code, heading, retry):
    server.plan("ends", close(code, "Because <b>so</b>."))
    page = console("ends", "refused", options="&reconnect_delay=20000")
    card = page.locator(".card")
    assert card.locator("h1").inner_text() == heading
    assert card.locator(".reason").inner_text() == "The console service said: Because <b>so</b>."
    assert card.locator(".code").inner_text() == f"Code {code}"
    assert page.locator("[role=status].spoken").inner_text().startswith(heading)
    check_offer(page, retry)
    assert "token=ends" in page.url.replace("%3D", "=")     # nothing was connected, nothing is lost


@pytest.mark.parametrize(("code", "heading", "retry", "told"), [
    (1000, "The console was closed", MANUAL, "when it is shut down"),
    (1012, "The console service restarts", AUTOMATIC, "over in a moment"),
    (4404, "The server does not exist", NEVER, "Look for it in your list of servers."),
    (4409, "The server was stopped", NEVER, "Once it runs again, ask for"),
    (4440, "The console was taken over", MANUAL, "Somebody else has opened it."),
    (4441, "The session was ended by an administrator", NEVER, "Ask the operator"),
    (4444, "The server has moved to another host", NEVER, "Ask for a new console URL")])
def test_close_codes_of_a_live_console(console, server, code, heading, retry, told):
    """A server that stopped or moved has ended its URLs, too: with them nothing is tried again."""
    now = threading.Event()
    server.plan("live", page_guest.rfb_then(close(code, "Why."), now))
    page = console("live", options="&reconnect_delay=20000")
    now.set()
    wait_state(page, "closed")
    assert page.locator(".card h1").inner_text() == heading
    assert told in page.locator(".card p").first.inner_text()
    assert page.locator("canvas").count() == 0
    check_offer(page, retry)


@pytest.mark.parametrize(("plan", "heading"), [
    ([page_server.drop], "The connection was lost"),
    ([], "The console service cannot be reached"),       # 403 before any 101
])
def test_ends_without_a_close_frame(console, server, plan, heading):
    server.plan("cut", *plan)
    page = console("cut", "refused", options="&reconnect_delay=20000")
    assert page.locator(".card h1").inner_text() == heading
    check_offer(page, AUTOMATIC)


@pytest.mark.parametrize(("guest", "heading"), [
    (lambda peer: peer.send(b"HTTP/1.1 400 no\r\n\r\n") or peer.receive(), "The connection failed"),
    (lambda peer: rfb(peer, security=2), "The console asks for a password"),
])
def test_a_target_that_is_no_open_console(console, server, guest, heading):
    server.plan("odd", guest)
    page = console("odd", "refused")
    assert page.locator(".card h1").inner_text() == heading
    check_offer(page, MANUAL)


def test_a_service_that_never_answers_is_given_up(timed_page, server):
    allowed = threading.Event()
    server.plan("slow", page_server.until(allowed))
    page = visit(timed_page, server, "?token=slow", "connecting")
    server.wait_for("websocket")
    page.clock.run_for(29_000)
    assert page.locator("html").get_attribute("data-state") == "connecting"
    page.clock.run_for(2_000)
    wait_state(page, "refused")
    allowed.set()
    assert page.locator(".card h1").inner_text() == "The console does not answer"
    check_offer(page, AUTOMATIC)


def test_no_token_says_what_to_ask_for(page, server):
    visit(page, server, "vnc_auto.html?title=my-server", "refused")
    assert page.locator(".card h1").inner_text() == "This address opens no console"
    assert buttons(page) == []
    assert sockets(server) == []
