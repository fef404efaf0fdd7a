"""Heads that no client of consoles sends: refused, the connection ended, nothing believed."""

import resource
import socket
import time

import pytest

from tests.fixtures import ws_client
from tests.fixtures.processes import wait_for

START = b"GET / HTTP/1.1\r\nHost: h\r\n"
UPGRADE = (b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
           b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n")

HEADS = {
    "a long line": (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: h\r\n\r\n", 414),
    "a long header": (START + b"X: " + b"a" * 9000 + b"\r\n\r\n", 431),
    "many headers": (START + b"X: a\r\n" * 200 + b"\r\n", 431),
    "a long head": (START + (b"X: " + b"a" * 1000 + b"\r\n") * 90, 431),
    "bare line feeds": (b"GET / HTTP/1.1\nHost: h\n\r\n\r\n", 400),
    "a folded header": (START + b"X: a\r\n b\r\n\r\n", 400),
    "NUL": (START + b"X: \0\r\n\r\n", 400),
    "two lengths": (START + b"Content-Length: 0\r\nContent-Length: 5\r\n\r\n", 400),
    "length and coding": (START + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
    "a body": (START + b"Content-Length: 5\r\n\r\nhello", 400),
    "no HTTP": (b"\x00\x01\x02\r\n\r\n", 400),
    "no method": (b" / HTTP/1.1\r\nHost: h\r\n\r\n", 400),
    "HTTP/9": (b"GET / HTTP/9.9\r\nHost: h\r\n\r\n", 400),
    "no Host": (b"GET /?token=t HTTP/1.1\r\n" + UPGRADE + b"\r\n", 400),
    "two Hosts": (START + b"Host: h\r\n" + UPGRADE + b"\r\n", 400),
    "a user in Host": (b"GET /?token=t HTTP/1.1\r\nHost: a@h\r\n" + UPGRADE + b"\r\n", 400),
    "a path in Host": (b"GET /?token=t HTTP/1.1\r\nHost: h/a\r\n" + UPGRADE + b"\r\n", 400),
    "no ASCII in Host": (b"GET /?token=t HTTP/1.1\r\nHost: h\xc3\xa4\r\n" + UPGRADE + b"\r\n", 400),
}


@pytest.mark.parametrize(("head", "status"), HEADS.values(), ids=HEADS)
def test_a_head_that_none_may_send_is_refused(proxy, consoleauth, head, status):
    with socket.create_connection(("127.0.0.1", proxy.port), 30) as sock:
        sock.sendall(head)
        assert ws_client.read_head(sock)[0] == status
        assert ws_client.read_all(sock) == b""
    assert consoleauth.asked == []


def test_compression_is_not_negotiated(proxy, echoing_guest):
    ws = proxy.connect(extra=[("Sec-WebSocket-Extensions",
                               "permessage-deflate; client_max_window_bits")])
    assert "sec-websocket-extensions" not in ws.answer


def test_cookies_cost_no_time_whatever_is_in_them(proxy, consoleauth):
    quotes = b'Cookie: a="' + b"\\\\" * 4000 + b'"\r\n'
    head = (b"GET / HTTP/1.1\r\nHost: h\r\n" + UPGRADE + quotes * 7 + b"\r\n")
    before = time.process_time()
    with socket.create_connection(("127.0.0.1", proxy.port), 30) as sock:
        sock.sendall(head)
        assert ws_client.read_head(sock)[0] == 401
    assert time.process_time() - before < 0.5


def test_a_client_that_ends_early_does_not_get_all_answers_into_memory(make_proxy, tmp_path):
    (tmp_path / "big.js").write_bytes(b"x" * 500_000)
    (tmp_path / "vnc.html").write_text("")
    proxy = make_proxy(vnc__web=str(tmp_path), proxy__handshake_timeout=1)
    taken = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with socket.create_connection(("127.0.0.1", proxy.port), 30) as sock:
        sock.sendall(b"GET /big.js HTTP/1.1\r\nHost: h\r\n\r\n" * 1500)
        sock.shutdown(socket.SHUT_WR)
        wait_for(lambda: proxy.worker._server.handshakes == 0)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - taken
    assert grown < 100_000  # KiB


@pytest.mark.parametrize("host", ["a\x7fb", "a\x85b", "a\x9b31mb", "a" * 300])
def test_a_page_of_a_host_that_is_none_is_refused_and_not_logged(proxy, caplog, host):
    head = b"GET /?token=t HTTP/1.1\r\nHost: h\r\nOrigin: http://" + host.encode("latin-1")
    with socket.create_connection(("127.0.0.1", proxy.port), 30) as sock:
        sock.sendall(head + b"\r\n" + UPGRADE + b"\r\n")
        assert ws_client.read_head(sock)[0] == 403
    assert host[1:4] not in caplog.text
