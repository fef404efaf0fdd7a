"""Guessed, stale, stolen and revoked tokens at a proxy: what is answered, and what is not done."""

import socket
import threading
import time

import pytest

from consoles import exception
from consoles import model
from consoles.context import RequestContext
from consoles.rpc.proxies import Proxies
from consoles.rpc.transport import Bus
from consoles.rpc.transport import ThreadCaller
from tests.fixtures import targets
from tests.fixtures import ws_client
from tests.fixtures.processes import wait_for


def refused(proxy, token="t", **kwargs):
    """→ a refusal without an Origin."""
    with pytest.raises(ws_client.Refused) as caught:
        proxy.connect(token, **kwargs)
    return caught.value


def closed(proxy, token="t"):
    """→ code and reason of the Close that a page of the proxy's own gets."""
    return proxy.connect(token, origin=proxy.own_origin).until_closed()


def everything(proxy, token):
    """All that a program and a page hear, word for word."""
    program = refused(proxy, token)
    return program.status, program.headers, program.body, closed(proxy, token)


def asking(proxy, token="t"):
    """→ a client's socket that has asked and waits."""
    sock = socket.create_connection(("127.0.0.1", proxy.port), 5)
    sock.sendall(ws_client.request(f"/?token={token}", proxy.port,
                                   headers=ws_client.upgrade_headers()))
    return sock


@pytest.fixture
def target(consoleauth):
    """A console behind the token `t`."""
    target = targets.Target(targets.rfb_server(targets.echo))
    consoleauth.add("t", target.port)
    yield target
    target.close()


def test_an_unknown_an_expired_and_an_empty_token_are_answered_alike(proxy, consoleauth, target):
    """Consoleauth answers nothing for an expired token, as for one that never was."""
    consoleauth.tokens[model.token_hash("expired")] = None
    expected = (401, {"content-length": "0", "connection": "close"}, b"",
                (4401, exception.InvalidToken.public))
    assert [everything(proxy, token) for token in ("expired", "unknown")] == [expected] * 2
    assert refused(proxy, "").status == 401
    assert target.connections == 0


def test_an_unknown_and_an_expired_token_take_one_path(proxy, consoleauth):
    """One question each, and no other trace: nothing that a clock could tell apart."""
    consoleauth.tokens[model.token_hash("expired")] = None
    for token in ("expired", "unknown"):
        refused(proxy, token)
        (asked,) = consoleauth.asked
        assert asked[0] == model.token_hash(token)
        consoleauth.asked.clear()
    assert consoleauth.tallies == []


def test_guessing_from_one_address_is_slowed_down(proxy, consoleauth, caplog):
    for _ in range(5):
        assert refused(proxy, "s3cr3t-guess").status == 401
    assert len(consoleauth.asked) == 5
    refusal = refused(proxy, "s3cr3t-guess")
    assert (refusal.status, refusal.headers["retry-after"], refusal.body) == (429, "1", b"")
    assert closed(proxy, "other")[0] == 4429
    assert len(consoleauth.asked) == 5
    assert "127.0.0.1 sent 5 wrong tokens" in caplog.text
    assert "s3cr3t" not in caplog.text


def test_guessing_without_a_token_and_without_waiting_counts_too(proxy, consoleauth):
    for _ in range(2):
        refused(proxy, path="/")
    consoleauth.gate.clear()
    for number in range(1, 4):
        sock = asking(proxy, "guess")
        wait_for(lambda n=number: len(consoleauth.asked) == n)
        sock.close()
    consoleauth.gate.set()
    wait_for(lambda: refused(proxy, path="/").status == 429)


def test_a_neighbour_with_a_good_token_forgives_and_is_heard_again_soon(proxy, target):
    for _ in range(5):
        refused(proxy, "bad")
    assert refused(proxy).status == 429
    wait_for(lambda: _opens(proxy), 5)
    for _ in range(4):
        assert refused(proxy, "bad").status == 401
    assert _opens(proxy)


def test_slowing_down_can_be_switched_off(make_proxy):
    proxy = make_proxy(proxy__max_failed_tokens=0)
    assert {refused(proxy, "bad").status for _ in range(8)} == {401}


def test_a_foreign_page_stays_refused_before_any_101_while_its_address_waits(proxy):
    for _ in range(5):
        refused(proxy, "bad")
    assert refused(proxy, origin="http://evil.example").status == 403


def test_a_token_of_another_type_dials_nothing(proxy, consoleauth, target):
    consoleauth.tokens[model.token_hash("t")] = exception.WrongConsoleType("serial at novnc")
    assert refused(proxy).status == 403
    assert closed(proxy)[0] == 4403
    assert target.connections == 0


@pytest.mark.parametrize(("error", "status", "code"), [
    (exception.InstanceNotFound, 404, 4404), (exception.InstanceNotReady, 409, 4409),
    (exception.InstanceMoving, 409, 4409), (exception.PortChanged, 409, 4409)])
def test_a_console_that_is_not_there_any_more_is_not_dialled(
        proxy, consoleauth, target, error, status, code):
    consoleauth.tokens[model.token_hash("t")] = error("says the agent")
    assert refused(proxy).status == status
    assert closed(proxy)[0] == code
    assert target.connections == 0


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

    def slow(sock):
        assert go.wait(10)
        targets.rfb_server(lambda s: (s.sendall(b"SECRET SCREEN"), got.append(s.recv(100))))(sock)
    target = targets.Target(slow)
    consoleauth.add("t", target.port)
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
        proxy, consoleauth, kill, target):
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


def test_a_tally_waits_for_the_answer_that_begins_its_session(proxy, consoleauth, target):
    """The client is gone before consoleauth has answered; both orders would be told else."""
    consoleauth.gate.clear()
    sock = asking(proxy)
    wait_for(lambda: consoleauth.asked)
    sock.close()
    wait_for(lambda: not proxy.worker._sessions.all)
    ledger = proxy.worker._sessions.ledger
    assert ledger._early
    assert (consoleauth.tallies, ledger._waiting) == ([], [])
    consoleauth.gate.set()
    _, session = consoleauth.asked[0]
    tally = proxy.tally()
    assert (tally["session_id"], tally["reason"]) == (session["id"], "bad_request")
    assert target.connections == 0


def test_a_worker_that_stops_waits_for_that_answer_as_well(make_proxy, consoleauth, target):
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
    assert time.monotonic() - before < 3
    consoleauth.gate.set()
    assert proxy.tally()["reason"] == "handshake_timeout"


def test_a_limit_of_sessions_is_told_with_a_time_to_come_back(proxy, consoleauth, target):
    consoleauth.tokens[model.token_hash("t")] = exception.OverLimit("the token has 2 sessions")
    refusal = refused(proxy)
    assert (refusal.status, refusal.headers["retry-after"]) == (429, "5")
    assert closed(proxy) == (4429, exception.OverLimit.public)
    assert target.connections == 0


def _opens(proxy):
    try:
        ws = proxy.connect("t")
    except ws_client.Refused:
        return False
    ws.sock.close()
    return True
