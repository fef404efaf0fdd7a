"""The browser's side while a session opens: the request, its 101 or refusal, RFB in frames."""

from typing import Any

from consoles import exception
from consoles.proxies.frontends import request as http
from consoles.proxies.frontends.frontend import Terms
from consoles.relay.frame_reader import FrameReader
from consoles.relay.relay import End
from consoles.stream.connection import Connection
from consoles.wire import frames
from consoles.wire.frames import Opcode
from consoles.wire.ops import Op
from consoles.wire.ops import Read
from consoles.wire.ops import Write

CLOSE_TIMEOUT = 2.0
#: Payload that a client may send before the console is open.
MAX_EARLY = 65536


class WebsocketFrontend:
    """Accepts or refuses one upgrade; then a stream for handshakes, each Write one message."""

    def __init__(self, connection: Connection, request: http.Request, terms: Terms) -> None:
        self.request = request
        self._connection = connection
        self._reader = FrameReader(self._data, self._control, terms.max_message_size, terms.text)
        self._payload = bytearray()
        self._accepted = False

    @staticmethod
    def claims(request: http.Request) -> bool:
        return request.is_upgrade

    @property
    def token(self) -> str:
        return self.request.token

    def check(self) -> None:
        """Raises BadRequest for what is no rightful upgrade."""
        if self.request.forwarded_host is None:
            _ = self.request.host
        self.request.check_upgrade()

    def accept(self) -> None:
        """Send the 101."""
        self._connection.write(self.request.upgrade())
        self._accepted = True

    def reject(self, exc: exception.ConsolesError) -> None:
        """Say why: an HTTP status to a program, a Close with a reason to a browser's page."""
        if self._connection.ended:
            self._connection.abort()
            return
        if not self._accepted and self._is_page(exc):
            self.accept()
        if self._accepted:
            self._connection.write(frames.close(exc.close_code, exc.public))
            self._connection.close_when_answered(CLOSE_TIMEOUT)
        else:
            self._connection.write(http.refusal(exc))
            self._connection.close()

    def _is_page(self, exc: exception.ConsolesError) -> bool:
        """Whether a Close would be read: by a page of ours, after a rightful upgrade."""
        if isinstance(exc, exception.OriginRefused):
            return False
        try:
            self.request.check_upgrade()
            return self.request.origin is not None
        except exception.ConsolesError:
            return False

    async def perform(self, op: Op) -> Any:
        match op:
            case Read(size):
                while len(self._payload) < size:
                    await self._more()
                taken = bytes(self._payload[:size])
                del self._payload[:size]
                return taken
            case Write(data):
                return self._connection.write(
                    frames.header(Opcode.BINARY, len(data)) + data)
            case _:
                raise NotImplementedError(op)

    def detach(self) -> End:
        """Hand over to the relay."""
        transport, early = self._connection.detach()
        if early:
            self._feed(early)
        return End(transport, bytes(self._payload), self._reader)

    async def _more(self) -> None:
        data = await self._connection.read_some()
        if not data:
            raise exception.WireError("the client ended the connection")
        self._feed(data)

    def _feed(self, data: bytes) -> None:
        try:
            self._reader.feed_all(memoryview(bytearray(data)))
        except frames.FrameError as exc:
            raise exception.WireError(str(exc)) from exc

    def _data(self, view: memoryview) -> None:
        self._payload += view
        if len(self._payload) > MAX_EARLY:
            raise exception.WireError("the client sends too much before the console is open")

    def _control(self, opcode: int, payload: bytes) -> None:
        if opcode == Opcode.CLOSE:
            raise exception.WireError("the client closed")
        unsent = self._connection.transport.get_write_buffer_size()
        if opcode == Opcode.PING and unsent < MAX_EARLY:
            self._connection.write(frames.header(Opcode.PONG, len(payload)) + payload)
