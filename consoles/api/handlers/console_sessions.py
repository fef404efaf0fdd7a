"""Who uses consoles: each session is one use of a token, open or over."""

import urllib.parse
from typing import Any

import falcon

from consoles import exception
from consoles.api import dates
from consoles.api import instances
from consoles.api import operation
from consoles.api import validation
from consoles.api.policies import console_sessions as policies
from consoles.api.schemas import console_sessions as schemas
from consoles.api.services import Services
from consoles.context import RequestContext

Row = dict[str, Any]

NOT_FOUND = "The console session was not found."


@operation.operation(
    "List sessions of consoles, newest first.", rules=(policies.INDEX, policies.ALL_PROJECTS),
    query=schemas.INDEX, answers={200: schemas.LIST})
def index(services: Services, req: falcon.Request, resp: falcon.Response) -> None:
    """GET /console-sessions → {"console_sessions": [...]} of one's project, administrators' all."""
    services.require(req.context.request_context, policies.INDEX,
                     req.context.request_context.project_id)
    _list(services, req, resp, {})


@operation.operation(
    "List sessions of a server's consoles, newest first.",
    rules=(policies.INDEX, policies.ALL_PROJECTS), query=schemas.INDEX,
    answers={200: schemas.LIST}, faults=operation.COMMON + (404,))
def of_server(services: Services, req: falcon.Request, resp: falcon.Response,
              server_id: str) -> None:
    """GET /servers/{server_id}/console-sessions → the same of one server."""
    context = req.context.request_context
    instance = instances.find(services, context, server_id)
    services.require(context, policies.INDEX, instances.owner(services, context, instance))
    _list(services, req, resp, {"instance_id": instance.id})


@operation.operation(
    "End a session.", rules=(policies.DELETE, policies.ALL_PROJECTS),
    answers={202: None, 204: None}, faults=operation.COMMON + (404,))
def delete(services: Services, req: falcon.Request, resp: falcon.Response,
           session_id: str) -> None:
    """DELETE /console-sessions/{session_id} → 204, also when it was over already.

    202: the proxy does not answer, and ends the session as soon as it is heard of again.
    """
    context = req.context.request_context
    row = _find(services, context, session_id)
    services.require(context, policies.DELETE, row["project_id"])
    resp.status = falcon.HTTP_204
    try:
        services.sessions.end(context, row["id"])
    except exception.ProxyUnavailable:
        resp.status = falcon.HTTP_202


def _find(services: Services, context: RequestContext, session_id: str) -> Row:
    """Raises 404 in the same words whether it does not exist or is another project's."""
    if instances.is_id(session_id):
        for row in services.sessions.list(context, {"id": session_id}, limit=1):
            own = row["project_id"] is not None and row["project_id"] == context.project_id
            if own or services.allows(context, policies.ALL_PROJECTS, row["project_id"]):
                return dict(row)
    raise falcon.HTTPNotFound(description=NOT_FOUND)


def _list(services: Services, req: falcon.Request, resp: falcon.Response,
          filters: dict[str, str]) -> None:
    context = req.context.request_context
    query = schemas.query(req.params)
    filters = {**query.filters, **filters}
    own = context.project_id
    if query.all_tenants or filters.get("project_id", own) != own:
        services.require(context, policies.ALL_PROJECTS, own)
    if not (sees_all := services.allows(context, policies.ALL_PROJECTS, own)):
        filters["project_id"] = own
    rows: list[Row] = []
    if sees_all or own:
        with validation.marked(query.marker):
            rows = services.sessions.list(context, filters, query.limit, query.marker)
    resp.media = {"console_sessions": [_document(row, sees_all) for row in rows]}
    if len(rows) == query.limit:
        params = urllib.parse.urlencode({**req.params, "marker": rows[-1]["id"]})
        resp.media["console_sessions_links"] = [
            {"rel": "next", "href": f"{req.prefix}{req.path}?{params}"}]


def _document(row: Row, sees_all: bool) -> Row:
    """The proxy's name holds a host's, which is not the tenants' to know."""
    document = {key: row[key] for key in ("id", "project_id", "state", "client_address",
                                          "user_agent", "bytes_in", "bytes_out", "code", "reason")}
    document |= {"instance_uuid": row["instance_id"], "type": row["console_type"]}
    document |= {key: dates.iso(row[key]) for key in ("started_at", "updated_at", "ended_at")}
    return document | ({"worker": row["worker"]} if sees_all else {})
