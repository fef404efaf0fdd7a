"""A client that breaks RFB or WebSocket: told so in its protocol's words, and forgotten."""

import pytest

from tests.fixtures import targets
from tests.fixtures import ws_client
from tests.fixtures.processes import wait_for

VERSION = b"RFB 003.008\n"


def ends(proxy, echoing_guest, code=4400):
    """The session is over on both sides and was recorded."""
    tally = proxy.tally()
    assert tally["code"] == code
    wait_for(lambda: targets.gone(echoing_guest.sockets[-1]))
    assert proxy.worker._relay.links == {}


@pytest.mark.parametrize("chosen", [0, 2, 16, 19, 127, 128, 255])
def test_a_security_type_that_was_not_offered(proxy, echoing_guest, chosen):
    """A failed SecurityResult, u32 1, with a reason (RFC 6143, 7.1.3), then the Close."""
    ws = proxy.connect()
    assert ws.recv_message() == VERSION
    ws.send(VERSION)
    assert ws.recv_message() == b"\x01\x01"
    ws.send(bytes([chosen]))
    result = ws.recv_message()
    assert result[:4] == b"\0\0\0\1"
    assert result[8:] == b"Only security type None is spoken here"
    assert int.from_bytes(result[4:8], "big") == len(result[8:])
    assert ws.until_closed()[0] == 4400
    ends(proxy, echoing_guest)


@pytest.mark.parametrize("version", [
    b"RFB 003.003\n", b"RFB 003.007\n", b"RFB 004.000\n", b"\x80" * 12, b"\xff" * 12,
    b"\x00" * 12, b"RFB 003.008 "])
def test_a_viewer_of_another_version(proxy, echoing_guest, version):
    """No security types, and a reason (7.1.2), then the Close."""
    ws = proxy.connect()
    assert ws.recv_message() == VERSION
    ws.send(version)
    refusal = ws.recv_message()
    assert refusal[:1] == b"\0"
    assert refusal[5:] == b"Only RFB 3.8 is spoken here"
    assert ws.until_closed()[0] == 4400
    ends(proxy, echoing_guest)


def test_a_whole_conversation_in_one_frame_is_kept(proxy, echoing_guest):
    ws = proxy.connect()
    ws.sock.sendall(ws_client.frame(VERSION + b"\x01" + b"\x01" + b"\xff" * 500))
    assert ws.recv_exactly(12 + 2 + 4) == VERSION + b"\x01\x01" + b"\0\0\0\0"
    assert ws.recv_exactly(501) == b"\x01" + b"\xff" * 500


def test_a_conversation_byte_by_byte(proxy, echoing_guest):
    ws = proxy.connect()
    for byte in VERSION + b"\x01":
        ws.sock.sendall(ws_client.frame(bytes([byte])))
    assert ws.recv_exactly(12 + 2 + 4) == VERSION + b"\x01\x01" + b"\0\0\0\0"


BROKEN = {
    "unmasked": ws_client.frame(b"xxxx", masked=False),
    "reserved bit": ws_client.frame(b"x", rsv=1),
    "reserved opcode": ws_client.frame(b"x", opcode=11),
    "long ping": ws_client.frame(b"x" * 126, opcode=9),
    "text": ws_client.frame(b"x", opcode=1),
    "too big": b"\x82\xff\x00\x00\x00\xff\x00\x00\x00\x00mask",
    "wrong Close": ws_client.frame(b"\x03\xec", opcode=8)}


@pytest.mark.parametrize("raw", BROKEN.values(), ids=BROKEN)
def test_a_broken_frame_before_the_console_is_open(proxy, echoing_guest, raw):
    ws = proxy.connect()
    assert ws.recv_message() == VERSION
    ws.sock.sendall(raw)
    assert ws.until_closed()[0] == 4400
    ends(proxy, echoing_guest)
