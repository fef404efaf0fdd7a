"""The pages a proxy serves, and everything it does not serve."""

import socket

import pytest

from tests.fixtures import ws_client


@pytest.fixture
def web(tmp_path):
    root = tmp_path / "web"
    (root / "core").mkdir(parents=True)
    (root / "vnc_auto.html").write_text("<html>noVNC</html>")
    (root / "core" / "rfb.js").write_text("export default 1")
    (root / ".secret").write_text("x")
    (root / "core" / "out").symlink_to("/etc/hostname")
    (root / "core" / "in.js").symlink_to("rfb.js")
    (tmp_path / "outside.html").write_text("x")
    return root


@pytest.fixture
def site(make_proxy, web):
    return make_proxy(vnc__web=str(web))


def ask(proxy, path, method="GET", headers=()):
    with socket.create_connection(("127.0.0.1", proxy.port), 5) as sock:
        sock.sendall(ws_client.request(path, proxy.port, method,
                                       [("Connection", "close"), *headers]))
        status, answer, body = ws_client.read_head(sock)
        return status, answer, body + ws_client.read_all(sock)


@pytest.mark.parametrize("path", ["/", "/?token=x", "/vnc_auto.html?path=%3Ftoken%3Dx&title=a",
                                  "//?x", "/vnc%5Fauto.html"])
def test_the_page(site, path):
    status, headers, body = ask(site, path)
    assert (status, body) == (200, b"<html>noVNC</html>")
    assert headers["content-type"] == "text/html; charset=utf-8"
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize("path", ["/core/rfb.js", "/core/in.js"])
def test_an_asset(site, path):
    status, headers, body = ask(site, path)
    assert (status, body) == (200, b"export default 1")
    assert headers["content-type"] == "text/javascript"
    assert headers["cache-control"] == "no-cache"


def test_head_is_the_head_of_get(site):
    status, headers, body = ask(site, "/vnc_auto.html", "HEAD")
    assert (status, headers["content-length"], body) == (200, "18", b"")


@pytest.mark.parametrize("path", [
    "/core", "/core/", "/.secret", "/core/out", "/../outside.html", "/%2e%2e/outside.html",
    "/core/..%2f..%2foutside.html", "/..%5coutside.html", "/%00", "/core//rfb.js", "/nothing",
    "/core/../vnc_auto.html", "/%252e%252e/outside.html", "//evil.example/%2f..", "/\\evil",
    "/vnc_auto.html/"])
def test_nothing_else(site, path):
    status, headers, body = ask(site, path)
    assert (status, body) == (404, b"")
    assert "location" not in headers


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "TRACE", "OPTIONS", "CONNECT"])
def test_other_methods(site, method):
    status, headers, _ = ask(site, "/", method)
    assert (status, headers["allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize("raw", [
    b"GET / HTTP/1.1\nHost: a\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n",
    b"GET / HTTP/9.9\r\n\r\n", b"GET http://[ HTTP/1.1\r\n\r\n",
    b"GET\r\n\r\n", b"G\0T / HTTP/1.1\r\n\r\n",
    b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 200 + b"\r\n",
    b"GET / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello",
    b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"GET / HTTP/1.1\r\n" + b"A: " + b"b" * 70000 + b"\r\n\r\n"])
def test_what_is_not_http(site, raw):
    with socket.create_connection(("127.0.0.1", site.port), 5) as sock:
        sock.sendall(raw)
        status, headers, body = ws_client.read_head(sock)
        assert status in (400, 414, 431)
        assert headers["connection"] == "close"
        assert ws_client.read_all(sock) == b""


def test_a_connection_is_used_again(site):
    with socket.create_connection(("127.0.0.1", site.port), 5) as sock:
        for _ in range(3):
            sock.sendall(ws_client.request("/core/rfb.js", site.port))
            status, headers, body = ws_client.read_head(sock)
            assert status == 200
            while len(body) < int(headers["content-length"]):
                body += sock.recv(100)
            assert body == b"export default 1"


def test_a_client_that_only_asks_is_not_read_for_ever(site, web):
    """Pipelined requests whose answers nobody takes must not pile up in the proxy."""
    (web / "big.js").write_bytes(b"x" * 200_000)
    request = ws_client.request("/big.js", site.port)
    with socket.create_connection(("127.0.0.1", site.port), 5) as sock:
        sock.settimeout(1)
        with pytest.raises((TimeoutError, ConnectionError)):
            for _ in range(10_000):
                sock.sendall(request * 50)


def test_a_path_that_is_no_url_is_a_bad_request(site):
    with pytest.raises(ws_client.Refused) as refused:
        site.connect(path="/?path=//[x?token=S")
    assert refused.value.status == 400
