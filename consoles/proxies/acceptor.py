"""The door: takes connections off the listening socket, and what they cost before they speak.

A peer that has not sent a byte holds its descriptor and an entry here, nothing else. TLS or
plain is known from a look at the first byte (PEEK), so that TLS never starts over bytes that
were read; a PROXY header in front is taken off before.
"""

import asyncio
import collections
import contextlib
import dataclasses
import errno
import logging
import socket
import ssl
from collections.abc import Callable
from typing import Any

from consoles.exception import WireError
from consoles.proxies.door import Door
from consoles.proxies.peers import group
from consoles.proxies.peers import TrustedProxies
from consoles.proxies.silent import Silent
from consoles.proxies.silent import TLS_BYTES
from consoles.stream.connection import Connection

LOG = logging.getLogger(__name__)

#: Connections taken per turn of the loop, so that a flood does not starve sessions.
BATCH = 64
#: Seconds for which nothing is accepted after descriptors or memory have run out.
PAUSE = 0.5
#: Seconds that a peer has to answer the end of TLS.
SHUTDOWN_TIMEOUT = 5.0
SWEEP_INTERVAL = 1.0
NO_TLS = (b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

_OUT_OF = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Entry:
    """What the door is configured with. Times in seconds; a limit of 0 is none."""

    handshake_timeout: float
    max_opening: int
    max_per_address: int
    tls: ssl.SSLContext | None = None
    ssl_only: bool = False
    trusted: TrustedProxies
    proxy_protocol: bool = False


@dataclasses.dataclass(eq=False)
class Arrival:
    """A connection in its handshake; `done` gives its place to another, once."""

    address: str
    deadline: float
    connection: Connection
    done: Callable[[], None]


class Acceptor:
    """One per worker. `arrived` gets each connection that has begun to speak."""

    def __init__(self, entry: Entry, arrived: Callable[[Arrival], None], door: Door) -> None:
        self._entry = entry
        self._arrived = arrived
        self._door = door
        self.opening = 0  # connections in their handshake
        self.pauses = 0
        self._sock: socket.socket | None = None
        self._silent: dict[int, Silent] = {}  # by descriptor, oldest first
        self._here: collections.Counter[str] = collections.Counter()
        self._tasks: set[asyncio.Task[None]] = set()

    def listen(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self._sock = sock
        loop = asyncio.get_running_loop()
        loop.add_reader(sock, self._accept)
        loop.call_later(SWEEP_INTERVAL, self._sweep)

    def close(self) -> None:
        """Accept nothing more; who is here goes on."""
        if self._sock is not None:
            asyncio.get_running_loop().remove_reader(self._sock)
            self._sock.close()  # else connections would wait for a process that takes none
            self._sock = None

    async def finish(self) -> None:
        """End who has not begun to speak, and who is in TLS's handshake."""
        for silent in list(self._silent.values()):
            self._drop(silent)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # -- taking them in --------------------------------------------------------------------------

    def _accept(self) -> None:
        for _ in range(BATCH):
            if self._sock is None:
                return
            try:
                sock, peer = self._sock.accept()
            except BlockingIOError:
                return
            except OSError as exc:
                if exc.errno in _OUT_OF:
                    self._pause(exc)
                    return
                continue  # the peer is gone again
            self._enter(sock, peer[0])

    def _pause(self, exc: OSError) -> None:
        """Out of descriptors: what waits stays in the backlog until some are free again."""
        LOG.error("Accepting pauses for %s s: %s. Raise LimitNOFILE of this service or lower "
                  "[proxy] max_sessions", PAUSE, exc.strerror)
        self.pauses += 1
        loop = asyncio.get_running_loop()
        if self._sock is not None:
            loop.remove_reader(self._sock)
        loop.call_later(PAUSE, self._resume)

    def _resume(self) -> None:
        if self._sock is not None:
            asyncio.get_running_loop().add_reader(self._sock, self._accept)

    def _enter(self, sock: socket.socket, peer: str) -> None:
        trusted = self._entry.trusted.trusts(peer)
        key = "" if trusted else group(peer)
        full = self.opening >= self._entry.max_opening
        if full or not self._has_place(key):
            self._door.refuse("door_full" if full else "address_full", peer)
            sock.close()
            return
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        loop = asyncio.get_running_loop()
        silent = Silent(sock, key, peer, loop.time() + self._entry.handshake_timeout,
                         trusted and self._entry.proxy_protocol)
        self._join(key)
        self._silent[sock.fileno()] = silent
        loop.add_reader(sock, self._look, silent)

    def _has_place(self, key: str) -> bool:
        limit = self._entry.max_per_address
        return not (key and limit and self._here[key] >= limit)

    def _join(self, key: str) -> None:
        self.opening += 1
        self._here[key] += 1

    def _leave(self, key: str) -> None:
        self.opening -= 1
        self._here[key] -= 1
        if not self._here[key]:
            del self._here[key]

    def _forget(self, silent: Silent) -> None:
        """It speaks, or it goes: no longer one of the silent."""
        asyncio.get_running_loop().remove_reader(silent.sock)
        del self._silent[silent.sock.fileno()]

    def _drop(self, silent: Silent) -> None:
        self._forget(silent)
        silent.sock.close()
        self._leave(silent.key)

    def _sweep(self) -> None:
        """Once a second: who has been silent for too long goes."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        while self._silent and (oldest := next(iter(self._silent.values()))).deadline <= now:
            self._drop(oldest)
        if self._sock is not None or self._silent:
            loop.call_later(SWEEP_INTERVAL, self._sweep)

    # -- the first bytes -------------------------------------------------------------------------

    def _look(self, silent: Silent) -> None:
        try:
            first = self._first_byte(silent)
        except BlockingIOError:
            return
        except (OSError, WireError) as exc:
            LOG.info("A connection of %s ends: %s", silent.address, exc)
            if isinstance(exc, WireError) and silent.proxied and silent.has_spoken():
                self._door.refuse("proxy_header", silent.address)
            self._drop(silent)
            return
        tls = first in TLS_BYTES
        if not first:
            self._drop(silent)
        elif tls and self._entry.tls is None:
            self._door.refuse("no_tls", silent.address)
            self._drop(silent)
        elif self._entry.ssl_only and not tls:
            self._door.refuse("tls_only", silent.address)
            with contextlib.suppress(OSError):
                silent.sock.send(NO_TLS)
            self._drop(silent)
        else:
            self._forget(silent)
            task = asyncio.get_running_loop().create_task(self._hand_over(silent, tls))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def _first_byte(self, silent: Silent) -> bytes:
        """As `Silent.first_byte`; a client behind a balancer counts among its own address's."""
        address = silent.address
        try:
            return silent.first_byte()
        finally:
            if silent.address != address:
                self._leave(silent.key)
                silent.key = group(silent.address)
                full = not self._has_place(silent.key)
                self._join(silent.key)
                if full:
                    self._door.refuse("address_full", silent.address)
                    raise WireError("too many connections of its address are in their handshake")

    async def _hand_over(self, silent: Silent, tls: bool) -> None:
        """Make a transport of it, after TLS's handshake where it wants one."""
        loop = asyncio.get_running_loop()
        connection = Connection()
        options: dict[str, Any] = {}
        if tls:
            options = {"ssl": self._entry.tls, "ssl_shutdown_timeout": SHUTDOWN_TIMEOUT,
                       "ssl_handshake_timeout": max(0.1, silent.deadline - loop.time())}
        try:
            await loop.connect_accepted_socket(lambda: connection, silent.sock, **options)
        except OSError as exc:  # ssl.SSLError is one
            LOG.info("A TLS handshake of %s failed: %s", silent.address, exc)
            silent.sock.close()
            self._leave(silent.key)
            return
        except asyncio.CancelledError:
            silent.sock.close()
            self._leave(silent.key)
            raise
        self._arrived(Arrival(silent.address, silent.deadline, connection,
                              lambda: self._leave(silent.key)))
