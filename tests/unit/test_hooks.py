"""Filters and taps of the relay, between real connections, on either kind of client."""

import asyncio
import logging
import socket
import time

import pytest
import uvloop

from consoles.relay.frame_reader import FrameReader
from consoles.relay.hooks import EndSession
from consoles.relay.hooks import Way
from consoles.relay.link import Limits
from consoles.relay.relay import End
from consoles.relay.relay import Relay
from consoles.relay.sides import RawSide
from consoles.relay.sides import WebsocketSide
from consoles.stream.connection import Connection
from tests.fixtures.ws_client import frame


class Session:
    """A relay's link; `client` and `target` are (reader, writer) of the peers of its ends."""

    async def open(self, kind, to_client=None, to_target=None, early=b""):
        self.kind = kind
        self.tallies = []
        self.client, client = await self._end()
        self.target, target = await self._end()
        reader = FrameReader(bytes, bytes, 1 << 20) if kind == "websocket" else None
        self.link = Relay(Limits()).carry(
            "s", End(client, reader=reader, way=to_client), End(target, early, way=to_target),
            self.tallies.append)

    async def _end(self):
        ours, theirs = socket.socketpair()
        transport, connection = await asyncio.get_running_loop().create_connection(
            Connection, sock=ours)
        connection.detach()
        return await asyncio.open_connection(sock=theirs), transport

    def type(self, payload):
        self.client[1].write(frame(payload) if self.kind == "websocket" else payload)

    async def seen(self, size):
        """That many bytes of payload as the client sees them, in frames of up to 125 bytes."""
        if self.kind == "raw":
            return await self.client[0].readexactly(size)
        got = b""
        while len(got) < size:
            head = await self.client[0].readexactly(2)
            assert head[0] == 0x82
            got += await self.client[0].readexactly(head[1])
        return got

    async def ended(self):
        await until(lambda: self.tallies)
        return self.tallies[0]


async def until(predicate):
    while not predicate():
        await asyncio.sleep(0.01)


@pytest.fixture(params=["raw", "websocket"])
def carried(request):
    """Run `script(session)` on a loop, with ways and what the target had sent before."""
    def run(script, **kwargs):
        async def all_of_it():
            async with asyncio.timeout(30):
                session = Session()
                await session.open(request.param, **kwargs)
                await script(session)
                session.link.end("restart")
                for _, writer in (session.client, session.target):
                    writer.close()
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(all_of_it())
    return run


def test_without_hooks_the_sides_are_the_plain_ones(carried):
    async def script(session):
        assert type(session.link.client) in (RawSide, WebsocketSide)
        assert type(session.link.target) is RawSide
    carried(script)


def test_a_filter_changes_holds_back_and_drops(carried):
    held = bytearray()

    def by_lines(view):
        held.extend(view)
        whole = held[:held.rfind(b"\n") + 1]
        del held[:len(whole)]
        return bytes(whole).upper()

    async def script(session):
        session.target[1].write(b"ready\nlog")
        assert await session.seen(6) == b"READY\n"
        session.target[1].write(b"in\n")
        assert await session.seen(6) == b"LOGIN\n"
        session.type(b"not this")
        await until(lambda: session.link.client.carried == 8)
        session.target[1].write(b"more\n")
        assert await session.seen(5) == b"MORE\n"
        session.link.end("restart")
        assert await session.target[0].read() == b""
        assert session.link.target.carried == 17
    carried(script, to_client=Way(filters=(by_lines,)), to_target=Way(filters=(lambda _: b"",)))


def test_what_came_before_the_relay_passes_the_hooks_too(carried):
    seen = []

    async def script(session):
        assert await session.seen(4) == b"EARL"
    carried(script, early=b"early", to_client=Way(
        filters=(lambda view: bytes(view).upper(), lambda view: view[:4]),
        taps=(lambda now, view: seen.append(bytes(view)),)))
    assert seen == [b"EARL"]


def test_a_filter_ends_the_session_with_its_reason(carried):
    def refuse(view):
        raise EndSession("client_data", "This is not taken")

    async def script(session):
        session.type(b"x")
        tally = await session.ended()
        assert (tally.reason, tally.code) == ("client_data", 1003)
        assert await session.target[0].read() == b""
        if session.kind == "websocket":
            assert (await session.client[0].readexactly(21))[4:] == b"This is not taken"
    carried(script, to_target=Way(filters=(refuse,)))


def test_nothing_passes_a_filter_that_fails(carried, caplog):
    async def script(session):
        session.type(b"x")
        tally = await session.ended()
        assert (tally.reason, tally.code) == ("filter_failed", 1011)
        assert await session.target[0].read() == b""
    carried(script, to_target=Way(filters=(lambda view: 1 / 0,)))
    assert "a filter failed" in caplog.text


def test_a_tap_sees_what_passes_with_its_time_and_both_ways(carried):
    seen = []

    def tap(direction):
        return Way(taps=(lambda now, view: seen.append((direction, now, bytes(view))),))

    async def script(session):
        begun = time.monotonic()
        session.type(b"x" * 300)
        assert await session.target[0].readexactly(300) == b"x" * 300
        between = time.monotonic()
        session.target[1].write(b"answer")
        assert await session.seen(6) == b"answer"
        typed = [entry for entry in seen if entry[0] == "in"]
        assert b"".join(payload for _, _, payload in typed) == b"x" * 300
        assert all(begun <= now <= between for _, now, _ in typed)
        (answered,) = (entry for entry in seen if entry[0] == "out")
        assert answered[2] == b"answer"
        assert answered[1] >= between
    carried(script, to_client=tap("out"), to_target=tap("in"))


def test_a_tap_that_fails_is_left_out_and_told_once(carried, caplog):
    seen = []
    taps = (lambda now, view: 1 / 0, lambda now, view: seen.append(bytes(view)))

    async def script(session):
        for payload in (b"a", b"b"):
            session.type(payload)
            assert await session.target[0].readexactly(1) == payload
    with caplog.at_level(logging.ERROR):
        carried(script, to_target=Way(taps=taps))
    assert seen == [b"a", b"b"]
    assert caplog.text.count("a tap failed") == 1


def test_a_tap_may_end_the_session_before_anything_passes_unseen(carried):
    def full(now, view):
        raise EndSession("recording_failed")

    async def script(session):
        session.type(b"x")
        assert (await session.ended()).reason == "recording_failed"
        assert await session.target[0].read() == b""
    carried(script, to_target=Way(taps=(full,)))


def test_nothing_follows_the_end_that_a_tap_asks_for(carried):
    def full(now, view):
        raise EndSession("recording_failed")

    async def script(session):
        session.target[1].write(b"unseen")
        assert (await session.ended()).reason == "recording_failed"
        if session.kind == "websocket":
            head = await session.client[0].readexactly(2)
            assert head[0] == 0x88
            await session.client[0].readexactly(head[1])
            session.client[1].write(frame(b"\x03\xe8", opcode=8))
        assert await session.client[0].read() == b""
    carried(script, to_client=Way(taps=(full,)))
