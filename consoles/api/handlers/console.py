"""The URL of a console: find the server, ask its agent, mint a token, store it, answer."""

import logging
from collections.abc import Iterator

import falcon

from consoles import exception
from consoles import model
from consoles.api import instances
from consoles.api.policies import console as policies
from consoles.api.schemas import console as schemas
from consoles.api.services import Services
from consoles.context import RequestContext
from consoles.wire import access_url

LOG = logging.getLogger(__name__)


def create(services: Services, req: falcon.Request, resp: falcon.Response,
           server_id: str) -> None:
    """POST /servers/{server_id}/console → {protocol, type, url}.

    This is the order of a console's request; the token is in the answer and nowhere else.
    """
    context = req.context.request_context
    console_type = schemas.wanted(req.get_media())
    instance = instances.find(services, context, server_id)
    services.require(context, policies.CREATE, instances.owner(services, context, instance))
    host, info = _locate(services, context, instance, console_type)
    token = model.mint_token()
    services.consoleauth.add_connection_details(
        context, instance_id=instance.id, console_type=console_type, token=token,
        host=info.host, port=info.port, access_url_base=info.access_url_base,
        internal_access_path=info.internal_access_path, tls_port=info.tls_port,
        tls_name=info.tls_name, agent_host=host, project_id=context.project_id,
        user_id=context.user_id)
    LOG.info("Gave out a %s console of instance %s on %s", console_type, instance.id, host)
    resp.cache_control = ["no-store"]
    resp.media = {"protocol": model.PROTOCOLS[console_type], "type": console_type,
                  "url": access_url.join(info.access_url_base, token, console_type)}


def _locate(services: Services, context: RequestContext, instance: model.Instance,
            console_type: model.ConsoleType) -> tuple[str, model.ConnectInfo]:
    """→ the host whose agent knows the instance, and what that agent says.

    An agent that does not know it is behind or ahead of the inventory, so the instance is moving.
    """
    for host in _hosts(services, context, instance):
        try:
            return host, model.ConnectInfo.from_dict(
                services.compute.at(host).get_console(context, instance.id, console_type))
        except exception.InstanceNotFound:
            LOG.info("Instance %s is not on %s (any more)", instance.id, host)
    raise exception.InstanceMoving(f"no agent knows instance {instance.id}")


def _hosts(services: Services, context: RequestContext,
           instance: model.Instance) -> Iterator[str]:
    """The host that the inventory names, then the one it names by now, if another."""
    if not instance.host:
        raise exception.InstanceNotReady(f"instance {instance.id} has no host")
    yield instance.host
    now = instances.find(services, context, instance.id)
    if now.host and now.host != instance.host:
        yield now.host
