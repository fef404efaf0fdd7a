"""Beside a Nova: its tokens at our proxies, and its servers' consoles with tokens of ours."""

import json
import urllib.parse

import pytest
from keystoneauth1 import session
from keystoneauth1.identity import v3

from tests.fixtures import rfb_viewer
from tests.fixtures import ws_client
from tests.fixtures.fake_nova import Console
from tests.fixtures.processes import wait_for
from tests.fixtures.system import timed

BODY = {"remote_console": {"protocol": "vnc", "type": "novnc"}}


@pytest.fixture
def beside(make_system, rabbit, nova):
    """Proxies and consoleauth; only the latter has a login at Nova."""
    system = make_system(rabbit.url, hosts=(), consoleauth={"backend": "nova"})
    system.nova = nova
    system.login = system.services.write("nova.conf", {"nova": nova.login()})
    system.sync()
    system.services.start("auth", "consoles-consoleauth", "--config-file", system.login,
                          line="serves the bus")
    system.start_proxy()
    nova.page_url = f"http://127.0.0.1:{system.proxy_ports['proxy']}/vnc_auto.html"
    return system


def ask_nova(nova, server):
    """A user asks Nova for a console as ever; → the URL."""
    login = v3.Password(nova.url + "/identity/v3", username="mary", password="mary-secret",
                        user_domain_name="Default", project_name="service",
                        project_domain_name="Default")
    answer = session.Session(login).post(
        f"/servers/{server}/remote-consoles", json=BODY, microversion="2.6",
        endpoint_filter={"service_type": "compute", "interface": "public"})
    return answer.json()["remote_console"]["url"]


def open_page(url):
    """As noVNC's page does it; → (a viewer that has seen a picture, the token)."""
    parts = urllib.parse.urlsplit(url)
    path = urllib.parse.parse_qs(parts.query)["path"][0]
    ws = ws_client.WebSocket.connect(parts.port, f"/{path}",
                                     origin=f"http://127.0.0.1:{parts.port}")
    viewer = rfb_viewer.Viewer(ws).connect()
    viewer.refresh()
    viewer.socket = ws
    return viewer, path.rpartition("=")[2]


def refusal(url):
    """The Close code that the page gets."""
    path = urllib.parse.parse_qs(urllib.parse.urlsplit(url).query)["path"][0]
    port = urllib.parse.urlsplit(url).port
    return ws_client.WebSocket.connect(port, f"/{path}",
                                       origin=f"http://127.0.0.1:{port}").until_closed()[0]


def test_novas_urls_open_consoles_at_our_proxy(beside, nova, screen):
    server = nova.add("web", "kvm1")
    nova.consoles[server, "novnc"] = Console(server, "127.0.0.1", screen.port)
    url = ask_nova(nova, server)
    viewer, token = open_page(url)
    assert viewer.picture.shape == (800, 1024)
    (session_id, instance_id), = wait_for(lambda: beside.rows(
        "select id, instance_id from sessions where state='live'"))
    assert instance_id == server
    assert session_id in beside.manage("session", "list").stdout
    assert beside.manage("session", "kill", session_id).returncode == 0
    assert viewer.socket.until_closed() == (4441, "ended by admin")

    again, _ = open_page(url)  # Nova's tokens are good until they expire
    nova.held.clear()
    try:
        code, seconds = timed(lambda: refusal(url))
        assert (code, seconds < 15) == (4503, True)
        again.refresh()
    finally:
        nova.held.set()
    del nova.tokens[token]
    assert refusal(url) == 4401
    again.refresh()  # as with Nova's own proxy
    again.socket.close()

    for name in ("proxy", "auth"):
        assert beside.services.terminate(name) == 0
        log = beside.services[name].log.read_text()
        assert token not in log
        assert "nova-secret" not in log
        assert "Traceback" not in log


def test_one_agent_gives_the_consoles_of_all_of_novas_hosts(beside, nova, screen):
    server = nova.add("web", "kvm7", project="red")
    nova.consoles[server, "novnc"] = Console(server, "127.0.0.1", screen.port)
    agent = beside.services.write("agent.conf", {
        "compute": {"driver": "nova", "host": "nova", "nova_hosts": "*"},
        "vnc": {"novncproxy_base_url": nova.page_url}})
    beside.services.start("agent", "consoles-compute", "--config-file", beside.login,
                          "--config-file", agent, line="serves the bus")
    beside.start_api()
    wait_for(lambda: server in beside.manage("instance", "list").stdout)
    shown = json.loads(beside.manage("instance", "show", server, "--json").stdout)
    assert (shown["name"], shown["host"], shown["project_id"]) == ("web", "nova", "red")
    ours = beside.ask(f"/servers/{server}/console", BODY["remote_console"])["url"]
    open_page(ours)

    # Of a token of Nova's it knows as well whether the console is there, and of which type.
    novas = ask_nova(nova, server)
    token = novas.rpartition("%3D")[2]
    line = nova.mint(Console(server, "127.0.0.1", screen.port + 1))
    assert refusal(novas.replace(token, line)) == 4409
    viewer, _ = open_page(novas)
    assert beside.rows("select distinct project_id from sessions") == [("red",)]
    nova.consoles[server, "novnc"] = Console(server, "127.0.0.1", screen.port + 1)
    assert refusal(novas) == 4409
    nova.servers[server]["status"] = "SHUTOFF"
    assert viewer.socket.until_closed()[0] == 4409
    assert beside.services.terminate("agent") == 0
    assert "Traceback" not in beside.services["agent"].log.read_text()
    assert "nova-secret" not in beside.services["agent"].log.read_text()
