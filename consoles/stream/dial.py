"""Opens a TCP connection to a console."""

import asyncio
import socket

from consoles import exception
from consoles.stream.connection import Connection


async def dial(host: str, port: int, timeout: float) -> Connection:
    """Raises TargetUnreachable when it says no, TargetTimeout when it says nothing."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(timeout):
            transport, connection = await loop.create_connection(Connection, host, port)
    except TimeoutError as exc:
        raise exception.TargetTimeout(f"{host}:{port} does not answer in {timeout} s") from exc
    except (OSError, UnicodeError) as exc:
        raise exception.TargetUnreachable(f"{host}:{port}: {exc}") from exc
    sock: socket.socket = transport.get_extra_info("socket")
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection
