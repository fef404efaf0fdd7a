"""POST /servers/{server_id}/action: what a body's one key asks for."""

from typing import Any

import falcon

from consoles.api import instances
from consoles.api import microversion
from consoles.api import operation
from consoles.api import places
from consoles.api.handlers import console
from consoles.api.policies import console as console_policies
from consoles.api.policies import console_output as policies
from consoles.api.schemas import actions as schemas
from consoles.api.schemas.console import Wanted
from consoles.api.services import Services
from consoles.model import ConsoleType


def _give_console(name: str) -> operation.Operation:
    """An action of before microversion 2.6, one for each kind of console."""
    def run(services: Services, req: falcon.Request, resp: falcon.Response,
            server_id: str) -> None:
        wanted = Wanted(ConsoleType(req.get_media()[name]["type"]))
        given = console.open_console(services, req, resp, server_id, wanted)
        resp.media = {"console": {"type": given["type"], "url": given["url"]}}

    return operation.Operation(
        run=run, summary="The URL of a console, as Nova gave it before microversion 2.6.",
        rules=(console_policies.CREATE,), body={microversion.FIRST: schemas.CONSOLE[name]},
        answers={200: schemas.GIVEN}, faults=console.FAULTS, last=(2, 5))


@operation.operation(
    "The end of a server's console log.", rules=(policies.SHOW,),
    body={microversion.FIRST: schemas.OUTPUT}, answers={200: schemas.LOG},
    faults=operation.COMMON + operation.WITH_BODY + operation.OF_A_SERVER + (501,))
def get_output(services: Services, req: falcon.Request, resp: falcon.Response,
               server_id: str) -> None:
    """{"os-getConsoleOutput": {"length": lines}} → {"output": "..."}; -1 or null: all of it.

    Control characters go, but tabs and the ends of lines, and so does the last line's end.
    """
    context = req.context.request_context
    length = req.get_media()["os-getConsoleOutput"].get("length")
    lines = None if length is None or int(length) < 0 else int(length)
    instance = instances.find(services, context, server_id)
    services.require(context, policies.SHOW, instances.owner(services, context, instance))
    _, text = places.ask(services, context, instance, lambda agent: agent.get_console_output(
        context, instance.id, lines))
    resp.media = {"output": text.translate(CONTROLS).removesuffix("\n")}


#: As Nova: neither escape sequences nor CR reach who reads a log.
CONTROLS = dict.fromkeys([*range(0x09), *range(0x0b, 0x20)])
ACTIONS: dict[str, operation.Operation] = {
    **{name: _give_console(name) for name in schemas.CONSOLE}, "os-getConsoleOutput": get_output}


@operation.operation("Do something with a server.", faults=console.FAULTS,
                     body={microversion.FIRST: schemas.ONE_KEY})
def run(services: Services, req: falcon.Request, resp: falcon.Response, **parts: str) -> None:
    """Hand over to the action; one that Nova has and we have not is a 400, as one nobody has."""
    document: dict[str, Any] = req.get_media()
    [name] = document
    if name not in ACTIONS:
        raise falcon.HTTPBadRequest(description=f"There is no such action: {name[:64]}")
    ACTIONS[name].serve(services, req, resp, **parts)
