"""One carried session: two sides that pass bytes to each other, and how it ends.

The data plane knows bytes, limits and reasons; it knows no tokens, no bus, no configuration.
"""

import asyncio
import dataclasses
import os
import time
from collections.abc import Callable
from collections.abc import Iterator
from typing import Protocol

from consoles import model
from consoles.exception import CLOSE_CODES

#: A frame header of ours is at most this long: what target bytes leave free in front.
HEADROOM = 16
BUFFER_SIZE = 256 * 1024
#: Buffers that a session may fill before others have their turn, if nobody looks into them.
TURN = 4
#: Bytes copied at once: malloc maps what is bigger than 128 KiB, and unmaps it, each time.
PIECE = 64 * 1024


@dataclasses.dataclass(frozen=True)
class Limits:
    """Seconds and bytes; see the group [proxy] of the options."""

    ping_interval: int = 30
    ping_timeout: int = 20
    max_message_size: int = 16 * 1024 * 1024
    close_timeout: int = 5
    stall_timeout: int = 60
    session_idle_timeout: int = 0
    session_max_time: int = 0


class Buffer:
    """The memory that all sessions of a loop receive into; used up within one callback."""

    __slots__ = ("all", "body")

    def __init__(self) -> None:
        self.all = memoryview(bytearray(HEADROOM + BUFFER_SIZE))
        self.body = self.all[HEADROOM:]


class Home(Protocol):
    """What a link needs of the relay that it belongs to."""

    links: dict[str, "Link"]
    limits: Limits
    buffer: Buffer


class Side(asyncio.BufferedProtocol):
    """One of the two connections of a link; subclasses say how bytes go out and come in."""

    __slots__ = ("_buffer", "_descriptor", "_turn", "carried", "eof", "held", "link", "peer",
                 "transport")

    #: Of the protocol before this one uvloop lets go only if it finds this.
    data_received = None
    #: Buffers for this side that the peer may fill in a turn.
    takes = TURN

    def __init__(self, link: "Link", transport: asyncio.Transport) -> None:
        self.link = link
        self.transport = transport
        self.peer: Side = self
        self.carried = 0   # payload bytes that came in on this side
        self.eof = False   # it sends nothing more
        self.held = False  # not read from, because the peer does not take it
        self._buffer = link.home.buffer
        self._descriptor = descriptor(transport)
        self._turn = 0  # buffers that came in full

    def send(self, view: memoryview) -> None:
        """Send payload; the view is good only during the call."""
        raise NotImplementedError

    def write(self, view: memoryview) -> None:
        """Hand bytes to the kernel as they are; only what it does not take now is copied.

        The transport gets that, and whatever error there was: it sends it later, it holds the
        peer back, it finds the connection lost.
        """
        transport = self.transport
        # Behind what the transport still has. A closed one's descriptor may be another's by now.
        if (self._descriptor >= 0 and not transport.get_write_buffer_size()
                and not transport.is_closing()):
            try:
                sent = os.write(self._descriptor, view)
            except OSError:
                sent = 0
            if sent == len(view):
                return
            view = view[sent:]
        for piece in pieces(view):
            transport.write(bytes(piece))

    def send_body(self, size: int) -> None:
        """Send the first `size` bytes of the receive buffer, with its head room in front."""
        self.send(self._buffer.body[:size])

    def finish(self, code: int, reason: str) -> None:
        """Say good-bye as this side's protocol does, then close."""
        self.close()

    def forgive(self) -> None:
        """A second has passed: what the peer may do so often in one, it may do again."""

    def stream_ended(self) -> None:
        """This side's end ends the session."""
        if self is self.link.target:
            self.link.target_closed()
        else:
            self.link.end("client_closed")

    def close(self) -> None:
        """Send what is left, but not for ever: a peer that takes nothing is cut off."""
        self.transport.close()
        if self.transport.get_write_buffer_size():
            self.abort_later()

    def abort_later(self) -> None:
        asyncio.get_running_loop().call_later(self.link.home.limits.close_timeout,
                                              self.transport.abort)

    # -- asyncio.BufferedProtocol -----------------------------------------------------------------

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._buffer.body

    def buffer_updated(self, nbytes: int) -> None:
        """So much came into the loop's buffer, where it may be changed and soon will be."""
        raise NotImplementedError

    def give_way(self) -> None:
        """There is more to read than one buffer: after some of them the others have a turn.

        libuv reads a stream on and on, up to 32 times, as long as it fills the buffer.
        """
        self._turn += 1
        if not (self._turn % self.peer.takes or self.link.ended or self.transport.is_closing()):
            self.transport.pause_reading()
            asyncio.get_running_loop().call_soon(self.read_on)

    def read_on(self) -> None:
        """Read again, unless something speaks against it."""
        if not (self.held or self.link.ended or self.link.awaits_end
                or self.transport.is_closing()):
            self.transport.resume_reading()

    def pause_writing(self) -> None:
        self.peer.held = True
        if not self.peer.transport.is_closing():
            self.peer.transport.pause_reading()

    def resume_writing(self) -> None:
        self.peer.held = False
        self.peer.read_on()


