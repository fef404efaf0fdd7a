"""The connection to libvirt, with libvirt's connections made of lists."""

import contextlib
import threading

import libvirt
import pytest

from consoles import exception
from consoles.compute.drivers.libvirt_connection import Connection
from tests.fixtures.processes import wait_for


def unavailable(*arguments):
    raise libvirt.libvirtError("cannot")


class Opened:
    """What libvirt.open answers, as far as it is used."""

    def __init__(self):
        self.closed = threading.Event()
        self.lost = None

    def registerCloseCallback(self, told, opaque):
        self.lost = told

    def isAlive(self):
        return True

    def domainEventRegisterAny(self, *arguments):
        self.domainEventCallbackID = {}  # which it has not before

    def setKeepAlive(self, *arguments):
        pass

    def unregisterCloseCallback(self):
        pass

    def close(self):
        assert not self.closed.is_set()  # twice would free it twice
        self.closed.set()


@pytest.fixture
def connect(monkeypatch):
    """→ the driver's connection, opened on these in turn."""
    made = []

    def run(*opened):
        rest = iter(opened)
        monkeypatch.setattr(libvirt, "open", lambda uri: next(rest))
        made.append(Connection("test:///x", lambda: None, lambda *_: None))
        made[0].start()
        return made[0]

    yield run
    made[0].stop()


def is_used(connection, opened):
    """For calls."""
    def used():
        with contextlib.suppress(exception.AgentUnavailable):
            return connection.call(lambda one: one, timeout=30) is opened
    return wait_for(used)


def test_what_cannot_say_whether_it_lives_is_dead_and_closed(connect):
    first, second, beside = Opened(), Opened(), Opened()
    first.isAlive = unavailable
    connection = connect(first, second, beside)
    assert first.closed.wait(30)
    wait_for(lambda: second.lost)
    assert is_used(connection, beside)
    assert not second.closed.is_set()


def test_what_was_lost_is_closed_and_those_beside_it(connect):
    first, beside, second, anew = Opened(), Opened(), Opened(), Opened()
    connection = connect(first, beside, second, anew)
    assert is_used(connection, beside)
    assert is_used(connection, beside)
    first.lost(first, 0, None)
    assert first.closed.wait(30)
    assert beside.closed.wait(30)
    wait_for(lambda: second.lost)
    assert is_used(connection, anew)


def test_what_tells_of_no_events_is_closed(connect):
    first, second = Opened(), Opened()
    first.domainEventRegisterAny = unavailable
    connect(first, second)
    assert first.closed.wait(30)
    wait_for(lambda: second.lost)
    assert not second.closed.is_set()


def test_who_has_time_waits_for_its_turn(connect):
    """Of a report that missed it nobody would know that it is wanted."""
    beside, over = Opened(), threading.Event()
    connection = connect(Opened(), beside)
    assert is_used(connection, beside)
    with pytest.raises(exception.AgentUnavailable):
        connection.call(lambda _: over.wait(30), timeout=0.01)
    threading.Timer(0.2, over.set).start()
    assert connection.call(lambda one: one, timeout=30) is beside
