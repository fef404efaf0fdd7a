"""A peer that has said nothing so far: what it begins with is looked at, not read."""

import dataclasses
import socket

from consoles.exception import WireError
from consoles.wire import proxy_protocol

#: `awaited` of a peer that sends no PROXY header, or has sent it.
NONE = -1


@dataclasses.dataclass(eq=False)
class Silent:
    """`address` is the peer's, and its client's once a PROXY header has said so."""

    sock: socket.socket
    key: str       # whose handshakes it counts among; "" for a trusted proxy
    address: str
    deadline: float
    awaited: int   # bytes seen of a PROXY header that is not whole, or NONE

    def first_byte(self) -> bytes:
        """→ the first byte of TLS or HTTP, b"" at the peer's end.

        Raises BlockingIOError when it is still to come, WireError for a wrong PROXY header.
        """
        if self.awaited != NONE:
            self._take_proxy_header()
        return self.sock.recv(1, socket.MSG_PEEK)

    def _take_proxy_header(self) -> None:
        data = self.sock.recv(proxy_protocol.MAX_SIZE, socket.MSG_PEEK)
        header = proxy_protocol.parse(data)
        if header is None:
            if len(data) <= self.awaited or not data:
                raise WireError("it ends before its PROXY header does")
            self.awaited = len(data)
            self._wake_at(len(data) + 1)  # what is there already would wake us for ever
            raise BlockingIOError
        self.sock.recv(header.size)
        self._wake_at(1)
        self.awaited = NONE
        self.address = header.address or self.address

    def _wake_at(self, size: int) -> None:
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, size)
