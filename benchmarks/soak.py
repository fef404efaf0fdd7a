"""Sessions that end in every way there is, in waves; in the end nothing of them may be left.

`python -m benchmarks --workload soak`: after each wave, and when all have ended, what the proxy
holds: descriptors, entries of its epolls, threads, memory, processes, and the CPU it uses while
nobody is there.
"""

import asyncio
import collections
import contextlib
import dataclasses
import itertools
import json
import pathlib
import socket
import struct
import time
from collections.abc import Awaitable
from collections.abc import Callable

from benchmarks import machine
from benchmarks.consoles_peer import ConsolesPeer
from benchmarks.peers import Place
from tests.fixtures import ws_client

OUTPUT = pathlib.Path("build/bench-soak.json")
WAVES, WAVE, TOGETHER = 20, 1000, 25
#: Seconds: of one session; for the last ones to be over; of looking whether it spins.
PATIENCE, QUIET, LOOK = 60, 60, 10
#: What may be left: bytes of memory, part of a core. Threads of the bus come when they are needed.
MEMORY, CPU, THREADS = 4_000_000, 0.05, 16
RESET = struct.pack("ii", 1, 0)
HELLO = b"RFB 003.008\n"


@dataclasses.dataclass(frozen=True)
class Held:
    """What a proxy's processes hold."""

    processes: int
    threads: int
    descriptors: int
    epoll_entries: int
    memory: int

    @classmethod
    def by(cls, pid: int) -> "Held":
        tree = machine.tree(pid)
        files = {one: list((machine.PROC / str(one) / "fdinfo").iterdir()) for one in tree}
        return cls(
            len(tree), sum(len(list((machine.PROC / str(one) / "task").iterdir())) for one in tree),
            sum(map(len, files.values())),
            sum(_entries(file) for found in files.values() for file in found), machine.memory(pid))


def _entries(fdinfo: pathlib.Path) -> int:
    """How many descriptors an epoll watches (proc(5)); 0 for other files."""
    with contextlib.suppress(OSError):
        return fdinfo.read_text().count("\ntfd:")
    return 0


class Guest:
    """A VNC server that echoes; it hangs up when it is told `bye`."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            writer.write(HELLO)
            await reader.readexactly(12)
            writer.write(b"\x01\x01")
            await reader.readexactly(1)
            writer.write(b"\0\0\0\0")
            while data := await reader.read(65536):
                if data.endswith(b"bye"):
                    break
                writer.write(data)
        writer.close()


class Client:
    """One connection of a browser, as far as it comes."""

    def __init__(self, port: int, path: str) -> None:
        self._port, self._path = port, path

    async def connect(self) -> None:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self._port)

    def head(self) -> bytes:
        return ws_client.request(self._path, self._port, headers=ws_client.upgrade_headers())

    async def open(self) -> None:
        """Up to a byte that only the guest can have sent back."""
        await self.connect()
        self.writer.write(self.head() + ws_client.frame(HELLO) + ws_client.frame(b"\x01")
                          + ws_client.frame(b"are you there?"))
        answer = b""
        while b"are you there?" not in answer:
            piece = await self.reader.read(65536)
            if not piece:
                raise ConnectionError(f"ended after {answer[:100]!r}")
            answer += piece

    async def rest(self) -> None:
        """Until the proxy ends it."""
        with contextlib.suppress(ConnectionError):
            while await self.reader.read(65536):
                pass
        self.writer.close()

    def reset(self) -> None:
        self.writer.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.writer.transport.abort()


async def says_goodbye(client: Client) -> None:
    await client.open()
    client.writer.write(ws_client.frame(struct.pack("!H", 1000), opcode=8))
    await client.rest()


async def is_hung_up_on(client: Client) -> None:
    await client.open()
    client.writer.write(ws_client.frame(b"bye"))
    await client.rest()


async def leaves(client: Client) -> None:
    await client.open()
    client.writer.close()


async def breaks_off(client: Client) -> None:
    await client.open()
    client.reset()


async def leaves_while_it_opens(client: Client) -> None:
    await client.connect()
    client.writer.write(client.head())
    await asyncio.sleep(0)
    client.reset()


async def says_half_of_it(client: Client) -> None:
    await client.connect()
    client.writer.write(client.head()[:40])
    client.writer.write_eof()
    await client.rest()


async def sends_nonsense(client: Client) -> None:
    await client.open()
    client.writer.write(b"\xff" * 100)
    await client.rest()


WAYS: tuple[Callable[[Client], Awaitable[None]], ...] = (
    says_goodbye, is_hung_up_on, leaves, breaks_off, leaves_while_it_opens, says_half_of_it,
    sends_nonsense)


async def wave(port: int, path: str, size: int) -> collections.Counter[str]:
    """So many clients, some at a time, in all ways in turn; → how many went otherwise."""
    ways, wrong = itertools.cycle(WAYS), collections.Counter[str]()

    async def worker(share: int) -> None:
        for _ in range(share):
            way = next(ways)
            try:
                async with asyncio.timeout(PATIENCE):
                    await way(Client(port, path))
            except (OSError, TimeoutError) as exc:
                wrong[f"{way.__name__}: {exc!r}"[:160]] += 1
    await asyncio.gather(*(worker(size // TOGETHER) for _ in range(TOGETHER)))
    return wrong


def _left(pid: int, before: Held) -> Held:
    """What is held once all is over, or after QUIET seconds."""
    deadline = time.monotonic() + QUIET
    while True:
        now = Held.by(pid)
        if now.descriptors <= before.descriptors or time.monotonic() > deadline:
            return now
        time.sleep(0.5)


async def _waves(place: Place, port: int, pid: int, path: str) -> tuple[list[Held], int]:
    """What is held after a first wave that counts for nothing, and after each further one."""
    server = await asyncio.start_server(Guest().serve, "127.0.0.1", place.target_port)
    held, failed = [], 0
    async with server:
        for number in range(WAVES + 1):
            wrong = await wave(port, path, WAVE)
            failed += wrong.total()
            await asyncio.sleep(2)
            held.append(await asyncio.to_thread(_left, pid, held[0]) if held else Held.by(pid))
            print(f"wave {number}: {held[-1]}", *wrong.items(), flush=True)
    return held, failed


def run(place: Place) -> None:
    """Raises SystemExit when something is left."""
    port, pid, path, _ = ConsolesPeer(place).start(tls=False, workers=1)
    held, failed = asyncio.run(_waves(place, port, pid, path()))
    first, last = held[0], _left(pid, held[0])
    before = machine.cpu(pid)
    time.sleep(LOOK)
    idle = (machine.cpu(pid) - before) / LOOK
    OUTPUT.write_text(json.dumps({"held": [dataclasses.asdict(one) for one in held],
                                  "sessions": len(held) * WAVE, "failed": failed,
                                  "idle_cpu": idle}, indent=1))
    print(f"{len(held) * WAVE} sessions, {failed} went otherwise; idle: {idle:.1%} of a core")
    wrong = [name for name, bad in {
        "sessions failed": failed,
        "processes": last.processes != first.processes,
        "descriptors": last.descriptors > first.descriptors,
        "epoll entries": last.epoll_entries > first.epoll_entries,
        "threads": last.threads > first.threads + THREADS,
        "memory": last.memory > first.memory + MEMORY,
        "it spins": idle > CPU}.items() if bad]
    if wrong:
        raise SystemExit("left behind or wrong: " + ", ".join(wrong))
