"""A side whose peer speaks in frames, a browser or a hypervisor (RFC 6455)."""

import asyncio
import logging

from consoles.relay.frame_reader import FrameReader
from consoles.relay.frame_reader import MAX_CRUMBS
from consoles.relay.link import BUFFER_SIZE
from consoles.relay.link import Link
from consoles.relay.link import Side
from consoles.wire.frames import FrameError
from consoles.wire.frames import Opcode
from consoles.wire.frames import parse_close

LOG = logging.getLogger(__name__)


class FramedSide(Side):
    """Payload comes in frames and passes as it is; subclasses say what other frames mean."""

    __slots__ = ("_reader", "_rest", "deaf", "seen")

    #: What the log calls the peer.
    name: str

    def __init__(self, link: Link, transport: asyncio.Transport, reader: FrameReader) -> None:
        super().__init__(link, transport)
        self._reader = reader
        self._rest = b""  # of what came behind more crumbs than are taken at once
        reader.redirect(self._data, self._control)
        self.deaf = False  # whatever else the peer says, it does not count
        self.seen = True   # some byte came since the relay last looked

    def buffer_updated(self, nbytes: int) -> None:
        if nbytes == BUFFER_SIZE:
            self.give_way()
        self.seen = True
        if self.deaf:
            return
        try:
            left = self._reader.feed(self._buffer.body[:nbytes])
        except FrameError as exc:
            LOG.info("Session %s: the %s sent %s", self.link.session_id, self.name, exc)
            self._broken(exc)
        else:
            if left:
                self._put_off(self._buffer.body[nbytes - left:nbytes])

    def forgive(self) -> None:
        if self._reader.crumbs >= MAX_CRUMBS:
            asyncio.get_running_loop().call_soon(self._go_on)
        self._reader.barren = 0
        self._reader.crumbs = 0

    def read_on(self) -> None:
        if not self._rest:
            super().read_on()

    def _put_off(self, view: memoryview) -> None:
        """So many crumbs take long: others have a turn before the rest, or the second's end."""
        self._rest = bytes(view)
        self.transport.pause_reading()
        if self._reader.crumbs < MAX_CRUMBS:
            asyncio.get_running_loop().call_soon(self._go_on)

    def _go_on(self) -> None:
        """Take the rest as if it came now; then read what follows it."""
        if self.link.ended or self.link.awaits_end or self.transport.is_closing():
            return
        rest, self._rest = self._rest, b""
        self._buffer.body[:len(rest)] = rest
        self.buffer_updated(len(rest))
        self.read_on()

    def _data(self, view: memoryview) -> None:
        self.carried += len(view)
        if not self.link.ended:
            self.peer.send(view)

    def _control(self, opcode: int, payload: bytes) -> None:
        if self.deaf:
            return
        if opcode == Opcode.CLOSE:
            self._closed(parse_close(payload)[0], payload)
        elif opcode == Opcode.PING:
            self._pinged(payload)

    def _broken(self, exc: FrameError) -> None:
        """A frame is not what the peer may send: end the session, and listen to nothing more."""
        raise NotImplementedError

    def _closed(self, code: int, payload: bytes) -> None:
        """The peer said Close."""
        raise NotImplementedError

    def _pinged(self, payload: bytes) -> None:
        """Answer, where the answer has a chance to be read."""
        raise NotImplementedError
