"""The page's address: where the token comes from, where it goes and where it never goes."""

import pytest

from tests.e2e.pages.steps import sockets
from tests.e2e.pages.steps import visit
from tests.e2e.pages.steps import wait_pixel
from tests.e2e.pages.steps import wait_state
from tests.fixtures import page_server
from tests.fixtures.page_guest import rfb

ADDRESSES = [
    ("path=%3Ftoken%3DT1", "/?token=T1"),
    ("path=/%3Ftoken%3DT1", "/?token=T1"),
    ("path=novnc%3Ftoken%3DT1", "/novnc?token=T1"),
    ("path=%2Fnovnc%3Ftoken%3DT1", "/novnc?token=T1"),
    ("path=novnc%3Fa%3Db%26token%3DT1&title=x(y)", "/novnc?a=b&token=T1"),
    ("path=websockify&token=T1", "/websockify?token=T1"),
    ("token=T1", "/?token=T1"),
    ("path=%3Ftoken%3DT1&token=other", "/?token=T1"),
]


def test_where_the_token_comes_from(page, server):
    assert asked(page, server, [query for query, _ in ADDRESSES]) == [
        server.url.replace("http", "ws") + path for _, path in ADDRESSES]


def asked(page, server, queries):
    """The WebSocket URLs that the page would open for these queries of its own address."""
    page.goto(f"{server.url}/vnc_auto.html")
    return page.evaluate("""async (queries) => {
        const { consolePath, socketUrl } = await import("/js/address.js");
        return queries.map((query) => socketUrl(consolePath(`?${query}`), location.href));
    }""", queries)


@pytest.mark.parametrize(("query", "path"), [ADDRESSES[0], ADDRESSES[4], ADDRESSES[5]])
def test_the_socket_is_opened_there(page, server, query, path):
    server.plan("T1", rfb)
    visit(page, server, f"vnc_auto.html?{query}")
    assert sockets(server) == [path]


def test_token_leaves_the_address_bar_and_a_reload_works(console, server):
    server.plan("secret", rfb)
    page = console("secret", options="&resize=off&title=my-server")
    assert "secret" not in page.url
    assert "resize=off" in page.url
    assert "title=my-server" in page.url
    for again in (lambda: page.reload(), lambda: page.goto(page.url)):
        again()
        wait_state(page, "connected")
        wait_pixel(page)
    assert sockets(server) == ["/?token=secret"] * 3
    assert not [path for path in server.all("file")[1:] if "secret" in path]


def test_each_console_of_a_tab_is_kept_apart(console, server):
    server.plan("one", rfb)
    server.plan("two", rfb)
    page = console("one")
    console("two")
    page.go_back()
    wait_state(page, "connected")
    assert sockets(server) == ["/?token=one", "/?token=two", "/?token=one"]


def test_address_is_worthless_in_another_tab(console, server):
    server.plan("mine", rfb)
    page = console("mine")
    other = page.context.new_page()
    other.goto(page.url)
    wait_state(other, "refused")
    assert sockets(server) == ["/?token=mine"]


@pytest.mark.parametrize(("query", "path"), [
    ("path=%3Ftoken%3DT2", f"{page_server.PREFIX}/?token=T2"),
    ("token=T2", f"{page_server.PREFIX}/?token=T2"),
    ("path=novnc%3Ftoken%3DT2", "/novnc?token=T2"),
])
def test_behind_a_reverse_proxy_under_a_prefix(page, server, query, path):
    server.plan("T2", rfb)
    visit(page, server, f"{page_server.PREFIX[1:]}/vnc_auto.html?{query}")
    assert sockets(server) == [path]
    assert all(file.startswith(page_server.PREFIX) for file in server.all("file"))


ELSEWHERE = [
    "path=//evil.example/%3Ftoken%3DT3",
    "path=//evil.example/../%3Ftoken%3DT3",
    "path=%5C%5Cevil.example/%3Ftoken%3DT3",
    "path=/%5Cevil.example/%3Ftoken%3DT3",
    "path=/%09/evil.example/%3Ftoken%3DT3",
    "path=%0A//evil.example/%3Ftoken%3DT3",
    "path=%00//evil.example/%3Ftoken%3DT3",
    "path=@evil.example/%3Ftoken%3DT3",
    "path=:80@evil.example/%3Ftoken%3DT3",
    "path=.evil.example/%3Ftoken%3DT3",
    "path=http://evil.example/%3Ftoken%3DT3",
    "path=wss:evil.example/%3Ftoken%3DT3",
    "token=T3&host=evil.example&port=80&encrypt=0",
]


def test_no_address_leads_to_another_host(page, server):
    own = server.url.replace("http", "ws") + "/"
    for url in asked(page, server, ELSEWHERE):
        assert url.startswith(own)
        assert not url.removeprefix(own).startswith("/")
        assert url.endswith("?token=T3")


@pytest.mark.parametrize("query", [
    "path=//{evil}/../%3Ftoken%3DT3",
    "path=http://{evil}/%3Ftoken%3DT3",
    "path=%3Ftoken%3DT3&host=127.0.0.1&port={port}&encrypt=0",
])
def test_no_link_sends_the_token_elsewhere(page, server, query):
    opened = []
    page.on("websocket", lambda socket: opened.append(socket.url))
    server.plan("T3", rfb)
    with page_server.serving() as evil:
        where = query.format(evil=f"127.0.0.1:{evil.server_port}", port=evil.server_port)
        visit(page, server, f"vnc_auto.html?{where}")
        assert evil.heard == []
    assert len(opened) == 1
    assert opened[0].startswith(server.url.replace("http", "ws") + "/")


def test_socket_scheme_and_host_follow_the_page(page, server):
    page.goto(f"{server.url}/vnc_auto.html")
    made = page.evaluate("""async () => {
        const { socketUrl } = await import("/js/address.js");
        return ["https://c.example/x/vnc_lite.html?a#b", "http://[::1]:6080/", "https://c:444/v"]
            .map((page) => socketUrl("p/q?token=T#f", page));
    }""")
    assert made == ["wss://c.example/p/q?token=T", "ws://[::1]:6080/p/q?token=T",
                    "wss://c:444/p/q?token=T"]
