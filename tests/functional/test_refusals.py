"""Each row of the table of refusals, to a program (no Origin) and to a page."""

import socket
import threading
import time

import pytest

from consoles import exception
from consoles import model
from tests.fixtures import targets
from tests.fixtures import ws_client
from tests.fixtures.processes import wait_for


def refused(proxy, *args, **kwargs):
    """→ status and headers of a refusal by HTTP, which has no body."""
    with pytest.raises(ws_client.Refused) as caught:
        proxy.connect(*args, **kwargs)
    assert caught.value.body == b""
    assert caught.value.headers["content-length"] == "0"
    return caught.value.status, caught.value.headers


def closed(proxy, *args, **kwargs):
    """→ Close code and reason of a refusal to a page of the proxy's own."""
    return proxy.connect(*args, origin=proxy.own_origin, **kwargs).until_closed()


ERRORS = [
    (exception.BadRequest, 400, 4400),
    (exception.InvalidToken, 401, 4401),
    (exception.TokenUsed, 401, 4401),
    (exception.WrongConsoleType, 403, 4403),
    (exception.AddressNotAllowed, 403, 4403),
    (exception.TargetNotAllowed, 403, 4403),
    (exception.InstanceNotFound, 404, 4404),
    (exception.PortChanged, 409, 4409),
    (exception.InstanceNotReady, 409, 4409),
    (exception.OverLimit, 429, 4429),
    (exception.AgentUnavailable, 503, 4503),
    (exception.ConsolesError, 500, 1011),
]


@pytest.mark.parametrize(("error", "status", "code"), ERRORS)
def test_what_consoleauth_refuses(proxy, consoleauth, error, status, code):
    consoleauth.tokens[model.token_hash("t")] = error("host compute-7 says no")
    got, headers = refused(proxy, "t")
    assert got == status
    assert ("retry-after" in headers) == (error.retry_after is not None)
    close_code, reason = closed(proxy, "t")
    assert close_code == code
    assert reason == error.public
    assert "compute-7" not in reason


@pytest.mark.parametrize("path", ["/?token=unknown", "/?token=", "/"])
def test_unknown_and_missing_tokens_look_alike(proxy, path):
    assert refused(proxy, path=path)[0] == 401
    assert closed(proxy, path=path) == (4401, exception.InvalidToken.public)


def test_a_token_is_never_logged(proxy, consoleauth, caplog):
    consoleauth.add("s3cr3t-token", 1)
    caplog.set_level("DEBUG")
    refused(proxy, "s3cr3t-token")
    closed(proxy, "s3cr3t-other")
    assert "s3cr3t" not in caplog.text


@pytest.mark.parametrize("origin", [
    "http://evil.example", "null", "http://127.0.0.1.evil", "http://good@evil.example",
    "ftp://127.0.0.1", "http://", "http://127.0.0.1:x", "http://127.0.0.1/path"])
def test_a_foreign_origin_is_refused_before_any_question(proxy, consoleauth, origin):
    consoleauth.add("t", 1)
    assert refused(proxy, "t", origin=origin)[0] == 403
    assert consoleauth.asked == []


def test_two_origins_are_refused(proxy, consoleauth):
    extra = [("Origin", "http://127.0.0.1")]
    assert refused(proxy, "t", origin="http://127.0.0.1", extra=extra)[0] == 403


def test_a_page_of_another_scheme_is_refused(proxy, consoleauth):
    consoleauth.add("t", 1, access_url_base="https://127.0.0.1:6080/vnc_auto.html")
    assert refused(proxy, "t", origin=proxy.own_origin)[0] == 403
    assert proxy.tally()["reason"] == "origin_refused"


@pytest.mark.parametrize("origin", ["http://127.0.0.1", "HTTP://127.0.0.1:99",
                                    "http://Dashboard.example.", "http://ported.example:8443"])
def test_an_allowed_origin_comes_to_the_token(make_proxy, origin):
    proxy = make_proxy(console__allowed_origins=["dashboard.example", "ported.example:8443"])
    assert proxy.connect("t", origin=origin).until_closed()[0] == 4401


def test_an_allowed_origins_port_counts(make_proxy):
    proxy = make_proxy(console__allowed_origins=["ported.example:8443"])
    assert refused(proxy, "t", origin="http://ported.example:8444")[0] == 403


def test_nobody_listens_at_the_target(proxy, consoleauth):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    consoleauth.add("t", port)
    assert refused(proxy, "t")[0] == 502
    assert proxy.tally()["reason"] == "target_unreachable"
    assert closed(proxy, "t") == (4502, exception.TargetUnreachable.public)


@pytest.mark.parametrize("speech", [
    b"RFB 003.003\n", b"RFB 004.000\n", b"HTTP/1.1 200", b"RFB 003.008\n\x01\x02",
    b"RFB 003.008\n\x00\xff\xff\xff\xff" + b"x" * 9000, b"RFB 003.008\n\x00\x00\x00\x00\x02no",
    b"RFB 003.008\n\x02\x10\xff", b"RF", b""])
