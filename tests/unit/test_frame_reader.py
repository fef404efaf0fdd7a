"""The streaming reader against a slow and obvious second one: any bytes, in any cutting."""

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from consoles.relay import frame_reader
from consoles.relay.frame_reader import FrameReader
from consoles.relay.frame_reader import unmask
from consoles.relay.link import PIECE
from consoles.wire import frames
from tests.fixtures.ws_client import frame

LIMIT = 5000


def streamed(pieces, of_client=True):
    """What our reader makes of `pieces`: payload, control frames, and the code it ends with."""
    data, control = bytearray(), []
    reader = FrameReader(lambda view: data.extend(view), lambda *c: control.append(c), LIMIT,
                         masked=of_client)
    try:
        for piece in pieces:
            reader.feed_all(memoryview(bytearray(piece)))
    except frames.FrameError as exc:
        return bytes(data), control, exc.close_code
    return bytes(data), control, None


def obvious(stream, of_client=True):  # noqa: C901 - by the book, in one piece
    """The same by the book, on the whole stream at once (RFC 6455, section 5)."""
    data, control, message, under_way = bytearray(), [], 0, False
    while len(stream) >= 2:
        final, rsv, opcode = stream[0] >> 7, stream[0] >> 4 & 7, stream[0] & 15
        masked, size = stream[1] >> 7, stream[1] & 127
        extended = {126: 2, 127: 8}.get(size, 0)
        head = 2 + extended + 4 * of_client
        if len(stream) < head:  # a reader may wait for the whole header before it judges
            break
        if rsv or opcode not in (0, 1, 2, 8, 9, 10) or masked != of_client:
            return bytes(data), control, 1002
        if extended:
            size = int.from_bytes(stream[2:2 + extended], "big")
            if size < (126 if extended == 2 else 65536) or size >= 2 ** 63:
                return bytes(data), control, 1002
        if opcode >= 8:
            if size > 125 or not final:
                return bytes(data), control, 1002
        else:
            if (opcode == 0) != under_way:
                return bytes(data), control, 1002
            if opcode == 1:
                return bytes(data), control, 1003
            message = size + (message if under_way else 0)
            if message > LIMIT:
                return bytes(data), control, 1009
            under_way = not final
        mask = stream[head - 4:head] if of_client else bytes(4)
        payload = bytes(b ^ mask[i % 4] for i, b in enumerate(stream[head:head + size]))
        if opcode < 8:
            data += payload
        elif len(payload) == size:
            control.append((opcode, payload))
        stream = stream[head + size:]
    return bytes(data), control, None


def cut(stream, places):
    edges = [0, *sorted(p % (len(stream) + 1) for p in places), len(stream)]
    return [stream[a:b] for a, b in zip(edges, edges[1:], strict=False)]


def streams(of_client):
    frames_of = st.builds(
        frame, st.binary(max_size=700), st.sampled_from([0, 1, 2, 2, 2, 8, 9, 10]), st.booleans(),
        st.sampled_from([of_client] * 9 + [not of_client]), st.sampled_from([0] * 9 + [1]))
    return st.one_of(st.binary(max_size=200), st.lists(frames_of, max_size=6).map(b"".join))


@pytest.mark.parametrize("of_client", [True, False])
@settings(max_examples=400, deadline=None)
@given(data=st.data(), places=st.lists(st.integers(0, 5000), max_size=12),
       at_once=st.sampled_from([1, 2, frame_reader.AT_ONCE]))
def test_any_cutting_gives_the_same_as_the_obvious_reader(of_client, data, places, at_once):
    stream = data.draw(streams(of_client))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(frame_reader, "AT_ONCE", at_once)
        assert streamed(cut(stream, places), of_client) == obvious(stream, of_client)


@given(payload=st.binary(min_size=1, max_size=3000), mask=st.binary(min_size=4, max_size=4))
def test_unmask(payload, mask):
    view = memoryview(bytearray(payload))
    unmask(view, mask)
    assert bytes(view) == bytes(b ^ mask[i % 4] for i, b in enumerate(payload))


@pytest.mark.parametrize("size", [PIECE - 1, PIECE, PIECE + 1, 4 * PIECE + 3])
def test_unmasking_much_takes_little_memory_beside_it(size):
    """malloc maps what is bigger than 128 KiB, and unmaps it, each time."""
    payload = bytes(range(253)) * (size // 253 + 1)
    view = memoryview(bytearray(payload[:size]))
    tracemalloc.start()
    unmask(view, b"\1\2\3\4")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < PIECE + 10_000
    unmask(view[1:], b"\2\3\4\1")
    assert bytes(view) == bytes((payload[0] ^ 1,)) + payload[1:size]


def test_byte_by_byte_through_every_kind_of_length():
    for size in (0, 1, 125, 126, 127, 4999):
        payload = bytes(i & 0xFF for i in range(size))
        assert streamed(cut(frame(payload), range(100))) == (payload, [], None)


def test_tiny_frames_of_one_read_are_handed_out_at_once_and_before_what_follows():
    handed = []
    reader = FrameReader(lambda view: handed.append(bytes(view)),
                         lambda opcode, payload: handed.append((opcode, payload)), LIMIT)
    tiny = b"".join(frame(bytes((n % 256,))) for n in range(300))
    reader.feed(memoryview(bytearray(tiny + frame(b"?", 9) + tiny + frame(b"", 8))))
    once = bytes(n % 256 for n in range(300))
    assert handed == [once, (9, b"?"), once, (8, b"")]


@pytest.mark.parametrize(("payload", "code"), [
    (b"", 1005), (b"\x03\xe8", 1000), (b"\x03\xe8bye", 1000), (b"\x0b\xb8", 3000),
    (b"\x13\x87", 4999)])
def test_a_rightful_close(payload, code):
    assert frames.parse_close(payload)[0] == code


@pytest.mark.parametrize(("payload", "code"), [
    (b"\x03", 1002), (b"\0\0", 1002), (b"\x03\xec", 1002), (b"\x03\xee", 1002),
    (b"\x03\xf7", 1002), (b"\x13\x88", 1002), (b"\x03\xe8\xff", 1007)])
def test_a_close_that_is_none(payload, code):
    with pytest.raises(frames.FrameError) as caught:
        frames.parse_close(payload)
    assert caught.value.close_code == code


def test_a_long_reason_is_cut_at_a_character():
    sent = frames.close(4400, "ä" * 200)
    assert len(sent) <= 127
    assert frames.parse_close(sent[2:])[1] == "ä" * 61
