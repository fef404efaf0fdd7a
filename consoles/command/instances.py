"""consoles-manage instance: what the agents report, and where it would be opened."""

import argparse
import re
from typing import Any

from consoles import exception
from consoles.command import output
from consoles.context import RequestContext
from consoles.rpc.inventory import Inventory
from consoles.rpc.sessions import Sessions
from consoles.rpc.transport import ThreadCaller

PAGE = 1000
COLUMNS = ("id", "name", "status", "host", "project_id", "up", "consoles")


def add_list_arguments(parser: argparse.ArgumentParser) -> None:
    for name, text in (("host", "a hypervisor's name"), ("project", "a project's id"),
                       ("status", "such as ACTIVE or SHUTOFF"), ("name", "a part of the name")):
        # The prefix keeps it apart from the option [DEFAULT] host, which would be found instead.
        parser.add_argument(f"--{name}", dest=f"of_{name}", metavar=name.upper(), help=text)


def list_(caller: ThreadCaller, context: RequestContext, asked: Any) -> int:
    """All that match, page by page; an instance on a host that is down has no consoles."""
    wanted = {"host": asked.of_host, "project_id": asked.of_project, "status": asked.of_status,
              "name": asked.of_name}
    inventory = Inventory(caller)
    filters = {key: value for key, value in wanted.items() if value}
    found = page = inventory.list_instances(context, filters, limit=PAGE)
    while len(page) == PAGE:
        page = inventory.list_instances(context, filters, limit=PAGE, marker=page[-1]["id"])
        found = found + page
    if asked.json:
        return output.print_json(found)
    hosts = _hosts(inventory, context)
    return output.print_table(COLUMNS, [row | _told(hosts.get(row["host"])) for row in found])


def show(caller: ThreadCaller, context: RequestContext, asked: Any) -> int:
    """One instance with its host, the public URL of each type, and who has a console of it."""
    inventory = Inventory(caller)
    instance = find(inventory, context, asked.server)
    host = _hosts(inventory, context).get(instance["host"]) or {}
    sessions = [row for state in ("opening", "live")
                for row in Sessions(caller).list(
                    context, {"instance_id": instance["id"], "state": state})]
    row = instance | {"up": host.get("up", False), "age": host.get("age"),
                      "endpoints": host.get("endpoints", {}), "sessions": sessions}
    if asked.json:
        return output.print_json(row)
    flat = row | {"age": None if row["age"] is None else output.age(row["age"]),
                  "sessions": len(sessions)}
    for name in ("created_at", "updated_at"):
        flat[name] = instance[name] and output.moment(instance[name])
    endpoints = flat.pop("endpoints")
    flat |= {f"url of {kind}": url for kind, url in sorted(endpoints.items())}
    return output.print_table(("field", "value"), [
        {"field": name, "value": value} for name, value in flat.items()])


def find(inventory: Inventory, context: RequestContext, server: str) -> dict[str, Any]:
    """By id, else by name. Raises InstanceNotFound, BadRequest for a name that several have."""
    try:
        return inventory.get_instance(context, server)
    except exception.InstanceNotFound:
        found = inventory.list_instances(context, {"name": f"^{_quoted(server)}$"}, limit=PAGE)
    if not found:
        raise exception.InstanceNotFound(
            f"no host reports a server {server}: see consoles-manage instance list")
    if len(found) > 1:
        ids = ", ".join(row["id"] for row in found)
        raise exception.BadRequest(f"{len(found)} servers have the name {server}: {ids}")
    return found[0]


def _quoted(name: str) -> str:
    return re.sub(r"(\W)", r"\\\1", name)


def _hosts(inventory: Inventory, context: RequestContext) -> dict[str, dict[str, Any]]:
    return {host["name"]: host for host in inventory.list_hosts(context)}


def _told(host: dict[str, Any] | None) -> dict[str, str]:
    if host is None or not host["up"]:
        return {"up": "DOWN", "consoles": ""}
    return {"up": "up", "consoles": ",".join(host["consoles"])}
