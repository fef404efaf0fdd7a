"""Listening sockets of the agent's own, and the connections that come by them."""

import asyncio
import contextlib
import errno
import logging
import socket
from collections.abc import Awaitable
from collections.abc import Callable
from collections.abc import Iterable

LOG = logging.getLogger(__name__)

#: Seconds in which a peer must take what was written to it before its end.
LINGER = 2.0
#: Seconds in which a host says that nobody listens at a port of its own.
REFUSED_TIME = 0.2

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Listener:
    """A listening socket and the connections that came by it."""

    def __init__(self, serve: Serve) -> None:
        self._serve = serve
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @classmethod
    async def open(cls, sock: socket.socket, serve: Serve) -> "Listener":
        listener = cls(serve)
        listener._server = await asyncio.start_server(listener._accepted, sock=sock)
        return listener

    async def close(self) -> None:
        """End all of it, as the power's end would."""
        if self._server:
            self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._carry(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._serve(reader, writer)
            writer.close()
            with contextlib.suppress(OSError):
                async with asyncio.timeout(LINGER):
                    await writer.wait_closed()
        except Exception:
            LOG.exception("What was served failed")
        finally:
            writer.transport.abort()


def bound(host: str, ports: Iterable[int]) -> socket.socket:
    """Listen on the first address of `host`, on the first of the ports that is free there."""
    family, _, _, _, address = socket.getaddrinfo(
        host, 0, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    for port in ports:
        try:
            return socket.create_server((address[0], port), family=family)
        except OSError as exc:
            if exc.errno != errno.EADDRINUSE:
                raise
    raise OSError(errno.EADDRINUSE, "no port is free")


def refused(host: str, port: int) -> bool:
    """Whether it is known that nobody listens there."""
    try:
        socket.create_connection((host, port), timeout=REFUSED_TIME).close()
    except ConnectionRefusedError:
        return True
    except OSError:
        return False
    return False
