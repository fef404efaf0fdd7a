"""How a native viewer's session ends: one direction after the other, at limits, by command."""

import contextlib
import dataclasses
import socket
import threading

import pytest

from consoles import exception
from tests.fixtures import targets
from tests.fixtures.processes import wait_for
from tests.fixtures.xvp import CONNECT
from tests.fixtures.xvp import VERSION
from tests.functional.test_session_limits import later
from tests.functional.test_session_limits import link_of
from tests.functional.test_session_limits import RESET

BIG = bytes(range(256)) * 16384  # 4 MiB: more than sockets and transports buffer


@pytest.fixture
def heard():
    return []


def test_a_viewer_that_has_said_all_still_hears_all(xvp, heard):
    def script(sock):
        while data := sock.recv(65536):
            heard.append(data)
        sock.sendall(BIG)
        sock.close()
    xvp.says(targets.rfb_server(script))
    stream = xvp.dial().greeted()
    stream.sendall(b"last words")
    stream.sock.shutdown(socket.SHUT_WR)
    assert stream.read_all() == BIG
    assert b"".join(heard) == b"last words"
    tally = xvp.tally()
    assert (tally["reason"], tally["bytes_in"], tally["bytes_out"]) == (
        "client_closed", 10, len(BIG) + 4)


def test_a_guest_that_has_said_all_still_hears_all(xvp, heard):
    def script(sock):
        sock.sendall(b"farewell")
        sock.shutdown(socket.SHUT_WR)
        while data := sock.recv(65536):
            heard.append(len(data))
    xvp.says(targets.rfb_server(script))
    stream = xvp.dial().greeted()
    assert stream.read_all() == b"farewell"
    stream.sendall(BIG)
    stream.close()
    tally = xvp.tally()
    assert (tally["reason"], tally["bytes_in"]) == ("target_closed", len(BIG))
    wait_for(lambda: sum(heard) == len(BIG))


@pytest.mark.parametrize("first", ["viewer", "guest"])
def test_an_end_that_is_not_answered_is_waited_for_in_vain_only_so_long(xvp, first):
    xvp.worker._relay.limits = dataclasses.replace(xvp.worker._relay.limits, close_timeout=0.2)
    over = threading.Event()

    def script(sock):
        if first == "guest":
            sock.shutdown(socket.SHUT_WR)
        over.wait(20)
    xvp.says(targets.rfb_server(script))
    stream = xvp.dial().greeted()
    if first == "viewer":
        stream.sock.shutdown(socket.SHUT_WR)
    assert stream.read_all() == b""
    assert xvp.tally()["reason"] == ("client_closed" if first == "viewer" else "target_closed")
    over.set()


def test_why_a_guest_ended_is_asked_of_its_agent(xvp, consoleauth):
    consoleauth.why = [exception.InstanceNotReady()]
    xvp.says(targets.rfb_server(lambda sock: sock.close()), agent_host="agent")
    stream = xvp.dial().greeted()
    assert stream.read_all() == b""
    stream.close()
    assert xvp.tally()["reason"] == "instance_stopped"


def test_a_viewer_that_breaks_off_is_gone(xvp):
    target = xvp.says(targets.rfb_server(targets.echo))
    stream = xvp.dial().greeted()
    stream.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    stream.close()
    assert xvp.tally()["reason"] == "client_gone"
    assert targets.gone(target.sockets[0])


@pytest.mark.parametrize(("option", "reason"), [
    ({"proxy__session_idle_timeout": 60}, "idle"),
    ({"proxy__session_max_time": 60}, "session_expired")])
def test_a_limit_of_time_ends_it(make_xvp, option, reason):
    xvp = make_xvp(**option)
    xvp.says(targets.rfb_server(targets.echo))
    stream = xvp.dial().greeted()
    link_of(xvp)
    later(xvp, 59)
    stream.sendall(b"x")
    assert stream.read(1) == b"x"
    later(xvp)
    later(xvp, 200)
    assert stream.read_all() == b""
    assert xvp.tally()["reason"] == reason


