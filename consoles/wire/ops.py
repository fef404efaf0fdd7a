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


Op = Read | ReadUntil | Write
Handshake = Generator[Op, Any, Any]
