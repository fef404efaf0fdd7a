"""Opens a TCP connection to a console."""

import asyncio

from consoles import exception
from consoles.stream.connection import Connection


async def dial(host: str, port: int, timeout: float) -> Connection:
    """Raises TargetUnreachable when it says no, TargetTimeout when it says nothing."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(timeout):
            _, connection = await loop.create_connection(Connection, host, port)
    except TimeoutError as exc:
        raise exception.TargetTimeout(f"{host}:{port} does not answer in {timeout} s") from exc
    except (OSError, UnicodeError) as exc:
        raise exception.TargetUnreachable(f"{host}:{port}: {exc}") from exc
    return connection
