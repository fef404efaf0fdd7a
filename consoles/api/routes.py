"""The table of routes."""

import functools
from collections.abc import Callable
from typing import Any

import falcon

from consoles.api.handlers import console
from consoles.api.handlers import servers
from consoles.api.handlers import versions
from consoles.api.services import Services

Methods = dict[str, Callable[..., None]]

VERSION_PREFIX = "/v2.1"
VERSIONS: dict[str, Methods] = {
    "/": {"GET": versions.index},
    VERSION_PREFIX: {"GET": versions.show},
}
#: Each is there with and without the version's prefix.
RESOURCES: dict[str, Methods] = {
    "/servers": {"GET": servers.index},
    "/servers/detail": {"GET": servers.detail},
    "/servers/{server_id}": {"GET": servers.show},
    "/servers/{server_id}/console": {"POST": console.create},
}


class Resource:
    """A row as Falcon wants it, an object with `on_get`, `on_post` ...; HEAD comes with GET."""

    def __init__(self, services: Services, methods: Methods) -> None:
        for method, handler in methods.items():
            setattr(self, f"on_{method.lower()}", functools.partial(handler, services))
        if "GET" in methods:
            self.on_head = functools.partial(methods["GET"], services)


def add(app: falcon.App[Any, Any], services: Services) -> None:
    for path, methods in VERSIONS.items():
        app.add_route(path, Resource(services, methods))
    for path, methods in RESOURCES.items():
        resource = Resource(services, methods)
        app.add_route(path, resource)
        app.add_route(VERSION_PREFIX + path, resource)
