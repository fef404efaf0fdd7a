"""Listening sockets on the first port of a range that is free."""

import errno
import socket
from collections.abc import Iterable


def bound(host: str, ports: Iterable[int]) -> socket.socket:
    """Listen on the first address of `host`, on the first of the ports that is free there."""
    family, _, _, _, address = socket.getaddrinfo(
        host, 0, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    for port in ports:
        try:
            return socket.create_server((address[0], port), family=family)
        except OSError as exc:
            if exc.errno != errno.EADDRINUSE:
                raise
    raise OSError(errno.EADDRINUSE, "no port is free")
