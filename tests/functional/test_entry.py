"""The door: silent peers, many peers, none of their descriptors left, both families."""

import os
import resource
import socket
import subprocess
import sys
import threading
import time

import pytest

from consoles import exception
from consoles.proxies import listener
from consoles.proxies.acceptor import PAUSE
from tests.fixtures import targets
from tests.fixtures import ws_client
from tests.fixtures.novnc import greeted
from tests.fixtures.processes import wait_for


def connect(proxy, source="127.0.0.1", data=b""):
    sock = socket.create_connection(("127.0.0.1", proxy.port), 5, source_address=(source, 0))
    sock.sendall(data)
    return sock


def opening(proxy):
    """Handshakes under way; none before the worker is built, which it does in its own thread."""
    server = getattr(proxy.worker, "_server", None)
    return server.handshakes if server else 0


def ended(sock):
    """Whether the peer has ended the connection, waited for."""
    try:
        return sock.recv(1) == b""
    except ConnectionResetError:
        return True


@pytest.mark.parametrize("data", [b"", b"G", b"GET / HTTP/1.1\r\nHost: h\r\n", b"\x16"])
def test_a_peer_that_stands_still_is_dropped_at_the_deadline(make_proxy, data):
    proxy = make_proxy(proxy__handshake_timeout=1)
    with connect(proxy, data=data) as sock:
        begin = time.monotonic()
        answer = ws_client.read_all(sock)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 408 ")
    assert time.monotonic() - begin < 8
    wait_for(lambda: opening(proxy) == 0)


def test_a_head_that_drips_does_not_renew_its_deadline(make_proxy):
    proxy = make_proxy(proxy__handshake_timeout=1)
    stop = threading.Event()
    with connect(proxy, data=b"GET / HTTP/1.1\r\n") as sock:
        def drip():
            while not stop.wait(0.05):
                try:
                    sock.send(b"X-A: b\r\n")
                except OSError:
                    return
        dripping = threading.Thread(target=drip)
        dripping.start()
        begin = time.monotonic()
        try:
            assert ws_client.read_head(sock)[0] in (0, 408)
        except ConnectionResetError:
            pass
        finally:
            stop.set()
            dripping.join()
        assert time.monotonic() - begin < 8


def test_one_address_has_so_many_handshakes_and_another_its_own(make_proxy, echoing_guest):
    proxy = make_proxy(proxy__max_handshakes_per_address=5)
    here = [connect(proxy) for _ in range(5)]
    wait_for(lambda: opening(proxy) == 5)
    with connect(proxy) as further:
        assert ended(further)
    with connect(proxy, "127.0.0.2", ws_client.request(
            "/?token=good", proxy.port, headers=ws_client.upgrade_headers())) as other:
        assert ws_client.read_head(other)[0] == 101
    here.pop().close()
    wait_for(lambda: opening(proxy) == 4)
    greeted(proxy.connect())
    for sock in here:
        sock.close()


def test_a_session_is_no_handshake_any_more(make_proxy, echoing_guest):
    proxy = make_proxy(proxy__max_handshakes_per_address=1)
    first = greeted(proxy.connect())
    wait_for(lambda: opening(proxy) == 0)
    second = greeted(proxy.connect())
    for ws in (first, second):
        ws.send(b"x")
        assert ws.recv_exactly(1) == b"x"


def test_sessions_over_the_limit_are_told_so(make_proxy, echoing_guest):
    proxy = make_proxy(proxy__max_sessions=1)
    ws = greeted(proxy.connect())
    with pytest.raises(ws_client.Refused) as refused:
        proxy.connect()
    assert (refused.value.status, "retry-after" in refused.value.headers) == (429, True)
    assert proxy.connect(origin=proxy.own_origin).until_closed()[0] == 4429
    ws.close()
    wait_for(lambda: not proxy.worker._sessions.all)
    greeted(proxy.connect())


