"""What a handshake may ask of the stream it is driven on; the answer to a read is bytes."""

import dataclasses
from collections.abc import Generator
from typing import Any


@dataclasses.dataclass(frozen=True)
class Read:
    """Exactly `size` bytes."""

    size: int


@dataclasses.dataclass(frozen=True)
class ReadUntil:
    """Everything up to and with `mark`, at most `limit` bytes; what follows stays unread."""

    mark: bytes
    limit: int


@dataclasses.dataclass(frozen=True)
class Write:
    """Send these bytes; towards a WebSocket they make one message."""

    data: bytes


@dataclasses.dataclass(frozen=True)
class Peek:
    """At least `size` bytes are there and stay unread."""

    size: int


@dataclasses.dataclass(frozen=True)
class StartTls:
    """From here on TLS, as a client of `server_name`; nothing may have been read early.

    `context` is an ssl.SSLContext; what it checks is its own. The answer is the server's
    certificate (DER).
    """

    context: Any
    server_name: str


@dataclasses.dataclass(frozen=True)
class EndTls:
    """From here on without TLS again, with no word of good-bye; nothing may be left of it."""


Op = Read | ReadUntil | Write | Peek | StartTls | EndTls
Handshake = Generator[Op, Any, Any]
