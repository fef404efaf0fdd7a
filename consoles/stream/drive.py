"""Runs a handshake of `wire` on a stream."""

from typing import Any
from typing import Protocol

from consoles.wire.ops import Handshake
from consoles.wire.ops import Op


class Stream(Protocol):
    """Whatever can carry out the ops: a TCP connection, a WebSocket."""

    async def perform(self, op: Op) -> Any: ...


async def drive(handshake: Handshake, stream: Stream) -> Any:
    """→ what the handshake returns. The deadline is the caller's (asyncio.timeout)."""
    answer = None
    while True:
        try:
            op = handshake.send(answer)
        except StopIteration as done:
            return done.value
        answer = await stream.perform(op)
