"""The page of SPICE consoles: its channels, keys and ends."""

import functools
import threading

import pytest

from tests.e2e.pages.steps import AUTOMATIC
from tests.e2e.pages.steps import buttons
from tests.e2e.pages.steps import check_offer
from tests.e2e.pages.steps import MANUAL
from tests.e2e.pages.steps import NEVER
from tests.e2e.pages.steps import sockets
from tests.e2e.pages.steps import wait_state
from tests.fixtures import page_server
from tests.fixtures.spice_server import CURSOR
from tests.fixtures.spice_server import DISPLAY
from tests.fixtures.spice_server import DOWN
from tests.fixtures.spice_server import HEIGHT
from tests.fixtures.spice_server import INPUTS
from tests.fixtures.spice_server import MAIN
from tests.fixtures.spice_server import PERMISSION_DENIED
from tests.fixtures.spice_server import spice
from tests.fixtures.spice_server import UP
from tests.fixtures.spice_server import WIDTH

SHIFT, CONTROL, ALT, DELETE, A = 0x2A, 0x1D, 0x38, 0x53E0, 0x1E
CHANNELS = [MAIN, DISPLAY, INPUTS, CURSOR]


@pytest.fixture
def open_page(console):
    return functools.partial(console, name="spice_auto.html")


def pressed(*codes):
    """The messages of keys that go down and, in the other order, up again."""
    released = [code | (0x8000 if code > 0xFF else 0x80) for code in reversed(codes)]
    return [(DOWN, code) for code in codes] + [(UP, code) for code in released]


def test_each_channel_has_the_token_in_its_url_and_what_nobody_looks_at_is_not_opened(
        open_page, server):
    server.plan("good", spice)
    page = open_page("good")
    assert sorted(server.wait_for("channel", 4)) == CHANNELS
    assert sockets(server) == ["/?token=good"] * 4
    assert "good" not in page.url
    assert page.locator(".card").is_hidden()
    assert page.title() == "Console - SPICE"


def test_two_tabs_are_two_consoles(open_page, server, context):
    server.plan("one", spice)
    server.plan("two", spice)
    open_page("one")
    other = context.new_page()
    other.goto(f"{server.url}/spice_auto.html?token=two")
    wait_state(other, "connected")
    server.wait_for("channel", 8)
    assert sorted(sockets(server)) == ["/?token=one"] * 4 + ["/?token=two"] * 4
    assert context.cookies() == []
    other.close()


def test_keys_go_by_their_place_and_none_is_left_held(open_page, server):
    server.plan("good", spice)
    page = open_page("good")
    page.keyboard.press("a")        # without a click: the screen has the focus
    page.evaluate("""["keydown", "keyup"].forEach((name) => document.activeElement.dispatchEvent(
        new KeyboardEvent(name, { code: "IntlBackslash", bubbles: true })))""")
    page.keyboard.press("ArrowUp")
    assert server.wait_for("key", 6) == [*pressed(A), *pressed(0x56), *pressed(0x48E0)]
    page.keyboard.down("Shift")
    page.keyboard.press("F6")       # leaves the screen
    assert server.wait_for("key", 8)[6:] == pressed(SHIFT)
    assert page.evaluate("document.activeElement.dataset.tool") == "fit"


def test_it_is_connected_when_it_takes_keys(open_page, server):
    """The screen may be there before the channel that takes them is."""
    takes = threading.Event()
    server.plan("good", functools.partial(spice, before={INPUTS: lambda peer: takes.wait(30)}))
    page = open_page("good", "connecting")
    page.locator("canvas").wait_for()
    wait_state(page, "connecting")
    takes.set()
    wait_state(page, "connected")
    page.keyboard.press("a")
    assert server.wait_for("key", 2) == pressed(A)


def test_what_the_guest_has_not_drawn_is_black(open_page, server):
    """A server sends only what is not black; on a light page the rest must not shine through."""
    server.plan("good", spice)
    page = open_page("good")
    page.emulate_media(color_scheme="light")
    assert page.locator("canvas").evaluate(
        "canvas => getComputedStyle(canvas).backgroundColor") == "rgb(0, 0, 0)"


