"""Heads that no client of consoles sends: refused, the connection ended, nothing believed."""

import socket

import pytest

from tests.fixtures import ws_client

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
    with socket.create_connection(("127.0.0.1", proxy.port), 5) as sock:
        sock.sendall(head)
        assert ws_client.read_head(sock)[0] == status
        assert ws_client.read_all(sock) == b""
    assert consoleauth.asked == []


def test_compression_is_not_negotiated(proxy, echoing_guest):
    ws = proxy.connect(extra=[("Sec-WebSocket-Extensions",
                               "permessage-deflate; client_max_window_bits")])
    assert "sec-websocket-extensions" not in ws.answer
