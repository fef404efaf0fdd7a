"""Whose an instance is, and who may know of it."""

import falcon

from consoles import exception
from consoles.api.policies import servers as policies
from consoles.api.services import Services
from consoles.context import RequestContext
from consoles.model import Instance

ANY_PROJECT = "*"
MAX_ID = 64


def find(services: Services, context: RequestContext, instance_id: str) -> Instance:
    """Raises 404 in the same words whether it does not exist or is another project's."""
    instance = reported(services, context, instance_id)
    if instance is None or not is_visible(services, context, instance):
        raise falcon.HTTPNotFound(
            description=f"Instance {instance_id[:MAX_ID]} could not be found.")
    return instance


def reported(services: Services, context: RequestContext, instance_id: str) -> Instance | None:
    """What the inventory has, whosever it is."""
    if not is_id(instance_id):
        return None
    try:
        return Instance.from_dict(services.inventory.get_instance(context, instance_id))
    except exception.InstanceNotFound:
        return None


def is_id(text: str) -> bool:
    """Whether it could be the id of anything."""
    return 0 < len(text) <= MAX_ID and text.isprintable()


def projects(services: Services, context: RequestContext) -> list[str | None]:
    """The projects whose instances are the caller's own."""
    return [context.project_id, ANY_PROJECT] if services.shares_any_project else [
        context.project_id]


def owner(services: Services, context: RequestContext, instance: Instance) -> str | None:
    """The project that the instance belongs to; None: the administrators."""
    if instance.project_id == ANY_PROJECT:
        return context.project_id if services.shares_any_project else None
    return instance.project_id


def is_visible(services: Services, context: RequestContext, instance: Instance) -> bool:
    project_id = owner(services, context, instance)
    own = project_id is not None and project_id == context.project_id
    return own or services.allows(context, policies.ALL_PROJECTS, project_id)
