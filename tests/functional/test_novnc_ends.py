"""How a noVNC session in process ends, from either side, in every way."""

import asyncio
import socket
import threading

import pytest

from consoles import exception
from tests.fixtures import targets
from tests.fixtures import ws_client
from tests.fixtures.novnc import greeted
from tests.fixtures.processes import wait_for


def test_a_client_that_stands_still_is_pinged_and_then_dropped(make_proxy, echoing_guest):
    proxy = make_proxy(proxy__ping_interval=1, proxy__ping_timeout=1)
    ws = greeted(proxy.connect())
    opcode, _ = ws.recv_frame()
    assert opcode == 9
    ws.sock.sendall(ws_client.frame(b"", opcode=10))
    assert ws.recv_frame()[0] == 9
    assert proxy.tally()["reason"] == "client_timeout"


def test_the_targets_end_is_the_sessions(proxy, consoleauth):
    target = targets.Target(targets.rfb_server(lambda sock: sock.close()))
    consoleauth.add("good", target.port)
    assert greeted(proxy.connect()).until_closed()[0] == 1000
    assert proxy.tally()["reason"] == "target_closed"


@pytest.mark.parametrize(("why", "code", "reason"), [
    ([], 1000, "target_closed"),
    ([exception.InstanceNotFound("x")], 4404, "instance_deleted"),
    ([exception.InstanceNotReady("x")], 4409, "instance_stopped"),
    ([exception.PortChanged("x")], 4444, "instance_migrated"),
    ([exception.InstanceMoving("x")], 4444, "instance_migrated"),
    # The hypervisor itself did not know yet, or was busy with it.
    ([None, exception.InstanceNotReady("x")], 4409, "instance_stopped"),
    ([exception.AgentUnavailable("x"), exception.InstanceNotFound("x")], 4404,
     "instance_deleted")])
def test_the_agent_says_why_the_target_ended(proxy, consoleauth, why, code, reason):
    target = targets.Target(targets.rfb_server(lambda sock: sock.close()))
    consoleauth.add("good", target.port, agent_host="agent")
    consoleauth.why = why
    assert greeted(proxy.connect()).until_closed()[0] == code
    assert proxy.tally()["reason"] == reason


def test_data_right_before_a_close_arrives(proxy, consoleauth):
    got = []
    target = targets.Target(targets.rfb_server(
        lambda sock: got.append(targets.read_exactly(sock, 100_000))))
    consoleauth.add("good", target.port)
    ws = greeted(proxy.connect())
    ws.sock.sendall(ws_client.frame(b"k" * 100_000) + ws_client.frame(b"\x03\xe8", opcode=8))
    wait_for(lambda: got)
    assert got == [b"k" * 100_000]


def test_data_right_before_the_targets_end_arrives(proxy, consoleauth):
    def speak(sock):
        sock.sendall(b"l" * 1_000_000)
        sock.close()
    target = targets.Target(targets.rfb_server(speak))
    consoleauth.add("good", target.port)
    ws = greeted(proxy.connect())
    assert ws.recv_exactly(1_000_000) == b"l" * 1_000_000
    assert ws.until_closed()[0] == 1000


def test_a_client_that_vanishes_ends_its_session_at_the_target(proxy, echoing_guest):
    ws = greeted(proxy.connect())
    ws.sock.close()
    assert proxy.tally()["reason"] == "client_gone"
    wait_for(lambda: targets.gone(echoing_guest.sockets[0]))


BROKEN = {
    "unmasked": (ws_client.frame(b"x", masked=False), 1002, "client_protocol"),
    "reserved bit": (ws_client.frame(b"x", rsv=4), 1002, "client_protocol"),
    "unknown opcode": (ws_client.frame(b"x", opcode=3), 1002, "client_protocol"),
    "long ping": (ws_client.frame(b"x" * 126, opcode=9), 1002, "client_protocol"),
    "ping in pieces": (ws_client.frame(b"x", opcode=9, final=False), 1002, "client_protocol"),
    "nothing to continue": (ws_client.frame(b"x", opcode=0), 1002, "client_protocol"),
    "half a code": (ws_client.frame(b"x", opcode=8), 1002, "client_protocol"),
    "forbidden code": (ws_client.frame(b"\x03\xec", opcode=8), 1002, "client_protocol"),
    "reason no UTF-8": (ws_client.frame(b"\x03\xe8\xff", opcode=8), 1007, "client_protocol"),
    "text": (ws_client.frame(b"x", opcode=1), 1003, "client_data"),
    "too big": (b"\x82\xff\x00\x00\x00\xff\x00\x00\x00\x00", 1009, "client_too_big"),
    "negative length": (b"\x82\xff\x80\0\0\0\0\0\0\0", 1002, "client_protocol"),
    "long form of a short length": (b"\x82\xfe\x00\x05", 1002, "client_protocol")}


@pytest.mark.parametrize(("raw", "code", "reason"), BROKEN.values(), ids=BROKEN)
def test_a_broken_frame_ends_the_session_with_its_code(proxy, echoing_guest, raw, code, reason):
    ws = greeted(proxy.connect())
    ws.sock.sendall(raw + b"\0\0\0\0")
    assert ws.until_closed()[0] == code
    assert proxy.tally()["reason"] == reason


def test_a_message_over_the_limit_in_fragments(make_proxy, echoing_guest):
    proxy = make_proxy(proxy__max_message_size=4096)
    ws = greeted(proxy.connect())
    ws.sock.sendall(ws_client.frame(b"x" * 4000, final=False)
                    + ws_client.frame(b"x" * 97, opcode=0))
    assert ws.until_closed()[0] == 1009


def test_a_target_that_breaks_off_is_asked_about_as_well(proxy, consoleauth):
    """A VNC server that is killed with input unread resets the connection."""
    def reset(sock):
        targets.read_exactly(sock, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        sock.close()
    target = targets.Target(targets.rfb_server(reset))
    consoleauth.add("good", target.port, agent_host="agent")
    consoleauth.why = [exception.InstanceNotReady("x")]
    ws = greeted(proxy.connect())
    ws.send(b"k")
    assert ws.until_closed()[0] == 4409
    assert proxy.tally()["reason"] == "instance_stopped"


def test_a_target_that_breaks_off_before_the_viewer_speaks_is_asked_about_as_well(
        proxy, consoleauth):
    was_reset = threading.Event()

    def reset(sock):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        sock.close()
        was_reset.set()
    target = targets.Target(targets.rfb_server(reset))
    consoleauth.add("good", target.port, agent_host="agent")
    consoleauth.why = [exception.InstanceNotReady("x")]
    ws = proxy.connect()
    assert was_reset.wait(30)
    for _ in range(3):  # turns of the loop: it has seen the reset, and forgotten the transport
        asyncio.run_coroutine_threadsafe(asyncio.sleep(0.01), proxy.worker._loop).result(30)
    assert greeted(ws).until_closed()[0] == 4409
    assert proxy.tally()["reason"] == "instance_stopped"