class Link:
    """A session under way. Anybody may call `end`, any number of times; the first counts."""

    __slots__ = ("awaits_end", "client", "ended", "home", "on_ended", "on_target_closed",
                 "session_id", "started_at", "target")

    def __init__(self, session_id: str, home: Home, on_ended: Callable[[model.Tally], None],
                 on_target_closed: Callable[["Link", str], None] | None = None) -> None:
        self.session_id = session_id
        self.home = home
        self.on_ended = on_ended
        self.on_target_closed = on_target_closed
        self.started_at = now_ms()
        self.ended = False
        self.awaits_end = False
        self.client: Side
        self.target: Side

    def join(self, client: Side, target: Side, from_client: bytes, from_target: bytes) -> None:
        """Begin to carry, with the payload that each side sent before."""
        self.client, self.target = client, target
        client.peer, target.peer = target, client
        for side in (client, target):
            side.transport.set_protocol(side)
        for side, early in ((target, from_target), (client, from_client)):
            if early and not side.peer.transport.is_closing():
                side.carried += len(early)
                side.peer.send(memoryview(early))
        for side in (client, target):  # after set_protocol: uvloop then chooses how to read
            side.read_on()

    def target_closed(self, reason: str = "target_closed") -> None:
        """The target ended: the control plane may know why, and then says so by `end`.

        `reason` is how it looks from here, a clean end or one that broke off (`target_gone`).
        """
        if self.ended or self.awaits_end:
            return
        if self.on_target_closed is None:
            self.end(reason)
            return
        self.awaits_end = True
        if not self.client.transport.is_closing():
            self.client.transport.pause_reading()
        self.on_target_closed(self, reason)

    def end(self, reason: str, code: int | None = None, text: str = "") -> None:
        """Close both sides and hand out the tally. `text` is told to the client."""
        if self.ended:
            return
        self.ended = True
        del self.home.links[self.session_id]
        code = CLOSE_CODES.get(reason, 1000) if code is None else code
        try:
            self.target.close()
            self.client.finish(code, text or reason.replace("_", " "))
        except BaseException:
            self.client.transport.abort()  # nothing would close it any more
            raise
        finally:
            self.on_ended(self.tally(reason, code))

    def tally(self, reason: str = "", code: int = 0) -> model.Tally:
        return model.Tally(session_id=self.session_id, bytes_in=self.client.carried,
                           bytes_out=self.target.carried, code=code, reason=reason,
                           started_at=self.started_at, ended_at=now_ms())


def pieces(view: memoryview) -> Iterator[memoryview]:
    """What may be copied at once of it, one after the other."""
    for at in range(0, len(view), PIECE):
        yield view[at:at + PIECE]


def descriptor(transport: asyncio.Transport) -> int:
    """Where bytes can be written past the transport; -1: nowhere, they have to be encrypted."""
    sock = transport.get_extra_info("socket")
    if sock is None or transport.get_extra_info("ssl_object") is not None:
        return -1
    return int(sock.fileno())


def now_ms() -> int:
    return int(time.time() * 1000)
