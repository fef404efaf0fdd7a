"""Where the built-in guests live: one asyncio loop in one thread of the agent."""

import asyncio
import dataclasses
import threading

from consoles.compute.guests.console_log import boot_text
from consoles.compute.guests.console_log import ConsoleLog
from consoles.compute.guests.rfb import Screen
from consoles.compute.guests.serial import SerialLine
from consoles.compute.guests.testcard import TestCard
from consoles.compute.listener import bound
from consoles.compute.listener import Listener
from consoles.compute.listener import Serve
from consoles.compute.shape import ANY_PORT

SCREEN, LINE = "screen", "line"
#: Seconds that the loop may take for what it is asked.
ANSWER_TIMEOUT = 5.0


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

    async def _boot(self, guest: Guest) -> list[Listener]:
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
                sock = bound(self._listen, self._candidates(guest.instance_id, device))
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


async def _close(listeners: list[Listener]) -> None:
    for listener in listeners:
        await listener.close()
