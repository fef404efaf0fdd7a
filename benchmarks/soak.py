"""Sessions that end in every way there is, in waves; in the end nothing of them may be left.

`python -m benchmarks --workload soak`: after each wave, and when all have ended, what the proxy
holds: descriptors, entries of its epolls, threads, memory, processes, zombies, and the CPU it uses
while nobody is there.
"""

import asyncio
import contextlib
import dataclasses
import json
import pathlib
import time

from benchmarks import machine
from benchmarks.consoles_peer import ConsolesPeer
from benchmarks.peers import Place
from benchmarks.soak_clients import Guest
from benchmarks.soak_clients import wave

OUTPUT = pathlib.Path("build/bench-soak.json")
#: Waves beside the first one, sessions of each.
FULL, QUICK = (20, 1000), (3, 120)
#: Seconds: in which all must have come to rest; that it takes for rest; of looking for a spin.
QUIET, STILL, LOOK = 120, 4, 10
#: Clients that vanish are to be found out within a wave's end. What it takes: both and a second.
PINGS = {"ping_interval": 5, "ping_timeout": 5}
GIVEN_UP = "ended: client_timeout"
#: What may be left: bytes of memory, part of a core. Threads of the bus come when they are needed.
MEMORY, CPU, THREADS = 4_000_000, 0.05, 16
#: Bytes that memory may change by at rest.
STEADY = 300_000


@dataclasses.dataclass(frozen=True)
class Held:
    """What a proxy's processes hold."""

    processes: int
    zombies: int
    threads: int
    descriptors: int
    epoll_entries: int
    memory: int

    @classmethod
    def by(cls, pid: int) -> "Held":
        tree = machine.tree(pid)
        zombies = [one for one in tree if machine.is_zombie(one)]
        files = [file for one in tree for file in _listed(one, "fdinfo")]
        return cls(len(tree), len(zombies), sum(len(_listed(one, "task")) for one in tree),
                   len(files), sum(map(_entries, files)), machine.memory(pid))

    def like(self, other: "Held") -> bool:
        """Whether nothing has changed, memory but for a little."""
        return (abs(self.memory - other.memory) <= STEADY
                and dataclasses.replace(self, memory=other.memory) == other)


def _listed(pid: int, what: str) -> list[pathlib.Path]:
    with contextlib.suppress(OSError):  # it has ended meanwhile
        return list((machine.PROC / str(pid) / what).iterdir())
    return []


def _entries(fdinfo: pathlib.Path) -> int:
    """How many descriptors an epoll watches (proc(5)); 0 for other files."""
    with contextlib.suppress(OSError):
        return fdinfo.read_text().count("\ntfd:")
    return 0


def settled(pid: int, seconds: float, still: float = STILL, most: int | None = None) -> Held | None:
    """What is held once it has not changed for `still` seconds and is at most so many descriptors;
    None: not within `seconds`."""
    held = Held.by(pid)
    since = begun = time.monotonic()
    while time.monotonic() < begun + seconds:
        now = Held.by(pid)
        if not now.like(held):
            held, since = now, time.monotonic()
        elif time.monotonic() >= since + still and (most is None or now.descriptors <= most):
            return now
        time.sleep(0.25)
    return None


def size(waves: int | None, sessions: int | None, quick: bool) -> tuple[int, int]:
    """Waves and sessions of each, as they were asked for."""
    usual = QUICK if quick else FULL
    return waves or usual[0], sessions or usual[1]


class Soak:
    """One run over a proxy; `held` has what it held after each wave, the first one included, which
    counts for nothing: what comes once does so there."""

    def __init__(self, place: Place, waves: int, sessions: int) -> None:
        self._place = place
        self._waves, self._sessions = waves, sessions
        peer = ConsolesPeer(place, **PINGS)
        self._port, self.pid, path, _ = peer.start(tls=False, workers=1)
        self._path = path()
        self._log = peer.log(self._port)
        self.held: list[Held] = []
        self.failed = self.vanished = 0

    @property
    def given_up(self) -> int:
        """Sessions that the proxy ended because their client was silent."""
        return self._log.read_text(errors="replace").count(GIVEN_UP)

    async def run(self) -> None:
        """All waves. Raises SystemExit when the proxy does not come to rest after the first one."""
        server = await asyncio.start_server(Guest().serve, "127.0.0.1", self._place.target_port)
        async with server:
            for number in range(self._waves + 1):
                await self._wave(number)

    async def _wave(self, number: int) -> None:
        wrong, vanished = await wave(self._port, self._path, self._sessions)
        self.failed += wrong.total()
        self.vanished += len(vanished)
        held = await asyncio.to_thread(self._rest)
        for client in vanished:  # not before: then the proxy would be told
            client.writer.transport.abort()
        print(f"wave {number}: {held}", *wrong.items(), flush=True)
        self.held.append(held)

    def _rest(self) -> Held:
        deadline = time.monotonic() + QUIET
        while self.given_up < self.vanished and time.monotonic() < deadline:
            time.sleep(0.25)
        most = self.held[0].descriptors if self.held else None
        held = settled(self.pid, QUIET, most=most)
        if held is None and not self.held:
            raise SystemExit(f"the proxy did not come to rest within {QUIET} s of the first wave")
        return held or Held.by(self.pid)

    def wrong(self, idle: float) -> list[str]:
        """What is not as it was after the first wave; `idle` is the part of a core used since."""
        first, last = self.held[0], self.held[-1]
        return [name for name, bad in {
            "sessions failed": self.failed,
            "vanished clients not found out": self.given_up != self.vanished,
            "processes": last.processes != first.processes,
            "zombies": last.zombies,
            "descriptors": last.descriptors > first.descriptors,
            "epoll entries": last.epoll_entries > first.epoll_entries,
            "threads": last.threads > first.threads + THREADS,
            "memory": last.memory > first.memory + MEMORY,
            "it spins": idle > CPU}.items() if bad]


def run(place: Place, waves: int, sessions: int) -> None:
    """Raises SystemExit when something is left."""
    soak = Soak(place, waves, sessions)
    asyncio.run(soak.run())
    before = machine.cpu(soak.pid)
    time.sleep(LOOK)
    idle = (machine.cpu(soak.pid) - before) / LOOK
    total = len(soak.held) * sessions
    OUTPUT.write_text(json.dumps({
        "held": [dataclasses.asdict(one) for one in soak.held], "sessions": total,
        "failed": soak.failed, "vanished": soak.vanished, "given_up": soak.given_up,
        "idle_cpu": idle}, indent=1) + "\n")
    print(f"{total} sessions, {soak.failed} went otherwise; {soak.vanished} vanished, "
          f"{soak.given_up} of them were found out; idle: {idle:.1%} of a core")
    if wrong := soak.wrong(idle):
        raise SystemExit("left behind or wrong: " + ", ".join(wrong))
