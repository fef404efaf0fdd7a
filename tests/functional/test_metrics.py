"""What a worker counts, read as Prometheus reads it."""

import threading

import prometheus_client
import pytest

from consoles import exception
from consoles import model
from consoles.conf import consoleauth as consoleauth_options
from consoles.conf import proxy as proxy_options
from consoles.proxies.door import REASONS
from tests.fixtures import targets
from tests.fixtures import ws_client
from tests.fixtures.processes import wait_for
from tests.fixtures.prometheus import samples

HOSTILE = "x\r\n\x1b[31m\"}consoles_evil 1"


def page_of(proxy):
    return prometheus_client.generate_latest(proxy.worker._metrics.registry)


def counted(proxy, name, **labels):
    return samples(page_of(proxy)).get((name, tuple(sorted(labels.items()))), 0)


def opened(proxy, token="t"):
    ws = proxy.connect(token)
    ws.send(b"RFB 003.008\n\x01")
    ws.recv_exactly(18)
    return ws


def test_a_session_is_counted_while_it_lives_and_when_it_ends(proxy, consoleauth):
    consoleauth.add("t", targets.Target(targets.rfb_server(targets.echo)).port)
    ws = opened(proxy)
    ws.send(b"?" * 5000)
    ws.recv_exactly(5000)
    wait_for(lambda: counted(proxy, "consoles_sessions") == 1)
    wait_for(lambda: counted(proxy, "consoles_carried_bytes_total", direction="in") >= 5000)
    assert counted(proxy, "consoles_carried_bytes_total", direction="out") >= 5000
    assert counted(proxy, "consoles_sessions_opened_total") == 1
    for stage in ("request", "authorise", "dial", "target", "accept"):
        assert counted(proxy, "consoles_opening_seconds_count", stage=stage) == 1, stage
    assert counted(proxy, "consoles_rpc_seconds_count", interface="consoleauth",
                   method="get_connection_details", outcome="ok") == 1
    assert counted(proxy, "consoles_workers") == 1
    ws.close()
    assert proxy.tally()["bytes_in"] == 5000
    assert counted(proxy, "consoles_sessions_ended_total", reason="client_closed") == 1
    wait_for(lambda: counted(proxy, "consoles_sessions") == 0)
    assert counted(proxy, "consoles_carried_bytes_total", direction="in") == 5000


def test_refusals_are_counted_by_their_reason(proxy, consoleauth):
    consoleauth.tokens[model.token_hash("away")] = exception.AgentUnavailable("host")
    for token, reason in (("away", "agent_unavailable"), ("wrong", "token_invalid")):
        with pytest.raises(ws_client.Refused):
            proxy.connect(token)
        assert counted(proxy, "consoles_refusals_total", reason=reason) == 1
    assert counted(proxy, "consoles_rpc_seconds_count", interface="consoleauth",
                   method="get_connection_details", outcome="none") == 1
    assert counted(proxy, "consoles_rpc_seconds_count", interface="consoleauth",
                   method="get_connection_details", outcome="agent_unavailable") == 1


def end_while_it_opens(proxy, consoleauth, reason):
    """Ask for a session that is ended, for that reason, before consoleauth has answered."""
    consoleauth.gate.clear()
    consoleauth.asked.clear()
    with ws_client.socket.create_connection(("127.0.0.1", proxy.port), 30) as sock:
        sock.sendall(ws_client.request("/?token=t", proxy.port,
                                       headers=ws_client.upgrade_headers())
                     + ws_client.frame(b"RFB 003.008\n\1"))
        wait_for(lambda: consoleauth.asked)
        proxy.worker._loop.call_soon_threadsafe(
            proxy.worker._end, list(proxy.worker._sessions.all), reason)
        consoleauth.gate.set()
        while sock.recv(4096):
            pass


@pytest.mark.parametrize(("said", "label"), [("ended_by_admin", "ended_by_admin"),
                                             (HOSTILE, "other"), ("token_invalid", "other")])
