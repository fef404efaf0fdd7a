"""What the soak looks at: what processes hold, when they are at rest, clients that vanish."""

import dataclasses
import fcntl
import select
import socket
import struct
import subprocess
import sys
import termios
import types

import pytest

from benchmarks import soak
from benchmarks.soak_clients import fall_silent
from tests.fixtures.processes import wait_for

REST = soak.Held(2, 0, 60, 50, 3, 80_000_000)

#: Holds a pipe, an epoll that watches both of its ends, a thread and a child; says `ready`.
HOLDS = """\
import os, select, subprocess, sys, threading
child = subprocess.Popen([sys.executable, "-S", "-c", "input()"], stdin=subprocess.PIPE)
read, write = os.pipe()
epoll = select.epoll()
epoll.register(read, select.EPOLLIN)
epoll.register(write, select.EPOLLERR)
threading.Thread(target=threading.Event().wait, daemon=True).start()
print("ready", flush=True)
input()
child.stdin.close()
print("left", flush=True)
input()
"""


@pytest.fixture
def holder():
    process = subprocess.Popen([sys.executable, "-S", "-c", HOLDS], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    yield process
    process.kill()
    process.communicate()


def test_what_a_process_and_its_children_hold(holder):
    held = wait_for(lambda: (now := soak.Held.by(holder.pid)).processes == 2 and now)
    assert (held.zombies, held.threads, held.epoll_entries) == (0, 3, 2)
    assert held.descriptors >= 3 + 3 + 4
    assert held.memory > 100_000


def test_a_child_that_nobody_waits_for_is_a_zombie(holder):
    holder.stdin.write("\n")
    holder.stdin.flush()
    assert holder.stdout.readline() == "left\n"
    held = wait_for(lambda: (now := soak.Held.by(holder.pid)).zombies and now)
    assert (held.processes, held.zombies) == (2, 1)


def test_at_rest_is_who_does_not_change_and_holds_no_more_than_it_may(holder):
    held = wait_for(lambda: soak.settled(holder.pid, 30, still=0.2))
    assert held.like(soak.Held.by(holder.pid))
    assert soak.settled(holder.pid, 0.6, still=0.2, most=held.descriptors - 1) is None
    assert soak.settled(holder.pid, 30, still=0.2, most=held.descriptors)


def test_not_at_rest_is_who_changes():
    code = "import os, time\nprint(flush=True)\nwhile True: os.dup(0); time.sleep(0.01)"
    process = subprocess.Popen([sys.executable, "-S", "-c", code], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE)
    try:
        assert process.stdout.readline() == b"\n"
        assert soak.settled(process.pid, 2, still=1.5) is None
    finally:
        process.kill()
        process.communicate()


def test_memory_may_change_by_a_little_anything_else_by_nothing():
    assert REST.like(dataclasses.replace(REST, memory=REST.memory + soak.STEADY))
    assert not REST.like(dataclasses.replace(REST, memory=REST.memory + soak.STEADY + 1))
    for name in ("processes", "zombies", "threads", "descriptors", "epoll_entries"):
        assert not REST.like(dataclasses.replace(REST, **{name: getattr(REST, name) + 1}))


@pytest.mark.parametrize(("left", "seen", "wrong"), [
    ({}, {}, []),
    ({"threads": 70, "memory": 83_000_000}, {}, []),
    ({"processes": 3, "zombies": 1}, {}, ["processes", "zombies"]),
    ({"descriptors": 51, "epoll_entries": 4}, {}, ["descriptors", "epoll entries"]),
    ({"threads": 90, "memory": 90_000_000}, {}, ["threads", "memory"]),
    ({}, {"failed": 1}, ["sessions failed"]),
    ({}, {"given_up": 4}, ["vanished clients not found out"]),
    ({}, {"idle": 0.9}, ["it spins"]),
])
def test_what_is_left_is_named(left, seen, wrong):
    seen = {"failed": 0, "vanished": 5, "given_up": 5, "idle": 0.0} | seen
    idle = seen.pop("idle")
    run = types.SimpleNamespace(held=[REST, dataclasses.replace(REST, **left)], **seen)
    assert soak.Soak.wrong(run, idle) == wrong


def test_the_size_is_the_usual_one_or_what_is_asked_for():
    assert soak.size(None, None, False) == soak.FULL
    assert soak.size(None, None, True) == soak.QUICK
    assert soak.size(2, 50, False) == (2, 50)


def test_of_a_client_that_falls_silent_nothing_comes_and_nothing_is_acknowledged():
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = socket.create_connection(server.getsockname(), timeout=30)
        peer, _ = server.accept()
    with client, peer:
        peer.sendall(b"before")
        assert client.recv(6) == b"before"
        fall_silent(client)
        peer.sendall(b"anybody?")
        assert not select.select([peer, client], [], [], 0.5)[0]
        assert unacknowledged(peer) == 8
        peer.shutdown(socket.SHUT_RDWR)
        assert not select.select([client], [], [], 0.1)[0]


def unacknowledged(sock):
    """Bytes sent that the other kernel has not told to have (SIOCOUTQ, tcp(7))."""
    answer = fcntl.ioctl(sock, termios.TIOCOUTQ, bytes(4))
    return struct.unpack("i", answer)[0]
