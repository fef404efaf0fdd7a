"""What the API hangs on, for administrators; /healthcheck itself only says that it runs."""

from typing import Any

import falcon

from consoles import exception
from consoles.api import operation
from consoles.api.policies import healthcheck as policies
from consoles.api.schemas import healthcheck as schemas
from consoles.api.services import Services

UP, DOWN, DEGRADED, UNKNOWN = schemas.STATES


@operation.operation("The state of the bus, of consoleauth and of the agents.",
                     rules=(policies.SHOW,), answers={200: schemas.HEALTH})
def show(services: Services, req: falcon.Request, resp: falcon.Response) -> None:
    """GET /healthcheck/details → {"healthcheck": {"bus": {"status": "up", "message": "..."}, ...}}.

    One call, whose deadline is the bus's, and after a failure one look for a broker: it answers
    200 whatever it finds.
    """
    context = req.context.request_context
    services.require(context, policies.SHOW, None)
    resp.cache_control = ["no-store"]
    try:
        hosts = services.inventory.list_hosts(context)
    except exception.ConsolesError as exc:
        resp.media = {"healthcheck": _without_consoleauth(services, exc)}
        return
    resp.media = {"healthcheck": {
        "bus": _part(UP, "A broker carries messages."),
        "consoleauth": _part(UP, "It answers, and so does its database."),
        "agents": _agents(hosts)}}


def _without_consoleauth(services: Services, exc: exception.ConsolesError) -> dict[str, Any]:
    """Who cannot ask it knows nothing of the agents, and without a bus nothing of it."""
    agents = {**_part(UNKNOWN, "Only consoleauth knows them."), "up": None, "down": None,
              "hosts_down": []}
    if isinstance(exc, exception.BusUnavailable) or not services.bus_answers():
        return {"bus": _part(DOWN, "No broker of transport_url answers."),
                "consoleauth": _part(UNKNOWN, "Nobody is reached without the bus."),
                "agents": agents}
    return {"bus": _part(UP, "A broker takes connections."),
            "consoleauth": _part(DOWN, exc.public), "agents": agents}


def _agents(hosts: list[dict[str, Any]]) -> dict[str, Any]:
    """Those that ever reported; one that has been silent for service_down_time is down."""
    down = [host["name"] for host in hosts if not host["up"]]
    up = len(hosts) - len(down)
    status = (UP if up else UNKNOWN) if not down else DEGRADED if up else DOWN
    said = f"{up} up, {len(down)} down." if hosts else "None has reported yet."
    return {**_part(status, said), "up": up, "down": len(down), "hosts_down": down}


def _part(status: str, message: str) -> dict[str, Any]:
    return {"status": status, "message": message}
