"""Guessed, stale and stolen tokens at a proxy: what is answered, and what is not done."""

import collections
import gc

import pytest

from consoles import exception
from consoles import model
from consoles.proxies.backoff import TOGETHER
from tests.fixtures import ws_client
from tests.fixtures.processes import wait_for
from tests.fixtures.tokens import asking
from tests.fixtures.tokens import refused


def closed(proxy, token="good"):
    """→ code and reason of the Close that a page of the proxy's own gets."""
    return proxy.connect(token, origin=proxy.own_origin).until_closed()


def everything(proxy, token):
    """All that a program and a page hear, word for word."""
    program = refused(proxy, token)
    return program.status, program.headers, program.body, closed(proxy, token)


def test_an_unknown_an_expired_and_an_empty_token_are_answered_alike(
        proxy, consoleauth, echoing_guest):
    """Consoleauth answers nothing for an expired token, as for one that never was."""
    consoleauth.tokens[model.token_hash("expired")] = None
    expected = (401, {"content-length": "0", "connection": "close"}, b"",
                (4401, exception.InvalidToken.public))
    assert [everything(proxy, token) for token in ("expired", "unknown")] == [expected] * 2
    assert refused(proxy, "").status == 401
    assert echoing_guest.connections == 0


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


def test_guessing_without_a_token_and_without_waiting_counts_too(proxy, consoleauth, caplog):
    for _ in range(2):
        refused(proxy, path="/")
    consoleauth.gate.clear()
    for number in range(1, 4):
        sock = asking(proxy, "guess")
        wait_for(lambda n=number: len(consoleauth.asked) == n)
        sock.close()
    consoleauth.gate.set()
    wait_for(lambda: refused(proxy, path="/").status == 429)
    gc.collect()
    assert "never retrieved" not in caplog.text


def answers(socks):
    """→ how many were answered with which status."""
    return collections.Counter(ws_client.read_head(sock)[0] for sock in socks)


def test_guessing_in_parallel_is_slowed_down_as_well(proxy, consoleauth):
    consoleauth.gate.clear()
    socks = [asking(proxy, f"guess{number}") for number in range(150)]
    under_way = proxy.worker._sessions._backoff._under_way
    wait_for(lambda: proxy.worker._server.handshakes == 150 and under_way.total() == TOGETHER)
    consoleauth.gate.set()
    assert answers(socks) == {401: TOGETHER, 429: 150 - TOGETHER}
    assert len(consoleauth.asked) == TOGETHER
    for sock in socks:
        sock.close()


def test_a_crowd_behind_one_address_opens_at_once(proxy, consoleauth, echoing_guest):
    consoleauth.gate.clear()
    socks = [asking(proxy, "good") for _ in range(60)]
    wait_for(lambda: proxy.worker._server.handshakes == 60 and consoleauth.asked)
    consoleauth.gate.set()
    assert answers(socks) == {101: 60}
    for sock in socks:
        sock.close()


def test_a_neighbour_with_a_good_token_forgives_and_is_heard_again_soon(proxy, echoing_guest):
    for _ in range(5):
        refused(proxy, "bad")
    assert refused(proxy).status == 429
    wait_for(lambda: _opens(proxy))
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


def test_a_token_of_another_type_dials_nothing(proxy, consoleauth, echoing_guest):
    consoleauth.tokens[model.token_hash("good")] = exception.WrongConsoleType("serial at novnc")
    assert refused(proxy).status == 403
    assert closed(proxy)[0] == 4403
    assert echoing_guest.connections == 0


@pytest.mark.parametrize(("error", "status", "code"), [
    (exception.InstanceNotFound, 404, 4404), (exception.InstanceNotReady, 409, 4409),
    (exception.InstanceMoving, 409, 4409), (exception.PortChanged, 409, 4409)])
def test_a_console_that_is_not_there_any_more_is_not_dialled(
        proxy, consoleauth, echoing_guest, error, status, code):
    consoleauth.tokens[model.token_hash("good")] = error("says the agent")
    assert refused(proxy).status == status
    assert closed(proxy)[0] == code
    assert echoing_guest.connections == 0


def test_a_limit_of_sessions_is_told_with_a_time_to_come_back(proxy, consoleauth, echoing_guest):
    consoleauth.tokens[model.token_hash("good")] = exception.OverLimit("the token has 2 sessions")
    refusal = refused(proxy)
    assert (refusal.status, refusal.headers["retry-after"]) == (429, "5")
    assert closed(proxy) == (4429, exception.OverLimit.public)
    assert echoing_guest.connections == 0


def _opens(proxy):
    try:
        ws = proxy.connect()
    except ws_client.Refused:
        return False
    ws.sock.close()
    return True
