"""sessions: what proxies tell of the sessions they carry; served by consoleauth's process."""

from typing import Any

from consoles import exception
from consoles.context import RequestContext
from consoles.rpc.interface import Client
from consoles.rpc.interface import Interface

Rows = list[dict[str, Any]]  # the class below has a method named `list`


class Sessions(Client):
    """Session rows: reported by proxies, listed and ended for users."""

    interface = Interface("consoles-sessions", "1.0", exception.ConsoleauthUnavailable)

    def report(self, context: RequestContext, worker: str, boot_id: str,
               sessions: Rows) -> Any:
        """Upsert all sessions of a worker: [{id, connection_id, instance_id, project_id,
        console_type, client_address, state, started_at, bytes_in, bytes_out}].

        Touches their connections too. Rows of the worker's earlier life (another `boot_id`) end
        as `lost`. → {"end": [{id, code, reason}]}: sessions that were ended meanwhile and are to
        be closed with that Close code.
        """
        return self._call(context, "report", worker=worker, boot_id=boot_id, sessions=sessions)

    def close(self, context: RequestContext, tallies: Rows) -> Any:
        """Record the end of sessions (`model.Tally`); may be repeated. → the ids recorded."""
        return self._call(context, "close", tallies=tallies)

    def list(self, context: RequestContext, filters: dict[str, Any] | None = None,
             limit: int = 100, marker: str | None = None) -> Any:
        """→ sessions, newest first; filters by id, instance_id, project_id, state, worker."""
        return self._call(context, "list", filters=filters, limit=limit, marker=marker)

    def end(self, context: RequestContext, id: str, code: int = 4441,
            reason: str = "ended_by_admin") -> Any:
        """Close a session at whichever proxy holds it; → True if there was one to close.

        Raises ProxyUnavailable when the proxy that holds it does not answer; the session is then
        ended at its next report.
        """
        return self._call(context, "end", id=id, code=code, reason=reason)