def test_ctrl_alt_del_and_focus_returns_to_the_screen(open_page, server):
    server.plan("good", spice)
    page = open_page("good")
    page.get_by_role("button", name="Ctrl+Alt+Del").click()
    assert server.wait_for("key", 6) == pressed(CONTROL, ALT, DELETE)
    assert page.evaluate("document.activeElement.tagName") == "CANVAS"


def test_text_is_typed_as_keys(open_page, server):
    server.plan("good", spice)
    page = open_page("good")
    page.get_by_role("button", name="Type text").click()
    assert buttons(page) == []
    assert page.locator(".panel button:visible").all_inner_texts() == ["Type", "Close"]
    page.get_by_label("Text for the server").fill("a:\u00e9A ~\n")
    page.get_by_role("button", name="Type", exact=True).click()
    page.get_by_text("Typed.").wait_for()
    assert server.wait_for("key", 18) == [
        *pressed(A), *pressed(SHIFT, 0x27), *pressed(SHIFT, A), *pressed(0x39),
        *pressed(SHIFT, 0x29), *pressed(0x1C)]


def test_view_only_sends_nothing(open_page, server):
    server.plan("good", functools.partial(spice, left="let go"))
    page = open_page("good", options="&view_only=1")
    page.locator("canvas").click()
    page.keyboard.press("a")
    page.get_by_role("button", name="Disconnect").click()
    server.wait_for("let go", 4)
    assert server.all("key") == []
    assert server.all("pointer") == []


def test_the_pointer_is_where_the_guest_sees_it_and_does_not_take_the_focus(open_page, server):
    server.plan("good", spice)
    page = open_page("good")
    box = page.locator("canvas").bounding_box()
    assert box["width"] > WIDTH     # fitted to the window
    assert abs(box["width"] / box["height"] - WIDTH / HEIGHT) < 0.01
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    _, body = server.wait_for("pointer")[0]
    assert [int.from_bytes(body[at:at + 4], "little") for at in (0, 4)] == [
        WIDTH // 2, HEIGHT // 2]
    page.mouse.move(5, 5)       # out of it: the keyboard stays
    page.keyboard.press("a")
    assert server.wait_for("key", 2) == pressed(A)
    page.get_by_role("button", name="Fit to window").click()
    assert page.locator("canvas").bounding_box()["width"] == WIDTH


@pytest.mark.parametrize("channel", [MAIN, DISPLAY, INPUTS, CURSOR])
def test_the_end_of_any_channel_is_the_end_of_all_with_its_reason(open_page, server, channel):
    over = threading.Event()
    server.plan("good", functools.partial(spice, left="let go", after={
        channel: lambda peer: over.wait(10) and page_server.close(4441, "Maintenance")(peer)}))
    page = open_page("good")
    server.wait_for("channel", 4)
    over.set()
    wait_state(page, "closed")
    assert page.locator("html").get_attribute("data-code") == "4441"
    assert "Maintenance" in page.locator(".reason").inner_text()
    assert sorted(server.wait_for("let go", 4)) == CHANNELS
    check_offer(page, NEVER)


@pytest.mark.parametrize(("behaviour", "code", "retry"), [
    (page_server.close(4401), "4401", NEVER), (page_server.close(4503), "4503", AUTOMATIC),
    (page_server.close(4409, "In use"), "4409", MANUAL), (page_server.drop, "1006", AUTOMATIC),
    (functools.partial(spice, verdict=PERMISSION_DENIED), "password", MANUAL),
    (lambda peer: peer.send(b"RFB 003.008\nno SPICE"), "protocol", MANUAL),
    (lambda peer: peer.send(b"REDQ" + bytes(400)), "protocol", MANUAL)],
    ids=["token", "service", "in use", "lost", "password", "no SPICE", "empty answer"])
def test_why_it_is_not_opened(open_page, server, behaviour, code, retry):
    server.plan("bad", behaviour)
    page = open_page("bad", "refused", options="&reconnect_delay=20000")
    assert page.locator("html").get_attribute("data-code") == code
    check_offer(page, retry)


def test_it_connects_again(open_page, server):
    server.plan("good", page_server.close(4503), spice)
    page = open_page("good", "connected", options="&reconnect_delay=100")
    page.get_by_role("button", name="Disconnect").click()
    wait_state(page, "closed")
    page.get_by_role("button", name="Reconnect").click()
    wait_state(page, "connected")
    server.wait_for("channel", 8)
