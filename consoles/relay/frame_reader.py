"""Takes a peer's WebSocket frames apart as a stream: no frame is ever assembled.

Follows RFC 6455 section 5; what a peer may not do ends the session with the code it asks for.
"""

from collections.abc import Callable

import numpy

from consoles.relay.link import PIECE
from consoles.relay.link import pieces
from consoles.wire.frames import FrameError
from consoles.wire.frames import MAX_CONTROL
from consoles.wire.frames import Opcode

#: Bytes below which Python's integers unmask faster than numpy's set-up.
SMALL = 200

#: How a whole message begins, and how long its header is where the payload is below 126 bytes.
WHOLE_BINARY = 0x80 | Opcode.BINARY
KEY_HEADER = 6

#: The longest header there is.
MAX_HEADER = 14

#: Frames that bring the target nothing, control frames and empty ones, which a client may send
#: until somebody sets `barren` back, which the relay does every second: browsers send a few.
MAX_BARREN = 500

#: Bytes of payload below which a frame is a crumb: it costs more than its bytes do.
CRUMB = 256
#: Crumbs that are taken at once: they cost some three milliseconds.
AT_ONCE = 1000
#: Crumbs that are taken until somebody sets `crumbs` back, as it is done with `barren`. A hand
#: makes some hundred a second; a paste may come letter by letter, and input that has waited for a
#: target all at once: so nobody is cut off for more, they wait.
MAX_CRUMBS = 20_000

#: Opcode by number, None for those that are reserved.
_OPCODES = [int(n) if n in set(Opcode) else None for n in range(16)]


