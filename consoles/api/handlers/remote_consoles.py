"""The URL of a console as Nova gives it since microversion 2.6, and what is gone."""

import falcon

from consoles.api import microversion
from consoles.api import operation
from consoles.api.handlers import console
from consoles.api.policies import console as policies
from consoles.api.schemas import console as console_schemas
from consoles.api.schemas import remote_consoles as schemas
from consoles.api.services import Services


@operation.operation(
    "The URL of a console, as Nova gives it.", rules=(policies.CREATE,), body=schemas.CREATE,
    answers={200: schemas.REMOTE_CONSOLE}, faults=console.FAULTS,
    first=microversion.REMOTE_CONSOLES)
def create(services: Services, req: falcon.Request, resp: falcon.Response,
           server_id: str) -> None:
    """POST /servers/{server_id}/remote-consoles → {"remote_console": {protocol, type, url}}."""
    wanted = console_schemas.wanted(req.get_media()["remote_console"])
    resp.media = {"remote_console": console.open_console(services, req, resp, server_id, wanted)}


@operation.operation("XenServer's consoles of old; always 410.",
                     faults=operation.COMMON + (404, 410))
def gone(services: Services, req: falcon.Request, resp: falcon.Response, **parts: str) -> None:
    """Any /servers/{server_id}/consoles."""
    raise falcon.HTTPGone(description="This resource is no longer available. "
                                      "Use remote-consoles.")
