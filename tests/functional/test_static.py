"""The pages a proxy serves, and everything it does not serve."""

import os
import socket

import pytest

from consoles import exception
from consoles.proxies import catalog
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
    (root / "core" / "hidden.js").symlink_to("../.secret")
    (root / "core" / "loop.js").symlink_to("loop.js")
    (root / ".git").mkdir()
    (root / ".git" / "config").write_text("x")
    (tmp_path / "outside.html").write_text("x")
    (tmp_path / "web-of-another").mkdir()
    (tmp_path / "web-of-another" / "page.html").write_text("x")
    return root


@pytest.fixture
def site(make_proxy, web):
    return make_proxy(vnc__web=str(web))


def ask(proxy, path, method="GET", headers=()):
    with socket.create_connection(("127.0.0.1", proxy.port), 30) as sock:
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


def nothing(site, path, method="GET"):
    status, headers, body = ask(site, path, method)
    assert (status, body) == (404, b"")
    assert "location" not in headers
    assert headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", ["/vnc_auto.html", "/core/rfb.js", "/nothing"])
def test_head_is_the_head_of_get(site, path):
    assert ask(site, path, "HEAD") == (*ask(site, path)[:2], b"")


@pytest.mark.parametrize("path", [
    "//evil.example", "///evil.example", "////evil.example/", "/\\evil.example",
    "/\\/evil.example", "/%2f%2fevil.example/..", "//evil.example/%2f..", "/%5cevil.example",
    "/%5c%5cevil.example/..", "/%2fevil.example", "/http://evil.example/", "/%09/evil.example",
    "/core/%2e%2e/%2fevil.example", "http://evil.example/", "/core//evil.example/.."])
def test_no_address_is_redirected(site, path):
    for method in ("GET", "HEAD"):
        nothing(site, path, method)


@pytest.mark.parametrize("path", [
    "/../outside.html", "/%2e%2e/outside.html", "/%252e%252e/outside.html", "/.%2e/outside.html",
    "/core/..%2f..%2foutside.html", "/..%5coutside.html", "/..%c0%afoutside.html", "/..",
    "/core/../vnc_auto.html", "/core/./rfb.js", "/../web-of-another/page.html",
    "/%2e%2e%2fweb-of-another%2fpage.html", "/..;/outside.html"])
def test_no_path_leads_out_of_the_directory(site, path):
    nothing(site, path)


def test_an_absolute_path_is_none_of_ours(site, web):
    for path in (f"/{web.parent}/outside.html", f"{web.parent}/outside.html",
                 f"/%2f{str(web)[1:]}/vnc_auto.html", "/etc/hostname", "etc/hostname"):
        nothing(site, path)


@pytest.mark.parametrize("path", ["/%00", "/vnc_auto.html%00", "/%00/../vnc_auto.html",
                                  "/vnc_auto.html%00.js"])
def test_a_path_with_a_null_is_none_of_ours(site, path):
    nothing(site, path)


@pytest.mark.parametrize("path", ["/core/out", "/core/loop.js", "/core/hidden.js"])
def test_a_link_that_leads_out_is_not_followed(site, path):
    nothing(site, path)


def test_an_index_that_leads_out_is_not_followed(site, web):
    (web / "vnc_auto.html").unlink()
    (web / "vnc_auto.html").symlink_to("../outside.html")
    nothing(site, "/")


@pytest.mark.parametrize("path", ["/.secret", "/%2esecret", "/.git/config", "/.git", "/.git/HEAD"])
def test_dotfiles_are_not_served(site, path):
    nothing(site, path)


@pytest.mark.parametrize("path", ["/core", "/core/", "/core//rfb.js", "/vnc_auto.html/",
                                  "/nothing", "/VNC_AUTO.html", "/" + "a" * 300, "/%ff%fe"])
def test_neither_listings_nor_what_is_not_there(site, path):
    nothing(site, path)


def test_no_listing_without_an_index(site, web):
    (web / "vnc_auto.html").unlink()
    nothing(site, "/")


def test_what_is_no_plain_file_is_not_opened(site, web):
    os.mkfifo(web / "pipe.js")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(web / "socket.js"))
        nothing(site, "/pipe.js")
        nothing(site, "/socket.js")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT",
                                    "PROPFIND", "get"])
