"""The version documents, which clients read before anything else and without a token."""

from typing import Any

import falcon

from consoles.api import microversion
from consoles.api.services import Services


def index(services: Services, req: falcon.Request, resp: falcon.Response) -> None:
    """GET / → every version there is."""
    resp.media = {"versions": [_version(req)]}


def show(services: Services, req: falcon.Request, resp: falcon.Response) -> None:
    """GET /v2.1 → this one."""
    resp.media = {"version": {**_version(req), "media-types": [
        {"base": "application/json", "type": "application/vnd.openstack.compute+json;version=2.1"},
    ]}}


def _version(req: falcon.Request) -> dict[str, Any]:
    return {"id": "v2.1", "status": "CURRENT", "version": microversion.MAXIMUM,
            "min_version": microversion.MINIMUM, "updated": "2013-07-23T11:33:21Z",
            "links": [{"rel": "self", "href": f"{req.prefix}/v2.1/"}]}
