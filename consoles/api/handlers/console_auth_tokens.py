"""Where the console of a token is, for gateways that are not ours: RDP, SPICE, WebMKS; and tokens
taken back."""

import falcon

from consoles import model
from consoles.api import instances
from consoles.api import microversion
from consoles.api import operation
from consoles.api import places
from consoles.api.policies import console_auth_tokens as policies
from consoles.api.schemas import console_auth_tokens as schemas
from consoles.api.services import Services
from consoles.context import RequestContext

NOT_FOUND = "Token not found."


@operation.operation(
    "Where the console of a token is.", rules=(policies.SHOW,), query=schemas.QUERY,
    answers={200: schemas.CONSOLE},
    faults=operation.COMMON + operation.OF_A_SERVER + operation.OF_A_CONSOLE)
def show(services: Services, req: falcon.Request, resp: falcon.Response, token: str) -> None:
    """GET /os-console-auth-tokens/{token} → {"console": {instance_uuid, host, port, ...}}.

    The token stays good. Its console is asked for now: it may have moved, and its ticket, if it
    has one, is good once.
    """
    context = req.context.request_context
    services.require(context, policies.SHOW, None)
    details = _find(services, context, token)
    if (req.context.version < microversion.ANY_TOKEN
            and details.console_type != model.ConsoleType.RDP_HTML5):
        raise falcon.HTTPBadRequest(description="Only tokens of RDP consoles can be looked up "
                                                "before microversion 2.31.")
    place = _now(services, context, details)
    resp.cache_control = ["no-store"]
    resp.media = {"console": {
        "instance_uuid": place.instance_id, "host": place.host, "port": place.port,
        "internal_access_path": place.internal_access_path}}
    if req.context.version >= microversion.SPICE_DIRECT:
        resp.media["console"]["tls_port"] = place.tls_port


@operation.operation(
    "Take a token back, and end its sessions.", rules=(policies.DELETE,), answers={204: None},
    faults=operation.COMMON + (404,))
def delete(services: Services, req: falcon.Request, resp: falcon.Response, token: str) -> None:
    """DELETE /os-console-auth-tokens/{token} → 204."""
    context = req.context.request_context
    details = _find(services, context, token)
    if details.project_id != context.project_id and not services.allows(
            context, policies.DELETE, details.project_id):
        raise falcon.HTTPNotFound(description=NOT_FOUND)
    services.require(context, policies.DELETE, details.project_id)
    services.consoleauth.delete_connection_details(context, [token])
    resp.status = falcon.HTTP_204


def _find(services: Services, context: RequestContext, token: str) -> model.Details:
    """Raises 404 in the same words for one that is unknown, expired or another's."""
    found = services.consoleauth.get_connection_details(context, token)
    if found is None:
        raise falcon.HTTPNotFound(description=NOT_FOUND)
    return model.Details.from_dict(found)


def _now(services: Services, context: RequestContext, details: model.Details) -> model.ConnectInfo:
    """What was stored counts only where no agent can be asked."""
    if details.agent_host is None:
        return details
    instance = instances.reported(services, context, details.instance_id)
    if instance is None:
        raise falcon.HTTPNotFound(description=NOT_FOUND)
    return places.locate(services, context, instance, details.console_type,
                         details.options)[1]
