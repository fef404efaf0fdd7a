"""The filter of who only looks: against a slow second implementation, in any cutting."""

import struct
import tracemalloc

import hypothesis
import pytest
from hypothesis import strategies as st

from consoles.exception import WireError
from consoles.wire.rfb_viewing import ENCODINGS
from consoles.wire.rfb_viewing import MAX_ENCODINGS
from consoles.wire.rfb_viewing import Viewing

UPDATE = b"\3\1" + bytes(8)
KEY = b"\4\1\0\0\0\0\0\x61"
#: What noVNC announces; behind the mark what opens a way into the guest or is not known.
NOVNC = [1, 7, -260, 5, 2, 0, -26, -254, -223, -224, -312, -313, -307, 0x574d5664, -239]
REFUSED = [-258, -308, -309, 0xc0a1e5ce - (1 << 32), -305, -259, -316, 12345]


def fixed(kind, size):
    return st.binary(min_size=size - 1, max_size=size - 1).map(lambda rest: bytes([kind]) + rest)


def set_encodings(numbers):
    return struct.pack(f">BxH{len(numbers)}i", 2, len(numbers), *numbers)


def fence(payload):
    return struct.pack(">B3xIB", 248, 1, len(payload)) + payload


def cut_text(text):
    return struct.pack(">B3xI", 6, len(text)) + text


ENCODING = st.one_of(st.sampled_from(NOVNC + REFUSED), st.integers(-2**31, 2**31 - 1))
MESSAGE = st.one_of(
    fixed(0, 20), fixed(3, 10), fixed(150, 10), fixed(4, 8), fixed(5, 6),
    st.lists(ENCODING, max_size=20).map(set_encodings),
    st.binary(max_size=64).map(fence), st.binary(max_size=200).map(cut_text))
STREAM = st.tuples(st.binary(min_size=1, max_size=1), st.lists(MESSAGE, max_size=12)).map(
    lambda parts: parts[0] + b"".join(parts[1]))


class Broken(Exception):
    """A message that is not taken."""


def slowly(stream):
    """→ what goes on of a stream, and whether it has a message that is not taken: byte by byte,
    as the tables of RFC 6143 have them."""
    out, rest = [], list(stream)

    def take(count):
        if len(rest) < count:
            raise EOFError
        taken, rest[:count] = rest[:count], []
        return bytes(taken)

    try:
        take(1)
        out.append(b"\1")
        while True:
            out.append(message(take(1), take))
    except EOFError:
        return out, False
    except Broken:
        return out, True


def message(kind, take):
    """→ what goes on of one."""
    match kind[0]:
        case 0 | 3 | 150:
            return kind + take(19 if kind == b"\0" else 9)
        case 4 | 5:
            return take(7 if kind == b"\4" else 5)[:0]
        case 6:
            take(3)
            return take(int.from_bytes(take(4), "big"))[:0]
        case 2:
            take(1)
            count = int.from_bytes(take(2), "big")
            if count > MAX_ENCODINGS:
                raise Broken
            numbers = [take(4) for _ in range(count)]
            known = [n for n in numbers if int.from_bytes(n, "big", signed=True) in ENCODINGS]
            return b"\2\0" + len(known).to_bytes(2, "big") + b"".join(known)
        case 248:
            head = take(8)
            if head[7] > 64:
                raise Broken
            return kind + head + take(head[7])
    raise Broken


def cut(stream, places):
    marks = sorted({0, len(stream), *(place % (len(stream) + 1) for place in places)})
    return [stream[a:b] for a, b in zip(marks, marks[1:], strict=False)]


def passed(pieces):
    viewing = Viewing()
    return b"".join(viewing.feed(memoryview(piece)) for piece in pieces)


@hypothesis.given(STREAM, st.lists(st.integers(0, 5000), max_size=30))
def test_any_cutting_gives_what_the_tables_say(stream, places):
    out, broken = slowly(stream)
    assert not broken
    assert passed(cut(stream, places)) == b"".join(out)


@hypothesis.given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=10))
def test_any_bytes_are_refused_where_the_tables_say(stream, places):
    out, broken = slowly(stream)
    viewing, got = Viewing(), b""
    try:
        for piece in cut(stream, places):
            got += viewing.feed(memoryview(piece))
    except WireError:
        assert broken
        assert b"".join(out).startswith(got)
    else:
        assert not broken
        assert got == b"".join(out)


def test_the_flag_becomes_shared():
    assert passed([b"\0"]) == passed([b"\1"]) == passed([b"\xff"]) == b"\1"


@pytest.mark.parametrize("typed", [KEY, b"\5\1\0\x10\0\x10", cut_text(b"rm -rf /")])
def test_neither_key_nor_pointer_nor_clipboard_goes_on(typed):
    assert passed([b"\1" + UPDATE + typed + UPDATE]) == b"\1" + UPDATE + UPDATE


def test_encodings_that_open_a_way_into_the_guest_are_not_asked_for():
    assert passed([b"\1" + set_encodings(NOVNC + REFUSED)]) == b"\1" + set_encodings(NOVNC)


@pytest.mark.parametrize("kind", [1, 7, 10, 249, 250, 251, 252, 253, 254, 255, 127])
def test_a_message_that_is_not_known_ends_it(kind):
    with pytest.raises(WireError, match=f"message {kind} "):
        passed([b"\1" + UPDATE + bytes([kind])])


@pytest.mark.parametrize("head", [b"\2\0" + (MAX_ENCODINGS + 1).to_bytes(2, "big"),
                                  b"\xf8" + bytes(7) + b"\x41"])
def test_more_than_anybody_sends_ends_it(head):
    with pytest.raises(WireError, match="too long"):
        passed([b"\1" + head])


@pytest.mark.parametrize("endless", [
    b"\6\0\0\0\xff\xff\xff\xff", b"\2\0" + MAX_ENCODINGS.to_bytes(2, "big")])
def test_what_is_held_is_bounded(endless):
    """A text of 4 GiB is skipped as it comes; of a message that goes on some KiB are kept."""
    viewing, drop = Viewing(), memoryview(bytes(1 << 18))
    viewing.feed(memoryview(b"\1" + endless))
    small = drop[:1000]
    viewing.feed(small)
    tracemalloc.start()
    try:
        for _ in range(32):
            assert not viewing.feed(drop if endless[0] == 6 else drop[:0])
        assert tracemalloc.get_traced_memory()[0] < 8192
    finally:
        tracemalloc.stop()
    assert len(viewing._held) <= 4 + 4 * MAX_ENCODINGS
