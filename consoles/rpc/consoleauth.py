"""consoleauth: who may use which console, with the calls of the VNC console cleanup document.

Tokens are hashed here, on the caller's side: an endpoint's `token` is always a SHA-256 in hex.
"""

import re
from typing import Any

from consoles import exception
from consoles import model
from consoles.context import RequestContext
from consoles.rpc.interface import Client
from consoles.rpc.interface import Interface

#: Nova's tokens are UUIDs; ours never look so.
NOVA_FORM = r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z"


def is_nova_token(token: str) -> bool:
    """Whether Nova may have made it."""
    return re.match(NOVA_FORM, token) is not None


class ConsoleAuth(Client):
    """Connection details: added by the API, asked for by proxies, listed and deleted by agents."""

    interface = Interface("consoles-consoleauth", "1.0", exception.ConsoleauthUnavailable)

    def add_connection_details(
            self, context: RequestContext, instance_id: str, console_type: str, token: str,
            host: str, port: int, access_url_base: str, internal_access_path: str | None = None,
            tls_port: int | None = None, tls_name: str | None = None,
            agent_host: str | None = None, project_id: str | None = None,
            user_id: str | None = None, ttl: int | None = None,
            options: dict[str, Any] | None = None) -> Any:
        """Store where a console is for `ttl` seconds; → {id, created_at, expires_at} (ms).

        `agent_host` names the agent that is asked again when the token is used; without it
        what is stored here is used as it stands. `ttl` is capped by the configuration.
        `options` are the restrictions of `wire.restrictions`, and whatever else the caller keeps.

        Raises BadRequest for what is malformed, and for a restriction that this type cannot keep.
        """
        return self._call(
            context, "add_connection_details", instance_id=instance_id,
            console_type=console_type, token=model.token_hash(token), host=host, port=port,
            access_url_base=access_url_base, internal_access_path=internal_access_path,
            tls_port=tls_port, tls_name=tls_name, agent_host=agent_host, project_id=project_id,
            user_id=user_id, ttl=ttl, options=options)

    def get_connection_details(self, context: RequestContext, token: str,
                               session: dict[str, Any] | None = None,
                               nova_token: str | None = None) -> Any:
        """→ `model.Details` as a dictionary, or None for a token that is unknown or expired.

        With `session` (a `model.SessionRequest`) the token is claimed, the session's row is
        inserted in state `opening` and the agent is asked where the console is now.
        `nova_token` is the token itself, as the one exception: where [consoleauth] backend is
        nova, and for what looks like a token of Nova's (`is_nova_token`), which then is asked.

        Raises WrongConsoleType, AddressNotAllowed, TokenUsed, InUse, OverLimit, PortChanged,
        InstanceNotFound, InstanceMoving, InstanceNotReady, ConsoleTypeUnavailable,
        AgentUnavailable, NovaUnavailable.
        """
        more = {"nova_token": nova_token} if nova_token else {}
        return self._call(context, "get_connection_details", token=model.token_hash(token),
                          session=session, **more)

    def get_connection_details_by_instance(
            self, context: RequestContext, instance_id: str, include_idle: bool = True,
            include_expired: bool = False) -> Any:
        """→ a list of details, without tokens or tickets."""
        return self._call(context, "get_connection_details_by_instance", instance_id=instance_id,
                          include_idle=include_idle, include_expired=include_expired)

    def get_connection_details_by_host(self, context: RequestContext, host: str,
                                       only_idle: bool = True) -> Any:
        """→ a list of the details that the agent of `host` gave, for it to release."""
        return self._call(context, "get_connection_details_by_host", host=host,
                          only_idle=only_idle)

    def touch_connection_details(self, context: RequestContext, tokens: list[str]) -> Any:
        """Say that these are in use; → how many were known."""
        return self._call(context, "touch_connection_details",
                          tokens=[model.token_hash(t) for t in tokens])

    def delete_connection_details(self, context: RequestContext, tokens: list[str],
                                  reason: str = "deleted",
                                  ids: list[str] | None = None) -> Any:
        """Forget details, by token or by id (lists carry no token), and end their sessions.

        → {deleted, sessions}: how many details were forgotten, and the ids of the sessions.
        `reason` is one of `exception.CLOSE_CODES`, or "deleted" for the plain end.
        """
        return self._call(context, "delete_connection_details",
                          tokens=[model.token_hash(t) for t in tokens], reason=reason, ids=ids)
