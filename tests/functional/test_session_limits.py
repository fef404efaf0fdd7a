"""What ends a session that neither side ends: floods, standstill, idleness, time, silence."""

import dataclasses
import socket
import threading

import pytest

from tests.fixtures import targets
from tests.fixtures import ws_client
from tests.fixtures.processes import wait_for
from tests.functional.test_novnc_session import greeted

RESET = b"\1\0\0\0\0\0\0\0"  # struct linger: a close resets the connection


def later(proxy, seconds=0):
    """Have the relay look at its sessions now, as if so many seconds had passed."""
    loop = proxy.worker._loop
    done = threading.Event()

    def look():
        proxy.worker._relay.sweep(loop.time() + seconds)
        done.set()
    loop.call_soon_threadsafe(look)
    assert done.wait(30)


def link_of(proxy):
    wait_for(lambda: proxy.worker._relay.links)
    (link,) = proxy.worker._relay.links.values()
    return link


@pytest.fixture
def stuck_guest(consoleauth):
    """A VNC server that reads nothing until `go` is set."""
    target = targets.Target(targets.rfb_server(lambda sock: target.go.wait(30)))
    target.go = threading.Event()
    consoleauth.add("good", target.port)
    yield target
    target.go.set()
    target.close()


@pytest.fixture
def loud_guest(consoleauth):
    """A VNC server that never stops to send; `stalled` tells that nobody takes it."""
    target = targets.Target(lambda sock: targets.rfb_server(send)(sock))
    target.stalled = threading.Event()

    def send(sock):
        sock.settimeout(0.5)
        while True:
            try:
                sock.sendall(b"f" * 65536)
            except TimeoutError:
                target.stalled.set()
    consoleauth.add("good", target.port)
    yield target
    target.close()


FLOODS = {"pings": ws_client.frame(b"", opcode=9), "pongs": ws_client.frame(b"x", opcode=10),
          "empty messages": ws_client.frame(b""),
          "empty fragments": ws_client.frame(b"", opcode=0, final=False)}


@pytest.mark.parametrize("kind", FLOODS)
def test_a_flood_of_frames_without_payload_is_cut_off(proxy, echoing_guest, kind):
    ws = greeted(proxy.connect())
    first = ws_client.frame(b"x", final=False) if kind == "empty fragments" else b""
    ws.sock.sendall(first + FLOODS[kind] * 501)
    code, reason = ws.until_closed()
    assert (code, "flood" in reason) == (1008, True)
    assert proxy.tally()["reason"] == "client_flood"


def test_the_same_frames_over_a_while_are_no_flood(proxy, echoing_guest):
    ws = greeted(proxy.connect())
    for _ in range(4):
        ws.sock.sendall(FLOODS["pongs"] * 400)
        ws.send(b"k")
        assert ws.recv_exactly(1) == b"k"
        later(proxy)


def test_a_flood_before_the_console_is_open_is_refused(proxy, echoing_guest):
    ws = proxy.connect()
    ws.sock.sendall(FLOODS["empty messages"] * 501)
    assert ws.until_closed()[0] == 4400
    assert proxy.tally()["code"] == 4400


def test_a_client_that_takes_nothing_is_closed(proxy, loud_guest):
    ws = greeted(proxy.connect())
    assert loud_guest.stalled.wait(10)
    later(proxy)
    later(proxy, 55)
    assert link_of(proxy)
    later(proxy, 65)
    assert ws.until_closed()[0] == 4408
    assert proxy.tally()["reason"] == "client_stalled"


def test_a_client_that_takes_little_is_not_stalled(proxy, loud_guest):
    ws = greeted(proxy.connect())
    assert loud_guest.stalled.wait(10)
    later(proxy, 55)
    before = link_of(proxy).target.carried
    ws.recv_exactly(5_000_000)
    wait_for(lambda: link_of(proxy).target.carried > before)
    later(proxy, 65)
    later(proxy, 120)
    assert link_of(proxy)


def test_no_limit_on_standing_still_when_it_is_off(make_proxy, loud_guest):
    proxy = make_proxy(proxy__stall_timeout=0, proxy__ping_interval=0)
    ws = greeted(proxy.connect())
    assert loud_guest.stalled.wait(10)
    later(proxy)
    later(proxy, 10_000)
    assert link_of(proxy)
    ws.sock.close()


def held_back(proxy):
    """→ a client that has sent until it was made to wait."""
    ws = greeted(proxy.connect())
    link = link_of(proxy)
    while not link.client.held:
        ws.send(b"\0" * 65_000)
    later(proxy)
    return ws


