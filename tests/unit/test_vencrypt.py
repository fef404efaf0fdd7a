"""VeNCrypt's handshake as a transcript, up to TLS and the first byte inside of it."""

import pytest

from consoles.exception import WireError
from consoles.wire import rfb
from consoles.wire.ops import Peek
from consoles.wire.ops import Read
from consoles.wire.ops import StartTls
from consoles.wire.ops import Write
from consoles.wire.rfb import SecurityType

VERSION = b"RFB 003.008\n"
TLS = StartTls(None, "kvm7.example.org")
BOTH = (SecurityType.VENCRYPT, SecurityType.NONE)


def asked(handshake, answers):
    """→ everything that is asked for, reads answered in turn, and what is returned."""
    answers, ops, answer = list(answers), [], None
    while True:
        try:
            ops.append(handshake.send(answer))
        except StopIteration as stop:
            assert answers == []
            return ops, stop.value
        answer = answers.pop(0) if isinstance(ops[-1], Read | Peek) else None


def test_our_order_decides_and_tls_comes_before_security_result():
    ops, chosen = asked(rfb.client(BOTH, TLS), [
        VERSION, b"\2", b"\1\x13", b"\0\2", b"\0", b"\2", b"\0\0\1\1\0\0\1\4", b"\1", b"\0"])
    assert chosen == SecurityType.VENCRYPT
    assert [op for op in ops if not isinstance(op, Read)] == [
        Write(VERSION), Write(b"\x13"), Write(b"\0\2"), Write(b"\0\0\1\4"), TLS, Peek(1)]


def test_the_other_order_takes_none():
    ops, chosen = asked(rfb.client(BOTH[::-1], TLS), [VERSION, b"\2", b"\x13\1"])
    assert chosen == SecurityType.NONE
    assert TLS not in ops


@pytest.mark.parametrize("answers", [
    [b"\0\1"], [b"\1\0"], [b"\0\2", b"\1"], [b"\0\2", b"\0", b"\0", b""],
    [b"\0\2", b"\0", b"\1", b"\0\0\1\1"], [b"\0\2", b"\0", b"\1", b"\0\0\1\4", b"\0"]])
def test_what_fails_is_not_followed_by_none(answers):
    with pytest.raises(WireError):
        asked(rfb.client(BOTH, TLS), [VERSION, b"\2", b"\x13\1", *answers])
