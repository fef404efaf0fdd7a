"""The driver `libvirt` while its daemon is away, hangs, or its guests move to another one."""

import concurrent.futures
import contextlib
import os
import pathlib
import re
import signal
import threading
import time

import libvirt
import pytest

from consoles import exception
from tests.fixtures import libvirt as lv
from tests.fixtures.processes import wait_for


@pytest.fixture
def hung(libvirtd):
    libvirtd.signal(signal.SIGSTOP)
    yield
    libvirtd.signal(signal.SIGCONT)


def refusal(agent, domain_id):
    with pytest.raises(exception.ConsolesError) as caught:
        agent.driver.get_console(domain_id, "novnc")
    return type(caught.value)


def test_a_restart_of_the_daemon_is_survived(agent, libvirtd):
    domain, other = libvirtd.boot(lv.VNC), libvirtd.boot(lv.VNC)
    ids = domain.UUIDString(), other.UUIDString()
    place = agent.place(domain, "novnc")
    before = {one.id: one for one in agent.driver.list_instances()}
    assert [before[id].status for id in ids] == ["ACTIVE", "ACTIVE"]

    libvirtd.stop()
    wait_for(lambda: refusal(agent, ids[0]) is exception.AgentUnavailable)
    # Its guests and their consoles run on: nobody's token may die now.
    assert {one.id: one for one in agent.driver.list_instances()} == before

    libvirtd.start()
    back = libvirtd.connection.lookupByUUIDString
    back(ids[1]).suspend()  # it waits until the daemon has its guest again, as destroy does not
    back(ids[1]).destroy()
    agent.wait(lambda: agent.status(back(ids[1])) == "SHUTOFF")
    assert agent.place(back(ids[0]), "novnc") == place
    back(ids[0]).suspend()
    back(ids[0]).destroy()  # events come as before
    agent.wait_status(back(ids[0]), "SHUTOFF")


def test_an_agent_starts_before_its_daemon(conf, libvirtd):
    domain_id = libvirtd.boot(lv.VNC).UUIDString()
    libvirtd.stop()
    agent = lv.Agent(conf, libvirtd.uri)
    try:
        with pytest.raises(exception.AgentUnavailable):
            agent.driver.list_instances()  # not an empty list: that would end every console
        libvirtd.start()
        assert agent.changes.acquire(timeout=30)
        assert domain_id in {one.id for one in agent.driver.list_instances()}
    finally:
        agent.driver.stop()


def test_a_daemon_that_hangs_costs_a_deadline(agent, libvirtd, hung):
    begin = time.monotonic()
    domain_id = "00000000-0000-4000-8000-000000000000"
    assert refusal(agent, domain_id) is exception.AgentUnavailable
    assert time.monotonic() - begin < 10
    libvirtd.signal(signal.SIGCONT)
    wait_for(lambda: refusal(agent, domain_id) is exception.InstanceNotFound)


def test_calls_on_a_daemon_that_hangs_do_not_pile_up(agent, libvirtd, hung):
    """And it is given up: what it owed is answered when it is reached anew."""
    def answered(timeout):
        with contextlib.suppress(exception.AgentUnavailable):
            return agent.driver._connection.call(
                lambda connection: connection.listAllDomains() is not None, timeout=timeout)

    def waiting():
        return sum(thread.name == "libvirt-call" for thread in threading.enumerate())

    before = waiting()
    assert not any(answered(0.01) for _ in range(20))
    wait_for(lambda: waiting() <= before + 1)
    libvirtd.signal(signal.SIGCONT)
    wait_for(lambda: answered(1))


def hang(pid):
    """Wait for it: of two signals that come soon one after the other the second may be first."""
    os.kill(pid, signal.SIGSTOP)
    wait_for(lambda: "State:\tT" in pathlib.Path(f"/proc/{pid}/status").read_text())


def is_asked_to_end(pid):
    """Whether it has still to notice: libvirt puts its guest away, and waits for it."""
    with contextlib.suppress(FileNotFoundError):  # it had ten seconds
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
        pending = int(re.search(r"^ShdPnd:\s*(\w+)", status, re.MULTILINE)[1], 16)
        return "zombie" not in status and bool(pending & 1 << signal.SIGTERM - 1)
    return False


def test_a_guest_that_is_put_away_keeps_nobody_from_another_one(agent, libvirtd):
    """A report waits for it, and so do those who look at its console; ten seconds, if need be."""
    dying, other = libvirtd.boot(lv.VNC), libvirtd.boot(lv.VNC)
    place, pid = agent.place(dying, "novnc"), libvirtd.pid(dying)
    agent.wait_status(dying, "ACTIVE")
    with concurrent.futures.ThreadPoolExecutor() as threads:
        hang(pid)
        try:
            end = threads.submit(dying.destroy)
            wait_for(lambda: is_asked_to_end(pid))
            late = [threads.submit(agent.driver.list_instances),
                    *(threads.submit(agent.validate, dying, "novnc", place) for _ in range(3))]
            opened = []
            while not opened and is_asked_to_end(pid):
                with contextlib.suppress(exception.AgentUnavailable):
                    opened = [agent.place(other, "novnc")]
            assert opened and is_asked_to_end(pid)
            assert not all(one.done() for one in late)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
        end.result(30)
        concurrent.futures.wait(late, 30)
    assert all(isinstance(one.exception(0), exception.ConsolesError | None) for one in late)
    agent.wait_status(dying, "SHUTOFF")


def test_an_agent_stops_though_the_daemon_hangs(conf, libvirtd):
    agent = lv.Agent(conf, libvirtd.uri)
    assert agent.changes.acquire(timeout=30)
    libvirtd.signal(signal.SIGSTOP)
    try:
        begin = time.monotonic()
        agent.driver.stop()
        assert time.monotonic() - begin < 10
    finally:
        libvirtd.signal(signal.SIGCONT)


@pytest.fixture
def neighbour(conf, libvirtd, agent):
    """Another host's agent and daemon."""
    with lv.running() as daemon:
        other = lv.Agent(conf, daemon.uri)
        assert other.changes.acquire(timeout=30)
        other.libvirtd = daemon
        yield other
        other.driver.stop()


def test_a_guest_moves_to_another_host(agent, libvirtd, neighbour):
    domain = libvirtd.boot(lv.VNC, lv.PTY)
    place, line = agent.place(domain, "novnc"), agent.place(domain, "serial")
    agent.wait_status(domain, "ACTIVE")
    moved = domain.migrate3(
        neighbour.libvirtd.connection, {libvirt.VIR_MIGRATE_PARAM_URI: "tcp://127.0.0.1"},
        libvirt.VIR_MIGRATE_LIVE | libvirt.VIR_MIGRATE_PERSIST_DEST)
    neighbour.wait_status(moved, "ACTIVE")
    assert neighbour.place(moved, "novnc") != place
    # Until the other agent's report came, it is neither gone nor off; its definition stays here.
    wait_for(lambda: agent.status(domain) == "MIGRATING")
    for console_type, former in (("novnc", place), ("serial", line)):
        with pytest.raises(exception.InstanceMoving):
            agent.validate(domain, console_type, former)
    back = moved.migrate3(
        libvirtd.connection, {libvirt.VIR_MIGRATE_PARAM_URI: "tcp://127.0.0.1"},
        libvirt.VIR_MIGRATE_LIVE | libvirt.VIR_MIGRATE_UNDEFINE_SOURCE)
    agent.wait_status(back, "ACTIVE")
    agent.place(back, "novnc")
    wait_for(lambda: neighbour.status(back) == "MIGRATING")
