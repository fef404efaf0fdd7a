"""The two kinds of side: bare TCP, and a client's WebSocket."""

import asyncio

from consoles.relay.frame_reader import FrameReader
from consoles.relay.framed import FramedSide
from consoles.relay.link import BUFFER_SIZE
from consoles.relay.link import HEADROOM
from consoles.relay.link import Link
from consoles.relay.link import pieces
from consoles.relay.link import Side
from consoles.wire import frames
from consoles.wire.frames import FrameError
from consoles.wire.frames import Opcode

#: Unsent bytes above which a client's pings are left unanswered: it does not read anyway.
MAX_UNSENT_FOR_PONG = 65536

#: Of a message of so many bytes.
_SMALL_HEADERS = [frames.header(Opcode.BINARY, size) for size in range(126)]

#: Which reason a session ends with, by the Close code that a broken frame asks for.
_FRAME_REASONS = {1003: "client_data", 1008: "client_flood", 1009: "client_too_big"}


class RawSide(Side):
    """Bytes as they are: towards a VM, and towards a viewer that came by HTTP CONNECT."""

    __slots__ = ()

    def buffer_updated(self, nbytes: int) -> None:
        if nbytes == BUFFER_SIZE:
            self.give_way()
        self.carried += nbytes
        if not self.link.ended:
            self.peer.send_body(nbytes)

    send = Side.write

    def eof_received(self) -> bool:
        """Pass it on where the other direction can go on alone, for a while; else it is the end."""
        if self.eof:
            return self.transport.can_write_eof()
        self.eof = True
        if self.peer.eof:
            self.peer.stream_ended()  # whoever ended first says how
        elif self._half_closes():
            if not self.peer.transport.is_closing():
                self.peer.transport.write_eof()
            asyncio.get_running_loop().call_later(self.link.home.limits.close_timeout,
                                                  self.stream_ended)
        else:
            self.stream_ended()
        return self.transport.can_write_eof()  # TLS cannot be kept open on one side

    def _half_closes(self) -> bool:
        """TLS and WebSocket end both directions at once."""
        return isinstance(self.peer, RawSide) and all(
            side.transport.can_write_eof() for side in (self, self.peer))

    def connection_lost(self, exc: Exception | None) -> None:
        if self.eof:  # it had said all it had to say
            self.stream_ended()
        elif self is not self.link.target:
            self.link.end("client_gone")
        else:
            self.link.target_closed("target_gone" if exc else "target_closed")


class WebsocketSide(FramedSide):
    """A browser: payload in frames, pings answered, its Close echoed (RFC 6455)."""

    __slots__ = ("_close_sent",)

    name = "client"

    def __init__(self, link: Link, transport: asyncio.Transport, reader: FrameReader) -> None:
        super().__init__(link, transport, reader)
        self._close_sent = False

    def send(self, view: memoryview) -> None:
        for piece in pieces(view):
            self.transport.write(b"".join((frames.header(Opcode.BINARY, len(piece)), piece)))

    def send_body(self, size: int) -> None:
        head = _SMALL_HEADERS[size] if size < 126 else frames.header(Opcode.BINARY, size)
        start = HEADROOM - len(head)
        everything = self._buffer.all
        everything[start:HEADROOM] = head
        self.write(everything[start:HEADROOM + size])

    def ping(self) -> None:
        self.transport.write(frames.header(Opcode.PING, 0))

    def finish(self, code: int, reason: str) -> None:
        """Send Close and give the client a while to answer; if it spoke first, just close."""
        if self.transport.is_closing():
            return
        if self._close_sent:
            self.close()
            return
        self._close_sent = True
        # 1006 is for the record only: nothing may send it (7.4.1)
        self.transport.write(frames.close(1000 if code == 1006 else code, reason))
        self.deaf |= bool(self._rest)  # what comes now does not follow what was read
        self.transport.resume_reading()
        self.abort_later()

    def eof_received(self) -> bool:
        self.link.end("client_gone")
        self.close()
        return self.transport.can_write_eof()

    def connection_lost(self, exc: Exception | None) -> None:
        self.link.end("client_gone")

    def _broken(self, exc: FrameError) -> None:
        self.deaf = True
        self.link.end(_FRAME_REASONS.get(exc.close_code, "client_protocol"), exc.close_code,
                      text=str(exc))

    def _closed(self, code: int, payload: bytes) -> None:
        self.deaf = True
        if self._close_sent:
            self.close()
            return
        self._close_sent = True
        self.transport.write(frames.header(Opcode.CLOSE, len(payload)) + payload)
        self.link.end("client_closed", 1000 if code == 1005 else code)

    def _pinged(self, payload: bytes) -> None:
        if not self._close_sent and self.transport.get_write_buffer_size() < MAX_UNSENT_FOR_PONG:
            self.transport.write(frames.header(Opcode.PONG, len(payload)) + payload)
