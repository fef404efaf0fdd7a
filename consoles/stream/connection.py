"""A TCP connection while its handshake lasts: exact reads, nothing read too early is lost."""

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import Callable
from typing import Any
from typing import cast

from consoles.exception import TooLong
from consoles.exception import WireError
from consoles.wire.ops import Op
from consoles.wire.ops import Peek
from consoles.wire.ops import Read
from consoles.wire.ops import ReadUntil
from consoles.wire.ops import StartTls
from consoles.wire.ops import Write

#: Bytes kept unread before the peer is made to wait.
MAX_EARLY = 65536
ENDED = "the peer ended the connection"
#: Seconds that a closed connection has to send what is left.
CLOSE_TIMEOUT = 5.0


class Connection(asyncio.Protocol):
    """One end of a session. `detach` hands transport and unread bytes on to the relay.

    `on_lost` is called when the peer goes away.
    """

    __slots__ = ("_answered", "_drained", "_early", "_eof", "_waiter", "on_lost", "transport")

    def __init__(self) -> None:
        self.transport: asyncio.Transport = cast(asyncio.Transport, None)
        self.on_lost: Callable[[], Any] | None = None
        self._early = bytearray()
        self._eof = False
        self._answered = False  # the next word of the peer is the last one
        self._waiter: asyncio.Future[None] | None = None
        self._drained: asyncio.Future[None] | None = None

    async def read(self, size: int) -> bytes:
        """Exactly `size` bytes. Raises WireError when the peer ends before."""
        while len(self._early) < size:
            await self._more()
        return self._take(size)

    async def read_until(self, mark: bytes, limit: int) -> bytes:
        """Up to and with `mark`. Raises TooLong over `limit` bytes, WireError at the peer's end."""
        searched = 0
        while (at := self._early.find(mark, searched)) < 0:
            if len(self._early) > limit:
                raise TooLong(f"no end of the head within {limit} bytes")
            searched = max(0, len(self._early) - len(mark) + 1)
            await self._more()
        if at + len(mark) > limit:
            raise TooLong(f"no end of the head within {limit} bytes")
        return self._take(at + len(mark))

    async def peek(self, size: int) -> bytes:
        """The next `size` bytes, which stay unread. Raises WireError when the peer ends before."""
        while len(self._early) < size:
            await self._more()
        return bytes(self._early[:size])

    async def start_tls(self, context: ssl.SSLContext, server_name: str) -> bytes:
        """Go on inside of TLS, as its client; → the server's certificate (DER).

        Raises WireError when that fails.

        Bytes that came before the peer could know of TLS would be believed as if they had come
        inside of it.
        """
        if self._early:
            raise WireError("bytes where TLS begins")
        try:
            transport = await asyncio.get_running_loop().start_tls(
                self.transport, self, context, server_hostname=server_name)
        except (OSError, ValueError) as exc:  # ssl's errors are OSErrors; ValueError: the name
            why = getattr(exc, "verify_message", "") or str(exc) or ENDED
            raise WireError(f"TLS: {why}") from exc
        if transport is None:
            raise WireError(f"TLS: {ENDED}")
        self.transport = transport
        certificate: bytes = transport.get_extra_info("ssl_object").getpeercert(binary_form=True)
        return certificate

    async def read_some(self) -> bytes:
        """Whatever has come, at least one byte; empty when the peer has ended."""
        if not self._early and not self._eof:
            await self._wait()
        return self._take(len(self._early))

    def write(self, data: bytes) -> None:
        """Send, or nothing when the peer is gone already."""
        if not self.transport.is_closing():
            self.transport.write(data)

    async def drain(self) -> None:
        """Wait until the peer takes what was written, or is gone."""
        if self._drained is not None:
            await self._drained

    async def perform(self, op: Op) -> Any:
        match op:
            case Read(size):
                return await self.read(size)
            case ReadUntil(mark, limit):
                return await self.read_until(mark, limit)
            case Write(data):
                return self.write(data)
            case Peek(size):
                return await self.peek(size)
            case StartTls(context, server_name):
                return await self.start_tls(context, server_name)

    def detach(self) -> tuple[asyncio.Transport, bytes]:
        """Stop reading; → the transport and what was read and not used.

        The peer may have `ended` already; its bytes still count. Raises WireError when it does
        not take what was sent to it: it could be sent on and on, the transport is full already.
        """
        if self._drained is not None:
            raise WireError("the peer takes nothing")
        self.on_lost = None
        early = self._take(len(self._early))
        if not self._eof and not self.transport.is_closing():
            self.transport.pause_reading()
        return self.transport, early

    @property
    def ended(self) -> bool:
        return self._eof

    def close(self) -> None:
        """End after what was written has been sent; a peer that takes nothing is cut off."""
        self.on_lost = None
        self.transport.close()
        if self.transport.get_write_buffer_size():
            asyncio.get_running_loop().call_later(CLOSE_TIMEOUT, self._cut_off)

    def close_when_answered(self, timeout: float) -> None:
        """End as soon as the peer says anything, at the latest after `timeout` seconds.

        Closing at once could reset the connection, and what was written would not be read.
        """
        self._answered = True
        if not self.transport.is_closing():
            self.transport.resume_reading()
            asyncio.get_running_loop().call_later(timeout, self.transport.abort)

    def abort(self) -> None:
        """End now."""
        self.on_lost = None
        self.transport.abort()

    def _cut_off(self) -> None:
        """What it has not taken by now is dropped by the kernel, too, which else keeps it."""
        sock = self.transport.get_extra_info("socket")
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()

    @property
    def has_unread(self) -> bool:
        """Whether something has come that nobody has read yet."""
        return bool(self._early)

    async def _more(self) -> None:
        if self._eof:
            raise WireError(ENDED)
        await self._wait()

    async def _wait(self) -> None:
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _take(self, size: int) -> bytes:
        taken = bytes(self._early[:size])
        del self._early[:size]
        if not self._eof and not self.transport.is_closing():
            self.transport.resume_reading()
        return taken

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    # -- asyncio.Protocol ----------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if self._answered:
            self.transport.close()
            return
        self._early += data
        if len(self._early) > MAX_EARLY:
            self.transport.pause_reading()
        self._wake()

    def pause_writing(self) -> None:
        self._drained = asyncio.get_running_loop().create_future()

    def resume_writing(self) -> None:
        if self._drained is not None and not self._drained.done():
            self._drained.set_result(None)
        self._drained = None

    def eof_received(self) -> bool:
        self._lost()
        # True: we close, a refusal may still be on its way out. TLS knows no half of an end.
        return self.transport.get_extra_info("ssl_object") is None

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost()
        self.resume_writing()

    def _lost(self) -> None:
        self._eof = True
        if self._answered:
            self.transport.close()
        self._wake()
        if self.on_lost is not None:
            self.on_lost()