def test_a_silent_viewer_is_not_pinged(xvp):
    """There is no ping in RFB; the kernel asks instead."""
    xvp.says(targets.rfb_server(targets.echo))
    stream = xvp.dial().greeted()
    link = link_of(xvp)
    for seconds in (100, 200, 10_000):
        later(xvp, seconds)
    stream.sendall(b"still here")
    assert stream.read(10) == b"still here"
    sock = link.client.transport.get_extra_info("socket")
    assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)


def test_a_viewer_that_takes_nothing_is_ended(xvp):
    def script(sock):
        while True:
            sock.sendall(b"f" * 65536)
    xvp.says(targets.rfb_server(script))
    stream = xvp.dial().greeted()
    link = link_of(xvp)
    wait_for(lambda: link.target.held)
    later(xvp)
    later(xvp, 61)
    assert xvp.tally()["reason"] == "client_stalled"
    stream.close()


def test_what_was_sent_before_the_end_waits_for_a_slow_guest(xvp, heard):
    go = threading.Event()

    def script(sock):
        go.wait(20)
        while data := sock.recv(65536):
            heard.append(len(data))
        sock.close()
    xvp.says(targets.rfb_server(script))
    stream = xvp.dial().greeted()
    link = link_of(xvp)
    sent = 0
    stream.sock.settimeout(0.3)
    try:
        while True:
            sent += stream.sock.send(BIG[:65536])
    except TimeoutError:
        assert link.client.held
    stream.sock.shutdown(socket.SHUT_WR)
    for seconds in (0, 2, 30):
        later(xvp, seconds)
    assert not link.ended
    go.set()
    assert xvp.tally()["bytes_in"] == sent
    wait_for(lambda: sum(heard) == sent)


def test_a_viewer_that_is_gone_while_its_guest_takes_nothing_is_not_kept_for_ever(xvp):
    go = threading.Event()
    xvp.says(targets.rfb_server(lambda sock: go.wait(20)))
    stream = xvp.dial().greeted()
    link = link_of(xvp)
    stream.sock.settimeout(0.3)
    with contextlib.suppress(TimeoutError):
        while True:
            stream.sock.sendall(b"\0" * 65536)
    assert link.client.held
    stream.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    stream.close()
    for seconds in range(0, 610, 61):  # kernels move the last bytes when they like
        if not link.ended:
            later(xvp, seconds)
    assert xvp.tally()["reason"] == "client_gone"
    go.set()


def test_an_administrator_and_a_restart_end_it_plainly(xvp):
    target = xvp.says(targets.rfb_server(targets.echo))
    first, second = xvp.dial().greeted(), xvp.dial().greeted()
    wait_for(lambda: len(xvp.worker._relay.links) == 2)
    ids = [link.session_id for link in xvp.worker._relay.links.values()]
    xvp.worker._loop.call_soon_threadsafe(xvp.worker._end, ids[:1], "ended_by_admin", 4441)
    assert first.read_all() == b""
    tally = xvp.tally()
    assert (tally["reason"], tally["code"]) == ("ended_by_admin", 4441)
    xvp.worker.drain(0.1)
    assert second.read_all() == b""
    assert xvp.tally()["reason"] == "restart"
    assert all(targets.gone(sock) for sock in target.sockets)


@pytest.mark.parametrize("first", ["viewer", "guest"])
def test_over_tls_both_directions_end_at_once(make_xvp, certificates, first):
    xvp = make_xvp(DEFAULT__cert=str(certificates.cert), DEFAULT__key=str(certificates.key))

    def script(sock):
        sock.sendall(sock.recv(100))
        if first == "viewer":
            sock.recv(1)
        sock.close()
    xvp.says(targets.rfb_server(script))
    with (socket.create_connection(("127.0.0.1", xvp.port), 30) as plain,
          certificates.client().wrap_socket(plain, server_hostname="127.0.0.1") as inside):
        inside.sendall(CONNECT + VERSION + b"\x01" + b"hello")
        whole = b"HTTP/1.1 200 OK\r\n\r\n" + VERSION + b"\x01\x01\0\0\0\0hello"
        assert targets.read_exactly(inside, len(whole)) == whole
        if first == "viewer":
            inside.unwrap()
        else:
            assert inside.recv(1) == b""
    assert xvp.tally()["reason"] in (
        ("client_closed", "client_gone") if first == "viewer" else ("target_closed",))
