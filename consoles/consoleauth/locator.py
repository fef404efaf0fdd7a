"""Where a console is now: asked of the agent of the host that the instance is on now."""

from typing import Any

from consoles import exception
from consoles import model
from consoles.context import RequestContext
from consoles.db import connections
from consoles.db import inventory
from consoles.db.engine import Database
from consoles.rpc.compute import Compute


class Locator:
    """Follows an instance that went to another host since its URL was made."""

    def __init__(self, database: Database, compute: Compute) -> None:
        self._database = database
        self._compute = compute

    def locate(self, context: RequestContext, details: dict[str, Any],
               host: str | None) -> dict[str, Any]:
        """→ `details` with the console's place as the agent says it, `agent_host` included.

        `host` is where the inventory has the instance, None where it does not know it.
        Raises PortChanged, InstanceNotReady, ConsoleTypeUnavailable as the agent does;
        InstanceNotFound when the inventory does not know the instance either, InstanceMoving
        when it does; AgentUnavailable.
        """
        instance_id = details["instance_id"]
        host = host or details["agent_host"]
        try:
            place = self._ask(context, details, host)
        except exception.InstanceNotFound:
            former, host = host, self._host(instance_id)
            if host is None:
                raise
            place = self._ask_next(context, details, former, host)
        if host != details["agent_host"]:
            self._database.write(connections.move, details["id"], host, place)
        # The page that opens the console came from the URL that the token was made with.
        return details | place.to_dict() | {
            "agent_host": host, "access_url_base": details["access_url_base"]}

    def _ask_next(self, context: RequestContext, details: dict[str, Any], former: str,
                  host: str) -> model.ConnectInfo:
        """The instance left its host in this moment: try the next one, once."""
        if host != former:
            try:
                return self._ask(context, details, host)
            except exception.InstanceNotFound:
                pass
        raise exception.InstanceMoving(f"instance {details['instance_id']} is not at {host}")

    def _ask(self, context: RequestContext, details: dict[str, Any],
             host: str) -> model.ConnectInfo:
        agent = self._compute.at(host)
        instance_id, console_type = details["instance_id"], details["console_type"]
        if host == details["agent_host"]:
            answer = agent.validate_console(context, instance_id, console_type,
                                            details["host"], details["port"])
        else:  # another host's port says nothing here
            answer = agent.get_console(context, instance_id, console_type, details["options"])
        place = model.ConnectInfo.from_dict(answer)
        if (place.instance_id, place.console_type) != (instance_id, console_type):
            raise exception.PortChanged(f"{host} answered for another console")
        return place

    def _host(self, instance_id: str) -> str | None:
        known = self._database.read(inventory.get, instance_id)
        return known["host"] if known else None
