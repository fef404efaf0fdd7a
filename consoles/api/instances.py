"""Whose an instance is, and who may know of it."""

import falcon

from consoles import exception
from consoles.api.policies import servers as policies
from consoles.api.services import Services
from consoles.context import RequestContext
from consoles.model import Instance

ANY_PROJECT = "*"


def find(services: Services, context: RequestContext, instance_id: str) -> Instance:
    """Raises 404 in the same words whether it does not exist or is another project's."""
    try:
        instance = Instance.from_dict(services.inventory.get_instance(context, instance_id))
    except exception.InstanceNotFound:
        instance = None
    if instance is None or not is_visible(services, context, instance):
        raise falcon.HTTPNotFound(description=f"Instance {instance_id} could not be found.")
    return instance


def owner(services: Services, context: RequestContext, instance: Instance) -> str | None:
    """The project that the instance belongs to; None: the administrators."""
    if instance.project_id == ANY_PROJECT:
        return context.project_id if services.shares_any_project else None
    return instance.project_id


def is_visible(services: Services, context: RequestContext, instance: Instance) -> bool:
    project_id = owner(services, context, instance)
    own = project_id is not None and project_id == context.project_id
    return own or services.allows(context, policies.ALL_PROJECTS, project_id)
