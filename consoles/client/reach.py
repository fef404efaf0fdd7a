"""How a user's program reaches a proxy: the URL, TLS, and in words why a console is not to be had.

Every error is Refused, whose text is for the user and has neither token nor traceback in it.
"""

import argparse
import asyncio
import contextlib
import select
import signal
import ssl
import sys
from collections.abc import AsyncIterator
from collections.abc import Coroutine
from collections.abc import Iterator
from typing import Any
from typing import TextIO
from urllib.parse import SplitResult
from urllib.parse import urlsplit

from websockets import exceptions
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect

from consoles import exception
from consoles.wire import http_connect

SCHEMES = {"ws": "ws", "wss": "wss", "http": "ws", "https": "wss"}
#: Seconds; the proxy itself answers earlier, also for a target that is silent.
OPEN_TIMEOUT = 20
CLOSE_TIMEOUT = 5
SAY_TIMEOUT = 1
MAX_INPUT = 65536
#: What a program without an Origin is answered, in the words of the service.
STATUSES = {int(error.http_status): error.public for error in (
    exception.BadRequest, exception.InvalidToken, exception.Forbidden, exception.InstanceNotFound,
    exception.HandshakeTimeout, exception.Conflict, exception.OverLimit, exception.TargetError,
    exception.ServiceUnavailable, exception.TargetTimeout)}
#: The proxy says in one word why an open console was ended; refusals are sentences already.
ENDINGS = {
    "client gone": "The proxy has lost this program.",
    "client timeout": "This program did not answer the proxy.",
    "client protocol": "The proxy does not understand this program.",
    "client data": "The proxy does not take what was sent.",
    "client flood": "This program has sent too much at once.",
    "client too big": "This program has sent too much at once.",
    "client stalled": "What the server sent was not taken for too long.",
    "target gone": "The connection between the proxy and the server broke off.",
    "restart": exception.Draining.public,
    "instance deleted": exception.InstanceNotFound.public,
    "instance stopped": "The server was stopped.",
    "taken over": "Another session has taken the console over.",
    "ended by admin": "An administrator has ended the session.",
    "idle": "The console was not used for too long.",
    "session expired": "The time of this session is over.",
    "instance migrated": "The server has moved to another host. Ask for a new console URL.",
    "recording failed": "The session had to be recorded, which failed.",
    "filter failed": "The proxy could not go on with this session.",
    "lost": "The proxy has lost this session.",
}


class Refused(Exception):
    """The console cannot be opened, or has ended badly."""

    exit_status = 4


class BadUrl(Refused):
    """What was given is no URL of a console, or not one for this program."""

    exit_status = 2


class Unreachable(Refused):
    """There is no proxy, or none to be trusted, or not any more."""

    exit_status = 3


def read_url(argument: str) -> str:
    """The argument itself; for `-` a line of standard input, or the JSON that begins with it.

    Raises BadUrl.
    """
    if argument != "-":
        return argument
    if sys.stdin is None:
        raise BadUrl("There is no URL: standard input is closed.")
    text = sys.stdin.buffer.readline(MAX_INPUT)
    if text.lstrip().startswith(b"{"):
        text += sys.stdin.buffer.read(MAX_INPUT)
    return text.decode("utf-8", "replace")


def split(url: str, what: str) -> SplitResult:
    """→ the parts of a URL that has a host; `what` it should have been. Raises BadUrl."""
    try:
        parts = urlsplit(url.strip())
        parts.port  # noqa: B018 - raises for what is none
        if (parts.scheme not in SCHEMES or not parts.hostname or parts.username is not None
                or not http_connect.is_safe(url.strip())):
            raise ValueError
    except ValueError:
        raise BadUrl(f"This is no URL of {what}.") from None
    return parts


def add_tls_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--ca-file", "--cacert", metavar="FILE",
                        help="trust the authorities in FILE (PEM) instead of the system's")
    parser.add_argument("--insecure", action="store_true",
                        help="trust any certificate: who sits on the way can take the console")


