"""What a viewer may say that only looks: a filter of its stream, from ClientInit on.

RFC 6143, 7.3.1 and 7.5; what goes beyond it was written down by the RFB protocol's community
(rfbproto).
"""

import struct

from consoles.exception import WireError

SET_PIXEL_FORMAT, SET_ENCODINGS, UPDATE_REQUEST = 0, 2, 3
KEY_EVENT, POINTER_EVENT, CUT_TEXT = 4, 5, 6
CONTINUOUS_UPDATES, FENCE = 150, 248

#: Messages of one size, in bytes with their type.
SIZES = {SET_PIXEL_FORMAT: 20, UPDATE_REQUEST: 10, CONTINUOUS_UPDATES: 10,
         KEY_EVENT: 8, POINTER_EVENT: 6}
#: Bytes in front of what the others carry, and how those say how much that is.
HEADS = {SET_ENCODINGS: struct.Struct(">2xH"), FENCE: struct.Struct(">8xB"),
         CUT_TEXT: struct.Struct(">4xI")}
PASSED = frozenset({SET_PIXEL_FORMAT, UPDATE_REQUEST, CONTINUOUS_UPDATES, FENCE})

#: No viewer knows as many; it bounds what is held.
MAX_ENCODINGS = 1024
MAX_FENCE = 64

#: Pictures and how well they are packed, the cursor's shape, the desktop's size and name, fences
#: and continuous updates. Not those that open a way into the guest, which a server would tell the
#: viewer of: other keys, sizes of the viewer's choice, clipboards, power.
ENCODINGS = frozenset({
    0, 1, 2, 4, 5, 6, 7, 8, 15, 16, 17, 21, 50, -260,
    -223, -224, -239, -240, -307, -312, -313, -314, 0x574d5664,
    *range(-32, -22), *range(-256, -246), *range(-512, -411), *range(-768, -762)})


class Viewing:
    """Feed it what the viewer sends; what goes on is whole messages, so none is ever half sent.

    Keys, pointer and clipboard are left out, whatever their size. At most one message is held,
    some 4 KiB.
    """

    __slots__ = ("_began", "_held", "_skip")

    def __init__(self) -> None:
        self._began = False
        self._held = b""  # of a message that is not all there
        self._skip = 0    # bytes still to come of a text

    def feed(self, view: memoryview) -> bytes:
        """→ what goes on of it, and of what was held. Raises WireError for any other message."""
        data = self._held + bytes(view)
        passed = bytearray()
        at = 0
        if data and not self._began:
            self._began = True
            passed += b"\1"  # shared: whoever only looks sends nobody away
            at = 1
        while at < len(data):
            if self._skip:
                step = min(self._skip, len(data) - at)
                self._skip -= step
                at += step
                continue
            kind = data[at]
            size = SIZES.get(kind) or _size(data, at)
            if at + size > len(data):
                break
            if kind in PASSED:
                passed += data[at:at + size]
            elif kind == SET_ENCODINGS:
                passed += _set_encodings(data[at + 4:at + size])
            elif kind == CUT_TEXT:
                (self._skip,) = HEADS[CUT_TEXT].unpack_from(data, at)
            at += size
        self._held = data[at:]
        return bytes(passed)


def _size(data: bytes, at: int) -> int:
    """Of the message there, or of its head where that is not all there, or is all that counts."""
    kind = data[at]
    head = HEADS.get(kind)
    if head is None:
        raise WireError(f"view only: message {kind} is not taken")
    if kind == CUT_TEXT or at + head.size > len(data):
        return head.size
    (count,) = head.unpack_from(data, at)
    if count > (MAX_FENCE if kind == FENCE else MAX_ENCODINGS):
        raise WireError(f"view only: message {kind} is too long")
    return int(head.size + (count if kind == FENCE else 4 * count))


def _set_encodings(data: bytes) -> bytes:
    kept = [number for (number,) in struct.iter_unpack(">i", data) if number in ENCODINGS]
    return struct.pack(f">BxH{len(kept)}i", SET_ENCODINGS, len(kept), *kept)
