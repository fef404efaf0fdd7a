"""kombu's AMQP transport with fewer system calls and fewer wake-ups, in every service.

py-amqp reads a frame in three pieces, nine reads for one message; what it is given beyond what
it asked for it keeps, so here each read brings all that has come. And oslo.messaging looks
whether it is to stop 1, 2, 4 ... ms after each message, since it may have acknowledgements to
send: RPC has none, so here a consumer waits longer at once.
"""

from typing import Any

import amqp
from amqp import transport as sockets
from kombu import transport
from kombu.transport import pyamqp

#: Bytes of one read: a few messages, little to move when one after the other is taken off.
AHEAD = 4096
#: Seconds that a consumer waits at least: what stopping one may take longer. Whoever never waits
#: in vain sends no heartbeats, but acknowledgements, which count as such.
WAIT = 0.2


class Plain(sockets.TCPTransport):
    """A socket's bytes in AMQP's frames."""

    def _setup_transport(self) -> None:
        super()._setup_transport()
        self._quick_recv = _ahead(self.sock.recv)


class Encrypted(sockets.SSLTransport):
    """The same over TLS."""

    def _setup_transport(self) -> None:
        super()._setup_transport()
        self._quick_recv = _ahead(self.sock.read)


class Connection(pyamqp.Connection):
    """A connection to a broker that reads ahead."""

    def Transport(self, host: str, connect_timeout: float | None, ssl: Any = False,
                  read_timeout: float | None = None, write_timeout: float | None = None,
                  **options: Any) -> Plain | Encrypted:
        options |= {"read_timeout": read_timeout, "write_timeout": write_timeout}
        return (Encrypted(host, connect_timeout, ssl, **options) if ssl
                else Plain(host, connect_timeout, **options))


class Transport(pyamqp.Transport):
    """What kombu uses for `amqp://`."""

    Connection = Connection

    def drain_events(self, connection: amqp.Connection, timeout: float | None = None,
                     **options: Any) -> Any:
        if timeout is not None and timeout < WAIT and _consumes(connection):
            timeout = WAIT
        return super().drain_events(connection, timeout=timeout, **options)


def register() -> None:
    """Have kombu use it for `amqp://`."""
    transport.TRANSPORT_ALIASES["amqp"] = f"{__name__}:{Transport.__name__}"
    transport._transport_cache.pop("amqp", None)  # whoever was asked before would stay


def _ahead(read: Any) -> Any:
    return lambda wanted: read(max(wanted, AHEAD))


def _consumes(connection: amqp.Connection) -> bool:
    """Whether messages are delivered on it; who only sends holds a lock while it looks."""
    return any(getattr(channel, "callbacks", None)
               for channel in list((connection.channels or {}).values()))
