"""Handshakes as transcripts: what the peer says is bytes, what we must say is an op."""

import pytest

from consoles.exception import WireError
from consoles.wire import http_connect
from consoles.wire import rfb
from consoles.wire.ops import Read
from consoles.wire.ops import ReadUntil
from consoles.wire.ops import Write

VERSION = b"RFB 003.008\n"


def play(handshake, transcript):
    """Bytes answer a read of that size; a Write must be asked for. → what it returns."""
    answer = None
    for line in transcript:
        op = handshake.send(answer)
        if isinstance(line, Write):
            assert op == line
            answer = None
        else:
            assert isinstance(op, Read | ReadUntil)
            if isinstance(op, Read):
                assert op.size == len(line)
            answer = line
    with pytest.raises(StopIteration) as stop:
        handshake.send(answer)
    return stop.value.value


def fails(handshake, transcript):
    """The transcript ends with an error that says why."""
    with pytest.raises(WireError) as caught:
        play(handshake, [*transcript, b""])
    return str(caught.value)


def test_the_client_half_takes_none_and_leaves_security_result():
    assert play(rfb.client(), [VERSION, Write(VERSION), b"\x02", b"\x10\x01",
                               Write(b"\x01")]) == rfb.SecurityType.NONE


def test_the_client_half_knows_no_other_version():
    assert "RFB 003.003" in fails(rfb.client(), [b"RFB 003.003\n"])


def test_the_client_half_tells_what_was_offered_and_survives_unknown_numbers():
    said = fails(rfb.client(), [VERSION, Write(VERSION), b"\x03", b"\x02\xc8\xff"])
    assert "[2, 200, 255]" in said


def test_a_reason_is_read_up_to_a_limit():
    said = fails(rfb.client(), [VERSION, Write(VERSION), b"\0", b"\xff\xff\xff\xff", b"n" * 4096])
    assert said.endswith("n" * 100 + "'")


def test_the_server_half_offers_none():
    play(rfb.server(), [Write(VERSION), VERSION, Write(b"\x01\x01"), b"\x01"])


def test_the_server_half_refuses_other_versions_in_the_viewers_words():
    fails(rfb.server(), [Write(VERSION), b"RFB 003.003\n",
                         Write(b"\0\0\0\0\x1bOnly RFB 3.8 is spoken here")])


def test_the_server_half_refuses_other_types_in_the_viewers_words():
    text = b"Only security type None is spoken here"
    fails(rfb.server(), [Write(VERSION), VERSION, Write(b"\x01\x01"), b"\x02",
                         Write(b"\0\0\0\1\0\0\0" + bytes([len(text)]) + text)])


CONNECT = Write(b"CONNECT /console?ref=1 HTTP/1.1\r\n\r\n")


def test_connect_needs_nothing_but_200():
    play(http_connect.client("/console?ref=1"), [CONNECT, b"HTTP/1.1 200 OK\r\nA: b\r\n\r\n"])


@pytest.mark.parametrize("answer", [
    b"HTTP/1.1 404 Not Found\r\n\r\n", b"HTTP/1.1 404 200 OK\r\n\r\n", b"200 OK\r\n\r\n",
    b"\r\n\r\n", b"HTTP/1.1 2000 OK\r\n\r\n", b"HTTP/1.1 \xb2 OK\r\n\r\n",
    b"HTTP/1.1 0200 OK\r\n\r\n", b"HTTP/1.1 " + b"2" * 5000 + b" OK\r\n\r\n",
    b"RFB 003.008\n\r\n\r\n"])
def test_connect_takes_nothing_else_for_200(answer):
    fails(http_connect.client("/console?ref=1"), [CONNECT, answer])


@pytest.mark.parametrize("path", ["/a b", "/a\r\nHost: b", "/\x00", "/\u00e4", ""])
def test_a_path_that_could_split_the_request_is_never_sent(path):
    with pytest.raises(WireError):
        http_connect.client(path).send(None)
