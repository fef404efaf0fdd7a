"""The endpoint of `rpc.consoleauth`: connection details, under the hashes of their tokens."""

import logging
import uuid
from typing import Any

import sqlalchemy as sa
from oslo_config import cfg

from consoles import exception
from consoles import model
from consoles.consoleauth import arguments
from consoles.consoleauth.closing import Closer
from consoles.consoleauth.locator import Locator
from consoles.consoleauth.nova_tokens import NovaTokens
from consoles.context import RequestContext
from consoles.db import claims
from consoles.db import connections
from consoles.db import models
from consoles.db import sessions
from consoles.db.engine import Database
from consoles.rpc.interface import exposed
from consoles.wire import restrictions

LOG = logging.getLogger(__name__)

#: Close codes by the reason for which details are deleted; for the plain end, the console of
#: this URL is no more.
CLOSE_CODES = exception.CLOSE_CODES | {"deleted": exception.InstanceNotFound.close_code}


class ConsoleAuthManager:
    """Keeps details in the database, so that any copy of the service answers for all."""

    def __init__(self, conf: cfg.ConfigOpts, database: Database, locator: Locator,
                 closer: Closer, nova: NovaTokens | None = None) -> None:
        """`nova`: where the tokens count that are not ours, too."""
        self._token_ttl = conf.consoleauth.token_ttl
        self._token_max_life = max(self._token_ttl, conf.consoleauth.token_max_life)
        self._limits = sessions.Limits(conf.proxy.max_sessions_per_token,
                                       conf.proxy.max_sessions_per_project)
        self._idle_timeout = conf.consoleauth.idle_timeout
        self._database = database
        self._locator = locator
        self._closer = closer
        self._nova = nova

    @exposed
    def add_connection_details(
            self, context: RequestContext, instance_id: str, console_type: str, token: str,
            host: str, port: int, access_url_base: str, internal_access_path: str | None = None,
            tls_port: int | None = None, tls_name: str | None = None,
            agent_host: str | None = None, project_id: str | None = None,
            user_id: str | None = None, ttl: int | None = None,
            options: dict[str, Any] | None = None) -> dict[str, Any]:
        values = {
            "instance_id": instance_id, "console_type": console_type, "host": host,
            "port": port, "access_url_base": access_url_base, "tls_port": tls_port,
            "tls_name": tls_name, "agent_host": agent_host, "project_id": project_id,
            "user_id": user_id}
        arguments.check(arguments.ADD, **values, token=token, ttl=ttl, options=options,
                        internal_access_path=internal_access_path)
        restrictions.check(console_type, options or {})
        values |= {
            "id": str(uuid.uuid4()), "token_hash": token, "options": options or {},
            "request_id": context.request_id,
            # An agent is asked again, so that its tickets need not lie in the database.
            "internal_access_path": None if agent_host else internal_access_path}
        added = self._database.write(connections.add, values,
                                     min(ttl or self._token_ttl, self._token_max_life))
        LOG.info("Added %s console of instance %s", console_type, instance_id)
        return added

    @exposed
    def get_connection_details(self, context: RequestContext, token: str,
                               session: dict[str, Any] | None = None,
                               nova_token: str | None = None) -> dict[str, Any] | None:
        arguments.check(arguments.TOKENS, tokens=[token])
        arguments.check(arguments.NOVA_TOKENS, nova_token=nova_token)
        if session is None:
            known = self._database.read(connections.find, token)
            return model.Details.from_dict(known).to_dict() if known else None
        request = _session_request(session)
        place = None
        if self._nova and nova_token:
            place = self._nova.learn(nova_token, request.kind)
            if place is None:
                return None
        claim = self._database.write(claims.claim, token, request, self._limits)
        if claim is None:
            return None
        self._closer.close(context, claim.taken_over, CLOSE_CODES["taken_over"], "taken_over")
        details = claim.details
        if details["agent_host"]:
            details = self._locate(context, claim, request.id)
        elif place:  # a ticket of Nova's, if it is one, which is not stored
            details = details | {"internal_access_path": place.internal_access_path}
        return model.Details.from_dict(details | {"session_id": request.id}).to_dict()

    @exposed
    def get_connection_details_by_instance(
            self, context: RequestContext, instance_id: str, include_idle: bool = True,
            include_expired: bool = False) -> list[dict[str, Any]]:
        arguments.check(arguments.NAMED, instance_id=instance_id)
        return self._database.read(connections.by_instance, instance_id, self._idle_timeout,
                                   include_idle, include_expired)

    @exposed
    def get_connection_details_by_host(self, context: RequestContext, host: str,
                                       only_idle: bool = True) -> list[dict[str, Any]]:
        arguments.check(arguments.NAMED, host=host)
        return self._database.read(connections.by_host, host, self._idle_timeout, only_idle)

    @exposed
    def touch_connection_details(self, context: RequestContext, tokens: list[str]) -> int:
        arguments.check(arguments.TOKENS, tokens=tokens)
        return self._database.write(connections.touch, tokens)

    @exposed
    def delete_connection_details(self, context: RequestContext, tokens: list[str],
                                  reason: str = "deleted",
                                  ids: list[str] | None = None) -> dict[str, Any]:
        arguments.check(arguments.TOKENS, tokens=tokens, ids=ids)
        if reason not in CLOSE_CODES:
            raise exception.BadRequest(f"reason: not one of {sorted(CLOSE_CODES)}")
        named = sa.or_(models.Connection.token_hash.in_(tokens),
                       models.Connection.id.in_(ids or []))
        code = CLOSE_CODES[reason]
        deleted, ended = self._database.write(connections.remove, named, code, reason)
        self._closer.close(context, ended, code, reason)
        return {"deleted": deleted, "sessions": [place.id for place in ended]}

    def _locate(self, context: RequestContext, claim: claims.Claim,
                session_id: str) -> dict[str, Any]:
        try:
            return self._locator.locate(context, claim.details, claim.host)
        except exception.ConsolesError as exc:
            ended = self._database.write(claims.give_up, session_id, exc.close_code, exc.reason)
            self._closer.close(context, ended, CLOSE_CODES[claims.SIBLINGS_END],
                               claims.SIBLINGS_END)
            raise


def _session_request(session: dict[str, Any]) -> model.SessionRequest:
    arguments.check(arguments.SESSION, session=session)
    agent = arguments.plain(session.get("user_agent", ""))
    return model.SessionRequest.from_dict(session | {"user_agent": agent})
