"""Calls on libvirt, each with a connection to itself, on connections made of flags."""

import contextlib
import threading

import libvirt
import pytest

from consoles import exception
from consoles.compute.drivers import libvirt_calls
from consoles.compute.drivers.libvirt_calls import Calls
from consoles.compute.drivers.libvirt_opened import in_thread
from tests.fixtures.processes import wait_for
from tests.unit.test_libvirt_connection import Opened
from tests.unit.test_libvirt_connection import unavailable


class Desk:
    """`busy` asks and waits until `over` is set."""

    def __init__(self):
        self.opened = []
        self.calls = Calls(self.open)
        self.over = threading.Event()

    def open(self):
        self.opened.append(Opened())
        return self.opened[-1]

    def ask(self, about, work=lambda one: one, timeout=30):
        return self.calls.run(work, about, timeout)

    def busy(self, about):
        """→ the connection that it waits on, and its end."""
        begun, used = threading.Event(), []

        def work(one):
            used.append(one)
            begun.set()
            return self.over.wait(30)
        end = in_thread(lambda: self.ask(about, work))
        assert begun.wait(30)
        return used[0], end


@pytest.fixture
def desk():
    desk = Desk()
    yield desk
    desk.over.set()


def test_nobody_waits_for_what_is_asked_of_others(desk):
    waiting, end = desk.busy("all")
    assert desk.ask("web") is not waiting
    assert desk.ask("db") is not waiting
    assert len(desk.opened) == 2  # used once more
    desk.over.set()
    assert end.result(30)


def test_a_domain_that_answers_nobody_takes_one_connection(desk):
    waiting, _ = desk.busy("web")
    late = [in_thread(lambda: desk.ask("web")) for _ in range(libvirt_calls.MOST)]
    with pytest.raises(exception.AgentUnavailable):
        desk.ask("web", timeout=0.01)
    assert desk.ask("db") is not waiting
    desk.over.set()
    assert {one.result(30) for one in late} <= set(desk.opened)
    assert len(desk.opened) == 2


def test_connections_are_bounded_and_who_has_time_waits_for_one(desk):
    ends = [desk.busy(str(number))[1] for number in range(libvirt_calls.MOST)]
    with pytest.raises(exception.AgentUnavailable):
        desk.ask("web", timeout=0.01)
    threading.Timer(0.2, desk.over.set).start()
    assert desk.ask("web") in desk.opened
    assert len(desk.opened) == libvirt_calls.MOST
    assert all(end.result(30) for end in ends)


def test_what_died_is_closed_and_another_one_opened(desk):
    first = desk.ask("web")
    first.isAlive = unavailable
    assert desk.ask("web") is not first
    assert first.closed.is_set()
    assert desk.ask("web") is desk.opened[1]


def test_where_none_can_be_opened_the_next_one_tries(desk):
    calls = Calls(unavailable)
    for _ in range(libvirt_calls.MOST + 1):
        with pytest.raises(libvirt.libvirtError):
            calls.run(lambda one: one, "web", 0)


def test_at_the_end_all_are_closed_those_in_use_after_it(desk):
    used, end = desk.busy("web")
    free = desk.ask("db")
    late = in_thread(lambda: desk.ask("web"))
    desk.calls.close()
    assert free.closed.is_set()
    with pytest.raises(exception.AgentUnavailable):
        late.result(30)
    with pytest.raises(exception.AgentUnavailable):
        desk.ask("db")
    assert not used.closed.is_set()
    desk.over.set()
    with contextlib.suppress(exception.ConsolesError):
        end.result(30)
    wait_for(used.closed.is_set)
    assert len(desk.opened) == 2