def test_an_end_while_it_opens_is_counted_by_a_reason_of_ours(proxy, consoleauth, said, label):
    consoleauth.add("t", targets.Target(targets.rfb_server(targets.echo)).port)
    end_while_it_opens(proxy, consoleauth, said)
    wait_for(lambda: counted(proxy, "consoles_refusals_total", reason=label) == 1)


@pytest.mark.parametrize(("reason", "data", "options"), [
    ("door_full", b"", {"proxy__max_opening": 1}),
    ("address_full", b"", {"proxy__max_handshakes_per_address": 1}),
    ("no_tls", b"\x16\x03\x01\x00\x01\x01", {}),
    ("tls_only", b"GET / HTTP/1.1\r\n\r\n", {"DEFAULT__ssl_only": True}),
    ("proxy_header", b"GET / HTTP/1.1\r\n\r\n",
     {"proxy__trusted_proxies": ["127.0.0.1"], "proxy__proxy_protocol": "v1v2"}),
    ("address_full", b"PROXY TCP4 192.0.2.1 192.0.2.9 4711 443\r\nG",
     {"proxy__trusted_proxies": ["127.0.0.1"], "proxy__proxy_protocol": "v1v2",
      "proxy__max_handshakes_per_address": 1})])
def test_who_is_not_let_in_is_counted_and_told(make_proxy, certificates, caplog, reason, data,
                                               options):
    if reason == "tls_only":
        options = options | {"DEFAULT__cert": str(certificates.cert),
                             "DEFAULT__key": str(certificates.key)}
    proxy = make_proxy(**options)
    socks = []
    for _ in range(3):
        socks.append(ws_client.socket.create_connection(("127.0.0.1", proxy.port), 30))
        socks[-1].sendall(data)
    wait_for(lambda: counted(proxy, "consoles_refusals_total", reason=reason) >= 2)
    assert caplog.text.count(REASONS[reason]) == 1
    for sock in socks:
        sock.close()
    wait_for(lambda: proxy.worker._server.handshakes == 0)


def test_a_balancer_that_only_looks_whether_we_listen_is_nothing_to_tell(make_proxy, caplog):
    proxy = make_proxy(proxy__trusted_proxies=["127.0.0.1"], proxy__proxy_protocol="v1v2")
    caplog.set_level("INFO")
    ws_client.socket.create_connection(("127.0.0.1", proxy.port), 30).close()
    wait_for(lambda: "A connection of 127.0.0.1 ends" in caplog.text)
    assert counted(proxy, "consoles_refusals_total", reason="proxy_header") == 0


def test_no_label_is_anybodys_to_choose(proxy, consoleauth):
    """Whatever comes from outside, the page has the same series as before."""
    consoleauth.add("t", targets.Target(targets.rfb_server(targets.echo)).port)
    names = []
    for word in ("plain", HOSTILE.replace("\r\n", "%0d%0a")):
        with pytest.raises(ws_client.Refused):
            proxy.connect(path=f"/{word}?token={word}".replace(" ", "+"))
        with pytest.raises(ws_client.Refused):
            proxy.connect(word.replace(" ", "+"), extra=[("User-Agent", word)],
                          origin=f"http://{word}")
        ws = opened(proxy)
        end, = proxy.worker._sessions.all
        proxy.worker._loop.call_soon_threadsafe(proxy.worker._end, [end], word, 4441)
        assert ws.until_closed()[0] == 4441
        proxy.tally()
        names.append({key for key in samples(page_of(proxy))
                      if key[0].endswith("_total")})
    assert names[0] == names[1]
    assert counted(proxy, "consoles_sessions_ended_total", reason="other") == 2


@pytest.mark.parametrize("options", [proxy_options, consoleauth_options])
def test_no_listener_for_monitoring_unless_told_and_then_on_loopback(options):
    defaults = {option.name: option.default for option in options.OPTS}
    assert (defaults["metrics_port"], defaults["metrics_host"]) == (0, "127.0.0.1")


def test_a_worker_that_ends_serves_its_page_no_more(proxy):
    closed = threading.Event()
    proxy.worker._metrics.close = closed.set
    proxy.stop()
    assert closed.is_set()