#: In a process of its own, since both ends of so many connections are more than one may have.
CROWD = """
import resource, socket, sys
_, most = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
here = []
for number in range(10_000):
    sock = socket.socket()
    sock.bind((f"127.0.1.{number % 100 + 1}", 0))
    sock.connect(("127.0.0.1", int(sys.argv[1])))
    here.append(sock)
sys.stdin.read()
"""


def test_ten_thousand_silent_peers_leave_room_for_consoles(make_proxy, echoing_guest):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    proxy = make_proxy(proxy__handshake_timeout=60)
    with subprocess.Popen([sys.executable, "-c", CROWD, str(proxy.port)],
                          stdin=subprocess.PIPE) as crowd:
        wait_for(lambda: opening(proxy) == 10_000, 30)
        taken = []
        for _ in range(5):
            begin = time.monotonic()
            ws = greeted(proxy.connect())
            taken.append(time.monotonic() - begin)
            ws.close()
        assert min(taken) < 1, taken
        crowd.stdin.close()
    wait_for(lambda: opening(proxy) == 0, 30)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_without_descriptors_accepting_pauses_and_goes_on_later(make_proxy, echoing_guest, caplog):
    proxy = make_proxy()
    greeted(proxy.connect()).close()
    wait_for(lambda: not proxy.worker._sessions.all)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    client = socket.socket()
    client.settimeout(20)
    used = max(int(name) for name in os.listdir("/proc/self/fd"))
    resource.setrlimit(resource.RLIMIT_NOFILE, (used + 1, hard))
    taken = []
    try:
        while True:
            try:
                taken.append(os.dup(0))
            except OSError:
                break
        before = time.process_time()
        client.connect(("127.0.0.1", proxy.port))
        client.sendall(ws_client.request("/?token=good", proxy.port,
                                         headers=ws_client.upgrade_headers()))
        wait_for(lambda: "Accepting pauses" in caplog.text)
        threading.Event().wait(2 * PAUSE)
        assert time.process_time() - before < PAUSE
        assert caplog.text.count("Accepting pauses") <= 4
    finally:
        for descriptor in taken:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert ws_client.read_head(client)[0] == 101
    client.close()


@pytest.mark.parametrize("address", ["::1", "::", "0.0.0.0"])
def test_every_address_can_be_listened_on(address):
    with listener.listen(address, 0) as sock:
        for host in {"::1": ["::1"], "0.0.0.0": ["127.0.0.1"]}.get(address, ["::1", "127.0.0.1"]):
            socket.create_connection((host, sock.getsockname()[1]), 30).close()


@pytest.mark.parametrize(("ipv6", "address"), [(False, "127.0.0.1"), (True, "::1")])
def test_of_a_names_addresses_the_operator_chooses_the_family(monkeypatch, ipv6, address):
    kind = (socket.SOCK_STREAM, socket.IPPROTO_TCP, "")
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [
        (socket.AF_INET, *kind, ("127.0.0.1", 0)), (socket.AF_INET6, *kind, ("::1", 0, 0, 0))])
    with listener.listen("both.example.org", 0, ipv6) as sock:
        assert sock.getsockname()[0] == address


def test_a_taken_port_is_said_with_what_to_do():
    with listener.listen("127.0.0.1", 0) as sock:
        port = sock.getsockname()[1]
        with pytest.raises(exception.ConfigError, match=rf"port {port}.*\*_port"):
            listener.listen("127.0.0.1", port)


def test_a_console_over_ipv6_from_end_to_end(make_proxy, consoleauth):
    target = targets.Target(targets.rfb_server(targets.echo), host="::1")
    consoleauth.add("six", target.port, host="::1",
                    access_url_base="http://[::1]:6080/vnc_auto.html")
    proxy = make_proxy(host="::1")
    ws = greeted(ws_client.WebSocket.connect(
        proxy.port, "/?token=six", host="::1", origin=f"http://[::1]:{proxy.port}"))
    ws.send(b"six")
    assert ws.recv_exactly(3) == b"six"
    target.close()
