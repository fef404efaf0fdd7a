"""Consoles for native viewers: CONNECT, 200 once the guest is there, then bytes as they are."""

import socket

import pytest

from consoles import exception
from consoles import model
from tests.fixtures import targets
from tests.fixtures.processes import wait_for
from tests.fixtures.xvp import echo
from tests.fixtures.xvp import VERSION

TICKET = "OpaqueRef:s3cr3t"
PATH = f"/console?ref=1&session_id={TICKET}"


@pytest.fixture
def guest(xvp):
    return xvp.says(targets.rfb_server(echo))


@pytest.mark.parametrize("line", [
    b"CONNECT /console?token=good HTTP/1.1", b"CONNECT /console?token=good HTTP/1.0",
    b"GET /console?token=good HTTP/1.0", b"POST /?token=good HTTP/1.1",
    b"BREW /console?x=1&token=good HTTP/1.1", b"CONNECT /console?token=good&x=:1 HTTP/1.0"])
@pytest.mark.parametrize("host", [b"", b"Host: viewer.example:6081\r\n"])
def test_any_verb_opens_a_console(xvp, guest, line, host):
    stream = xvp.dial(line + b"\r\n" + host + b"\r\n").greeted()
    assert stream.headers == {}
    stream.sendall(bytes(range(256)))
    assert stream.read(256) == bytes(range(256))
    stream.close()
    tally = xvp.tally()
    assert (tally["reason"], tally["bytes_in"], tally["bytes_out"]) == ("client_closed", 256, 260)


def test_consoleauth_is_told_the_kind_and_gets_a_hash(xvp, guest, consoleauth):
    xvp.dial().greeted()
    ((token, session),) = consoleauth.asked
    assert token == model.token_hash("good")
    assert session["kind"] == "xvpvnc"


def test_what_is_sent_behind_the_head_is_the_viewers(xvp, guest):
    stream = xvp.dial(b"CONNECT /?token=good HTTP/1.0\r\n\r\n" + VERSION + b"\x01" + b"early")
    assert stream.status == 200
    assert stream.read(12 + 6 + 5) == VERSION + b"\x01\x01\0\0\0\0early"


def test_nothing_is_said_before_the_guest_is_there(xvp, consoleauth):
    consoleauth.gate.clear()
    xvp.says(targets.rfb_server(echo))
    with socket.create_connection(("127.0.0.1", xvp.port), 0.3) as sock:
        sock.sendall(b"CONNECT /?token=good HTTP/1.1\r\n\r\n")
        with pytest.raises(TimeoutError):
            sock.recv(1)
        consoleauth.gate.set()
        sock.settimeout(30)
        assert targets.read_exactly(sock, 31) == b"HTTP/1.1 200 OK\r\n\r\n" + VERSION


def test_a_hypervisor_is_asked_by_the_internal_path(xvp, caplog):
    caplog.set_level("DEBUG")
    asked = []
    target = xvp.says(targets.xen_server(b"HTTP/1.1 200 OK\r\nServer: x\r\n\r\n", asked),
                      internal_access_path=PATH)
    assert xvp.dial().greeted().read(5) == b"hello"
    assert asked == [f"CONNECT {PATH} HTTP/1.1\r\n\r\n".encode()]
    assert target.errors == []
    assert TICKET not in caplog.text


@pytest.mark.parametrize("answer", [b"HTTP/1.1 404 200 OK\r\n\r\n", b"HTTP/1.1 500 No\r\n\r\n",
                                    b"x" * 9000 + b"\r\n\r\n"])
def test_a_hypervisor_that_refuses_is_a_502(xvp, answer, caplog):
    xvp.says(targets.xen_server(answer, []), internal_access_path=PATH)
    stream = xvp.dial()
    assert (stream.status, stream.read_all()) == (502, b"")
    assert xvp.tally()["reason"] == "target_protocol"
    assert TICKET not in caplog.text


BAD = {
    "no query": b"CONNECT /console HTTP/1.1\r\n\r\n",
    "an empty token": b"CONNECT /console?token= HTTP/1.1\r\n\r\n",
    "as a proxy for the world": b"CONNECT example.org:443 HTTP/1.1\r\n\r\n",
    "a token in a cookie": b"CONNECT /console HTTP/1.1\r\nCookie: token=good\r\n\r\n",
    "a token in path": b"CONNECT /?path=%3Ftoken%3Dgood HTTP/1.1\r\n\r\n",
    "a body": b"POST /?token=good HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc",
    "chunks": b"POST /?token=good HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
    "HTTP/0.9": b"GET /?token=good\r\n\r\n",
    "no HTTP": b"RFB 003.008\n\r\n\r\n",
}


@pytest.mark.parametrize("head", BAD.values(), ids=BAD)
def test_a_bad_request_is_a_400_and_no_question(xvp, consoleauth, head):
    stream = xvp.dial(head)
    assert (stream.status, stream.read_all()) == (400, b"")
    assert stream.headers == {"content-length": "0", "connection": "close"}
    assert consoleauth.asked == []


@pytest.mark.parametrize(("error", "status"), [
    (exception.WrongConsoleType(), 403), (exception.InstanceNotFound(), 404),
    (exception.PortChanged(), 409), (exception.OverLimit(), 429),
    (exception.AgentUnavailable(), 503), (None, 401)])
def test_a_refusal_is_a_plain_status(xvp, consoleauth, error, status):
    consoleauth.tokens[model.token_hash("good")] = error
    stream = xvp.dial()
    assert (stream.status, stream.read_all()) == (status, b"")
    assert ("retry-after" in stream.headers) == (status in (429, 503))


@pytest.mark.parametrize("origin", [b"https://evil.example", b"null", b"x\r\nOrigin: y"])
def test_a_foreign_page_is_refused_and_burns_no_token(xvp, consoleauth, origin):
    stream = xvp.dial(b"GET /?token=good HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: "
                      + origin + b"\r\n\r\n")
    assert (stream.status, stream.read_all()) == (403, b"")
    assert consoleauth.asked == []


def test_a_page_that_is_allowed_gets_bytes_and_no_frames(xvp, guest):
    xvp.dial(b"CONNECT /?token=good HTTP/1.1\r\nHost: 127.0.0.1\r\n"
             b"Origin: http://127.0.0.1:6081\r\nUpgrade: websocket\r\n\r\n").greeted()


@pytest.mark.parametrize(("path", "status"), [("/healthcheck", 200), ("/", 400),
                                              ("/vnc_auto.html", 400)])
def test_there_is_health_and_no_pages(xvp, path, status):
    wait_for(lambda: xvp.worker._server.health.problem() is None)
    assert xvp.dial(f"GET {path} HTTP/1.0\r\n\r\n".encode()).status == status


def test_a_viewer_that_is_no_viewer_is_told_in_rfb(xvp, guest):
    stream = xvp.dial()
    assert (stream.status, stream.read(12)) == (200, VERSION)
    stream.sendall(b"RFB 003.003\n")
    assert b"Only RFB 3.8" in stream.read_all()
    assert xvp.tally()["reason"] == "bad_request"
