"""Very many small frames: some at a time, so many a second, in their order, and none is lost."""

import asyncio

import pytest

from consoles.relay.frame_reader import AT_ONCE
from consoles.relay.frame_reader import CRUMB
from consoles.relay.frame_reader import FrameReader
from consoles.relay.frame_reader import MAX_CRUMBS
from consoles.relay.link import BUFFER_SIZE
from consoles.relay.link import Link
from consoles.relay.sides import RawSide
from consoles.relay.sides import WebsocketSide
from tests.fixtures.ws_client import frame
from tests.unit.test_relay_turns import Home
from tests.unit.test_relay_turns import Transport


@pytest.fixture
def client():
    """The side of a browser; what it sends goes to its `peer`."""
    link = Link("s", Home(), lambda tally: None)
    link.home.links["s"] = link
    link.client = WebsocketSide(link, Transport(None), FrameReader(bytes, bytes, 1 << 20))
    link.target = RawSide(link, Transport(None))
    link.client.peer, link.target.peer = link.target, link.client
    return link.client


def comes(client, data):
    client.get_buffer(-1)[:len(data)] = data
    client.buffer_updated(len(data))


def crumbs(count):
    return b"".join(frame(bytes((n % 251,))) for n in range(count))


def payload(count):
    return bytes(n % 251 for n in range(count))


async def turns(client):
    """What was carried at each turn of the loop until the client is read again."""
    carried = []
    while not client.transport.reads:
        carried.append(client.carried)
        client.get_buffer(-1)[:] = bytes(BUFFER_SIZE)  # another session receives there
        await asyncio.sleep(0)
        assert len(carried) < 100
    return carried


def test_others_have_their_turn_between_some_and_the_next(client):
    async def scenario():
        comes(client, crumbs(3 * AT_ONCE + 5))
        return await turns(client)
    assert asyncio.run(scenario()) == [AT_ONCE, 2 * AT_ONCE, 3 * AT_ONCE]
    assert client.peer.transport.unsent == payload(3 * AT_ONCE + 5)


def test_what_a_second_may_not_have_waits_for_the_next(client):
    async def scenario():
        comes(client, crumbs(MAX_CRUMBS + 5))
        for _ in range(2 * MAX_CRUMBS // AT_ONCE):
            await asyncio.sleep(0)
            client.peer.pause_writing()
            client.peer.resume_writing()  # which is no reason to read on
        assert (client.carried, client.transport.reads) == (MAX_CRUMBS, False)
        client.forgive()
        await turns(client)
        comes(client, frame(b"after"))
    asyncio.run(scenario())
    assert client.peer.transport.unsent == payload(MAX_CRUMBS + 5) + b"after"


def test_those_of_many_reads_are_counted_together(client):
    async def scenario():
        for _ in range(2 * MAX_CRUMBS // 500):
            if client.transport.reads:
                comes(client, crumbs(500))
    asyncio.run(scenario())
    assert (client.carried, client.transport.reads) == (MAX_CRUMBS, False)


def test_as_many_in_several_seconds_do_not_wait(client):
    async def scenario():
        for _ in range(3 * MAX_CRUMBS // 500):
            comes(client, crumbs(500))
            assert client.transport.reads
            if client.carried % 10_000 == 0:
                client.forgive()
    asyncio.run(scenario())


def test_frames_that_bring_something_do_not_wait(client):
    whole = frame(bytes(CRUMB))
    count = BUFFER_SIZE // len(whole)
    comes(client, whole * count)
    assert (client.carried, client.transport.reads) == (count * CRUMB, True)


def test_a_session_that_ends_meanwhile_takes_nothing_of_the_rest(client):
    async def scenario():
        comes(client, crumbs(2 * AT_ONCE))
        client.link.end("ended_by_admin")
        await turns(client)
        comes(client, frame(b"\x03\xe8", opcode=8))
        await asyncio.sleep(0)
    asyncio.run(scenario())
    assert client.carried == AT_ONCE
    assert client.peer.transport.unsent == payload(AT_ONCE)
    assert client.deaf


def test_the_rest_waits_while_it_is_asked_why_the_target_ended(client):
    client.link.on_target_closed = lambda link, reason: None

    async def scenario():
        comes(client, crumbs(2 * AT_ONCE))
        client.link.target_closed()
        for _ in range(5):
            await asyncio.sleep(0)
    asyncio.run(scenario())
    assert client.carried == AT_ONCE
