"""The version documents, which clients read before anything else and without a token."""

from typing import Any

import falcon

from consoles.api import microversion
from consoles.api import operation
from consoles.api.schemas import versions as schemas
from consoles.api.services import Services


@operation.operation("Every version there is.", answers={200: schemas.VERSIONS}, faults=(500,))
def index(services: Services, req: falcon.Request, resp: falcon.Response) -> None:
    """GET / → every version there is."""
    resp.media = {"versions": [_version(req)]}


@operation.operation("This version.", answers={200: schemas.VERSION}, faults=(500,))
def show(services: Services, req: falcon.Request, resp: falcon.Response) -> None:
    """GET /v2.1 → this one."""
    resp.media = {"version": {**_version(req), "media-types": [
        {"base": "application/json", "type": "application/vnd.openstack.compute+json;version=2.1"},
    ]}}


def _version(req: falcon.Request) -> dict[str, Any]:
    return {"id": "v2.1", "status": "CURRENT", "version": microversion.text(microversion.LAST),
            "min_version": microversion.text(microversion.FIRST), "updated": "2013-07-23T11:33:21Z",
            "links": [{"rel": "self", "href": f"{req.prefix}/v2.1/"}]}
