"""What a side does with its transport: whose turn it is, and what goes straight to the kernel."""

import asyncio
import socket

import pytest

from consoles.relay.frame_reader import FrameReader
from consoles.relay.hooks import HookedRawSide
from consoles.relay.hooks import Way
from consoles.relay.link import Buffer
from consoles.relay.link import BUFFER_SIZE
from consoles.relay.link import HEADROOM
from consoles.relay.link import Limits
from consoles.relay.link import Link
from consoles.relay.link import PIECE
from consoles.relay.link import TURN
from consoles.relay.sides import RawSide
from consoles.relay.sides import WebsocketSide
from consoles.relay.target_websocket import TargetWebsocketSide

#: How often libuv reads a stream that fills each buffer, before it looks at others.
LIBUV_READS = 32


class Transport:
    """One that counts; it has a socket, and `unsent` bytes of its own before what comes now."""

    def __init__(self, sock, unsent=b"", closing=False):
        self.sock = sock
        self.unsent = unsent
        self.closing = closing
        self.reads = True
        self.protocol = None

    def get_extra_info(self, name):
        return self.sock if name == "socket" else None

    def get_write_buffer_size(self):
        return len(self.unsent)

    def is_closing(self):
        return self.closing

    def set_protocol(self, protocol):
        self.protocol = protocol

    def write(self, data):
        assert len(data) <= PIECE + HEADROOM, "malloc would map so much, and unmap it, each time"
        self.unsent += data

    def pause_reading(self):
        self.reads = False

    def resume_reading(self):
        self.reads = True

    def close(self):
        self.closing = True

    abort = close


class Home:
    limits = Limits()

    def __init__(self):
        self.links = {}
        self.buffer = Buffer()


@pytest.fixture
def link():
    return Link("s", Home(), lambda tally: None)


@pytest.fixture
def sockets():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        theirs.setblocking(False)
        yield ours, theirs


def sides(link, sock, **target):
    link.client = RawSide(link, Transport(sock))
    link.target = RawSide(link, Transport(sock, **target))
    link.client.peer, link.target.peer = link.target, link.client
    return link.client, link.target


def read_on(side):
    """As libuv does it; → how many buffers it filled before others had their turn."""
    for reads in range(LIBUV_READS):
        if not side.transport.reads:
            return reads
        side.buffer_updated(BUFFER_SIZE)
    return LIBUV_READS


async def turn(side):
    """→ buffers filled in a turn; the next one has begun."""
    reads = read_on(side)
    await asyncio.sleep(0)
    assert side.transport.reads
    return reads


def test_a_session_that_streams_lets_others_have_their_turn(link, sockets):
    async def stream():
        return [await turn(client) for _ in range(5)]
    client, _ = sides(link, sockets[0], closing=True)
    assert asyncio.run(stream()) == [TURN] * 5
    assert client.carried == 5 * TURN * BUFFER_SIZE


def test_what_hooks_look_at_takes_long_enough_for_a_turn(link, sockets):
    """A buffer full of tiny messages is 25 ms of work for a filter."""
    async def stream():
        return [await turn(client) for _ in range(3)]
    client, _ = sides(link, sockets[0], closing=True)
    client.peer = HookedRawSide(link, Transport(sockets[0], closing=True))
    client.peer.way = Way()
    assert asyncio.run(stream()) == [1] * 3


def test_a_session_that_is_held_back_is_not_read_at_its_turn(link, sockets):
    async def stream():
        read_on(client)
        target.pause_writing()
        await asyncio.sleep(0)
        return client.transport.reads
    client, target = sides(link, sockets[0], closing=True)
    assert not asyncio.run(stream())
    target.resume_writing()
    assert client.transport.reads


def test_early_payload_that_a_transport_takes_holds_nobody_back(link):
    """One that has taken all of it without saying that it is full is read on."""
    early = bytes(200_000)
    client, target = (RawSide(link, Transport(None)) for _ in range(2))
    client.transport.reads = target.transport.reads = False
    link.join(client, target, b"", early)
    assert client.transport.unsent == early
    assert client.transport.reads
    assert target.transport.reads


def test_a_side_that_empties_reads_nothing_more_once_the_target_has_ended(link, sockets):
    told = []
    link.on_target_closed = lambda *args: told.append(args)
    client, target = sides(link, sockets[0])
    target.pause_writing()
    link.target_closed()
    target.resume_writing()
    assert told == [(link, "target_closed")]
    assert not client.transport.reads


def test_small_reads_are_never_interrupted(link, sockets):
    client, _ = sides(link, sockets[0], closing=True)
    for _ in range(10 * TURN):
        client.buffer_updated(100)
        assert client.transport.reads


def test_bytes_go_straight_to_the_kernel(link, sockets):
    _, target = sides(link, sockets[0])
    target.send(memoryview(b"key"))
    assert sockets[1].recv(10) == b"key"
    assert not target.transport.unsent


def test_bytes_go_behind_what_the_transport_still_has(link, sockets):
    _, target = sides(link, sockets[0], unsent=b"first ")
    target.send(memoryview(b"then"))
    assert target.transport.unsent == b"first then"
    with pytest.raises(BlockingIOError):
        sockets[1].recv(10)


def test_what_the_kernel_does_not_take_is_the_transports(link, sockets):
    _, target = sides(link, sockets[0])
    data = bytes(range(256)) * 16 * 1024
    target.send(memoryview(data))
    assert 0 < len(target.transport.unsent) < len(data)
    taken = len(data) - len(target.transport.unsent)
    received = b"".join(iter(lambda: received_now(sockets[1]), b""))
    assert received == data[:taken]
    assert target.transport.unsent == data[taken:]


@pytest.mark.parametrize(("kind", "masked"), [(WebsocketSide, True), (TargetWebsocketSide, False)])
def test_much_payload_becomes_frames_that_are_copied_bit_by_bit(link, kind, masked):
    side = kind(link, Transport(None), FrameReader(bytes, bytes, 1, masked=masked))
    data = bytes(range(256)) * 1024
    side.send(memoryview(data))
    received = []
    reader = FrameReader(lambda view: received.append(bytes(view)), bytes, len(data),
                         masked=not masked)
    reader.feed(memoryview(bytearray(side.transport.unsent)))
    assert b"".join(received) == data


def received_now(sock):
    try:
        return sock.recv(1 << 20)
    except BlockingIOError:
        return b""


def test_a_closed_transports_descriptor_is_left_alone(link, sockets):
    """It may be the descriptor of another session by then."""
    _, target = sides(link, sockets[0], closing=True)
    target.send(memoryview(b"secret"))
    with pytest.raises(BlockingIOError):
        sockets[1].recv(10)
