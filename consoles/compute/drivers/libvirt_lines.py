"""Serial lines without a TCP port of their own, served by the agent on ports that are leased.

As QEMU's own serial ports do, a line serves one client; the next one waits until that has gone.
"""

import asyncio
import contextlib
import dataclasses
import errno
import functools
import logging
import socket
import threading
import time
from collections.abc import Awaitable
from collections.abc import Callable
from collections.abc import Coroutine
from typing import Any
from typing import TypeVar

from consoles import exception
from consoles.compute.drivers.libvirt_stream import CHUNK
from consoles.compute.drivers.libvirt_stream import GuestEnd
from consoles.compute.drivers.libvirt_xml import Line
from consoles.compute.listener import bound
from consoles.compute.listener import Listener

LOG = logging.getLogger(__name__)

#: Seconds that the loop may take for what it is asked.
ANSWER_TIMEOUT = 1.5
#: Seconds for the guest's end to open.
OPEN_TIMEOUT = 5.0
#: Seconds that a client is kept when the guest's end has ended: mostly the guest stops, and libvirt
#: soon says so; the client's end is then asked about by its proxy, and known. With what the proxy
#: takes for that, WHY_TIMEOUT, its session ends within 2 s.
WHY_TIME = 0.25
#: Seconds in which a line's end is taken for its guest's: `virsh console --force` ends it, too.
ENDED_TIME = 5.0
#: Bytes kept of what a line said while it was served.
MAX_HEARD = 1 << 16

T = TypeVar("T")
#: An instance's id and the line's alias.
Key = tuple[str, str]
Open = Callable[[str, Line], Awaitable[GuestEnd]]


@dataclasses.dataclass(frozen=True)
class Lease:
    """A socket for one line of one guest; locked while it is in use. `heard` is what it said."""

    instance_id: str
    line: Line
    sock: socket.socket
    heard: bytearray
    lock: asyncio.Lock = dataclasses.field(default_factory=asyncio.Lock)

    @property
    def port(self) -> int:
        return int(self.sock.getsockname()[1])


class Lines:
    """Methods may be called from any thread. `open_end` opens the guest's end."""

    def __init__(self, listen: str, free: range, open_end: Open) -> None:
        self._listen = listen
        self._range = free
        self._open_end = open_end
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="serial-lines",
                                        daemon=True)
        self._leasing = asyncio.Lock()
        self._leases: dict[Key, tuple[Lease, Listener]] = {}
        #: A line has its port again and keeps what it said, as long as its guest runs.
        self._former: dict[Key, tuple[int, bytearray]] = {}
        self._ended: dict[Key, float] = {}  # when a line's guest ended it, until it is opened

    def check(self) -> None:
        """Ask the resolver, once for all. Raises OSError for no address of this host."""
        with bound(self._listen, [0]) as sock:
            self._listen = sock.getsockname()[0]

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Within a second."""
        if self._thread.is_alive():
            with contextlib.suppress(exception.AgentUnavailable):
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
        return self._former.get((instance_id, line.alias), (None, b""))[0]

    def ended(self, instance_id: str, port: int) -> bool:
        """Whether the guest just ended what was served at that port."""
        return any(time.monotonic() - self._ended.get(key, -ENDED_TIME) < ENDED_TIME
                   for key, (former, _) in list(self._former.items())
                   if (key[0], former) == (instance_id, port))

    def heard(self, instance_id: str, line: Line) -> bytes:
        """The end of what it said while it was served, in this life of its guest."""
        return bytes(self._former.get((instance_id, line.alias), (0, b""))[1])

    def release(self, instance_id: str) -> None:
        """Give its ports back, but those that are in use."""
        self._ask(self._give_back(lambda lease: lease.instance_id == instance_id
                                  and not lease.lock.locked()))

    def end(self, *instance_ids: str) -> None:
        """These guests do not run any more: cut their lines off soon, and forget them."""
        self._forget(instance_ids.__contains__)

    def keep(self, running: set[str]) -> None:
        """End all others."""
        self._forget(lambda instance_id: instance_id not in running)

    def _forget(self, chosen: Callable[[str], bool]) -> None:
        if any(chosen(instance_id) for instance_id, _ in list(self._former)):
            ending = self._end(chosen)
            try:
                asyncio.run_coroutine_threadsafe(ending, self._loop)
            except RuntimeError:  # all have ended
                ending.close()

    def _ask(self, work: Coroutine[Any, Any, T], timeout: float = ANSWER_TIMEOUT) -> T:
        """Raises AgentUnavailable where the loop takes longer."""
        try:
            return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout)
        except TimeoutError:
            raise exception.AgentUnavailable("what serves the lines is busy") from None

    # -- in the loop -----------------------------------------------------------------------------

    async def _lease(self, instance_id: str, line: Line) -> int:
        key = instance_id, line.alias
        async with self._leasing:
            if key not in self._leases:
                port, heard = self._former.get(key, (0, bytearray()))
                # Not one that another line will want back, as long as there are others.
                wanted = {former for former, _ in self._former.values()}
                candidates = [*([port] if port else ()),
                              *sorted(self._range, key=wanted.__contains__)]
                lease = Lease(instance_id, line, bound(self._listen, candidates), heard)
                listener = await Listener.open(lease.sock, functools.partial(self._serve, lease))
                self._leases[key], self._former[key] = (lease, listener), (lease.port, heard)
                LOG.info("Line %s of instance %s is served on port %s", line.alias, instance_id,
                         lease.port)
            return self._former[key][0]

    async def _give_back(self, chosen: Callable[[Lease], bool]) -> None:
        for key, (lease, listener) in list(self._leases.items()):
            if chosen(lease):
                del self._leases[key]
                LOG.info("Port %s of instance %s is given back", lease.port, lease.instance_id)
                await listener.close()

    async def _end(self, chosen: Callable[[str], bool]) -> None:
        await self._give_back(lambda lease: chosen(lease.instance_id))
        for key in [key for key in self._former if chosen(key[0])]:
            del self._former[key]
            self._ended.pop(key, None)

    async def _serve(self, lease: Lease, reader: asyncio.StreamReader,
                     writer: asyncio.StreamWriter) -> None:
        async with lease.lock:
            if reader.at_eof():
                return
            key, guest_ended = (lease.instance_id, lease.line.alias), True
            try:
                async with asyncio.timeout(OPEN_TIMEOUT):
                    guest = await self._open_end(lease.instance_id, lease.line)
                self._ended.pop(key, None)
                try:
                    guest_ended = await _pump(lease.heard, guest, reader, writer)
                    if guest_ended:
                        self._ended[key] = time.monotonic()
                finally:
                    guest.close()
            except (exception.ConsolesError, OSError) as exc:
                LOG.warning("Line %s of instance %s ends: %s", lease.line.alias,
                            lease.instance_id, exc or type(exc).__name__)
            if guest_ended:
                await asyncio.sleep(WHY_TIME)  # or until the event: it gives the port back


async def _pump(heard: bytearray, guest: GuestEnd, reader: asyncio.StreamReader,
                writer: asyncio.StreamWriter) -> bool:
    """Until either side ends; → whether the guest's did. Raises the guest's OSError."""
    async def to_client() -> None:
        while data := await guest.read():
            heard.extend(data)
            del heard[:-MAX_HEARD]
            writer.write(data)
            with contextlib.suppress(ConnectionError):  # the other task sees it, too
                await writer.drain()

    async def to_guest() -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(CHUNK):
                await guest.write(data)

    from_guest = asyncio.create_task(to_client())
    tasks = {from_guest, asyncio.create_task(to_guest())}
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
        return from_guest in done
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