def tls_context(scheme: str, options: argparse.Namespace) -> ssl.SSLContext | None:
    """→ None for a scheme without TLS. Raises BadUrl for a file that cannot be used."""
    if SCHEMES[scheme] == "ws":
        return None
    try:
        context = ssl.create_default_context(cafile=options.ca_file)
    except OSError as exc:  # ssl.SSLError is one
        raise BadUrl(f"{options.ca_file} cannot be used as a list of authorities: "
                     f"{exc.strerror or exc}") from None
    if options.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


@contextlib.contextmanager
def reaching() -> Iterator[None]:
    """What goes wrong on the way to a proxy is raised as Refused."""
    try:
        yield
    except ssl.SSLCertVerificationError as exc:
        raise Unreachable(f"The proxy's certificate is not trusted: {exc.verify_message}."
                          ) from None
    except TimeoutError:
        raise Unreachable("The proxy did not answer in time.") from None
    except OSError as exc:  # ssl.SSLError is one
        raise Unreachable(f"The proxy cannot be reached: {exc.strerror or exc}.") from None
    except UnicodeError:
        raise Unreachable("The proxy cannot be reached: its name is none.") from None


def refusal(status: int) -> Refused:
    """What an HTTP status says of a console."""
    sentence = STATUSES.get(status, "The proxy refuses.")
    return Refused(f"{sentence} (HTTP {status})")


@contextlib.asynccontextmanager
async def open_socket(url: str, origin: str, tls: ssl.SSLContext | None
                      ) -> AsyncIterator[ClientConnection]:
    """A WebSocket; its end inside of the block, too, is raised as Refused, but not a good one.

    With an Origin, as a page of the proxy's own would have, refusals come with their reason.
    """
    try:
        with reaching():
            # The URL has the token, so nobody but the proxy is asked for it: no HTTP proxies.
            console = await connect(
                url, origin=origin, subprotocols=["binary"], ssl=tls, proxy=None,  # type: ignore[arg-type, list-item]
                compression=None, open_timeout=OPEN_TIMEOUT, close_timeout=CLOSE_TIMEOUT,
                max_size=None)
        async with console:
            yield console
            await _leave(console)
    except exceptions.ConnectionClosed as exc:
        if exc.rcvd is None:
            raise Unreachable("The connection was lost.") from None
        if exc.rcvd.code != 1000:
            said = ENDINGS.get(exc.rcvd.reason, printable(exc.rcvd.reason))
            raise Refused(f"{said or 'The console was closed.'} (code {exc.rcvd.code})") from None
    except exceptions.InvalidStatus as exc:
        raise refusal(exc.response.status_code) from None
    except exceptions.WebSocketException as exc:
        raise Unreachable(f"The proxy did not answer as it should ({type(exc).__name__})."
                          ) from None


async def _leave(console: ClientConnection) -> None:
    """Close, and read what still comes: it would keep the proxy's own Close from being seen.

    Whatever that Close says, who has left has not been refused.
    """
    closing = asyncio.ensure_future(console.close())
    with contextlib.suppress(exceptions.ConnectionClosed):
        while True:
            await console.recv(decode=False)
    await closing


async def until_one_ends(*directions: Coroutine[Any, Any, None], linger: float = 0) -> None:
    """Run all until the first ends, the others up to `linger` seconds longer.

    Raises what the first raises.
    """
    tasks = [asyncio.ensure_future(direction) for direction in directions]
    try:
        done, others = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
        if linger and others:
            await asyncio.wait(others, timeout=linger)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def end_on_signals() -> None:
    """SIGTERM and SIGHUP cancel the task that calls, so that it puts back what it has changed."""
    task = asyncio.current_task()
    assert task is not None
    for number in (signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)


def printable(text: str) -> str:
    """What a peer says, without what a terminal would obey."""
    return "".join(char if char.isprintable() else "?" for char in text)


def say(text: str) -> None:
    """To the user. A terminal that takes nothing, or has gone, does not keep the program."""
    with contextlib.suppress(OSError):
        if _takes(sys.stderr):
            sys.stderr.write(f"{text}\n")
            sys.stderr.flush()


def _takes(stream: TextIO) -> bool:
    try:
        return bool(select.select([], [stream.fileno()], [], SAY_TIMEOUT)[1])
    except ValueError:  # it has no descriptor, or one that is too high: nothing is known of it
        return True
