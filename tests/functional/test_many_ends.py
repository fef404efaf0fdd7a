"""Thousands of sessions that end at once do not hold up the others of their worker."""

import asyncio
import socket
from types import SimpleNamespace

import pytest

from consoles.context import RequestContext
from consoles.proxies import worker as workers
from consoles.rpc import transport
from consoles.rpc.proxies import Proxies
from tests.fixtures.processes import wait_for

COUNT = 5 * workers.AT_ONCE


class Counted:
    """A session that notes in which turn of the loop it was ended."""

    details = None
    ends = bool  # told of its end

    def __init__(self, id, turns, sessions):
        self.request = SimpleNamespace(id=id)
        self._turns = turns
        self._sessions = sessions

    def end(self, reason, code=None):
        self.ends()
        del self._sessions[self.request.id]
        self._turns.append(self._turns.now)


class Turns(list):
    """A turn for each session that was ended; `now` counts the loop's."""

    now = 0

    def begin(self, loop):
        self.now += 1
        if len(self) < COUNT:
            loop.call_soon(self.begin, loop)


@pytest.fixture
def counted(proxy):
    turns, loop = Turns(), proxy.worker._loop
    sessions = proxy.worker._sessions.all
    sessions |= {str(n): Counted(str(n), turns, sessions) for n in range(COUNT)}
    loop.call_soon_threadsafe(turns.begin, loop)
    return turns


def at_once(turns):
    return max(turns.count(turn) for turn in set(turns))


def test_those_that_consoleauth_names(proxy, counted):
    ledger, loop = proxy.worker._sessions.ledger, proxy.worker._loop
    over = [{"id": str(n), "reason": "ended_by_admin", "code": 4441} for n in range(COUNT)]
    asyncio.run_coroutine_threadsafe(ledger._obey(over), loop).result(30)
    assert len(counted) == COUNT
    assert at_once(counted) <= workers.AT_ONCE


def test_those_of_a_call(proxy, counted):
    bus = transport.Bus(proxy.conf)
    client = Proxies(transport.ThreadCaller(bus, timeout=30.0)).at(proxy.worker.name)
    ids = [str(n) for n in range(COUNT)]
    assert client.close_sessions(RequestContext(), [*ids, "unknown"], 4441, "x") == ids
    bus.close()
    assert at_once(counted) <= workers.AT_ONCE


def test_those_of_a_worker_that_stops(proxy, counted):
    proxy.worker.stop()
    wait_for(lambda: len(counted) == COUNT)
    assert at_once(counted) <= workers.AT_ONCE


def test_those_that_are_carried_end_after_all_openings(proxy, counted):
    """Else one would be opened while the others end, and nobody would end it."""
    server, opening = proxy.worker._server, []
    for session in proxy.worker._sessions.all.values():
        session.ends = lambda: opening.append(server.handshakes)
    with socket.create_connection(("127.0.0.1", proxy.port), 30) as silent:
        silent.sendall(b"GET / HTTP/1.1\r\n")
        wait_for(lambda: server.handshakes == 1)
        proxy.worker.stop()
        wait_for(lambda: len(counted) == COUNT)
    assert set(opening) == {0}
