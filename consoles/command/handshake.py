"""Opens a console as a browser or a viewer would, up to the first words of its protocol.

In blocking calls, each with a deadline: consoles-manage has nothing else to do meanwhile.
"""

import contextlib
import dataclasses
import http.client
import logging
import ssl
import struct
from collections.abc import Callable
from typing import Any
from urllib.parse import SplitResult
from urllib.parse import urlsplit

from websockets import exceptions
from websockets.sync.client import connect as connect_websocket
from websockets.typing import Origin
from websockets.typing import Subprotocol

from consoles import exception
from consoles.client.reach import printable
from consoles.model import ConsoleType
from consoles.wire import rfb
from consoles.wire.ops import Handshake
from consoles.wire.ops import Op
from consoles.wire.ops import Read
from consoles.wire.ops import Write

#: Seconds that a serial line may take to say something; most say nothing by themselves.
QUIET = 1.0
MAX_HEAD = 8192
MAX_NAME = 65536
PORTS = {"http": 80, "ws": 80, "https": 443, "wss": 443}
#: At DEBUG the library would log the request, and the token in it.
MUTE = logging.Logger("websockets", logging.WARNING)  # noqa: LOG001 - no option turns it up
#: SPICE's first message of a client, for the main channel, and the head of the answer
#: (https://www.spice-space.org/spice-protocol.html, 2.2).
SPICE_LINK = struct.pack("<4sIII", b"REDQ", 2, 2, 18) + struct.pack("<IBBIII", 0, 1, 0, 0, 0, 18)
SPICE_HEAD = 20


class NoProxy(Exception):
    """What answers there is no proxy of ours; the text says what it did."""


class Refusal(Exception):
    """The proxy's own answer: an HTTP status, or a Close code with its reason."""

    def __init__(self, code: int, text: str = "") -> None:
        super().__init__(text)
        self.code = code
        self.text = printable(text)


@dataclasses.dataclass
class Channel:
    """A stream for handshakes. `receive` answers some bytes, none at the end, or raises."""

    receive: Callable[..., bytes]
    send: Callable[[bytes], Any]
    close: Callable[[], None]
    _unread: bytes = b""

    def perform(self, op: Op) -> bytes | None:
        match op:
            case Read(size):
                while len(self._unread) < size:
                    data = self.receive()
                    if not data:
                        raise exception.WireError("the console was closed")
                    self._unread += data
                taken, self._unread = self._unread[:size], self._unread[size:]
                return taken
            case Write(data):
                self.send(data)
                return None
            case _:
                raise NotImplementedError(op)


def reach(url: str, tls: ssl.SSLContext | None, timeout: float) -> http.client.HTTPConnection:
    """Connect, with TLS where there is a context. Raises OSError."""
    parts = urlsplit(url)
    port = parts.port or PORTS[parts.scheme]
    host = parts.hostname or ""
    connection = (http.client.HTTPConnection(host, port, timeout=timeout) if tls is None else
                  http.client.HTTPSConnection(host, port, timeout=timeout, context=tls))
    connection.connect()
    return connection


def get_page(connection: http.client.HTTPConnection, path: str) -> str:
    """→ the type of what is there. Raises Refusal for another status than 200, NoProxy, OSError."""
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
    except http.client.HTTPException as exc:
        raise NoProxy(f"no HTTP ({type(exc).__name__})") from None
    if answer.status != 200:
        raise Refusal(answer.status)
    return printable(answer.getheader("Content-Type", "unknown"))


def open_websocket(url: str, origin: str, tls: ssl.SSLContext | None,
                   timeout: float) -> Channel:
    """As a page from `origin` would. Raises Refusal, NoProxy, OSError."""
    stack = contextlib.ExitStack()
    try:
        console = stack.enter_context(connect_websocket(
            url, origin=Origin(origin), subprotocols=[Subprotocol("binary")], ssl=tls,
            proxy=None, compression=None, open_timeout=timeout, close_timeout=1, max_size=None,
            logger=MUTE))
    except exceptions.InvalidStatus as exc:
        raise Refusal(exc.response.status_code) from None
    except exceptions.WebSocketException as exc:
        raise NoProxy(f"no WebSocket ({type(exc).__name__})") from None

    def receive(timeout: float = timeout) -> bytes:
        try:
            return console.recv(timeout, decode=False)
        except exceptions.ConnectionClosed as exc:
            if exc.rcvd is None:
                raise ConnectionResetError("the connection was lost") from None
            raise Refusal(exc.rcvd.code, exc.rcvd.reason) from None

    def send(data: bytes) -> None:
        try:
            console.send(data)
        except exceptions.ConnectionClosed:
            receive()  # knows why

    return Channel(receive, send, stack.close)


def open_tunnel(connection: http.client.HTTPConnection, parts: SplitResult) -> Channel:
    """HTTP CONNECT, as viewers of XVP send it. Raises Refusal, NoProxy, OSError."""
    sock = connection.sock
    sock.sendall(f"CONNECT {parts.path}?{parts.query} HTTP/1.1\r\n"
                 f"Host: {parts.netloc}\r\n\r\n".encode("ascii"))
    head = b""
    while not head.endswith(b"\r\n\r\n") and len(head) < MAX_HEAD:
        byte = sock.recv(1)  # RFB begins right behind the head
        if not byte:
            break
        head += byte
    words = head.split(None, 2)
    if len(words) < 2 or not words[0].startswith(b"HTTP/1.") or not words[1].isdigit():
        raise NoProxy("no HTTP")
    if words[1] != b"200":
        raise Refusal(int(words[1]))
    return Channel(lambda: sock.recv(65536), sock.sendall, connection.close)


def greet(kind: ConsoleType, channel: Channel) -> str:
    """→ what the guest's side says first. Raises WireError, Refusal, OSError."""
    if kind == ConsoleType.SERIAL:
        return _listen(channel)
    words = _spice() if kind == ConsoleType.SPICE_HTML5 else _rfb()
    answer = None
    while True:
        try:
            op = words.send(answer)
        except StopIteration as done:
            return str(done.value)
        answer = channel.perform(op)


def _listen(channel: Channel) -> str:
    """Nothing is typed: whatever is at the line's other end would obey."""
    try:
        said = channel.receive(QUIET)
    except TimeoutError:
        return "the line is open and says nothing by itself"
    return f"the line is open and says {len(said)} bytes"


def _rfb() -> Handshake:
    """RFC 6143, 7.1 to 7.3.2, shared, so that nobody who looks on is sent away."""
    yield from rfb.client()
    if (yield Read(4)) != b"\0\0\0\0":
        raise exception.WireError("the server's SecurityResult is not OK")
    yield Write(b"\1")
    width, height, length = struct.unpack(">HH16xI", (yield Read(24)))
    name = (yield Read(min(length, MAX_NAME))) if length else b""
    return f"RFB 3.8, {width}x{height}, {printable(name.decode('utf-8', 'replace'))!r}"


def _spice() -> Handshake:
    """To the server's answer with its key; a password is not sent, so nobody is sent away."""
    yield Write(SPICE_LINK)
    magic, major, minor, _, error = struct.unpack("<4sIIII", (yield Read(SPICE_HEAD)))
    if magic != b"REDQ":
        raise exception.WireError("the server does not speak SPICE")
    if error:
        raise exception.WireError(f"the SPICE server answers error {error}")
    return f"SPICE {major}.{minor}"