class FrameReader:
    """Feed it what came; it calls `data(view)` with unmasked payload, `control(opcode, payload)`.

    `data`'s view is into the buffer that was fed and good only during the call. `masked`: the
    frames are a client's; a server's have no mask.
    """

    __slots__ = ("_control", "_data", "_fragmented", "_head", "_left", "_mask", "_max_size",
                 "_opcode", "_payload", "_size", "_text", "barren", "crumbs", "masked")

    def __init__(self, data: Callable[[memoryview], None], control: Callable[[int, bytes], None],
                 max_size: int, text: bool = False, masked: bool = True) -> None:
        self._data = data
        self._control = control
        self._max_size = max_size
        self._text = text           # whether text messages are taken like binary ones
        self._head = b""            # of a frame whose header is not all there
        self._left = 0              # bytes still to come of the frame
        self._mask = b""
        self._opcode = 0
        self._payload = b""         # of a control frame
        self._fragmented = False    # a message is under way
        self._size = 0              # of that message so far
        self.barren = 0
        self.crumbs = 0
        self.masked = masked

    def redirect(self, data: Callable[[memoryview], None],
                 control: Callable[[int, bytes], None]) -> None:
        """From here on call these; a frame under way goes on."""
        self._data = data
        self._control = control

    def feed(self, view: memoryview) -> int:
        """Take some bytes, cut anywhere; → how many are left. Unmasks in place. Raises FrameError.

        Payload of several frames is moved together and handed out at once. What is behind AT_ONCE
        crumbs is left, to be fed before whatever comes next; behind MAX_CRUMBS all is.
        """
        if self._is_key(view):
            payload = view[KEY_HEADER:]
            unmask(payload, bytes(view[2:KEY_HEADER]))
            self._data(payload)
            return 0
        at = start = ready = 0  # view[start:ready] is payload to hand out
        most = min(self.crumbs + AT_ONCE, MAX_CRUMBS)
        try:
            while at < len(view) and self.crumbs < most:
                if not self._left:
                    at += self._begin(view[at:at + MAX_HEADER])
                    if self._head:
                        break
                piece = view[at:at + self._left]
                self._take(piece)
                if self._opcode & 0x08:
                    done, start = view[start:ready], ready
                    if done:
                        self._data(done)
                    self._take_control(piece)
                elif start == ready:
                    start, ready = at, at + len(piece)
                else:
                    if ready < at:
                        view[ready:ready + len(piece)] = piece
                    ready += len(piece)
                at += len(piece)
        finally:
            if start < ready:
                self._data(view[start:ready])
        return len(view) - at

    def feed_all(self, view: memoryview) -> None:
        """The same at once. Raises FrameError also for more than MAX_CRUMBS."""
        while left := self.feed(view):
            if self.crumbs >= MAX_CRUMBS:
                raise FrameError("a flood of small frames", 1008)
            view = view[-left:]

    def _is_key(self, view: memoryview) -> bool:
        """Whether it is what most reads bring: one small message, whole."""
        size = len(view) - KEY_HEADER
        return (0 < size < 126 and view[0] == WHOLE_BINARY and view[1] == 0x80 | size
                and self.masked and not (self._left or self._head or self._fragmented))

    def _begin(self, view: memoryview) -> int:
        """Read a header, or as much of it as is there; → the bytes used of `view`."""
        head = self._head + bytes(view)
        have = len(self._head)
        need = _header_size(head, 4 if self.masked else 0)
        if len(head) < need:
            self._head = head
            return len(view)
        self._head = b""
        first, second = head[0], head[1]
        size = second & 0x7F
        if size == 126:
            size = int.from_bytes(head[2:4], "big")
        elif size == 127:
            size = int.from_bytes(head[2:10], "big")
        self._check(first, second, size)
        self._mask = head[need - 4:need] if self.masked else b""
        self._left = size
        if size < CRUMB:
            self.crumbs += 1
        if not size and not self._opcode & 0x08:
            self._count_barren()
        return need - have

    def _check(self, first: int, second: int, size: int) -> None:
        """Raises FrameError for every header the peer may not send (5.1, 5.2, 5.4, 5.5)."""
        opcode = _OPCODES[first & 0x0F]
        if first & 0x70 or opcode is None:
            raise FrameError("reserved bits or opcode")
        if bool(second & 0x80) is not self.masked:
            raise FrameError("an unmasked frame" if self.masked else "a masked frame")
        if size < (126 if second & 0x7F == 126 else 65536 if second & 0x7F == 127 else 0):
            raise FrameError("a length that is not the shortest")
        if size >> 63:
            raise FrameError("a length with the top bit")
        self._opcode = opcode
        final = bool(first & 0x80)
        if opcode & 0x08:
            if size > MAX_CONTROL or not final:
                raise FrameError("a control frame that is too long or in fragments")
            self._count_barren()
            return
        if (opcode == Opcode.CONTINUATION) is not self._fragmented:
            raise FrameError("fragments out of order")
        if opcode == Opcode.TEXT and not self._text:
            raise FrameError("text where only binary is spoken", 1003)
        self._size = size if not self._fragmented else self._size + size
        if self._size > self._max_size:
            raise FrameError(f"a message of more than {self._max_size} bytes", 1009)
        self._fragmented = not final

    def _take(self, piece: memoryview) -> None:
        size = len(piece)
        if self._mask:
            unmask(piece, self._mask)
        self._left -= size
        if self._left and size & 3:
            self._mask = self._mask[size & 3:] + self._mask[:size & 3]

    def _take_control(self, piece: memoryview) -> None:
        self._payload += bytes(piece)
        if not self._left:
            payload, self._payload = self._payload, b""
            self._control(self._opcode, payload)

    def _count_barren(self) -> None:
        self.barren += 1
        if self.barren > MAX_BARREN:
            raise FrameError("a flood of frames without payload", 1008)


def unmask(view: memoryview, mask: bytes) -> None:
    """XOR `view` with the four bytes of `mask`, over and over, in place (5.3)."""
    size = len(view)
    pattern = mask * (min(size, PIECE) + 3 >> 2)
    if size < SMALL:
        view[:] = (int.from_bytes(view, "little")
                   ^ int.from_bytes(pattern[:size], "little")).to_bytes(size, "little")
        return
    for piece in pieces(view):
        masked = numpy.frombuffer(piece, numpy.uint8)
        numpy.bitwise_xor(masked, numpy.frombuffer(pattern, numpy.uint8, len(piece)), out=masked)


def _header_size(head: bytes, mask: int) -> int:
    """How long the header is with a mask of that size, as far as its first two bytes tell."""
    if len(head) < 2:
        return 2
    return 2 + mask + (0, 2, 8)[max(0, (head[1] & 0x7F) - 125)]
