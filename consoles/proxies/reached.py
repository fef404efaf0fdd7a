"""A target that was reached: a stream for handshakes, then an end for the relay."""

import logging
from typing import Any
from typing import Protocol

from consoles.exception import WireError
from consoles.relay.frame_reader import FrameReader
from consoles.relay.relay import End
from consoles.relay.target_websocket import masked
from consoles.stream.connection import Connection
from consoles.stream.connection import ENDED
from consoles.wire import frames
from consoles.wire.frames import Opcode
from consoles.wire.ops import Op
from consoles.wire.ops import Peek

LOG = logging.getLogger(__name__)

#: No message is ever held, so none is too long.
ANY_SIZE = 1 << 63


class Reached(Protocol):
    """What steps get and return, and what the session hands to the relay."""

    async def perform(self, op: Op) -> Any: ...

    def detach(self) -> End: ...

    def abort(self) -> None: ...


class Plain:
    """Bytes as they are."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    async def perform(self, op: Op) -> Any:
        return await self.connection.perform(op)

    def detach(self) -> End:
        ended = self.connection.ended
        transport, early = self.connection.detach()
        return End(transport, early, ended=ended)

    def abort(self) -> None:
        self.connection.abort()


class Websocket:
    """The same after a WebSocket's opening: of its payload the beginning can be looked at."""

    def __init__(self, plain: Plain) -> None:
        self._connection = plain.connection
        self._reader = FrameReader(self._data, self._control, ANY_SIZE, masked=False)
        self._payload = b""
        self._problem = ""  # why nothing more comes

    async def perform(self, op: Op) -> Any:
        match op:
            case Peek(size):
                while len(self._payload) < size:
                    await self._more()
                return self._payload[:size]
        raise NotImplementedError(op)

    def detach(self) -> End:
        ended = self._connection.ended
        transport, early = self._connection.detach()
        self._feed(early)
        return End(transport, self._payload, self._reader, ended or bool(self._problem))

    def abort(self) -> None:
        self._connection.abort()

    async def _more(self) -> None:
        if self._problem:
            raise WireError(self._problem)
        data = await self._connection.read_some()
        if not data:
            raise WireError(ENDED)
        self._feed(data)

    def _feed(self, data: bytes) -> None:
        try:
            self._reader.feed_all(memoryview(bytearray(data)))
        except frames.FrameError as exc:
            self._problem = f"the hypervisor sent {exc}"

    def _data(self, view: memoryview) -> None:
        self._payload += view

    def _control(self, opcode: int, payload: bytes) -> None:
        if opcode == Opcode.CLOSE:
            code, _ = frames.parse_close(payload)
            self._problem = f"the hypervisor closes the WebSocket with {code}"
        elif opcode == Opcode.PING:
            self._connection.write(masked(Opcode.PONG, payload))
