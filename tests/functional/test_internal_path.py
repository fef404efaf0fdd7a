"""Consoles that a hypervisor shows behind HTTP CONNECT, as XenServer does."""

import socket

import pytest

from tests.fixtures import targets
from tests.fixtures import ws_client
from tests.fixtures.processes import wait_for

TICKET = "OpaqueRef:s3cr3t"
PATH = f"/console?ref=1&session_id={TICKET}"


def test_the_path_is_asked_for_first(proxy, consoleauth, caplog):
    asked = []
    target = targets.Target(targets.xen_server(b"HTTP/1.1 200 OK\r\nServer: x\r\n\r\n", asked))
    consoleauth.add("good", target.port, internal_access_path=PATH)
    ws = proxy.connect()
    assert ws.recv_message() == b"RFB 003.008\n"
    ws.send(b"RFB 003.008\n\x01")
    assert ws.recv_exactly(11) == b"\x01\x01\0\0\0\0hello"
    assert asked == [f"CONNECT {PATH} HTTP/1.1\r\n\r\n".encode()]
    assert TICKET not in caplog.text


@pytest.mark.parametrize("answer", [b"HTTP/1.1 404 200 OK\r\n\r\n", b"x" * 9000 + b"\r\n\r\n"])
def test_anything_but_200_is_the_targets_fault(proxy, consoleauth, answer, caplog):
    target = targets.Target(targets.xen_server(answer, []))
    consoleauth.add("good", target.port, internal_access_path=PATH)
    with pytest.raises(ws_client.Refused) as refused:
        proxy.connect()
    assert refused.value.status == 502
    assert proxy.tally()["reason"] == "target_protocol"
    assert TICKET not in caplog.text


def test_more_connections_than_may_be_opening_are_dropped(make_proxy, consoleauth):
    proxy = make_proxy(proxy__max_opening=3)
    consoleauth.add("good", targets.Target(targets.silent).port)
    waiting = []
    for _ in range(3):
        sock = socket.create_connection(("127.0.0.1", proxy.port), 30)
        sock.sendall(ws_client.request("/?token=good", proxy.port,
                                       headers=ws_client.upgrade_headers()))
        waiting.append(sock)
    wait_for(lambda: proxy.worker._describe()["opening"] == 3)
    with socket.create_connection(("127.0.0.1", proxy.port), 30) as further:
        assert further.recv(1) == b""
    for sock in waiting:
        sock.close()