def test_the_target_speaks_wrongly(proxy, consoleauth, speech):
    def script(sock):
        sock.sendall(speech)
        if len(speech) >= 12:
            sock.recv(12)
        sock.shutdown(socket.SHUT_WR)
    target = targets.Target(script)
    consoleauth.add("t", target.port)
    assert refused(proxy, "t")[0] == 502
    assert proxy.tally()["code"] == 4502
    assert closed(proxy, "t")[0] == 4502


def test_the_target_is_silent(make_proxy, consoleauth):
    proxy = make_proxy(proxy__handshake_timeout=1)
    consoleauth.add("t", targets.Target(targets.silent).port)
    assert refused(proxy, "t")[0] == 504
    assert proxy.tally()["reason"] == "target_timeout"
    assert closed(proxy, "t")[0] == 4502


def test_the_client_is_silent_after_its_101(make_proxy, consoleauth):
    proxy = make_proxy(proxy__handshake_timeout=1)
    target = targets.Target(targets.rfb_server(targets.echo))
    consoleauth.add("t", target.port)
    assert proxy.connect("t").until_closed()[0] == 4408
    assert proxy.tally()["reason"] == "handshake_timeout"
    wait_for(lambda: targets.gone(target.sockets[0]))


def test_the_client_drips_its_request(make_proxy):
    proxy = make_proxy(proxy__handshake_timeout=1)
    with socket.create_connection(("127.0.0.1", proxy.port), 30) as sock:
        stop = time.monotonic() + 5
        sock.settimeout(0.1)
        answer = b""
        while not answer and time.monotonic() < stop:
            sock.sendall(b"G")
            try:
                answer = sock.recv(100)
            except TimeoutError:
                continue
        assert answer.startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize("speech", [b"RFB 003.003\n", b"RFB 003.008\n\x02", b"RFB 003.008\n\xff"])
def test_the_viewer_speaks_wrongly(proxy, consoleauth, speech):
    target = targets.Target(targets.rfb_server(targets.echo))
    consoleauth.add("t", target.port)
    ws = proxy.connect("t")
    ws.send(speech)
    assert ws.until_closed()[0] == 4400
    wait_for(lambda: targets.gone(target.sockets[0]))


@pytest.mark.parametrize(("change", "status"), [
    ({"Sec-WebSocket-Version": "12"}, 426), ({"Sec-WebSocket-Version": None}, 426),
    ({"Sec-WebSocket-Key": None}, 400), ({"Sec-WebSocket-Key": "short"}, 400),
    ({"Connection": "close"}, 400), ({"Sec-WebSocket-Protocol": "base64"}, 400)])
def test_an_upgrade_that_is_none(proxy, consoleauth, change, status):
    headers = [(n, change.get(n, v)) for n, v in ws_client.upgrade_headers()]
    raw = ws_client.request("/?token=t", proxy.port, headers=[h for h in headers if h[1]])
    with socket.create_connection(("127.0.0.1", proxy.port), 30) as sock:
        sock.sendall(raw)
        got, answer, _ = ws_client.read_head(sock)
    assert got == status
    assert (answer.get("sec-websocket-version") == "13") == (status == 426)
    assert consoleauth.asked == []


def test_consoleauth_is_silent(proxy, consoleauth):
    consoleauth.gate.clear()
    before = time.monotonic()
    assert refused(proxy, "t")[0] == 503
    assert time.monotonic() - before < 15
    consoleauth.gate.set()
    assert refused(proxy, "t")[0] == 401


def test_a_client_that_goes_away_stops_the_dialling(proxy, consoleauth):
    target = targets.Target(targets.silent)
    consoleauth.add("t", target.port)
    sock = socket.create_connection(("127.0.0.1", proxy.port), 30)
    sock.sendall(ws_client.request("/?token=t", proxy.port,
                                   headers=ws_client.upgrade_headers()))
    wait_for(lambda: target.connections)
    sock.close()
    wait_for(lambda: targets.gone(target.sockets[0]))
    assert proxy.tally()["reason"] == "bad_request"


def test_a_stopping_proxy_says_restart(make_proxy, consoleauth):
    proxy = make_proxy()
    target = targets.Target(targets.rfb_server(targets.echo))
    consoleauth.add("t", target.port)
    ws = proxy.connect("t")
    ws.send(b"RFB 003.008\n\x01")
    assert ws.recv_exactly(18)[-4:] == b"\0\0\0\0"
    stopper = threading.Thread(target=proxy.worker.stop)
    stopper.start()
    assert ws.until_closed()[0] == 1012
    assert proxy.tally()["reason"] == "restart"


def test_two_hundred_silent_targets_delay_nobody(make_proxy, consoleauth):
    proxy = make_proxy(proxy__handshake_timeout=20)
    consoleauth.add("dead", targets.Target(targets.silent).port)
    target = targets.Target(targets.rfb_server(targets.echo))
    consoleauth.add("t", target.port)
    waiting = []
    for _ in range(200):
        sock = socket.create_connection(("127.0.0.1", proxy.port), 30)
        sock.sendall(ws_client.request("/?token=dead", proxy.port,
                                       headers=ws_client.upgrade_headers()))
        waiting.append(sock)
    wait_for(lambda: proxy.worker._describe()["opening"] == 200)
    before = time.monotonic()
    assert proxy.connect("t").recv_message() == b"RFB 003.008\n"
    assert time.monotonic() - before < 10
    for sock in waiting:
        sock.close()
