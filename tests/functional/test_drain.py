"""A worker that drains: what happens to sessions that are there and to those that come."""

import http.client
import time

import pytest

from consoles.context import RequestContext
from consoles.proxies.backoff import TOGETHER
from consoles.rpc import transport
from consoles.rpc.proxies import Proxies
from tests.fixtures import ws_client
from tests.fixtures.novnc import greeted
from tests.fixtures.processes import listening
from tests.fixtures.processes import wait_for
from tests.fixtures.tokens import asking


def ended(proxy):
    return not proxy._thread.is_alive()


def busy(proxy):
    """Whether it serves and has a connection that is no session."""
    return hasattr(proxy.worker, "_server") and proxy.worker._server.busy


def test_without_a_timeout_it_ends_with_its_last_session(proxy, echoing_guest):
    parents = proxy.sock.dup()
    ws = greeted(proxy.connect())
    proxy.worker.drain()
    wait_for(lambda: proxy.worker._server._closed)
    waiting = ws_client.socket.create_connection(("127.0.0.1", proxy.port))  # for other workers
    waiting.settimeout(0.3)
    waiting.sendall(ws_client.request("/", proxy.port))
    with pytest.raises(TimeoutError):
        waiting.recv(1)
    ws.send(b"still here")
    assert ws.recv_exactly(10) == b"still here"
    assert not ended(proxy)
    ws.close()
    wait_for(lambda: ended(proxy))
    assert proxy.tally()["reason"] == "client_closed"
    parents.close()


def test_with_a_timeout_new_sessions_are_refused_and_old_ones_told_at_its_end(
        proxy, echoing_guest):
    ws = greeted(proxy.connect())
    proxy.worker.drain(0.5)
    wait_for(lambda: proxy.worker._server.refuses)
    with pytest.raises(ws_client.Refused) as refused:
        proxy.connect()
    assert refused.value.status == 503
    assert proxy.connect(origin=proxy.own_origin).until_closed()[0] == 1012
    ws.send(b"still here")
    assert ws.recv_exactly(10) == b"still here"
    assert ws.until_closed() == (1012, "restart")
    wait_for(lambda: ended(proxy))
    assert proxy.tally()["reason"] == "restart"


def test_with_a_timeout_it_ends_as_soon_as_nobody_is_left(proxy, echoing_guest):
    ws = greeted(proxy.connect())
    proxy.worker.drain(60)
    ws.close()
    wait_for(lambda: ended(proxy))


def test_who_has_just_come_to_an_idle_worker_is_still_answered(proxy):
    sock = ws_client.socket.create_connection(("127.0.0.1", proxy.port), 30)
    wait_for(lambda: busy(proxy))
    proxy.worker.drain(60)
    wait_for(lambda: proxy.worker._server._closed)
    sock.sendall(ws_client.request("/?token=t", proxy.port, headers=ws_client.upgrade_headers()))
    assert ws_client.read_head(sock)[0] == 503
    wait_for(lambda: ended(proxy))


def test_a_silent_peer_keeps_a_stopping_worker_for_a_moment_only(proxy):
    silent = ws_client.socket.create_connection(("127.0.0.1", proxy.port), 30)
    wait_for(lambda: busy(proxy))
    proxy.worker.drain(60)
    wait_for(lambda: ended(proxy))
    assert silent.recv(1) == b""


def test_a_stop_cuts_a_drain_short(proxy, echoing_guest):
    ws = greeted(proxy.connect())
    proxy.worker.drain(60)
    proxy.worker.stop()
    assert ws.until_closed() == (1012, "restart")
    wait_for(lambda: ended(proxy))


def test_a_stop_reaches_a_session_that_is_being_opened(proxy, consoleauth):
    consoleauth.gate.clear()
    sock = ws_client.socket.create_connection(("127.0.0.1", proxy.port), 30)
    sock.sendall(ws_client.request("/?token=t", proxy.port, headers=ws_client.upgrade_headers()))
    wait_for(lambda: consoleauth.asked)
    proxy.worker.drain()
    proxy.worker.stop()
    consoleauth.gate.set()
    assert ws_client.read_head(sock)[0] in (0, 503)
    wait_for(lambda: ended(proxy))


def test_a_stop_reaches_who_waits_for_a_turn_to_be_asked_about(proxy, consoleauth):
    consoleauth.gate.clear()
    socks = [asking(proxy, "t") for _ in range(TOGETHER + 3)]
    wait_for(lambda: proxy.worker._sessions._backoff._waiting)
    wait_for(lambda: len(proxy.worker._sessions.all) == TOGETHER)
    proxy.worker.stop()
    assert {ws_client.read_head(sock)[0] for sock in socks} == {503}


def test_a_clients_kept_connection_does_not_keep_an_old_worker(proxy, echoing_guest):
    ws = greeted(proxy.connect())
    page = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=30)
    page.request("GET", "/")
    page.getresponse().read()
    proxy.worker.drain()
    wait_for(lambda: proxy.worker._server._closed)
    page.request("GET", "/")
    answer = page.getresponse()
    assert answer.status == 200
    assert answer.getheader("Connection") == "close"
    ws.close()
    wait_for(lambda: ended(proxy))


def test_a_silent_peer_keeps_an_old_worker_only_for_the_handshake(make_proxy):
    proxy = make_proxy(proxy__handshake_timeout=1)
    silent = ws_client.socket.create_connection(("127.0.0.1", proxy.port), 30)
    wait_for(lambda: busy(proxy))
    before = time.monotonic()
    proxy.worker.drain()
    wait_for(lambda: ended(proxy))
    assert time.monotonic() - before < 15
    assert silent.recv(1) == b""


def test_reload_asks_whoever_started_the_worker(proxy):
    bus = transport.Bus(proxy.conf)
    client = Proxies(transport.ThreadCaller(bus)).at(proxy.worker.name)
    assert client.reload(RequestContext()) is False
    bus.close()
    assert listening(proxy.port)
