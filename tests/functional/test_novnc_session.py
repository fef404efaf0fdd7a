"""A noVNC session in process: opened and carried, with a target or a client that stalls."""

import threading

import pytest

from tests.fixtures import targets
from tests.fixtures import ws_client
from tests.fixtures.novnc import greeted
from tests.fixtures.processes import wait_for
from tests.fixtures.proxy import ProxyUnderTest


def test_bytes_flow_both_ways_and_are_counted(proxy, echoing_guest):
    ws = greeted(proxy.connect())
    for payload in (b"x", b"y" * 125, b"z" * 126, b"a" * 70_000, bytes(range(256)) * 1000):
        ws.send(payload)
        assert ws.recv_exactly(len(payload)) == payload
    ws.close(1000)
    assert ws.until_closed()[0] == 1000
    tally = proxy.tally()
    sent = 1 + 125 + 126 + 70_000 + 256_000
    assert (tally["reason"], tally["code"]) == ("client_closed", 1000)
    assert (tally["bytes_in"], tally["bytes_out"]) == (sent, sent + 4)
    assert proxy.worker._relay.links == {}


def test_a_megabyte_message_in_fragments_and_drips(proxy, echoing_guest):
    ws = greeted(proxy.connect())
    payload = bytes(i * 7 & 0xFF for i in range(1_000_000))
    whole = b"".join(ws_client.frame(payload[i:i + 99_991], opcode=2 if i == 0 else 0,
                                     final=i + 99_991 >= len(payload))
                     for i in range(0, len(payload), 99_991))
    sender = threading.Thread(target=lambda: [ws.sock.sendall(whole[i:i + 1009])
                                              for i in range(0, len(whole), 1009)])
    sender.start()
    assert ws.recv_exactly(len(payload)) == payload
    sender.join()


@pytest.mark.parametrize("where", ["/?token={}", "/any/path?x=1&token={}",
                                   "/vnc_auto.html?path=%3Ftoken%3D{}",
                                   "/?path=novnc%3Ftoken%3D{}&title=a", "/?token=bad&token={}"])
def test_the_token_is_found(proxy, echoing_guest, where):
    greeted(proxy.connect(path=where.format("good")))


def test_the_token_is_found_in_a_cookie(proxy, echoing_guest):
    greeted(proxy.connect(path="/websockify", extra=[("Cookie", "a=b; @=; token=good; c")]))


def test_a_wrong_token_in_the_query_is_not_rescued_by_a_cookie(proxy, echoing_guest):
    with pytest.raises(ws_client.Refused) as refused:
        proxy.connect(path="/?token=bad", extra=[("Cookie", "token=good")])
    assert refused.value.status == 401


def test_an_answer_as_tempest_wants_it(proxy, echoing_guest):
    """No Origin and a bad token: nothing to read; a good one: `binary`, whole small frames."""
    with pytest.raises(ws_client.Refused) as refused:
        proxy.connect("bad")
    assert refused.value.status == 401
    assert refused.value.headers["content-length"] == "0"
    assert refused.value.body == b""
    ws = proxy.connect()
    assert ws.answer["upgrade"].lower() == "websocket"
    assert ws.answer["sec-websocket-protocol"] == "binary"


@pytest.mark.parametrize(("offer", "chosen"), [
    (None, None), ("binary", "binary"), ("base64, binary", "binary"),
    ("binary,base64", "binary")])
def test_binary_is_chosen_wherever_it_is_offered(proxy, echoing_guest, offer, chosen):
    assert proxy.connect(subprotocol=offer).answer.get("sec-websocket-protocol") == chosen


def test_a_pipelined_client_loses_nothing(proxy, echoing_guest):
    ws = proxy.connect()
    ws.sock.sendall(ws_client.frame(b"RFB 003.008\n\x01hello"))
    assert ws.recv_message() == b"RFB 003.008\n"
    assert ws.recv_message() == b"\x01\x01"
    assert ws.recv_exactly(9) == b"\0\0\0\0hello"


def test_a_frame_cut_at_the_hand_over_goes_on(proxy, echoing_guest):
    ws = proxy.connect()
    whole = ws_client.frame(b"\x01" + b"h" * 1000)
    ws.sock.sendall(ws_client.frame(b"RFB 003.008\n") + whole[:300])
    assert ws.recv_message() == b"RFB 003.008\n"
    assert ws.recv_message() == b"\x01\x01"
    ws.recv_exactly(4)
    ws.sock.sendall(whole[300:])
    assert ws.recv_exactly(1000) == b"h" * 1000


def test_a_ping_is_answered(proxy, echoing_guest):
    ws = greeted(proxy.connect())
    ws.sock.sendall(ws_client.frame(b"are you there", opcode=9))
    assert ws.recv_frame() == (10, b"are you there")


def test_a_live_session_is_listed_and_ended_over_the_bus(make_proxy, echoing_guest, consoleauth):
    proxy = make_proxy(proxy__touch_interval=1)
    ws = greeted(proxy.connect())
    wait_for(lambda: consoleauth.reports)
    worker, (row,) = consoleauth.reports[-1]
    assert worker == proxy.worker.name
    assert (row["state"], row["instance_id"], row["bytes_out"]) == ("live", "vm1", 4)
    consoleauth.end = [{"id": row["id"], "code": 4404, "reason": "instance_deleted"}]
    assert ws.until_closed() == (4404, "instance deleted")
    tally = proxy.tally()
    assert (tally["session_id"], tally["reason"]) == (row["id"], "instance_deleted")


def test_a_receiver_that_stalls_stalls_the_target_and_not_the_memory(proxy, consoleauth):
    sent = []
    done = threading.Event()

    def flood(sock):
        sock.settimeout(1)
        try:
            while not done.is_set():
                sent.append(sock.send(b"f" * 65536))
        except TimeoutError:
            done.set()
            sock.settimeout(None)
            sock.sendall(b"END")
    target = targets.Target(targets.rfb_server(flood))
    consoleauth.add("good", target.port)
    ws = greeted(proxy.connect())
    assert done.wait(30), "the target was never made to wait"
    client = next(iter(proxy.worker._relay.links.values())).client
    assert client.transport.get_write_buffer_size() < 1_000_000
    total = sum(sent)
    assert ws.recv_exactly(total + 3)[-3:] == b"END"


def test_a_target_that_stalls_stalls_the_client(proxy, consoleauth):
    go = threading.Event()
    got = []

    def hold(sock):
        go.wait(30)
        got.append(targets.read_exactly(sock, 50_000_000))
    target = targets.Target(targets.rfb_server(hold))
    consoleauth.add("good", target.port)
    ws = greeted(proxy.connect())
    whole = ws_client.frame(b"\0" * 10_000_000)
    sender = threading.Thread(target=lambda: [ws.sock.sendall(whole) for _ in range(5)])
    ws.sock.settimeout(60)
    sender.start()
    wait_for(lambda: proxy.worker._relay.links
             and next(iter(proxy.worker._relay.links.values())).client.held)
    assert sender.is_alive()
    go.set()
    sender.join(30)
    wait_for(lambda: got)


def test_a_worker_that_is_stopped_before_it_runs_does_not_run(conf, consoleauth):
    proxy = ProxyUnderTest(conf, consoleauth)
    proxy.worker.stop()
    proxy.start().stop()
    proxy.stop()
