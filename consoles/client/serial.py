"""consoles-serial: a serial console in the terminal that it is started in.

The terminal is raw while it lasts, so that the guest gets every key; `~.` at the beginning of a
line leaves, as in ssh.
"""

import argparse
import asyncio
import contextlib
import os
import signal
import ssl
import sys
import termios
import tty
from collections.abc import AsyncIterator
from collections.abc import Iterator
from collections.abc import Sequence
from urllib.parse import urlsplit
from urllib.parse import urlunsplit

from websockets import exceptions
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect

SCHEMES = {"ws": "ws", "wss": "wss", "http": "ws", "https": "wss"}
#: Seconds; the proxy itself answers earlier, also for a target that is silent.
OPEN_TIMEOUT = 20
CHUNK = 4096
ESCAPE = ord("~")
LEAVE = ord(".")


class Refused(Exception):
    """The console cannot be opened, or has ended badly; the text is for the user."""


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
    try:
        parts = urlsplit(url.strip())
        scheme = SCHEMES[parts.scheme.lower()]
        parts.port  # noqa: B018 - raises for what is none
        if not parts.hostname:
            raise ValueError
    except (KeyError, ValueError):
        raise Refused("This is no URL of a serial console; it begins with ws:// or wss://"
                      ) from None
    query = "&".join(filter(None, (parts.query, "takeover=1" if takeover else "")))
    page = "https" if scheme == "wss" else "http"
    return (urlunsplit((scheme, parts.netloc, parts.path or "/", query, "")),
            f"{page}://{parts.netloc}")


async def carry(url: str, origin: str, keyboard: int, screen: int,
                tls: ssl.SSLContext | None = None) -> None:
    """Connect two descriptors, what is typed and what is shown, with the console until one ends.

    With an Origin, as a page of the proxy's own would have, refusals come with their reason.
    Raises Refused.
    """
    try:
        # The URL has the token, so that nobody but the proxy is asked for it: no HTTP proxies.
        async with connect(url, origin=origin, subprotocols=["binary"], ssl=tls, proxy=None,  # type: ignore[arg-type, list-item]
                           compression=None, open_timeout=OPEN_TIMEOUT, max_size=None) as console:
            await _both_ways(console, keyboard, screen)
    except exceptions.ConnectionClosed as exc:
        if exc.rcvd is None:
            raise Refused("The connection was lost.") from None
        if exc.rcvd.code != 1000:
            raise Refused(f"{printable(exc.rcvd.reason) or 'The console was closed.'} "
                          f"(code {exc.rcvd.code})") from None
    except exceptions.InvalidStatus as exc:
        raise Refused(f"The proxy refuses: HTTP {exc.response.status_code}.") from None
    except exceptions.WebSocketException as exc:
        raise Refused(f"The proxy did not answer as it should ({type(exc).__name__}).") from None
    except TimeoutError:
        raise Refused("The proxy did not answer in time.") from None
    except OSError as exc:  # ssl.SSLError is one
        raise Refused(f"The proxy cannot be reached: {exc.strerror or exc}.") from None


async def _both_ways(console: ClientConnection, keyboard: int, screen: int) -> None:
    typing = asyncio.ensure_future(_type(console, keyboard))
    showing = asyncio.ensure_future(_show(console, screen))
    try:
        done, _ = await asyncio.wait((typing, showing), return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in (typing, showing):
            task.cancel()
        await asyncio.gather(typing, showing, return_exceptions=True)


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


def printable(text: str) -> str:
    """What a peer says, without what a terminal would obey."""
    return "".join(char if char.isprintable() else "?" for char in text)


async def _run(url: str, origin: str, keyboard: int, tls: ssl.SSLContext | None) -> None:
    task = asyncio.current_task()
    assert task is not None
    for number in (signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
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
    parser.add_argument("--cacert", metavar="FILE", help="trust the authorities in FILE, for wss://")
    options = parser.parse_args(argv)
    sys.exit(_open(options))


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def _open(options: argparse.Namespace) -> int:
    """→ the exit status: 0 when it was left or the guest ended it, 1 when it failed."""
    try:
        piped = options.url == "-"
        url, origin = socket_url(sys.stdin.readline() if piped else options.url, options.takeover)
        tls = ssl.create_default_context(cafile=options.cacert) if url.startswith("wss:") else None
        keyboard = os.open("/dev/tty", os.O_RDONLY) if piped else sys.stdin.fileno()
        _say("Enter, then ~. leaves.")
        with raw(keyboard):
            asyncio.run(_run(url, origin, keyboard, tls))
    except (Refused, OSError) as exc:
        _say(f"\n{exc}")
        return 1
    except (asyncio.CancelledError, KeyboardInterrupt):
        _say("")
        return 1
    _say("\nThe console is closed.")
    return 0
