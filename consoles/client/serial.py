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
import threading
import tty
from collections.abc import AsyncIterator
from collections.abc import Iterator
from collections.abc import Sequence
from urllib.parse import urlunsplit

from websockets.asyncio.client import ClientConnection

from consoles.client import console_url
from consoles.client import reach
from consoles.client.reach import Refused
from consoles.model import ConsoleType

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
    """→ the WebSocket's URL and the origin of its page, from either's URL or the API's answer.

    Raises Refused.
    """
    url, kind = console_url.unwrap(url)
    if kind not in (None, ConsoleType.SERIAL):
        raise reach.BadUrl(f"This is a console of type {reach.printable(str(kind))}: "
                           "consoles-connect opens it.")
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
        # A terminal that is slow holds up the guest, but neither keys nor signals nor pings.
        await _write(screen, await console.recv(decode=False))


async def _write(descriptor: int, data: bytes) -> None:
    """Write all, in a thread that no end of ours waits for. Raises Refused.

    A terminal's descriptor is the shell's, too, and must not be made one that never blocks.
    """
    loop = asyncio.get_running_loop()
    written: asyncio.Future[None] = loop.create_future()

    def tell(error: OSError | None) -> None:
        if written.done():
            return
        if error:
            written.set_exception(
                Refused(f"What the console says cannot be shown: {error.strerror}."))
        else:
            written.set_result(None)

    def write() -> None:
        left, failure = data, None
        try:
            while left:
                left = left[os.write(descriptor, left):]
        except OSError as exc:
            failure = exc
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(tell, failure)

    threading.Thread(target=write, daemon=True).start()
    await written


async def _read(descriptor: int) -> AsyncIterator[bytes]:
    loop = asyncio.get_running_loop()
    while True:
        ready = asyncio.Event()
        loop.add_reader(descriptor, ready.set)
        try:
            await ready.wait()
        finally:
            loop.remove_reader(descriptor)
        try:
            data = os.read(descriptor, CHUNK)
        except OSError:  # the terminal has gone
            return
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
        with contextlib.suppress(termios.error):  # it has gone
            # At once: waiting for what was written would be for ever where nobody reads it.
            termios.tcsetattr(descriptor, termios.TCSANOW, before)


async def _run(url: str, origin: str, keyboard: int, tls: ssl.SSLContext | None) -> None:
    reach.end_on_signals()
    try:  # before there is a connection, which uses the URL up
        asyncio.get_running_loop().add_reader(keyboard, lambda: None)
    except PermissionError:  # what epoll says of files and /dev/null
        raise Refused("Standard input is neither a terminal nor a pipe, so there is nothing to "
                      "type at.") from None
    asyncio.get_running_loop().remove_reader(keyboard)
    await carry(url, origin, keyboard, sys.stdout.fileno(), tls)


def _keyboard(piped: bool) -> int:
    """→ its descriptor: standard input, but where the URL was read from that. Raises Refused."""
    if sys.stdin is None or sys.stdout is None:
        raise Refused("Standard input and output have to be open.")
    if not piped:
        return sys.stdin.fileno()
    try:
        return os.open("/dev/tty", os.O_RDONLY)
    except OSError:
        raise Refused("There is no terminal to type at. With the URL as an argument, keys are "
                      "taken from standard input, which may be a pipe.") from None


def main(argv: Sequence[str] | None = None) -> None:
    """The command."""
    sys.exit(run(argv))


def run(argv: Sequence[str] | None = None) -> int:
    """→ the exit status."""
    return _open(_parser().parse_args(argv))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="consoles-serial", description="Open a serial console in this terminal. "
        "Enter, then ~. leaves it; ~~ sends one ~.")
    parser.add_argument("url", nargs="?", default="-",
                        help="the URL that the API gave; - or none: read it, or the API's answer "
                             "in JSON, from standard input, since arguments show in the list of "
                             "processes")
    parser.add_argument("--takeover", action="store_true",
                        help="end the session of who has the console")
    reach.add_tls_arguments(parser)
    return parser


def _open(options: argparse.Namespace) -> int:
    """→ the exit status: 0 when it was left or the guest ended it, 1 when it failed."""
    try:
        url, origin = socket_url(reach.read_url(options.url), options.takeover)
        keyboard = _keyboard(options.url == "-")
        tls = reach.tls_context(url.partition(":")[0], options)
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
