"""A serial session in process: frames of both kinds, offers of every client, page, refusals."""

import pytest

from consoles import exception
from consoles import model
from consoles.proxies import catalog
from tests.fixtures import targets
from tests.fixtures import ws_client
from tests.fixtures.processes import wait_for
from tests.fixtures.targets import Target
from tests.functional.test_static import ask

BANNER = b"\r\nlogin: "


def line(sock):
    """A serial line: speaks first, then says everything again."""
    sock.sendall(BANNER)
    targets.echo(sock)


@pytest.fixture
def proxy(make_proxy):
    return make_proxy(spec=catalog.SERIAL)


@pytest.fixture
def guest(consoleauth):
    target = Target(line)
    add(consoleauth, "good", target.port)
    yield target
    target.close()


def add(consoleauth, token, port, **details):
    consoleauth.add(token, port, **{
        "console_type": "serial", "access_url_base": "ws://127.0.0.1:6083/", **details})


def opened(proxy, **kwargs):
    ws = proxy.connect(**kwargs)
    assert ws.recv_exactly(len(BANNER)) == BANNER
    return ws


def says(text):
    """A guest that writes and ends."""
    def script(sock):
        sock.sendall(text)
        sock.close()
    return script


def refused(proxy, *args, **kwargs):
    with pytest.raises(ws_client.Refused) as caught:
        proxy.connect(*args, **kwargs)
    return caught.value.status


def test_binary_and_text_arrive_alike_and_all_comes_back_binary(proxy, guest):
    ws = opened(proxy)
    typed = "größer ☃\r".encode()
    for opcode in (1, 2):
        ws.sock.sendall(ws_client.frame(typed, opcode=opcode))
        got = b""
        while len(got) < len(typed):
            kind, payload = ws.recv_frame()
            assert kind == 2
            got += payload
        assert got == typed
    ws.sock.sendall(ws_client.frame(bytes(range(256))))     # not UTF-8, nor need it be
    assert ws.recv_exactly(256) == bytes(range(256))
    ws.close()
    assert ws.until_closed()[0] == 1000
    tally = proxy.tally()
    assert tally["bytes_in"] == 2 * len(typed) + 256
    assert tally["bytes_out"] == tally["bytes_in"] + len(BANNER)


def test_a_text_in_fragments_that_cut_its_characters(proxy, guest):
    ws = opened(proxy)
    typed = "☃☃".encode()
    for at, byte in enumerate(typed):
        ws.sock.sendall(ws_client.frame(bytes([byte]), opcode=0 if at else 1,
                                        final=at == len(typed) - 1))
    assert ws.recv_exactly(len(typed)) == typed


@pytest.mark.parametrize(("offered", "chosen"), [
    (None, None), ("binary", "binary"), ("binary, base64", "binary"),
    ("base64,binary", "binary")])
def test_offers_of_clients(proxy, guest, offered, chosen):
    ws = opened(proxy, subprotocol=offered)
    assert ws.answer.get("sec-websocket-protocol") == chosen


def test_base64_alone_is_not_spoken(proxy, guest):
    assert refused(proxy, subprotocol="base64") == 400
    assert guest.connections == 0


def test_its_websocket_url_admits_pages_of_plain_http_only(proxy, guest):
    opened(proxy, origin=proxy.own_origin).close()
    assert refused(proxy, origin=proxy.own_origin.replace("http", "https")) == 403
    assert refused(proxy, origin="http://elsewhere.example") == 403


def test_a_secure_url_admits_pages_of_https_only(proxy, guest, consoleauth):
    add(consoleauth, "secure", guest.port, access_url_base="wss://127.0.0.1:6083/")
    opened(proxy, token="secure", origin=proxy.own_origin.replace("http", "https")).close()
    assert refused(proxy, "secure", origin=proxy.own_origin) == 403


def test_what_the_guest_writes_is_carried_whatever_it_is(proxy, consoleauth):
    """No protocol, so nothing of it can be wrong: garbage and RFB's greeting are text, too."""
    said = b"RFB 003.008\n" + b"\xff\xff\xff\xff" * 3 + bytes(range(256)) * 400
    target = Target(says(said))
    add(consoleauth, "noisy", target.port)
    ws = proxy.connect("noisy")
    assert ws.recv_exactly(len(said)) == said
    assert ws.until_closed()[0] == 1000
    target.close()


def test_the_guest_ends_it(proxy, consoleauth):
    target = Target(says(b"bye"))
    add(consoleauth, "short", target.port)
    ws = proxy.connect("short")
    assert ws.recv_exactly(3) == b"bye"
    assert ws.until_closed()[0] == 1000
    assert proxy.tally()["reason"] == "target_closed"
    target.close()


def test_a_silent_line_is_a_console_that_works(proxy, consoleauth):
    heard = []
    target = Target(lambda sock: heard.append(sock.recv(5)))
    add(consoleauth, "silent", target.port)
    ws = proxy.connect("silent")
    ws.send(b"hello")
    wait_for(lambda: heard == [b"hello"])
    ws.close()
    assert ws.until_closed()[0] == 1000
    target.close()


def test_tokens_that_are_none(proxy):
    for token in ("unknown", ""):
        assert refused(proxy, token) == 401
        assert proxy.connect(token, origin=proxy.own_origin).until_closed()[0] == 4401


def test_the_page_is_served_and_may_write_styles_but_no_scripts(proxy):
    for path in ("/", "/?token=T", "/serial.html"):
        status, headers, body = ask(proxy, path)
        assert status == 200
        assert b'data-console="serial"' in body
        policy = headers["content-security-policy"].split("; ")
        assert "style-src 'self' 'unsafe-inline'" in policy
        assert "default-src 'self'" in policy
        assert not any(part.startswith("script-src") for part in policy)
        assert headers["cache-control"] == "no-store"
    for path in ("/js/serial.js", "/vendor/xterm/xterm.mjs", "/vendor/xterm/fit/addon-fit.mjs"):
        assert ask(proxy, path)[1]["content-type"] == "text/javascript"


@pytest.mark.parametrize(("query", "asked"), [
    ("", False), ("&takeover=1", True), ("&takeover=true", True), ("&takeover=0", False),
    ("&takeover", False), ("&takeover=0&takeover=1", True)])
def test_whether_it_takes_over_is_handed_on(proxy, guest, consoleauth, query, asked):
    opened(proxy, path=f"/?token=good{query}").close()
    assert consoleauth.asked[-1][1]["takeover"] is asked


def test_one_that_is_in_use_is_refused_with_since_when_and_by_whom(proxy, consoleauth):
    words = "In use since 2026-05-04 10:11 UTC, by another user."
    consoleauth.tokens[model.token_hash("t")] = exception.InUse(words)
    assert refused(proxy, "t") == 409
    assert proxy.connect("t", origin=proxy.own_origin).until_closed() == (4409, words)
