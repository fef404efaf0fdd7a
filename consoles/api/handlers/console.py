"""The URL of a console: find the server, ask its agent, mint a token, store it, answer."""

import logging

import falcon

from consoles import model
from consoles.api import instances
from consoles.api import operation
from consoles.api import places
from consoles.api.policies import console as policies
from consoles.api.schemas import console as schemas
from consoles.api.services import Services
from consoles.wire import access_url

LOG = logging.getLogger(__name__)

#: What each operation that gives out a URL may answer instead.
FAULTS = operation.COMMON + operation.WITH_BODY + operation.OF_A_SERVER + operation.OF_A_CONSOLE


@operation.operation(
    "The URL of a console.", rules=(policies.CREATE,), body=schemas.CREATE,
    answers={200: schemas.CONSOLE}, faults=FAULTS)
def create(services: Services, req: falcon.Request, resp: falcon.Response,
           server_id: str) -> None:
    """POST /servers/{server_id}/console → {protocol, type, url}."""
    resp.media = open_console(services, req, resp, server_id, schemas.wanted(req.get_media()))


def open_console(services: Services, req: falcon.Request, resp: falcon.Response, server_id: str,
                 wanted: schemas.Wanted) -> dict[str, str]:
    """→ {protocol, type, url}, and the answer's headers.

    This is the order of a console's request; the token is in the answer and nowhere else.
    """
    console_type = wanted.console_type
    _check_ttl(services, wanted.ttl)
    context = req.context.request_context
    services.rates.take("user_id", context.user_id)
    instance = instances.find(services, context, server_id)
    services.require(context, policies.CREATE, instances.owner(services, context, instance))
    services.rates.take("project_id", context.project_id)  # who is refused takes nothing of it
    host, info = places.locate(services, context, instance, console_type, wanted.choice)
    token = model.mint_token()
    services.consoleauth.add_connection_details(
        context, instance_id=instance.id, console_type=console_type, token=token,
        host=info.host, port=info.port, access_url_base=info.access_url_base,
        internal_access_path=info.internal_access_path, tls_port=info.tls_port,
        tls_name=info.tls_name, agent_host=host, project_id=context.project_id,
        user_id=context.user_id, ttl=wanted.ttl, options={**wanted.restrictions, **wanted.choice})
    LOG.info("Gave out a %s console of instance %s on %s", console_type, instance.id, host)
    resp.cache_control = ["no-store"]
    return {"protocol": model.PROTOCOLS[console_type], "type": console_type.value,
            "url": access_url.join(info.access_url_base, token, console_type)}


def _check_ttl(services: Services, ttl: int | None) -> None:
    if ttl is not None and ttl > services.token_ttl:
        raise falcon.HTTPBadRequest(
            description="Invalid input for ttl: URLs are good for at most "
                        f"{services.token_ttl} seconds.")
