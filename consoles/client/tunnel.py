"""Carries a viewer's local connections to the console: each by one of its own to the proxy.

VNC is one connection; a SPICE viewer has one for each channel, all with the one token.
"""

import asyncio
import contextlib
import re
import socket
import ssl
from collections.abc import Awaitable
from collections.abc import Callable
from collections.abc import Iterator
from urllib.parse import urlsplit

from consoles.client import reach
from consoles.client.console_url import Place
from consoles.client.reach import Refused
from consoles.client.reach import Unreachable
from consoles.model import ConsoleType

CHUNK = 65536
STATUS = re.compile(rb"HTTP/1\.\d (\d{3})[ \r]")
#: Seconds that one direction may go on when the other has ended; the proxy gives as many.
LINGER = 5
#: Connections at a time: more is no viewer.
MOST = 32

Admits = Callable[[socket.socket], bool]


class Viewer:
    """A local connection. A viewer that is gone has ended, in whatever way it left."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self.has_spoken = False

    async def read(self) -> bytes:
        """Some bytes; none at the end."""
        with contextlib.suppress(OSError):
            data = await self._reader.read(CHUNK)
            self.has_spoken |= bool(data)
            return data
        return b""

    async def write(self, data: bytes) -> bool:
        """→ whether the viewer is still there, once it has taken nearly all."""
        with contextlib.suppress(OSError):
            self._writer.write(data)
            await self._writer.drain()
            return True
        return False

    def end_writing(self) -> None:
        with contextlib.suppress(OSError):
            self._writer.write_eof()

    async def close(self) -> None:
        await _close(self._writer)


async def _close(writer: asyncio.StreamWriter) -> None:
    """What was written still goes out; a peer that takes nothing is cut off."""
    writer.close()
    try:
        async with asyncio.timeout(LINGER):
            await writer.wait_closed()
    except (OSError, TimeoutError):
        writer.transport.abort()


async def by_websocket(place: Place, tls: ssl.SSLContext | None, viewer: Viewer) -> None:
    """Raises Refused."""
    async def up() -> None:
        while data := await viewer.read():
            await console.send(data)

    async def down() -> None:
        while await viewer.write(await console.recv(decode=False)):
            pass

    async with reach.open_socket(place.url, place.origin, tls) as console:
        await reach.until_one_ends(up(), down())


async def by_connect(place: Place, tls: ssl.SSLContext | None, viewer: Viewer) -> None:
    """HTTP CONNECT; then each side may end by halves, which TLS does not know. Raises Refused."""
    with reach.reaching():
        async with asyncio.timeout(reach.OPEN_TIMEOUT):
            reader, writer = await _connect(place, tls)

    async def up() -> None:
        while data := await viewer.read():
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()

    async def down() -> None:
        while (data := await reader.read(CHUNK)) and await viewer.write(data):
            pass
        viewer.end_writing()

    try:
        with _lost():
            await reach.until_one_ends(up(), down(), linger=0 if tls else LINGER)
    finally:
        await _close(writer)


@contextlib.contextmanager
def _lost() -> Iterator[None]:
    try:
        yield
    except OSError:
        raise Unreachable("The connection was lost.") from None


async def _connect(place: Place, tls: ssl.SSLContext | None
                   ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """→ the streams behind the proxy's 200. Raises Refused, OSError."""
    parts = urlsplit(place.url)
    reader, writer = await asyncio.open_connection(
        parts.hostname, parts.port or (443 if tls else 80), ssl=tls)
    try:
        writer.write(f"CONNECT {parts.path}?{parts.query} HTTP/1.1\r\n"
                     f"Host: {parts.netloc}\r\n\r\n".encode("ascii"))
        head = await reader.readuntil(b"\r\n\r\n")
        status = STATUS.match(head)
        if status is None:
            raise EOFError
        if status[1] != b"200":
            raise reach.refusal(int(status[1]))
    except (EOFError, asyncio.LimitOverrunError):
        writer.close()
        raise Unreachable("The proxy did not answer as it should.") from None
    except BaseException:
        writer.close()
        raise
    return reader, writer


class Tunnel:
    """`over` is set once no viewer is left, and one had spoken or the console was refused.

    Whoever only looks whether the port is open is no viewer.
    """

    def __init__(self, place: Place, tls: ssl.SSLContext | None, admits: Admits) -> None:
        self._place, self._tls, self._admits = place, tls, admits
        self._carry: Callable[..., Awaitable[None]] = (
            by_connect if place.type == ConsoleType.XVPVNC else by_websocket)
        self._open: set[asyncio.Task[None]] = set()
        self._used = False
        self.failure: Refused | None = None
        self.over = asyncio.Event()

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """For asyncio.start_server."""
        if len(self._open) >= MOST:
            reach.say("A connection was turned away: there are too many.")
        elif not self._admits(writer.get_extra_info("socket")):
            reach.say("A connection was turned away: it is another user's, or gone already.")
        else:
            task = asyncio.ensure_future(self._serve(Viewer(reader, writer)))
            self._open.add(task)
            return
        writer.transport.abort()

    async def _serve(self, viewer: Viewer) -> None:
        task = asyncio.current_task()
        assert task is not None
        try:
            await self._carry(self._place, self._tls, viewer)
        except Refused as exc:
            if self.failure is None or str(exc) != str(self.failure):
                reach.say(str(exc))
            self.failure = self.failure or exc
        finally:
            await viewer.close()
            self._open.discard(task)
            self._used |= viewer.has_spoken
            if not self._open and (self._used or self.failure):
                self.over.set()

    async def close(self) -> None:
        """End every connection."""
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)
