"""Reading AMQP's frames ahead: however they come, each comes out once, whole and in order."""

import contextlib
import socket
import ssl
import struct
import threading

import kombu.transport
import pytest

from consoles.rpc import rabbit

GREETING = b"AMQP\0\0\x09\x01"
#: A heartbeat, a small one, one of just a read's size and a larger one, each on its channel.
PAYLOADS = [b"", b"small", bytes(rabbit.AHEAD - 8), bytes(range(256)) * 64]
STREAM = b"".join(struct.pack(">BHI", 3, channel, len(payload)) + payload + b"\xce"
                  for channel, payload in enumerate(PAYLOADS))
FRAMES = [(3, channel, payload) for channel, payload in enumerate(PAYLOADS)]


@contextlib.contextmanager
def connected(certificates=None):
    """A transport that has greeted, and the broker's end of it."""
    with socket.create_server(("127.0.0.1", 0)) as listener, contextlib.ExitStack() as stack:
        ends = []

        def accept():
            end, _ = listener.accept()
            if certificates:
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                context.load_cert_chain(certificates.cert, certificates.key)
                end = context.wrap_socket(end, server_side=True)
            end.settimeout(30)
            ends.append(end)

        thread = threading.Thread(target=accept)
        thread.start()
        host = f"127.0.0.1:{listener.getsockname()[1]}"
        transport = (rabbit.Encrypted(host, 30, {"cert_reqs": ssl.CERT_NONE}) if certificates
                     else rabbit.Plain(host, 30))
        transport.connect()
        thread.join(30)
        [end] = ends
        stack.callback(transport.close)
        stack.callback(end.close)  # first: over TLS the other end would be waited for
        assert end.recv(len(GREETING), *([] if certificates else [socket.MSG_WAITALL])) == GREETING
        yield transport, end


def frames(transport, missing=0):
    with transport.having_timeout(30):
        return [transport.read_frame() for _ in FRAMES[missing:]]


@pytest.mark.parametrize("encrypted", [False, True])
def test_frames_that_come_at_once_come_out_one_by_one(certificates, encrypted):
    with connected(certificates if encrypted else None) as (transport, end):
        end.sendall(STREAM)
        assert frames(transport) == FRAMES


@pytest.mark.parametrize("encrypted", [False, True])
def test_frames_cut_anywhere_are_put_together_also_after_a_wait_in_vain(certificates, encrypted):
    with connected(certificates if encrypted else None) as (transport, end):
        head = len(STREAM) - len(PAYLOADS[-1]) - 20
        for cut in (1, 6, 7, 8, 12, 13, 16, head, head + 500):
            end.sendall(STREAM[:cut])
            seen = []
            with pytest.raises(TimeoutError), transport.having_timeout(0.02):
                while True:
                    seen.append(transport.read_frame())
            end.sendall(STREAM[cut:])
            assert seen + frames(transport, len(seen)) == FRAMES


def test_what_was_read_ahead_is_there_when_the_broker_is_gone_which_is_then_noticed():
    with connected() as (transport, end):
        end.sendall(STREAM)
        end.close()
        assert frames(transport) == FRAMES
        with pytest.raises(OSError, match="closed"):
            transport.read_frame()


def test_a_message_is_one_read():
    with connected() as (transport, end):
        small = STREAM[:8 + 8 + len(PAYLOADS[1])]
        end.sendall(small)
        assert transport.read_frame() == FRAMES[0]
        transport.sock.settimeout(0)  # the second is no longer there to be read
        with pytest.raises(BlockingIOError):
            transport.sock.recv(1)
        assert transport.read_frame() == FRAMES[1]


def test_it_is_used_also_where_kombu_has_looked_for_another_one_before(monkeypatch):
    monkeypatch.setitem(kombu.transport.TRANSPORT_ALIASES, "amqp",
                        "kombu.transport.pyamqp:Transport")
    monkeypatch.setattr(kombu.transport, "_transport_cache", {})
    assert kombu.transport.get_transport_cls("amqp") is not rabbit.Transport
    rabbit.register()
    assert kombu.transport.get_transport_cls("amqp") is rabbit.Transport
