"""Opens a TCP connection to a console."""

import asyncio
import logging
import socket
from collections.abc import Callable

from consoles import exception
from consoles.stream.connection import Connection

LOG = logging.getLogger(__name__)


async def dial(host: str, port: int, timeout: float,
               allows: Callable[[str, int], bool]) -> Connection:
    """Resolve once, judge every answer by `allows(address, port)`, connect to an allowed one.

    Raises TargetNotAllowed when there is none, TargetUnreachable when it says no, TargetTimeout
    when it says nothing.
    """
    try:
        async with asyncio.timeout(timeout):
            return await _connect(await _addresses(host, port, allows), port)
    except TimeoutError as exc:
        raise exception.TargetTimeout(f"{host}:{port} does not answer in {timeout} s") from exc
    except (OSError, UnicodeError) as exc:
        raise exception.TargetUnreachable(f"{host}:{port}: {exc}") from exc


async def _addresses(host: str, port: int, allows: Callable[[str, int], bool]) -> list[str]:
    loop = asyncio.get_running_loop()
    found = [str(entry[4][0]) for entry in
             await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    allowed = [address for address in found if allows(address, port)]
    if not allowed:
        LOG.warning("A console's target is not allowed: %s:%s (%s), see [proxy] allowed_targets",
                    host, port, ", ".join(found))
        raise exception.TargetNotAllowed(f"{host}:{port} is not an allowed target")
    return allowed


async def _connect(addresses: list[str], port: int) -> Connection:
    """To the addresses themselves: the name is not asked for again, it could answer otherwise."""
    loop = asyncio.get_running_loop()
    for address in addresses[:-1]:
        try:
            return (await loop.create_connection(Connection, address, port))[1]
        except OSError as exc:
            LOG.debug("%s port %s: %s", address, port, exc)
    return (await loop.create_connection(Connection, addresses[-1], port))[1]
