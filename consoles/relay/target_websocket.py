"""The side of a target that speaks WebSocket itself: the proxy is its client (RFC 6455)."""

import logging
import os

from consoles.relay.frame_reader import unmask
from consoles.relay.framed import FramedSide
from consoles.relay.link import pieces
from consoles.wire import frames
from consoles.wire.frames import FrameError
from consoles.wire.frames import Opcode

LOG = logging.getLogger(__name__)

#: Close codes of a target that ends as it should (7.4.1); 1005 is one without a code.
ENDED_WELL = (1000, 1001, 1005)


class TargetWebsocketSide(FramedSide):
    """A hypervisor: payload in masked frames there, in bare ones from there.

    Frames are cut anew on the way, their payload passes as it is.
    """

    __slots__ = ()

    name = "target"

    def send(self, view: memoryview) -> None:
        for piece in pieces(view):
            self.transport.write(masked(Opcode.BINARY, piece))

    def close(self) -> None:
        self._say_close(1000)
        super().close()

    def eof_received(self) -> None:
        self.link.target_closed("target_gone")

    def connection_lost(self, exc: Exception | None) -> None:
        self.link.target_closed("target_gone")

    def _broken(self, exc: FrameError) -> None:
        self._end("target_gone", exc.close_code)

    def _closed(self, code: int, payload: bytes) -> None:
        LOG.info("Session %s: the target closes its WebSocket with %s", self.link.session_id, code)
        self._end("target_closed" if code in ENDED_WELL else "target_gone", 1000)

    def _pinged(self, payload: bytes) -> None:
        if not self.peer.held:  # else it takes nothing anyway
            self.transport.write(masked(Opcode.PONG, payload))

    def _end(self, reason: str, code: int) -> None:
        self._say_close(code)
        self.link.target_closed(reason)

    def _say_close(self, code: int) -> None:
        if not self.deaf and not self.transport.is_closing():
            self.transport.write(masked(Opcode.CLOSE, code.to_bytes(2, "big")))
        self.deaf = True


def masked(opcode: int, payload: bytes | memoryview) -> bytes:
    """A whole frame of a client, with a mask that nobody can know before (10.3)."""
    mask = os.urandom(4)
    data = bytearray(payload)
    unmask(memoryview(data), mask)
    return frames.masked_header(opcode, len(data), mask) + data
