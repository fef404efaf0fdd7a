"""What stands behind a served line: the guest's end, as awaited reads and writes of bytes."""

import asyncio
import concurrent.futures
import contextlib
import functools
from typing import Any
from typing import Protocol

import libvirt

from consoles.compute.drivers.libvirt_connection import Connection
from consoles.compute.drivers.libvirt_opened import in_thread
from consoles.compute.drivers.libvirt_opened import is_alive
from consoles.compute.drivers.libvirt_opened import unless_unsupported

#: Bytes asked for at a time.
CHUNK = 1 << 16
#: What a stream answers where it would have to wait.
LATER = -2
#: What it gives when its guest has ended.
END = b""
_BROKEN = libvirt.VIR_STREAM_EVENT_ERROR | libvirt.VIR_STREAM_EVENT_HANGUP


class GuestEnd(Protocol):
    async def read(self) -> bytes:
        """Empty when the guest has ended. Raises OSError when the way to it is lost."""

    async def write(self, data: bytes) -> None:
        """Of a guest that has ended read() tells. Raises OSError."""

    def close(self) -> None: ...


class UnixEnd:
    """A chardev of type unix, on which QEMU listens."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, path: str) -> "UnixEnd":
        """Raises OSError."""
        return cls(*await asyncio.open_unix_connection(path))

    async def read(self) -> bytes:
        try:
            return await self._reader.read(CHUNK)
        except ConnectionError:  # its end as well, while something was on its way
            return b""

    async def write(self, data: bytes) -> None:
        self._writer.write(data)
        with contextlib.suppress(ConnectionError):
            await self._writer.drain()

    def close(self) -> None:
        self._writer.transport.abort()


class StreamEnd:
    """A console stream of libvirt's, opened without blocking. One reader, one writer, one loop.

    libvirt tells of readiness in its own thread, once: what it told of is not watched any more
    until somebody waits for it again.
    """

    def __init__(self, opened: Any, stream: Any, loop: asyncio.AbstractEventLoop) -> None:
        self._opened = opened
        self._stream = stream
        self._loop = loop
        self._waiting: dict[int, asyncio.Future[None]] = {}
        self._over = False  # writing has shown its end
        self._lost = False
        stream.eventAddCallback(0, self._told, None)
        with unless_unsupported():
            opened.registerCloseCallback(self._closed, None)  # of which no stream is told

    @classmethod
    async def open(cls, connection: Connection, instance_id: str, alias: str) -> "StreamEnd":
        """Of who holds the line already it is taken over, since who may have it is decided before.

        It has a connection of its own, so that nothing waits for anything else's. Raises OSError.
        """
        loop = asyncio.get_running_loop()

        def work() -> StreamEnd:
            opened = connection.open()
            stream = opened.newStream(libvirt.VIR_STREAM_NONBLOCK)
            opened.lookupByUUIDString(instance_id).openConsole(
                alias or None, stream, libvirt.VIR_DOMAIN_CONSOLE_FORCE)
            return cls(opened, stream, loop)
        made = in_thread(work)
        try:
            return await asyncio.wrap_future(made)
        except libvirt.libvirtError as exc:
            raise OSError(str(exc)) from None
        except asyncio.CancelledError:
            made.add_done_callback(_close_late)
            raise

    async def read(self) -> bytes:
        while (data := self._next()) == LATER:
            await self._until(libvirt.VIR_STREAM_EVENT_READABLE)
        return bytes(data)

    async def write(self, data: bytes) -> None:
        while data:
            sent = self._ask(self._stream.send, data)
            if sent == END:
                self._over = True
                self._wake(_BROKEN)
                return
            if sent == LATER:
                await self._until(libvirt.VIR_STREAM_EVENT_WRITABLE)
            else:
                data = data[sent:]

    def close(self) -> None:
        """Nobody waits for libvirt, which may wait for its daemon: who lets go last does that."""
        in_thread(functools.partial(_end, self._opened, self._stream))
        self._opened = self._stream = None

    def _next(self) -> Any:
        if self._lost:
            raise OSError("the connection to libvirt is lost")
        return END if self._over else self._ask(self._stream.recv, CHUNK)

    def _ask(self, function: Any, argument: Any) -> Any:
        """An error is the guest's end, too, or somebody took its line, unless libvirt is away."""
        try:
            return function(argument)
        except libvirt.libvirtError as exc:
            if is_alive(self._opened):
                return END
            raise OSError(str(exc)) from None

    async def _until(self, event: int) -> None:
        future = self._waiting[event] = self._loop.create_future()
        try:
            self._watch()
            await future
        finally:
            del self._waiting[event]

    def _watch(self) -> None:
        """For all that is waited for, and for the end whenever anything is."""
        events = sum(event for event, future in self._waiting.items() if not future.done())
        try:
            self._stream.eventUpdateCallback(events | _BROKEN if events else 0)
        except libvirt.libvirtError as exc:
            raise OSError(str(exc)) from None

    def _told(self, stream: Any, events: int, opaque: None) -> None:
        with contextlib.suppress(libvirt.libvirtError):
            stream.eventUpdateCallback(0)
        self._tell(self._wake, events)

    def _closed(self, opened: Any, reason: int, opaque: None) -> None:
        self._tell(self._lose)

    def _tell(self, *what: Any) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(*what)

    def _lose(self) -> None:
        self._lost = True
        self._wake(_BROKEN)

    def _wake(self, events: int) -> None:
        for event, future in self._waiting.items():
            if events & (event | _BROKEN) and not future.done():
                future.set_result(None)
        try:
            if self._waiting:  # else it may be closed
                self._watch()
        except OSError:  # its end; the next read or write says so
            for future in self._waiting.values():
                if not future.done():
                    future.set_result(None)


def _end(opened: Any, stream: Any) -> None:
    for farewell in (stream.eventRemoveCallback, stream.abort, opened.unregisterCloseCallback,
                     opened.close):
        with contextlib.suppress(libvirt.libvirtError):  # the daemon was faster
            farewell()
    # libvirt keeps what came with a callback, the stream with it, and so the connection open.
    stream.cb = None
    stream.__del__()


def _close_late(made: "concurrent.futures.Future[StreamEnd]") -> None:
    """Nobody waited for it so long."""
    if made.exception() is None:
        made.result().close()
