"""Recorded sessions as bytes: captures of graphics, and asciicasts of text.

Both begin with a line of JSON and end with an entry that says why; doc/source/admin/recording.rst
describes captures byte by byte. Times are seconds since the recording began.
"""

import codecs
import json
import struct
from collections.abc import Iterator
from typing import Any
from typing import BinaryIO
from typing import NamedTuple
from typing import Protocol

from consoles.exception import WireError

FORMAT = "consoles-capture"
VERSION = 1

#: Of an entry: its kind, microseconds since the beginning, bytes of payload that follow.
HEAD = struct.Struct(">cQI")
FROM_TARGET, FROM_CLIENT, END = b"S", b"C", b"E"
#: A line of JSON above this size is not the head of a recording.
MAX_HEAD = 65536
#: The size of terminals that a serial line has no word about.
COLUMNS, ROWS = 80, 24


class Format(Protocol):
    """How one recording is written; called in the order of the file."""

    def head(self, about: dict[str, Any]) -> bytes:
        """`about`: session_id, instance_id, type, protocol, started_at (epoch milliseconds)."""

    def entry(self, at: float, from_target: bool, payload: bytes) -> bytes:
        """What was carried; may be empty for now."""

    def end(self, at: float, reason: str) -> bytes: ...


class Capture:
    """Bytes as they were carried, both ways."""

    def head(self, about: dict[str, Any]) -> bytes:
        return _line({"format": FORMAT, "version": VERSION, **about})

    def entry(self, at: float, from_target: bool, payload: bytes) -> bytes:
        kind = FROM_TARGET if from_target else FROM_CLIENT
        return HEAD.pack(kind, int(at * 1e6), len(payload)) + payload

    def end(self, at: float, reason: str) -> bytes:
        payload = reason.encode()
        return HEAD.pack(END, int(at * 1e6), len(payload)) + payload


class Asciicast:
    """Text, as asciicast v2 (docs.asciinema.org/manual/asciicast/v2); what is no UTF-8 becomes �.

    Characters that arrive in pieces are written with their last one.
    """

    def __init__(self) -> None:
        new = codecs.getincrementaldecoder("utf-8")
        self._decoders = {True: new("replace"), False: new("replace")}

    def head(self, about: dict[str, Any]) -> bytes:
        return _line({"version": 2, "width": COLUMNS, "height": ROWS,
                      "timestamp": about["started_at"] // 1000,
                      "title": f"Console of {about['instance_id']}", "consoles": about})

    def entry(self, at: float, from_target: bool, payload: bytes) -> bytes:
        text = self._decoders[from_target].decode(payload)
        return _event(at, "o" if from_target else "i", text) if text else b""

    def end(self, at: float, reason: str) -> bytes:
        """What was left of a character, and a marker, which a player shows or leaves out."""
        rest = self._decoders[True].decode(b"", final=True)
        return (_event(at, "o", rest) if rest else b"") + _event(at, "m", reason)


def _event(at: float, code: str, text: str) -> bytes:
    return _line([round(at, 6), code, text])


def _line(value: Any) -> bytes:
    return json.dumps(value).encode() + b"\n"


class Entry(NamedTuple):
    """`kind` is FROM_TARGET, FROM_CLIENT, or END, whose payload is the reason."""

    kind: bytes
    at: float
    payload: bytes


def read_head(stream: BinaryIO) -> dict[str, Any]:
    """The first line of a capture. Raises WireError for what is none."""
    try:
        head = json.loads(stream.readline(MAX_HEAD))
    except ValueError as exc:
        raise WireError("this is not a recording: no line of JSON at its beginning") from exc
    if not isinstance(head, dict) or head.get("format") != FORMAT:
        raise WireError("this is not a capture of a graphical console")
    if head.get("version") != VERSION:
        raise WireError(f"a capture of version {head.get('version')} cannot be read")
    return head


def read_entries(stream: BinaryIO) -> Iterator[Entry]:
    """What follows. Without an END as its last entry the recording was cut off.

    An entry that the file ends within is left out. Raises WireError for unknown kinds.
    """
    while len(head := stream.read(HEAD.size)) == HEAD.size:
        kind, micros, size = HEAD.unpack(head)
        if kind not in (FROM_TARGET, FROM_CLIENT, END):
            raise WireError(f"an entry of the unknown kind {kind!r}")
        payload = stream.read(size)
        if len(payload) < size:
            return
        yield Entry(kind, micros / 1e6, payload)
