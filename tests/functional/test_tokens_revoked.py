"""Sessions that are over before they have begun: revoked, or left by their client."""

import threading
import time

import pytest

from consoles.context import RequestContext
from consoles.rpc.proxies import Proxies
from consoles.rpc.transport import Bus
from consoles.rpc.transport import ThreadCaller
from tests.fixtures import targets
from tests.fixtures import ws_client
from tests.fixtures.processes import wait_for
from tests.fixtures.tokens import asking
from tests.fixtures.tokens import refused


@pytest.fixture
def kill(conf):
    """→ a function that has the worker of a proxy end its sessions, as consoleauth does."""
    bus = Bus(conf)
    proxies = Proxies(ThreadCaller(bus))

    def end(proxy, code=4441, reason="ended_by_admin"):
        ids = list(proxy.worker._sessions.all)
        assert len(ids) == 1
        return proxies.at(proxy.worker.name).close_sessions(
            RequestContext(), ids, code, reason) == ids
    yield end
    bus.close()


@pytest.mark.parametrize(("code", "reason"), [
    (4441, "ended_by_admin"), (4404, "deleted"), (4404, "instance_deleted")])
def test_a_token_revoked_while_the_target_is_slow_relays_no_byte(
        proxy, consoleauth, kill, code, reason):
    go = threading.Event()
    got = []

    def speak(sock):
        sock.sendall(b"SECRET SCREEN")
        try:
            got.append(sock.recv(100))
        except ConnectionError:
            got.append(b"")

    def slow(sock):
        assert go.wait(10)
        try:
            targets.rfb_server(speak)(sock)
        except (ConnectionError, EOFError):
            got.append(b"")  # cut off in its handshake already

    target = targets.Target(slow)
    consoleauth.add("good", target.port)
    sock = asking(proxy)
    wait_for(lambda: target.connections)
    assert kill(proxy, code, reason)
    go.set()
    status, _, rest = ws_client.read_head(sock)
    assert status == 101
    ws = ws_client.WebSocket(sock, rest)
    ws.send(b"RFB 003.008\n\x01" + b"KEYS OF THE USER")
    heard = b""
    with pytest.raises(ws_client.Closed) as end:
        while True:
            heard += ws.recv_message()
    assert (end.value.code, end.value.reason) == (code, reason.replace("_", " "))
    assert heard == b"RFB 003.008\n\x01\x01"  # the proxy's own words
    wait_for(lambda: got)
    assert got == [b""]
    tally = proxy.tally()
    assert (tally["code"], tally["reason"]) == (code, reason)
    assert (tally["bytes_in"], tally["bytes_out"]) == (0, 0)


def test_a_token_revoked_while_consoleauth_answers_relays_no_byte(
        proxy, consoleauth, kill, echoing_guest):
    consoleauth.gate.clear()
    sock = asking(proxy)
    wait_for(lambda: consoleauth.asked)
    assert kill(proxy)
    consoleauth.gate.set()
    status, _, rest = ws_client.read_head(sock)
    assert status == 101
    ws = ws_client.WebSocket(sock, rest)
    ws.send(b"RFB 003.008\n\x01")
    assert ws.until_closed()[0] == 4441
    assert proxy.tally()["reason"] == "ended_by_admin"


def test_a_tally_waits_for_the_answer_that_begins_its_session(proxy, consoleauth, echoing_guest):
    """The client is gone before consoleauth has answered; both orders would be told else."""
    consoleauth.gate.clear()
    sock = asking(proxy)
    wait_for(lambda: consoleauth.asked)
    sock.close()
    wait_for(lambda: not proxy.worker._sessions.all)
    ledger = proxy.worker._sessions.ledger
    assert ledger._abandoned
    assert (consoleauth.tallies, ledger._waiting) == ([], [])
    consoleauth.gate.set()
    _, session = consoleauth.asked[0]
    tally = proxy.tally()
    assert (tally["session_id"], tally["reason"]) == (session["id"], "bad_request")
    assert echoing_guest.connections == 0


def test_a_worker_that_stops_waits_for_that_answer_as_well(make_proxy, consoleauth, echoing_guest):
    proxy = make_proxy()
    consoleauth.gate.clear()
    sock = asking(proxy)
    wait_for(lambda: consoleauth.asked)
    proxy.worker.stop()
    assert ws_client.read_head(sock)[0] == 503
    assert consoleauth.tallies == []
    consoleauth.gate.set()
    tally = proxy.tally()
    assert (tally["session_id"], tally["reason"]) == (consoleauth.asked[0][1]["id"], "draining")


def test_the_client_is_refused_without_waiting_for_that_answer(make_proxy, consoleauth):
    proxy = make_proxy(proxy__handshake_timeout=1)
    consoleauth.gate.clear()
    before = time.monotonic()
    assert refused(proxy).status == 408
    assert time.monotonic() - before < 15
    consoleauth.gate.set()
    assert proxy.tally()["reason"] == "handshake_timeout"
