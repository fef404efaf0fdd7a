"""proxies: a worker of a proxy, under its own server name `<host>:<kind>:<n>`."""

from typing import Any

from consoles import exception
from consoles.context import RequestContext
from consoles.rpc.interface import Client
from consoles.rpc.interface import Interface


class Proxies(Client):
    """Ask the worker `at(name)`."""

    interface = Interface("consoles-proxies", "1.0", exception.ProxyUnavailable, timeout=2.0)

    def close_sessions(self, context: RequestContext, ids: list[str], code: int,
                       reason: str) -> Any:
        """End sessions with this Close code and reason; → the ids of those that were there."""
        return self._call(context, "close_sessions", ids=ids, code=code, reason=reason)

    def status(self, context: RequestContext) -> Any:
        """→ {worker, kind, boot_id, opening, live, draining}."""
        return self._call(context, "status")

    def reload(self, context: RequestContext) -> Any:
        """Have the proxy read its configuration anew; → False when it has nobody who does so."""
        return self._call(context, "reload")
