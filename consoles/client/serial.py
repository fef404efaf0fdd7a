"""consoles-serial: a serial console in the terminal that it is started in.

The terminal is raw while it lasts, so that the guest gets every key; `~.` at the beginning of a
line leaves, as in ssh.
"""

import argparse
import asyncio
import contextlib
import os
import ssl
import sys
import termios
import tty
from collections.abc import AsyncIterator
from collections.abc import Iterator
from collections.abc import Sequence
from urllib.parse import urlunsplit

from websockets.asyncio.client import ClientConnection

from consoles.client import reach
from consoles.client.reach import Refused

CHUNK = 4096
ESCAPE = ord("~")
LEAVE = ord(".")


class Escape:
    """Finds `~.` in what is typed; `~~` is one `~`, and `~` with anything else is both."""

    def __init__(self) -> None:
        self._at_start = True
        self._pending = False

    def feed(self, typed: bytes) -> tuple[bytes, bool]:
        """→ what to send, and whether to leave after it."""
        sent = bytearray()
        for byte in typed:
            if self._pending:
                self._pending = False
                if byte == LEAVE:
                    return bytes(sent), True
                sent += bytes([ESCAPE]) if byte == ESCAPE else bytes([ESCAPE, byte])
            elif self._at_start and byte == ESCAPE:
                self._pending = True
                continue
            else:
                sent.append(byte)
            self._at_start = byte in b"\r\n"
        return bytes(sent), False


def socket_url(url: str, takeover: bool = False) -> tuple[str, str]:
    """→ the WebSocket's URL and the origin of its page, from either's URL. Raises Refused."""
    parts = reach.split(url, "a serial console; it begins with ws:// or wss://")
    scheme = reach.SCHEMES[parts.scheme]
    query = "&".join(filter(None, (parts.query, "takeover=1" if takeover else "")))
    page = "https" if scheme == "wss" else "http"
    return (urlunsplit((scheme, parts.netloc, parts.path or "/", query, "")),
            f"{page}://{parts.netloc}")


async def carry(url: str, origin: str, keyboard: int, screen: int,
                tls: ssl.SSLContext | None = None) -> None:
    """Connect two descriptors, what is typed and what is shown, with the console until one ends.

    Raises Refused.
    """
    async with reach.open_socket(url, origin, tls) as console:
        await reach.until_one_ends(_type(console, keyboard), _show(console, screen))


async def _type(console: ClientConnection, keyboard: int) -> None:
    escape = Escape()
    async for typed in _read(keyboard):
        data, leaves = escape.feed(typed)
        if data:
            await console.send(data)
        if leaves:
            return


async def _show(console: ClientConnection, screen: int) -> None:
    while True:
        said = await console.recv(decode=False)
        while said:  # a terminal that is slow holds all up, and so the guest
            said = said[os.write(screen, said):]


async def _read(descriptor: int) -> AsyncIterator[bytes]:
    loop = asyncio.get_running_loop()
    while True:
        ready = asyncio.Event()
        loop.add_reader(descriptor, ready.set)
        try:
            await ready.wait()
        finally:
            loop.remove_reader(descriptor)
        data = os.read(descriptor, CHUNK)
        if not data:
            return
        yield data


@contextlib.contextmanager
def raw(descriptor: int) -> Iterator[None]:
    """Every key goes through, until the end; nothing to do for what is no terminal."""
    if not os.isatty(descriptor):
        yield
        return
    before = termios.tcgetattr(descriptor)
    tty.setraw(descriptor)
    try:
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


async def _run(url: str, origin: str, keyboard: int, tls: ssl.SSLContext | None) -> None:
    reach.end_on_signals()
    await carry(url, origin, keyboard, sys.stdout.fileno(), tls)


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="consoles-serial", description="Open a serial console in this terminal. "
        "Enter, then ~. leaves it; ~~ sends one ~.")
    parser.add_argument("url", nargs="?", default="-",
                        help="the URL that the API gave; - or none: read it from standard input, "
                             "since arguments show in the list of processes")
    parser.add_argument("--takeover", action="store_true",
                        help="end the session of who has the console")
    reach.add_tls_arguments(parser)
    options = parser.parse_args(argv)
    sys.exit(_open(options))


def _open(options: argparse.Namespace) -> int:
    """→ the exit status: 0 when it was left or the guest ended it, 1 when it failed."""
    try:
        piped = options.url == "-"
        url, origin = socket_url(reach.read_url(options.url), options.takeover)
        tls = reach.tls_context(url.partition(":")[0], options)
        keyboard = os.open("/dev/tty", os.O_RDONLY) if piped else sys.stdin.fileno()
        reach.say("Enter, then ~. leaves.")
        with raw(keyboard):
            asyncio.run(_run(url, origin, keyboard, tls))
    except (Refused, OSError) as exc:
        reach.say(f"\n{exc}")
        return 1
    except (asyncio.CancelledError, KeyboardInterrupt):
        reach.say("")
        return 1
    reach.say("\nThe console is closed.")
    return 0