@pytest.mark.parametrize("linger", [RESET, None], ids=["reset", "closed"])
def test_a_client_that_is_held_back_is_found_gone(proxy, stuck_guest, linger):
    ws = held_back(proxy)
    if linger:
        ws.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    ws.sock.close()
    assert proxy.tally()["reason"] == "client_gone"


def test_a_client_that_is_held_back_and_there_is_kept(proxy, stuck_guest):
    ws = held_back(proxy)
    for seconds in (40, 80, 200):
        later(proxy, seconds)
    assert link_of(proxy).client.held
    assert ws.sock.fileno() > 0


@pytest.mark.parametrize("side", ["client", "target"])
def test_the_kernel_asks_after_both_ends(make_proxy, echoing_guest, side):
    """A client may not be read, and a hypervisor that lost its power says nothing."""
    proxy = make_proxy(proxy__ping_interval=7, proxy__ping_timeout=20)
    ws = greeted(proxy.connect())
    sock = getattr(link_of(proxy), side).transport.get_extra_info("socket")
    assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
    assert [sock.getsockopt(socket.IPPROTO_TCP, option) for option in (
        socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)] == [7, 5, 4]
    ws.sock.close()


def test_an_idle_session_ends_although_its_client_answers_pings(make_proxy, echoing_guest):
    proxy = make_proxy(proxy__session_idle_timeout=100, proxy__ping_interval=0)
    ws = greeted(proxy.connect())
    later(proxy)
    ws.sock.sendall(ws_client.frame(b"", opcode=10))
    later(proxy, 95)
    assert link_of(proxy)
    later(proxy, 105)
    assert ws.until_closed()[0] == 4442
    assert proxy.tally()["reason"] == "idle"


def test_input_keeps_a_session_from_being_idle(make_proxy, echoing_guest):
    proxy = make_proxy(proxy__session_idle_timeout=100, proxy__ping_interval=0)
    ws = greeted(proxy.connect())
    for seconds in (95, 190, 285):
        ws.send(b"k")
        assert ws.recv_exactly(1) == b"k"
        later(proxy, seconds)
    assert link_of(proxy)


def test_a_session_ends_when_its_time_is_over(make_proxy, echoing_guest):
    proxy = make_proxy(proxy__session_max_time=1000)
    ws = greeted(proxy.connect())
    later(proxy, 995)
    assert link_of(proxy)
    ws.send(b"k")
    assert ws.recv_exactly(1) == b"k"
    later(proxy, 1005)
    assert ws.until_closed()[0] == 4443
    assert proxy.tally()["reason"] == "session_expired"


def test_data_after_a_close_is_ignored(proxy, consoleauth):
    got = []
    target = targets.Target(targets.rfb_server(
        lambda sock: [got.append(data) for data in iter(lambda: sock.recv(100), b"")]
        and got.append(b"END")))
    consoleauth.add("good", target.port)
    ws = greeted(proxy.connect())
    ws.sock.sendall(ws_client.frame(b"before") + ws_client.frame(b"\x03\xe8", opcode=8)
                    + ws_client.frame(b"after") * 10)
    assert ws.until_closed()[0] == 1000
    wait_for(lambda: got and got[-1] == b"END")
    assert b"".join(got) == b"beforeEND"
    target.close()


def test_a_question_why_a_target_ended_that_fails_ends_the_session_all_the_same(
        proxy, consoleauth):
    target = targets.Target(targets.rfb_server(lambda sock: sock.close()))
    consoleauth.add("good", target.port, agent_host="agent")
    wait_for(lambda: hasattr(proxy.worker, "_sessions"))
    proxy.worker._sessions._compute = None  # whose use fails
    assert greeted(proxy.connect()).until_closed()[0] == 1000
    assert proxy.tally()["reason"] == "target_closed"


def test_a_close_without_an_echo_ends_the_connection_in_time(proxy, echoing_guest):
    relay = proxy.worker._relay
    assert relay.limits.close_timeout == 5
    relay.limits = dataclasses.replace(relay.limits, close_timeout=0.5)
    ws = greeted(proxy.connect())
    later(proxy)
    proxy.worker._loop.call_soon_threadsafe(
        proxy.worker._end, list(relay.links), "ended_by_admin")
    assert ws.until_closed()[0] == 4441
    sent = 0
    with pytest.raises(ConnectionError):  # it goes on talking, and is cut off
        while sent < 10_000_000_000:
            ws.send(b"after")
            sent += 5
    assert echoing_guest.sockets[0].recv(1) == b""
