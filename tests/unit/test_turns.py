"""Turns at one server: who waits longest is next."""

import threading
import time

import pytest

from consoles import exception
from consoles.rpc import turns
from consoles.rpc.compute import Compute
from tests.fixtures.processes import wait_for

AGENTS = Compute.interface


@pytest.fixture
def one(monkeypatch):
    """Turns at a server that has its one call in flight; `enter` and `leave` of that server."""
    monkeypatch.setattr(turns, "PATIENCE", 60)
    return turns.Turns(1)


def enter(at, seconds=30.0):
    return at.enter(AGENTS, "one", time.monotonic() + seconds)


def leave(at, since):
    at.leave("one", since, answered=True)


def wait_in_line(at, names, served):
    """A thread for each name, in this order."""
    def turn(name):
        since = enter(at)
        served.append(name)
        leave(at, since)

    threads = []
    for name in names:
        threads.append(threading.Thread(target=turn, args=(name,)))
        threads[-1].start()
        wait_for(lambda: len(at._turn._waiters) == len(threads))
    return threads


def test_nobody_overtakes(one):
    since, served = enter(one), []
    threads = wait_in_line(one, "abc", served)
    leave(one, since)
    since = enter(one)
    served.append("who came last")
    leave(one, since)
    for thread in threads:
        thread.join()
    assert served == ["a", "b", "c", "who came last"]
    assert (one._in_flight, one._lines) == ({}, {})


def test_who_gives_up_holds_nobody_up(one):
    since, served = enter(one), []
    impatient = threading.Thread(target=lambda: pytest.raises(
        exception.AgentUnavailable, enter, one, 0.2))
    impatient.start()
    wait_for(lambda: one._turn._waiters)
    with pytest.raises(exception.AgentUnavailable):
        enter(one, 0.1)
    impatient.join()
    threads = wait_in_line(one, "a", served)
    leave(one, since)
    threads[0].join(30)
    assert served == ["a"]
