"""The table of routes."""

import functools
from collections.abc import Mapping
from typing import Any

import falcon

from consoles.api import openapi
from consoles.api.handlers import actions
from consoles.api.handlers import console
from consoles.api.handlers import console_auth_tokens
from consoles.api.handlers import console_sessions
from consoles.api.handlers import healthcheck
from consoles.api.handlers import remote_consoles
from consoles.api.handlers import servers
from consoles.api.handlers import versions
from consoles.api.operation import Operation
from consoles.api.operation import operation
from consoles.api.services import Services

Methods = Mapping[str, Operation]

VERSION_PREFIX = "/v2.1"


@operation("This document.", answers={200: None}, faults=(500,))
def describe(services: Services, req: falcon.Request, resp: falcon.Response) -> None:
    """GET /openapi.json → what the API can do, for programs."""
    resp.media = description()


def description() -> dict[str, Any]:
    """The OpenAPI document of the tables below."""
    return openapi.document(DOCUMENTS, RESOURCES, VERSION_PREFIX, actions.ACTIONS)


#: Without a token, and for every microversion.
DOCUMENTS: dict[str, Methods] = {
    "/": {"GET": versions.index},
    VERSION_PREFIX: {"GET": versions.show},
    "/openapi.json": {"GET": describe},
}
#: Each is there with and without the version's prefix.
RESOURCES: dict[str, Methods] = {
    "/servers": {"GET": servers.index},
    "/servers/detail": {"GET": servers.detail},
    "/servers/{server_id}": {"GET": servers.show},
    "/servers/{server_id}/action": {"POST": actions.run},
    "/servers/{server_id}/console": {"POST": console.create},
    "/servers/{server_id}/consoles": {"GET": remote_consoles.gone, "POST": remote_consoles.gone},
    "/servers/{server_id}/consoles/{console_id}": {
        "GET": remote_consoles.gone, "DELETE": remote_consoles.gone},
    "/servers/{server_id}/console-sessions": {"GET": console_sessions.of_server},
    "/servers/{server_id}/remote-consoles": {"POST": remote_consoles.create},
    "/console-sessions": {"GET": console_sessions.index},
    "/console-sessions/{session_id}": {"DELETE": console_sessions.delete},
    "/os-console-auth-tokens/{token}": {
        "GET": console_auth_tokens.show, "DELETE": console_auth_tokens.delete},
    "/healthcheck/details": {"GET": healthcheck.show},
}


class Resource:
    """A row as Falcon wants it, an object with `on_get`, `on_post` ...; HEAD comes with GET."""

    def __init__(self, services: Services, methods: Methods) -> None:
        for method, one in methods.items():
            setattr(self, f"on_{method.lower()}", functools.partial(one.serve, services))
        if "GET" in methods:
            self.on_head = functools.partial(methods["GET"].serve, services)


def add(app: falcon.App[Any, Any], services: Services) -> None:
    for path, methods in DOCUMENTS.items():
        app.add_route(path, Resource(services, methods))
    for path, methods in RESOURCES.items():
        resource = Resource(services, methods)
        app.add_route(path, resource)
        app.add_route(VERSION_PREFIX + path, resource)
