"""Which agent knows an instance, and what it says."""

import logging
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from typing import Any

from consoles import exception
from consoles import model
from consoles.api import instances
from consoles.api.services import Services
from consoles.context import RequestContext
from consoles.rpc.compute import Compute

LOG = logging.getLogger(__name__)


def ask(services: Services, context: RequestContext, instance: model.Instance,
        question: Callable[[Compute], Any]) -> tuple[str, Any]:
    """→ the host whose agent knows the instance, and that agent's answer.

    An agent that does not know it is behind or ahead of the inventory, so the instance is moving.
    """
    for host in _hosts(services, context, instance):
        try:
            return host, question(services.compute.at(host))
        except exception.InstanceNotFound:
            LOG.info("Instance %s is not on %s (any more)", instance.id, host)
    raise exception.InstanceMoving(f"no agent knows instance {instance.id}")


def locate(services: Services, context: RequestContext, instance: model.Instance,
           console_type: str, choice: Mapping[str, Any] | None = None,
           ) -> tuple[str, model.ConnectInfo]:
    """→ the host, and where it says that the console is; `choice` tells which of several.

    Raises ConsolesError for a place without a public URL, which consoleauth would take for a
    mistake of the user's.
    """
    host, info = ask(services, context, instance, lambda agent: agent.get_console(
        context, instance.id, console_type, dict(choice or {}) or None))
    place = model.ConnectInfo.from_dict(info)
    if not place.access_url_base:
        raise exception.ConsolesError(f"{host} says no public URL for {console_type}")
    return host, place


def _hosts(services: Services, context: RequestContext,
           instance: model.Instance) -> Iterator[str]:
    """The host that the inventory names, then the one it names by now, if another."""
    if not instance.host:
        raise exception.InstanceNotReady(f"instance {instance.id} has no host")
    yield instance.host
    now = instances.reported(services, context, instance.id)
    if now is None:
        raise exception.InstanceNotFound(f"instance {instance.id} was deleted meanwhile")
    if now.host and now.host != instance.host:
        yield now.host
