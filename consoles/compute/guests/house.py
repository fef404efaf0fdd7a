"""Where the built-in guests live: one asyncio loop in one thread of the agent."""

import asyncio
import contextlib
import dataclasses
import logging
import socket
import threading
from collections.abc import Awaitable
from collections.abc import Callable

from consoles.compute import ports
from consoles.compute.guests.console_log import boot_text
from consoles.compute.guests.console_log import ConsoleLog
from consoles.compute.guests.rfb import Screen
from consoles.compute.guests.serial import SerialLine
from consoles.compute.guests.testcard import TestCard
from consoles.compute.shape import ANY_PORT

LOG = logging.getLogger(__name__)

SCREEN, LINE = "screen", "line"
#: Seconds that the loop may take for what it is asked.
ANSWER_TIMEOUT = 5.0
#: Seconds in which a peer must take what was written to it before its end.
LINGER = 2.0

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclasses.dataclass(frozen=True)
class Guest:
    """What runs: `devices` are of SCREEN and LINE; `boot_log` None is a log of our own."""

    instance_id: str
    name: str
    host: str
    devices: frozenset[str]
    boot_log: str | None = None


class House:
    """All methods may be called from any thread, by one at a time."""

    def __init__(self, listen: str, ports: range = ANY_PORT, keymap: str | None = None) -> None:
        """Screens listen on the first of `ports` that is free, and tell their keyboard."""
        self._listen = listen
        self._free = {SCREEN: ports, LINE: ANY_PORT}
        self._keyboard = f", keyboard {keymap}" if keymap else ""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="guests", daemon=True)
        self._running: dict[str, tuple[Guest, list[Listener]]] = {}
        #: A guest that comes back finds its ports and its log again.
        self._ports: dict[tuple[str, str], int] = {}
        self._logs: dict[str, ConsoleLog] = {}

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End every guest and the thread."""
        if self._thread.is_alive():
            self.run({})
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(ANSWER_TIMEOUT)
        self._loop.close()

    def run(self, guests: dict[str, Guest]) -> None:
        """Let these run and no others. Raises OSError where an address cannot be listened on."""
        asyncio.run_coroutine_threadsafe(self._run(guests), self._loop).result(ANSWER_TIMEOUT)

    def port(self, instance_id: str, device: str) -> int | None:
        """Where a running guest's device listens."""
        guest, _ = self._running.get(instance_id, (None, []))
        return self._ports[instance_id, device] if guest and device in guest.devices else None

    def console_log(self, instance_id: str) -> str:
        log = self._logs.get(instance_id)
        return log.text() if log else ""

    async def _run(self, guests: dict[str, Guest]) -> None:
        for instance_id, (guest, listeners) in list(self._running.items()):
            if guests.get(instance_id) != guest:
                del self._running[instance_id]
                await _close(listeners)
        for instance_id, guest in guests.items():
            if instance_id not in self._running:
                self._running[instance_id] = guest, await self._boot(guest)

    async def _boot(self, guest: Guest) -> list["Listener"]:
        log = self._logs.setdefault(guest.instance_id, ConsoleLog())
        serve: dict[str, Serve] = {}
        if SCREEN in guest.devices:
            card = TestCard(guest.name, f"{guest.instance_id} on {guest.host}{self._keyboard}")
            serve[SCREEN] = Screen(guest.name, card).serve
        if LINE in guest.devices:
            serve[LINE] = SerialLine(guest.name, log).serve
        listeners: list[Listener] = []
        try:
            for device, function in serve.items():
                sock = ports.bound(self._listen, self._candidates(guest.instance_id, device))
                self._ports[guest.instance_id, device] = sock.getsockname()[1]
                listeners.append(await Listener.open(sock, function))
        except OSError:
            await _close(listeners)
            raise
        boot_log = guest.boot_log
        log.write(boot_text(guest.name, guest.instance_id) if boot_log is None else boot_log)
        return listeners


    def _candidates(self, instance_id: str, device: str) -> list[int]:
        """Its own port from before, one that nobody had, one of a guest that is off."""
        others = set(self._ports.values())
        own = self._ports.get((instance_id, device))
        return [*([own] if own else ()), *sorted(self._free[device], key=others.__contains__)]


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
            LOG.exception("A built-in guest failed")
        finally:
            writer.transport.abort()


async def _close(listeners: list[Listener]) -> None:
    for listener in listeners:
        await listener.close()
