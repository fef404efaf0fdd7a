"""Servers in the shape of Nova's documents, as far as the inventory knows them."""

import hashlib
import urllib.parse
from typing import Any

import falcon

from consoles.api import dates
from consoles.api import instances
from consoles.api import operation
from consoles.api import validation
from consoles.api.policies import servers as policies
from consoles.api.schemas import servers as schemas
from consoles.api.services import Services
from consoles.context import RequestContext
from consoles.model import Instance


@operation.operation(
    "List servers.", rules=(policies.INDEX, policies.ALL_PROJECTS, policies.HOST),
    query=schemas.INDEX, answers={200: schemas.BRIEF_LIST})
def index(services: Services, req: falcon.Request, resp: falcon.Response) -> None:
    """GET /servers → {"servers": [{id, name, links}]}."""
    _list(services, req, resp, lambda instance: _brief(req, instance))


@operation.operation(
    "List servers with details.", rules=(policies.INDEX, policies.ALL_PROJECTS, policies.HOST),
    query=schemas.INDEX, answers={200: schemas.LIST})
def detail(services: Services, req: falcon.Request, resp: falcon.Response) -> None:
    """GET /servers/detail → the same with whole documents."""
    _list(services, req, resp, lambda instance: _whole(services, req, instance))


@operation.operation(
    "Show a server.", rules=(policies.SHOW, policies.ALL_PROJECTS, policies.HOST),
    answers={200: schemas.SERVER}, faults=operation.COMMON + (404,))
def show(services: Services, req: falcon.Request, resp: falcon.Response, server_id: str) -> None:
    """GET /servers/{server_id} → {"server": {...}}."""
    context = req.context.request_context
    instance = instances.find(services, context, server_id)
    services.require(context, policies.SHOW, instances.owner(services, context, instance))
    resp.media = {"server": {
        **_whole(services, req, instance),
        **schemas.untold(req.context.version, schemas.UNTOLD_ALONE)}}


def _list(services: Services, req: falcon.Request, resp: falcon.Response, view: Any) -> None:
    context = req.context.request_context
    query = schemas.query(req.params)
    services.require(context, policies.INDEX, context.project_id)
    filters = _filters(services, context, query)
    rows: list[dict[str, Any]] = []
    if query.limit:
        with validation.marked(query.marker):
            rows = services.inventory.list_instances(
                context, filters=filters, limit=query.limit, marker=query.marker, sort=query.sort)
    found = [Instance.from_dict(row) for row in rows]
    resp.media = {"servers": [view(instance) for instance in found
                              if instances.is_visible(services, context, instance)]}
    if found and len(found) == query.limit:
        params = urllib.parse.urlencode({**req.params, "marker": found[-1].id}, doseq=True)
        resp.media["servers_links"] = [
            {"rel": "next", "href": f"{req.prefix}{req.path}?{params}"}]


def _filters(services: Services, context: RequestContext,
             query: schemas.Query) -> dict[str, Any]:
    """The inventory's filters; one's own project, unless all are asked for and allowed."""
    if "host" in query.filters or any(key == "host" for key, _ in query.sort or []):
        services.require(context, policies.HOST, context.project_id)
    if query.all_tenants:
        services.require(context, policies.ALL_PROJECTS, context.project_id)
        return query.filters
    return {**query.filters, "project_id": instances.projects(services, context)}


def _brief(req: falcon.Request, instance: Instance) -> dict[str, Any]:
    path = f"/servers/{urllib.parse.quote(instance.id, safe='')}"
    return {"id": instance.id, "name": instance.name,
            "links": [{"rel": "self", "href": f"{req.prefix}/v2.1{path}"},
                      {"rel": "bookmark", "href": f"{req.prefix}{path}"}]}


def _whole(services: Services, req: falcon.Request, instance: Instance) -> dict[str, Any]:
    context = req.context.request_context
    owner = instances.owner(services, context, instance)
    document = {
        **_brief(req, instance), **schemas.untold(req.context.version),
        "status": instance.status, "tenant_id": owner or "", "user_id": instance.user_id or "",
        "created": dates.iso(instance.created_at), "updated": dates.iso(instance.updated_at),
        "hostId": _host_id(instance.host, owner)}
    if services.allows(context, policies.HOST, owner):
        document["OS-EXT-SRV-ATTR:host"] = instance.host
    return document


def _host_id(host: str | None, project_id: str | None) -> str:
    """The same for servers of a project on the same host, which it does not name; as Nova's."""
    return hashlib.sha224(f"{project_id or ''}{host}".encode()).hexdigest() if host else ""
