"""Serial lines without a TCP port of their own, served by the agent on ports that are leased.

As QEMU's own serial ports do, a line serves one client; the next one waits until that has gone.
"""

import asyncio
import contextlib
import errno
import logging
import socket
import threading
from collections.abc import Awaitable
from collections.abc import Callable
from collections.abc import Coroutine
from typing import Any
from typing import TypeVar

from consoles import exception
from consoles.compute import ports
from consoles.compute.drivers.libvirt_stream import CHUNK
from consoles.compute.drivers.libvirt_stream import GuestEnd
from consoles.compute.drivers.libvirt_xml import Line

LOG = logging.getLogger(__name__)

#: Seconds that the loop may take for what it is asked.
ANSWER_TIMEOUT = 1.5
#: Seconds for the guest's end to open, and in which a client must take the guest's last words.
OPEN_TIMEOUT, LINGER = 5.0, 2.0
#: Bytes kept of what a line said while it was served.
MAX_HEARD = 1 << 16

T = TypeVar("T")
#: An instance's id and the line's alias.
Key = tuple[str, str]
Open = Callable[[str, Line], Awaitable[GuestEnd]]


class Lease:
    """A port for one line of one guest."""

    def __init__(self, instance_id: str, line: Line, sock: socket.socket, heard: bytearray) -> None:
        self.instance_id = instance_id
        self.line = line
        self.sock = sock
        self.port: int = sock.getsockname()[1]
        self.heard = heard
        self.used = False
        self.task: asyncio.Task[None] | None = None


class Lines:
    """Methods may be called from any thread. `open_end` opens the guest's end."""

    def __init__(self, listen: str, free: range, open_end: Open) -> None:
        self._listen = listen
        self._range = free
        self._open_end = open_end
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="serial-lines",
                                        daemon=True)
        self._leases: dict[Key, Lease] = {}
        #: A line has its port again and keeps what it said, as long as its guest runs.
        self._former: dict[Key, tuple[int, bytearray]] = {}

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Within a second."""
        if self._thread.is_alive():
            with contextlib.suppress(TimeoutError):
                self._ask(self._give_back(lambda lease: True), 0.5)
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(0.5)
        if not self._loop.is_running():
            self._loop.close()

    def lease(self, instance_id: str, line: Line) -> int:
        """The port on which the line is served from now on.

        Raises OverLimit when none is free, ConsolesError where there can be none.
        """
        try:
            return self._ask(self._lease(instance_id, line))
        except OSError as exc:
            if exc.errno == errno.EADDRINUSE:
                raise exception.OverLimit(
                    "no port of [serial_console] port_range is free") from None
            raise exception.ConsolesError(
                f"[serial_console] proxyclient_address = {self._listen}: {exc.strerror}") from None

    def port(self, instance_id: str, line: Line) -> int | None:
        """The port that it has, or had when it was given back last."""
        key = instance_id, line.alias
        lease = self._leases.get(key)
        return lease.port if lease else self._former.get(key, (None, None))[0]

    def heard(self, instance_id: str) -> bytes:
        """The end of what the instance's lines said while they were served."""
        return b"".join(bytes(heard) for (owner, _), (_, heard) in sorted(self._former.items())
                        if owner == instance_id)

    def release(self, instance_id: str) -> None:
        """Give its ports back, but those that are in use."""
        self._ask(self._give_back(lambda lease: lease.instance_id == instance_id
                                  and not lease.used))

    def end(self, *instance_ids: str) -> None:
        """These guests do not run any more: cut their lines off soon, and forget them."""
        self._forget(instance_ids.__contains__)

    def keep(self, running: set[str]) -> None:
        """End all others."""
        self._forget(lambda instance_id: instance_id not in running)

    def _forget(self, chosen: Callable[[str], bool]) -> None:
        if any(chosen(instance_id) for instance_id, _ in list(self._former)):
            asyncio.run_coroutine_threadsafe(self._end(chosen), self._loop)

    def _ask(self, work: Coroutine[Any, Any, T], timeout: float = ANSWER_TIMEOUT) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout)

    # -- in the loop -----------------------------------------------------------------------------

    async def _lease(self, instance_id: str, line: Line) -> int:
        key = instance_id, line.alias
        if key not in self._leases:
            port, heard = self._former.get(key, (0, bytearray()))
            # Not one that another line will want back, as long as there are others.
            wanted = {former for former, _ in self._former.values()}
            candidates = [*([port] if port else ()),
                          *sorted(self._range, key=wanted.__contains__)]
            lease = Lease(instance_id, line, ports.bound(self._listen, candidates), heard)
            lease.sock.setblocking(False)
            self._leases[key] = lease
            self._former[key] = lease.port, heard
            lease.task = self._loop.create_task(self._serve(lease))
            LOG.info("Line %s of instance %s is served on port %s", line.alias, instance_id,
                     lease.port)
        return self._leases[key].port

    async def _give_back(self, chosen: Callable[[Lease], bool]) -> None:
        for key, lease in list(self._leases.items()):
            if chosen(lease):
                del self._leases[key]
                if lease.task:
                    lease.task.cancel()
                    await asyncio.wait([lease.task], timeout=ANSWER_TIMEOUT)
                lease.sock.close()
                LOG.info("Port %s of instance %s is given back", lease.port, lease.instance_id)

    async def _end(self, chosen: Callable[[str], bool]) -> None:
        await self._give_back(lambda lease: chosen(lease.instance_id))
        for key in [key for key in self._former if chosen(key[0])]:
            del self._former[key]

    async def _serve(self, lease: Lease) -> None:
        while True:
            sock, _ = await self._loop.sock_accept(lease.sock)
            lease.used = True
            try:
                await self._carry(lease, sock)
            except Exception:
                LOG.exception("Line %s of instance %s failed", lease.line.alias,
                              lease.instance_id)
            finally:
                lease.used = False

    async def _carry(self, lease: Lease, sock: socket.socket) -> None:
        reader, writer = await asyncio.open_connection(sock=sock)
        guest = None
        try:
            async with asyncio.timeout(OPEN_TIMEOUT):
                guest = await self._open_end(lease.instance_id, lease.line)
            await _pump(lease, guest, reader, writer)
        except (exception.ConsolesError, OSError) as exc:
            LOG.warning("Line %s of instance %s ends: %s", lease.line.alias, lease.instance_id,
                        exc or type(exc).__name__)
        finally:
            writer.close()
            if guest is not None:
                await guest.close()
        with contextlib.suppress(OSError):
            async with asyncio.timeout(LINGER):
                await writer.wait_closed()
        writer.transport.abort()


async def _pump(lease: Lease, guest: GuestEnd, reader: asyncio.StreamReader,
                writer: asyncio.StreamWriter) -> None:
    """Until either side ends."""
    async def to_client() -> None:
        while data := await guest.read():
            lease.heard += data
            del lease.heard[:-MAX_HEARD]
            writer.write(data)
            await writer.drain()

    async def to_guest() -> None:
        while data := await reader.read(CHUNK):
            await guest.write(data)

    tasks = {asyncio.create_task(to_client()), asyncio.create_task(to_guest())}
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
    for result in results:
        if isinstance(result, Exception):
            raise result
