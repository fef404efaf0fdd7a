"""A peer that has said nothing so far: what it begins with is looked at, not read."""

import dataclasses
import socket
from typing import NoReturn

from consoles.exception import WireError
from consoles.wire import proxy_protocol

#: The first byte of a TLS ClientHello (RFC 8446, section 5.1) and of SSL 2's.
TLS_BYTES = (b"\x16", b"\x80")
#: Bytes of a record's header, and of its content (RFC 8446, section 5.1).
RECORD_HEADER = 5
MAX_RECORD = 2**14


@dataclasses.dataclass(eq=False)
class Silent:
    """`address` is the peer's, and its client's once a PROXY header has said so."""

    sock: socket.socket
    key: str       # whose handshakes it counts among; "" for a trusted proxy
    address: str
    deadline: float
    proxied: bool  # a PROXY header is still to come
    _seen: int = 0  # bytes of what is not whole

    def first_byte(self) -> bytes:
        """→ the first byte of TLS or HTTP, b"" at the peer's end.

        Of TLS the whole first record is waited for, since a handshake that has begun costs fifty
        times what a silent peer does. Raises BlockingIOError when something is still to come,
        WireError for a wrong PROXY header and for a peer that ends in the middle.
        """
        if self.proxied:
            self._take_proxy_header()
        data = self.sock.recv(RECORD_HEADER, socket.MSG_PEEK)
        if data[:1] in TLS_BYTES:
            self._await_record(data)
        return data[:1]

    def has_spoken(self) -> bool:
        """A balancer that only looks whether we listen has not, for one."""
        try:
            return bool(self.sock.recv(1, socket.MSG_PEEK))
        except OSError:
            return False

    def _take_proxy_header(self) -> None:
        data = self.sock.recv(proxy_protocol.MAX_SIZE, socket.MSG_PEEK)
        header = proxy_protocol.parse(data)
        if header is None:
            self._await(len(data) + 1, len(data))
        else:
            self.sock.recv(header.size)
            self._wake_at(1)
            self.proxied, self._seen = False, 0
            self.address = header.address or self.address

    def _await_record(self, data: bytes) -> None:
        size = RECORD_HEADER
        if len(data) == RECORD_HEADER:
            size += min(int.from_bytes(data[3:]), MAX_RECORD)
        have = len(self.sock.recv(size, socket.MSG_PEEK))
        if have < size:
            self._await(size, have)
        self._wake_at(1)

    def _await(self, size: int, have: int) -> NoReturn:
        """Be woken when `size` bytes are there; those that are would wake us for ever."""
        if have <= self._seen:
            raise WireError("it ends in the middle of its first words")
        self._seen = have
        self._wake_at(size)
        raise BlockingIOError

    def _wake_at(self, size: int) -> None:
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, size)
