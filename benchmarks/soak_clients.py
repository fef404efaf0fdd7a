"""The clients of the soak, each of which ends its session in another way, and their guest."""

import asyncio
import collections
import contextlib
import ctypes
import itertools
import socket
import struct
from collections.abc import Awaitable
from collections.abc import Callable

from tests.fixtures import ws_client

TOGETHER = 25
#: Seconds that a session may take.
PATIENCE = 60
RESET = struct.pack("ii", 1, 0)
HELLO = b"RFB 003.008\n"
#: asm/socket.h; linux/filter.h: a program of one instruction, "return 0": keep nothing.
SO_ATTACH_FILTER = 26
DROP = struct.pack("HBBI", 0x06, 0, 0, 0)


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

    #: Whether it has gone without a word, so that the proxy has to find out.
    vanished = False

    def __init__(self, port: int, path: str) -> None:
        self._port, self._path = port, path

    async def connect(self) -> None:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self._port)
        self.socket = self.writer.get_extra_info("socket")

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
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.writer.transport.abort()


def fall_silent(sock: socket.socket) -> None:
    """From now on the peer sees what it sees of a machine without power: nothing is acknowledged
    and nothing comes, no FIN and no reset either as long as the socket is open.

    Its kernel drops each packet before TCP looks at it (SO_ATTACH_FILTER, socket(7)). That takes
    neither a network of its own nor changed routes, and concerns this connection alone; a stopped
    process would not do, since its kernel goes on to acknowledge.
    """
    program = ctypes.create_string_buffer(DROP, len(DROP))
    sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER,
                    struct.pack("HP", 1, ctypes.addressof(program)))


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


async def vanishes(client: Client) -> None:
    await client.open()
    fall_silent(client.socket)
    client.vanished = True


WAYS: tuple[Callable[[Client], Awaitable[None]], ...] = (
    says_goodbye, is_hung_up_on, leaves, breaks_off, leaves_while_it_opens, says_half_of_it,
    sends_nonsense, vanishes)


async def wave(port: int, path: str, size: int) -> tuple[collections.Counter[str], list[Client]]:
    """So many clients, some at a time, in all ways in turn; → how many went otherwise, and those
    that vanished, whose sockets are closed when they are let go."""
    left, wrong = iter(range(size)), collections.Counter[str]()
    ways, vanished = itertools.cycle(WAYS), list[Client]()

    async def worker() -> None:
        for _ in left:
            way, client = next(ways), Client(port, path)
            try:
                async with asyncio.timeout(PATIENCE):
                    await way(client)
            except (OSError, TimeoutError) as exc:
                wrong[f"{way.__name__}: {exc!r}"[:160]] += 1
            if client.vanished:
                vanished.append(client)
    await asyncio.gather(*(worker() for _ in range(TOGETHER)))
    return wrong, vanished
