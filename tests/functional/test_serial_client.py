"""consoles-serial in a terminal of its own, through a proxy, to a line that says all again."""

import termios

import pytest

from consoles import exception
from consoles import model
from consoles.client import serial
from consoles.proxies import catalog
from tests.fixtures.processes import wait_for
from tests.fixtures.serial_client import start_serial
from tests.fixtures.targets import Target
from tests.functional.test_serial_session import add
from tests.functional.test_serial_session import guest
from tests.functional.test_serial_session import says

__all__ = ["guest", "start_serial"]     # the fixtures


@pytest.fixture
def proxy(make_proxy):
    return make_proxy(spec=catalog.SERIAL)


@pytest.fixture
def run(proxy, start_serial):
    """Start the program, with a URL of the proxy's if with none."""
    return lambda *words, token="good", **kwargs: start_serial(
        *words or (f"ws://127.0.0.1:{proxy.port}/?token={token}",), **kwargs)


def test_every_key_goes_through_and_the_terminal_is_given_back(run, proxy, guest):
    terminal = run()
    terminal.wait(b"login: ")
    assert termios.tcgetattr(terminal.theirs) != terminal.before
    terminal.type("größe\x03\x04\x1a~".encode())       # a ~ in mid-line is one
    terminal.wait("größe\x03\x04\x1a~".encode())
    terminal.type(b"\r~~x\r")
    terminal.wait(b"\r~x\r")
    terminal.type(b"~.")
    assert terminal.end() == 0
    assert termios.tcgetattr(terminal.theirs) == terminal.before
    assert proxy.tally()["reason"] == "client_closed"


def test_the_url_may_come_from_standard_input(run, proxy, guest):
    url = f"http://127.0.0.1:{proxy.port}/?token=good"
    terminal = run("--takeover", piped=url)
    terminal.wait(b"login: ")
    terminal.type(b"hello")
    terminal.wait(b"hello")
    assert b"good" not in terminal.seen
    assert "good" not in " ".join(terminal.process.args)
    assert proxy.consoleauth.asked[-1][1]["takeover"] is True
    terminal.type(b"\r~.")
    assert terminal.end() == 0


def test_a_refusal_is_told_with_its_reason(run, consoleauth):
    words = "In use since 2026-05-04 10:11 UTC, by you."
    consoleauth.tokens[model.token_hash("mine")] = exception.InUse(words)
    terminal = run(token="mine")
    assert terminal.end() == 1
    assert f"{words} (code 4409)".encode() in terminal.seen
    assert b"token=" not in terminal.seen
    assert termios.tcgetattr(terminal.theirs) == terminal.before


def test_the_guest_ends_it(run, consoleauth):
    target = Target(says(b"bye\r\n"))
    add(consoleauth, "short", target.port)
    terminal = run(token="short")
    assert terminal.end() == 0
    assert b"bye" in terminal.seen
    target.close()


def test_an_administrator_ends_it(run, proxy, guest):
    terminal = run()
    terminal.wait(b"login: ")
    wait_for(lambda: proxy.worker._relay.links)
    proxy.worker._loop.call_soon_threadsafe(
        lambda: proxy.worker._end(list(proxy.worker._sessions.all), "ended_by_admin"))
    assert terminal.end() == 1
    assert b"(code 4441)" in terminal.seen


def test_a_proxy_that_is_not_there(run):
    terminal = run("ws://127.0.0.1:1/?token=secret")
    assert terminal.end() == 1
    assert b"cannot be reached" in terminal.seen
    assert b"secret" not in terminal.seen
    assert b"Traceback" not in terminal.seen


def test_it_is_ended_by_a_signal_and_gives_the_terminal_back(run, guest):
    terminal = run()
    terminal.wait(b"login: ")
    terminal.process.terminate()
    assert terminal.end() == 1
    assert termios.tcgetattr(terminal.theirs) == terminal.before


@pytest.mark.parametrize("url", [
    "", "consoles.example", "ftp://h/?token=T", "ws://", "ws://h:port/", "/?token=T"])
def test_what_is_no_url(url):
    with pytest.raises(serial.Refused, match="no URL") as caught:
        serial.socket_url(url)
    assert "token" not in str(caught.value)


@pytest.mark.parametrize(("url", "takeover", "socket", "origin"), [
    ("ws://h:6083/?token=T", False, "ws://h:6083/?token=T", "http://h:6083"),
    ("wss://h/?token=T\n", True, "wss://h/?token=T&takeover=1", "https://h"),
    ("http://[::1]:6083?token=T", False, "ws://[::1]:6083/?token=T", "http://[::1]:6083"),
    ("HTTPS://h/serial.html?token=T", False, "wss://h/serial.html?token=T", "https://h")])
def test_either_url_is_understood(url, takeover, socket, origin):
    assert serial.socket_url(url, takeover) == (socket, origin)


@pytest.mark.parametrize(("typed", "sent", "leaves"), [
    (b"~.", b"", True), (b"a~.", b"a~.", False), (b"a\r~.b", b"a\r", True),
    (b"~~.", b"~.", False), (b"~x~.", b"~x~.", False), (b"\n~", b"\n", False)])
@pytest.mark.parametrize("size", [1, 100])
def test_the_escape(typed, sent, leaves, size):
    escape = serial.Escape()
    got, left = b"", False
    for at in range(0, len(typed), size):
        data, left = escape.feed(typed[at:at + size])
        got += data
        if left:
            break
    assert (got, left) == (sent, leaves)
