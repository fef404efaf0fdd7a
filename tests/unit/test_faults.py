"""The fault fixtures do what tests of faults rely on."""

import socket
import time

import pytest

from tests.fixtures.faults import Server
from tests.fixtures.processes import wait_for


class Echo(Server):
    async def serve(self, reader, writer):
        while data := await reader.read(1000):
            writer.write(data)
            await writer.drain()


@pytest.fixture
def echo():
    with Echo() as server:
        yield server


def dial(server):
    link = socket.create_connection(("127.0.0.1", server.port), timeout=30)
    link.settimeout(30)
    return link


def test_a_silent_server_accepts_and_says_nothing(silent_server):
    with dial(silent_server) as link:
        link.sendall(b"hello?")
        link.settimeout(0.2)
        with pytest.raises(TimeoutError):
            link.recv(1)
        assert silent_server.open == 1
    wait_for(lambda: silent_server.open == 0)


def test_a_proxy_forwards_both_ways_and_ends_of_file(echo, fault_proxy):
    with dial(fault_proxy(echo.port)) as link:
        link.sendall(b"abc")
        assert link.recv(10) == b"abc"
        link.shutdown(socket.SHUT_WR)
        assert link.recv(10) == b""


def test_a_dripping_proxy_takes_its_time(echo, fault_proxy):
    with dial(fault_proxy(echo.port, delay=0.05, drip=1)) as link:
        began = time.monotonic()
        link.sendall(b"abcd")
        got = b""
        while len(got) < 4:
            got += link.recv(10)
        assert got == b"abcd"
        assert time.monotonic() - began >= 0.2


def test_a_cut_resets(echo, fault_proxy):
    proxy = fault_proxy(echo.port)
    with dial(proxy) as link:
        link.sendall(b"abc")
        assert link.recv(10) == b"abc"
        proxy.cut()
        with pytest.raises(ConnectionResetError):
            link.recv(10)
    wait_for(lambda: proxy.open == 0)


def test_a_held_proxy_is_half_open_until_released(echo, fault_proxy):
    proxy = fault_proxy(echo.port)
    with dial(proxy) as link:
        link.sendall(b"a")
        assert link.recv(1) == b"a"
        proxy.hold()
        link.sendall(b"b")
        link.settimeout(0.2)
        with pytest.raises(TimeoutError):
            link.recv(1)
        link.settimeout(30)
        proxy.release()
        assert link.recv(1) == b"b"


def test_a_dead_target_is_a_reset(fault_proxy):
    with Echo() as echo:
        port = echo.port
    proxy = fault_proxy(port)
    with pytest.raises(ConnectionResetError), dial(proxy) as link:
        link.recv(1)
