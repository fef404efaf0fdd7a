"""What a hypervisor may do wrong around its CONNECT: a status for the viewer, in time, logged."""

import socket
import time

import pytest

from tests.fixtures import targets
from tests.fixtures.xvp import VERSION

CONNECTED = b"HTTP/1.1 200 OK\r\n\r\n"


def speech(*parts):
    """Reads CONNECT, then says one part for each thing that it hears, and ends."""
    def script(sock):
        for part in parts:
            sock.recv(1000)
            sock.sendall(part)
        sock.shutdown(socket.SHUT_WR)
        targets.gone(sock)
    return script


BAD = {
    "garbage": speech(bytes(range(256)) * 40),
    "another protocol": speech(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"),
    "RFB instead of HTTP": speech(VERSION + b"\r\n\r\n"),
    "end at once": speech(b""),
    "end in the answer": speech(b"HTTP/1.1 200 O"),
    "end behind the answer": speech(CONNECTED),
    "no type of ours": speech(CONNECTED + VERSION, b"\x01\x02"),
    "another version": speech(CONNECTED + b"RFB 003.003\n"),
}


@pytest.mark.parametrize("script", BAD.values(), ids=BAD)
def test_a_hypervisor_that_speaks_wrongly_is_a_502(xvp, script, caplog):
    caplog.set_level("INFO")
    xvp.says(script, internal_access_path="/console?ref=1")
    stream = xvp.dial()
    assert (stream.status, stream.read_all()) == (502, b"")
    assert xvp.tally()["reason"] == "target_protocol"
    assert "refused: target: " in caplog.text


@pytest.mark.parametrize("first", [b"", b"HTTP/1.1 200 OK\r\n", CONNECTED, CONNECTED + b"RFB 0"])
def test_silence_is_a_504_in_time(make_xvp, first):
    xvp = make_xvp(proxy__handshake_timeout=1)

    def script(sock):
        sock.sendall(first)
        targets.gone(sock)
        targets.silent(sock)
    xvp.says(script, internal_access_path="/console?ref=1")
    began = time.monotonic()
    assert xvp.dial().status == 504
    assert time.monotonic() - began < 15
    assert xvp.tally()["reason"] == "target_timeout"


def test_a_viewer_that_drips_is_understood(xvp):
    xvp.says(targets.rfb_server(targets.echo))
    with socket.create_connection(("127.0.0.1", xvp.port), 30) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in b"CONNECT /console?token=good HTTP/1.1\r\n\r\n" + VERSION + b"\x01x":
            sock.sendall(bytes([byte]))
        whole = CONNECTED + VERSION + b"\x01\x01\0\0\0\0x"
        assert targets.read_exactly(sock, len(whole)) == whole


@pytest.mark.parametrize(("head", "answer"), [(b"", b""), (b"CONNECT /con", b"HTTP/1.1 408")])
def test_a_viewer_that_falls_silent_is_ended(make_xvp, head, answer):
    xvp = make_xvp(proxy__handshake_timeout=1)
    with socket.create_connection(("127.0.0.1", xvp.port), 30) as sock:
        sock.sendall(head)
        assert sock.recv(12) == answer


def test_a_viewer_that_falls_silent_behind_the_200_is_ended(make_xvp):
    xvp = make_xvp(proxy__handshake_timeout=1)
    xvp.says(targets.rfb_server(targets.echo))
    stream = xvp.dial()
    assert (stream.status, stream.read_all()) == (200, VERSION)
    assert xvp.tally()["reason"] == "handshake_timeout"
