"""A client that sends frames in masses is slowed down, and its neighbours are not."""

import contextlib
import socket
import threading
import time

import pytest

from consoles.relay.frame_reader import MAX_CRUMBS
from consoles.relay.relay import SWEEP_INTERVAL
from tests.fixtures import ws_client
from tests.fixtures.novnc import greeted
from tests.fixtures.processes import wait_for

KEYS = 20


@contextlib.contextmanager
def flooding(ws):
    """It sends one frame with one byte after the other, as fast as they are taken."""
    many = ws_client.frame(b"k") * 30_000

    def flood():
        with contextlib.suppress(OSError):
            while True:
                ws.sock.sendall(many)
    thread = threading.Thread(target=flood, daemon=True)
    thread.start()
    yield
    socket.socket.shutdown(ws.sock, socket.SHUT_RDWR)  # below TLS, which another thread speaks
    thread.join(30)
    assert not thread.is_alive()


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "TLS"])
def test_a_neighbours_keys_pass_while_a_client_floods(
        make_proxy, echoing_guest, certificates, tls):
    proxy = make_proxy(DEFAULT__cert=str(certificates.cert), DEFAULT__key=str(certificates.key))
    flooder = greeted(proxy.connect(tls=certificates.client() if tls else None))
    wait_for(lambda: proxy.worker._relay.links)
    (link,) = proxy.worker._relay.links.values()
    neighbour = greeted(proxy.connect())
    began = time.monotonic()
    with flooding(flooder):
        wait_for(lambda: link.client.carried >= MAX_CRUMBS)
        for _ in range(KEYS):
            neighbour.send(b"key")
            assert neighbour.recv_exactly(3) == b"key"
        seconds = (time.monotonic() - began) / SWEEP_INTERVAL
        assert link.client.carried <= MAX_CRUMBS * (seconds + 2)
        assert not link.ended
