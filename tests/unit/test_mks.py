"""WebMKS's handshakes as transcripts: what the hypervisor says is bytes, what we say is an op."""

import hashlib
import json

import pytest

from consoles.exception import WireError
from consoles.wire import mks
from consoles.wire import websocket
from consoles.wire.ops import EndTls
from consoles.wire.ops import StartTls
from consoles.wire.ops import Write

FIRST, SECOND = b"the first certificate", b"the second one"
TLS = StartTls(None, "esxi7.example.org")
CFG = "[ds 1] vm/vm.vmx"
INIT = bytes(4) + b"\x20" + bytes(15) + b"\0\0\0\x04"


def ticket(**fields):
    return mks.parse(json.dumps({
        "ticket": "52d7", "cfgFile": CFG,
        "thumbprint": hashlib.sha1(FIRST).hexdigest()} | fields))


def play(handshake, transcript):
    """Each line is the op that must be asked for, or what answers any op that reads."""
    answer = None
    for line in transcript:
        op = handshake.send(answer)
        if isinstance(line, tuple):
            expected, answer = line
            assert op == expected
        elif isinstance(line, bytes):
            answer = line
        else:
            assert op == line
            answer = None
    with pytest.raises(StopIteration):
        handshake.send(answer)


def test_authd_from_its_first_line_to_server_init():
    second = hashlib.sha256(SECOND).hexdigest().upper()
    play(mks.authd(ticket(), TLS, b"twelve bytes"), [
        b"220 VMware Authentication Daemon\r\n", (TLS, FIRST),
        Write(b"USER 52d7\r\n"), b"331 Password required\r\n",
        Write(b"PASS 52d7\r\n"), b"230 Logged in\r\n",
        Write(b"THUMBPRINT dHdlbHZlIGJ5dGVz\r\n"), f"200 {second}\r\n".encode(),
        Write(f"CONNECT {CFG} mks\r\n".encode()), b"200 Connected\r\n",
        EndTls(), (TLS, SECOND), Write(b"dHdlbHZlIGJ5dGVz"), INIT])


def test_no_ticket_is_said_before_the_certificate_is_known():
    with pytest.raises(WireError, match="certificate's thumbprint"):
        play(mks.authd(ticket(), TLS, b""), [b"220 \r\n", (TLS, SECOND), b""])


def test_what_a_viewer_says_before_server_init():
    version = b"RFB 003.008\n"
    play(mks.viewer(), [Write(version), version, Write(b"\1\1"), b"\1", Write(bytes(4)), b"\1"])


#: RFC 6455, section 1.3: a key and its answer.
NONCE, ACCEPT = b"the sample nonce", b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
AGREED = (b"HTTP/1.1 101 Switching Protocols\r\nupgrade: WebSocket\r\n"
          b"connection: keep-alive, Upgrade\r\nsec-websocket-accept: " + ACCEPT + b"\r\n\r\n")


@pytest.mark.parametrize(("host", "named"), [
    ("esxi7", b"esxi7"), ("2001:db8::7", b"[2001:db8::7]")])
def test_a_websockets_opening(host, named):
    play(websocket.client(host, 443, "/ticket/52d7", NONCE), [
        Write(b"GET /ticket/52d7 HTTP/1.1\r\nHost: " + named + b":443\r\nConnection: Upgrade\r\n"
              b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
              b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
              b"Sec-WebSocket-Protocol: binary\r\n\r\n"), AGREED])


@pytest.mark.parametrize("spelling", ["ab" * 20, ":".join(["AB"] * 20), " ab" * 20, "0" * 64])
def test_spellings_of_a_thumbprint(spelling):
    assert mks.normal(spelling) in ("ab" * 20, "0" * 64)


@pytest.mark.parametrize("spelling", ["", "ab" * 19, "xy" * 20, "ab" * 16, "-".join(["ab"] * 20)])
def test_what_is_no_thumbprint(spelling):
    with pytest.raises(WireError, match="neither SHA-1 nor SHA-256"):
        mks.normal(spelling)


def test_a_ticket_shows_no_secrets():
    assert "52d7" not in repr(ticket())
    assert CFG not in repr(ticket())
