"""The side of a target that speaks WebSocket itself: the proxy is its client (RFC 6455)."""

import asyncio
import logging
import os

from consoles.relay.frame_reader import FrameReader
from consoles.relay.frame_reader import unmask
from consoles.relay.link import BUFFER_SIZE
from consoles.relay.link import Link
from consoles.relay.link import Side
from consoles.wire import frames
from consoles.wire.frames import Opcode

LOG = logging.getLogger(__name__)

#: Close codes of a target that ends as it should (7.4.1); 1005 is one without a code.
ENDED_WELL = (1000, 1001, 1005)


class TargetWebsocketSide(Side):
    """A hypervisor: payload in masked frames there, in bare ones from there.

    Frames are cut anew on the way, their payload passes as it is.
    """

    __slots__ = ("_closed", "_reader")

    def __init__(self, link: Link, transport: asyncio.Transport, reader: FrameReader) -> None:
        super().__init__(link, transport)
        self._reader = reader
        reader.redirect(self._data, self._control)
        self._closed = False  # a Close has gone either way, or nothing can be understood any more

    def buffer_updated(self, nbytes: int) -> None:
        if nbytes == BUFFER_SIZE:
            self.give_way()
        if self._closed:
            return
        try:
            self._reader.feed(self._buffer.body[:nbytes])
        except frames.FrameError as exc:
            LOG.info("Session %s: the target sent %s", self.link.session_id, exc)
            self._end("target_gone", exc.close_code)

    def send(self, view: memoryview) -> None:
        self.transport.write(masked(Opcode.BINARY, view))

    def forgive(self) -> None:
        self._reader.barren = 0

    def close(self) -> None:
        self._say_close(1000)
        super().close()

    def eof_received(self) -> None:
        self.link.target_closed("target_gone")

    def connection_lost(self, exc: Exception | None) -> None:
        self.link.target_closed("target_gone")

    def _data(self, view: memoryview) -> None:
        self.carried += len(view)
        if not self.link.ended:
            self.peer.send(view)

    def _control(self, opcode: int, payload: bytes) -> None:
        if self._closed:
            return
        if opcode == Opcode.CLOSE:
            code, _ = frames.parse_close(payload)
            LOG.info("Session %s: the target closes its WebSocket with %s", self.link.session_id,
                     code)
            self._end("target_closed" if code in ENDED_WELL else "target_gone", 1000)
        elif opcode == Opcode.PING and not self.peer.held:  # else it takes nothing anyway
            self.transport.write(masked(Opcode.PONG, payload))

    def _end(self, reason: str, code: int) -> None:
        self._say_close(code)
        self.link.target_closed(reason)

    def _say_close(self, code: int) -> None:
        if not self._closed and not self.transport.is_closing():
            self.transport.write(masked(Opcode.CLOSE, code.to_bytes(2, "big")))
        self._closed = True


def masked(opcode: int, payload: bytes | memoryview) -> bytes:
    """A whole frame of a client, with a mask that nobody can know before (10.3)."""
    mask = os.urandom(4)
    data = bytearray(payload)
    unmask(memoryview(data), mask)
    return frames.masked_header(opcode, len(data), mask) + data