@pytest.mark.parametrize("path", ["/", "/core/rfb.js", "/nothing"])
def test_other_methods(site, method, path):
    status, headers, body = ask(site, path, method)
    assert (status, headers["allow"], body) == (405, "GET, HEAD", b"")


def test_trace_echoes_nothing(site):
    status, headers, body = ask(site, "/", "TRACE", [("Cookie", "token=S")])
    assert (status, headers["allow"], body) == (405, "GET, HEAD", b"")


def test_an_asset_that_the_browser_has_is_not_sent_again(site, web):
    tag = ask(site, "/core/rfb.js")[1]["etag"]
    assert tag.startswith('"')
    assert tag.endswith('"')
    for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        status, headers, body = ask(site, "/core/rfb.js", headers=[("If-None-Match", known)])
        assert (status, body) == (304, b"")
        assert (headers["etag"], headers["cache-control"]) == (tag, "no-cache")
        assert "content-security-policy" in headers
    before = (web / "core" / "rfb.js").stat()
    (web / "core" / "rfb.js").write_text("export default 2")
    os.utime(web / "core" / "rfb.js", ns=(before.st_atime_ns, before.st_mtime_ns))
    status, headers, body = ask(site, "/core/rfb.js", headers=[("If-None-Match", tag)])
    assert (status, body) == (200, b"export default 2")
    assert headers["etag"] != tag


@pytest.mark.parametrize("known", ['"other"', "", "x" * 50, '"', "W/"])
def test_an_asset_of_another_tag_is_sent(site, known):
    status, _, body = ask(site, "/core/rfb.js", headers=[("If-None-Match", known)])
    assert (status, body) == (200, b"export default 1")


def test_a_page_has_no_tag_and_is_always_sent(site):
    status, headers, _ = ask(site, "/vnc_auto.html", headers=[("If-None-Match", "*")])
    assert status == 200
    assert "etag" not in headers


def test_the_connection_goes_on_after_answers_without_a_body(site):
    asset = ws_client.request("/core/rfb.js", site.port, headers=[("If-None-Match", "*")])
    head = ws_client.request("/core/rfb.js", site.port, "HEAD")
    with socket.create_connection(("127.0.0.1", site.port), 30) as sock:
        for request, status in ((asset, 304), (head, 200), (asset, 304)):
            sock.sendall(request)
            assert ws_client.read_head(sock)[0::2] == (status, b"")


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
    with socket.create_connection(("127.0.0.1", site.port), 30) as sock:
        sock.sendall(raw)
        status, headers, body = ws_client.read_head(sock)
        assert status in (400, 414, 431)
        assert headers["connection"] == "close"
        assert ws_client.read_all(sock) == b""


def test_a_connection_is_used_again(site):
    with socket.create_connection(("127.0.0.1", site.port), 30) as sock:
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
    with socket.create_connection(("127.0.0.1", site.port), 30) as sock:
        sock.settimeout(1)
        with pytest.raises((TimeoutError, ConnectionError)):
            for _ in range(10_000):
                sock.sendall(request * 50)


def test_a_path_that_is_no_url_is_a_bad_request(site):
    with pytest.raises(ws_client.Refused) as refused:
        site.connect(path="/?path=//[x?token=S")
    assert refused.value.status == 400


@pytest.mark.parametrize(("spec", "option", "page"), [
    (catalog.NOVNC, "vnc__web", "spice.html"), (catalog.SPICE_HTML5, "spice__web", "vnc_auto.html"),
    (catalog.MKS, "mks__web", "spice.html")], ids=lambda value: getattr(value, "group", None))
def test_another_kinds_pages_end_the_start(make_proxy, tmp_path, spec, option, page):
    (tmp_path / page).write_text("")
    with pytest.raises(exception.ConfigError, match=rf"has none of .*set \[{spec.group}\] web"):
        make_proxy(spec=spec, **{option: str(tmp_path)})


def test_a_directory_of_pages_that_is_not_there_ends_the_start(make_proxy, tmp_path):
    with pytest.raises(exception.ConfigError, match="does not exist"):
        make_proxy(vnc__web=str(tmp_path / "nowhere"))
