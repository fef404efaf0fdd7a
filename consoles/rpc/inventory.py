"""inventory: which instances are on which host; served by consoleauth's process."""

from typing import Any

from consoles import exception
from consoles.context import RequestContext
from consoles.rpc.interface import Client
from consoles.rpc.interface import Interface


class Inventory(Client):
    """Instances and hosts: reported by agents, read by the API."""

    interface = Interface("consoles-inventory", "1.0", exception.ConsoleauthUnavailable)

    def report(self, context: RequestContext, host: str, boot_id: str, sequence: int, full: bool,
               instances: list[dict[str, Any]], endpoints: dict[str, str],
               version: str = "") -> Any:
        """Say what is on `host`: all of it (`full`), or what changed since `sequence` - 1.

        `instances` are `model.Instance` dictionaries, one that is gone has status DELETED;
        `endpoints` is {console_type: access_url_base} of the types that are on.
        → "applied", "old" (sequence already seen) or "resync" (send a full report).
        """
        return self._call(context, "report", host=host, boot_id=boot_id, sequence=sequence,
                          full=full, instances=instances, endpoints=endpoints, version=version)

    def get_instance(self, context: RequestContext, instance_id: str) -> Any:
        """→ a `model.Instance` dictionary. Raises InstanceNotFound."""
        return self._call(context, "get_instance", instance_id=instance_id)

    def list_instances(self, context: RequestContext, filters: dict[str, Any] | None = None,
                       limit: int = 1000, marker: str | None = None,
                       sort: list[list[str]] | None = None) -> Any:
        """→ instances after the one with the id `marker`.

        Filters by project_id (one, a list of them, or "*" for all), host, status, user_id, id,
        name (a part of it; `^` and `$` tie it to the ends). `sort` is [[key, "asc" or "desc"]],
        by id if absent. Raises BadRequest for a marker that is not among the project's.
        """
        return self._call(context, "list_instances", filters=filters, limit=limit,
                          marker=marker, sort=sort)

    def list_hosts(self, context: RequestContext) -> Any:
        """→ [{name, reported_at, age, version, consoles, endpoints, up, instances}]; age in ms."""
        return self._call(context, "list_hosts")
