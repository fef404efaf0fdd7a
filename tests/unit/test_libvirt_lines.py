"""Lines that the agent serves, without any libvirt."""

import asyncio
import socket
import threading

import libvirt
import pytest

from consoles import exception
from consoles.compute import listener
from consoles.compute.drivers import libvirt_connection
from consoles.compute.drivers import libvirt_lines
from consoles.compute.drivers import libvirt_xml
from consoles.compute.drivers.libvirt_lines import Lines
from consoles.compute.drivers.libvirt_stream import StreamEnd
from consoles.compute.drivers.libvirt_stream import UnixEnd
from consoles.proxies import session
from tests.fixtures.processes import free_port

LINE = libvirt_xml.Line(alias="serial0", kind=libvirt_xml.UNIX, path="/nowhere")


def test_an_event_after_the_end_is_none():
    """libvirt's threads may tell of a guest's end while the agent stops."""
    lines = Lines("127.0.0.1", range(port := free_port(), port + 5), lambda *_: None)
    lines.start()
    assert lines.lease("a", LINE)
    lines.stop()
    lines.end("a")
    lines.keep(set())


class Broken:
    """libvirt's connection and its stream, both: one that has failed, or fails when written to."""

    def __init__(self, alive, until_written=False):
        self._alive = alive
        self._until_written = until_written

    def isAlive(self):
        return self._alive

    def recv(self, size):
        return -2 if self._until_written else self.send(b"")

    def send(self, data):
        self._until_written = False
        raise libvirt.libvirtError("stream had I/O failure")

    def close(self):
        pass

    registerCloseCallback = eventAddCallback = eventUpdateCallback = lambda *_: None


@pytest.fixture
def served():
    """`served(open_end)`: the lines, and a client at one of them."""
    made = []

    def make(open_end):
        port = free_port()
        lines = Lines("127.0.0.1", range(port, port + 5), open_end)
        made.append(lines)
        lines.start()
        client = socket.create_connection(("127.0.0.1", lines.lease("a", LINE)), timeout=30)
        made.append(client)
        return lines, client
    yield make
    for one in made:
        one.stop() if isinstance(one, Lines) else one.close()


@pytest.mark.parametrize("until_written", [False, True])
@pytest.mark.parametrize("alive", [False, True])
def test_an_error_of_a_stream_is_the_guests_end_unless_libvirt_itself_is_away(
        served, alive, until_written):
    """Who types when the guest ends has an error where others have an end."""
    async def open_end(instance_id, line):
        broken = Broken(alive, until_written)
        return StreamEnd(broken, broken, asyncio.get_running_loop())
    lines, client = served(open_end)
    client.sendall(b"x")
    assert client.recv(1) == b""
    assert lines.ended("a", client.getpeername()[1]) is alive


def test_a_line_that_ended_some_time_ago_says_nothing_of_its_guest(served, monkeypatch):
    """Somebody may have taken it at the hypervisor."""
    async def open_end(instance_id, line):
        broken = Broken(alive=True)
        return StreamEnd(broken, broken, asyncio.get_running_loop())
    lines, client = served(open_end)
    port = client.getpeername()[1]
    assert client.recv(1) == b""
    assert lines.ended("a", port)
    monkeypatch.setattr(libvirt_lines, "ENDED_TIME", 0.0)
    assert not lines.ended("a", port)


def test_who_types_when_a_unix_socket_ends_has_its_end(served):
    async def open_end(instance_id, line):
        ours, guests = socket.socketpair()
        guests.close()
        reader, writer = await asyncio.open_unix_connection(sock=ours)
        reader.set_exception(BrokenPipeError())  # as asyncio does when a write fails first
        return UnixEnd(reader, writer)
    lines, client = served(open_end)
    client.sendall(b"x")
    assert client.recv(1) == b""
    assert lines.ended("a", client.getpeername()[1])


def test_a_session_ends_in_time_whatever_is_known():
    """A line is kept open for a moment; then its proxy asks, twice at most. The second time libvirt
    may say nothing, and the port is looked at; there is time left for the bus."""
    assert libvirt_lines.WHY_TIME + session.WHY_TIMEOUT < 2
    assert (session.WHY_PAUSE + libvirt_connection.CALL_TIMEOUT + listener.REFUSED_TIME
            < session.WHY_TIMEOUT - 0.2)


def test_a_loop_that_is_held_up_is_no_wrong_address(served):
    held, go_on = threading.Event(), threading.Event()

    async def open_end(instance_id, line):
        held.set()
        go_on.wait(30)
        raise OSError("too late")
    lines, _ = served(open_end)
    assert held.wait(30)
    try:
        with pytest.raises(exception.AgentUnavailable):
            lines.lease("b", LINE)
    finally:
        go_on.set()


def test_the_resolver_holds_nobody_up(monkeypatch):
    lines, asked, resolve = Lines("localhost", range(1), None), [], socket.getaddrinfo
    lines.check()

    def record(host, *args, **kwargs):
        asked.append(host)
        return resolve(host, *args, **kwargs)
    monkeypatch.setattr(socket, "getaddrinfo", record)
    lines.start()
    try:
        lines.lease("a", LINE)
    finally:
        lines.stop()
    assert asked in (["127.0.0.1"], ["::1"])
