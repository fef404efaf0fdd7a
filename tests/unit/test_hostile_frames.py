"""Frames that no client may send: refused at their header, with the code that is theirs."""

import time

import pytest

from consoles.relay import frame_reader
from consoles.relay.frame_reader import FrameReader
from consoles.wire import frames
from tests.fixtures.ws_client import frame

LIMIT = 4096


class Read:
    """What a reader handed out, and how it ended."""

    def __init__(self, stream, limit=LIMIT, cut=256 * 1024, text=False):
        self.data = 0
        self.control = []
        self.code = None
        reader = FrameReader(self._data, lambda *frame: self.control.append(frame), limit, text)
        try:
            for at in range(0, len(stream), cut):
                reader.feed_all(memoryview(bytearray(stream[at:at + cut])))
        except frames.FrameError as exc:
            self.code = exc.close_code

    def _data(self, view):
        self.data += len(view)


def test_an_unmasked_frame():
    """Judged when as much has come as a masked one's header takes."""
    assert Read(frame(b"x" * 4, masked=False)).code == 1002


@pytest.mark.parametrize("rsv", range(1, 8))
def test_reserved_bits(rsv):
    assert Read(frame(b"x", rsv=rsv)).code == 1002


@pytest.mark.parametrize("opcode", [3, 4, 5, 6, 7, 11, 12, 13, 14, 15])
def test_reserved_opcodes(opcode):
    assert Read(frame(b"x", opcode=opcode)).code == 1002


@pytest.mark.parametrize("opcode", [8, 9, 10])
def test_a_control_frame_too_long_or_in_fragments(opcode):
    assert Read(frame(b"x" * 126, opcode=opcode)).code == 1002
    assert Read(frame(b"x", opcode=opcode, final=False)).code == 1002
    assert Read(frame(b"\x03\xe8" + b"x" * 123, opcode=opcode)).code is None


def test_a_control_frame_between_fragments_is_rightful():
    read = Read(frame(b"a", final=False) + frame(b"p", opcode=9) + frame(b"b", opcode=0))
    assert (read.data, read.control, read.code) == (2, [(9, b"p")], None)


@pytest.mark.parametrize("code", [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535])
def test_a_close_code_that_nobody_may_send(code):
    with pytest.raises(frames.FrameError) as caught:
        frames.parse_close(code.to_bytes(2, "big"))
    assert caught.value.close_code == 1002


def test_text_where_bytes_are_spoken():
    assert Read(frame(b"x", opcode=1)).code == 1003
    assert Read(frame(b"x", opcode=1), text=True).code is None


HEADS = {
    "over the limit": (b"\x82\xfe" + (LIMIT + 1).to_bytes(2, "big"), 1009),
    "far over the limit": (b"\x82\xff" + (2**62).to_bytes(8, "big"), 1009),
    "top bit": (b"\x82\xff" + (2**63).to_bytes(8, "big"), 1002),
    "125 in two bytes": (b"\x82\xfe\x00\x7d", 1002),
    "65535 in eight bytes": (b"\x82\xff" + (65535).to_bytes(8, "big"), 1002)}


@pytest.mark.parametrize(("head", "code"), HEADS.values(), ids=HEADS)
def test_a_length_is_judged_before_any_payload(head, code):
    assert Read(head + b"mask").code == code


def test_a_message_in_fragments_is_measured_as_a_whole():
    stream = frame(b"x", final=False) + frame(b"x" * (LIMIT - 2), opcode=0, final=False)
    assert Read(stream + frame(b"x", opcode=0)).code is None
    assert Read(stream + frame(b"xx", opcode=0)[:6]).code == 1009


MIB = 1024 * 1024


@pytest.mark.parametrize(("stream", "payload"), [
    (b"\x82\xff" + (32 * MIB).to_bytes(8, "big") + b"mask" + b"\0" * 32 * MIB, 32 * MIB),
    (frame(b"x" * 1000) * 4096, 4_096_000)], ids=["one frame", "thousands of frames"])
def test_megabytes_take_linear_time(stream, payload):
    began = time.process_time()
    read = Read(stream, limit=64 * MIB)
    assert time.process_time() - began < 1
    assert (read.data, read.code) == (payload, None)


BARREN = {"ping": frame(b"", opcode=9), "pong with payload": frame(b"x", opcode=10),
          "empty message": frame(b""), "empty fragment": frame(b"", opcode=0, final=False)}


@pytest.mark.parametrize("kind", BARREN)
def test_frames_without_payload_are_counted(kind):
    begin = frame(b"x", final=False) if "fragment" in kind else b""
    most = frame_reader.MAX_BARREN
    assert Read(begin + BARREN[kind] * most).code is None
    assert Read(begin + BARREN[kind] * (most + 1)).code == 1008


def test_small_frames_before_a_console_is_open_are_limited():
    """Afterwards they are slowed down."""
    most = frame(b"x") * frame_reader.MAX_CRUMBS
    assert (Read(most).data, Read(most).code) == (frame_reader.MAX_CRUMBS, None)
    assert Read(most + frame(b"x")).code == 1008


def test_frames_that_bring_much_are_not_counted():
    size = frame_reader.CRUMB
    assert Read(frame(bytes(size)) * 22_000).data == 22_000 * size
