"""consoles-manage probe: open a console as its user would, and say at which stage it fails."""

import argparse
import contextlib
import dataclasses
import time
from collections.abc import Callable
from typing import Any
from typing import TypeVar
from urllib.parse import urlsplit
from urllib.parse import urlunsplit

from consoles import exception
from consoles import model
from consoles.client import console_url
from consoles.client import reach
from consoles.client import serial
from consoles.command import advice
from consoles.command import handshake
from consoles.command import instances
from consoles.command import output
from consoles.conf.base_urls import BASE_URLS
from consoles.context import RequestContext
from consoles.model import ConsoleType
from consoles.proxies import catalog
from consoles.rpc.compute import Compute
from consoles.rpc.consoleauth import ConsoleAuth
from consoles.rpc.inventory import Inventory
from consoles.rpc.transport import ThreadCaller
from consoles.wire import access_url

#: The exit status by the stage that fails; 0 when none does.
EXIT = {"server": 3, "type": 3, "agent": 3, "token": 4, "access": 4, "proxy": 5, "page": 5,
        "target": 6, "greeting": 7}
#: The type that is probed where none is told: the first of these that the host offers.
PREFERRED = (ConsoleType.NOVNC, ConsoleType.SPICE_HTML5, ConsoleType.SERIAL, ConsoleType.WEBMKS,
             ConsoleType.XVPVNC)
#: Seconds; the proxy itself answers earlier, also for a target that is silent.
TIMEOUT, MAX_TIMEOUT = 20.0, 3600
#: A probe's token is not for anybody else: seconds that it would live if it could not be deleted.
TTL = 60
USER = "consoles-manage probe"
ADDRESSES = {"vnc": "server_proxyclient_address", "spice": "server_proxyclient_address",
             "serial_console": "proxyclient_address"}
SUMMARY = ("open a console as its user would and say which stage fails; the exit status is 0 when "
           "none does, 3 for the server and its agent, 4 for the token and the proxy's verdict on "
           "it, 5 for the proxy, 6 for what is behind it, 7 for the guest's first words")
ROWS = {row.console_type: row for row in catalog.ROWS.values()}
_T = TypeVar("_T")


@dataclasses.dataclass(frozen=True)
class Stage:
    """One step of a probe; `ms` it took. `advice` is there when it failed."""

    stage: str
    ok: bool
    ms: int
    text: str
    advice: str = ""


class Failed(Exception):
    """The probe is over; its last stage says why."""


class Course:
    """The stages so far. `known` is what advice needs to know, see `advice.REASONS`."""

    def __init__(self) -> None:
        self.stages: list[Stage] = []
        self.known = {"host": "its host", "option": "*_base_url", "place": "its console",
                      "address": "the address", "command": "the proxy", "here": "here"}

    def run(self, name: str, step: Callable[[], _T], tell: Callable[[_T], str]) -> _T:
        """→ what `step` answers. Raises Failed, once the stage with the fault is noted."""
        began = time.monotonic()
        try:
            answer = step()
        except (exception.ConsolesError, handshake.Refusal, handshake.NoProxy, OSError) as exc:
            verdict = advice.judge(name, exc, self.known)
            self._take_back(verdict.stage)
            self._note(verdict.stage, False, began, verdict.text, verdict.advice)
            raise Failed from None
        self._note(name, True, began, tell(answer))
        return answer

    def _note(self, name: str, ok: bool, began: float, text: str, advice: str = "") -> None:
        took = round((time.monotonic() - began) * 1000)
        self.stages.append(Stage(name, ok, took, text, advice))

    def _take_back(self, fault: str) -> None:
        """What went well before it was known that it had not: a proxy refuses behind the 101."""
        wrong = {fault} if fault == "greeting" else {fault, "target"}
        self.stages = [stage for stage in self.stages if stage.stage not in wrong]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("server", help="a server's id or name")
    parser.add_argument("--type", choices=[kind.value for kind in PREFERRED],
                        help="the type of console; the first that its host offers")
    parser.add_argument("--line", type=int, metavar="NUMBER",
                        help="which of several serial lines, from 0: of type serial")
    parser.add_argument("--json", action="store_true", help="JSON instead of a table")
    parser.add_argument("--timeout", type=_seconds, default=TIMEOUT, metavar="SECONDS",
                        help=f"for each stage from the proxy on ({TIMEOUT:.0f})")
    reach.add_tls_arguments(parser)


def _seconds(text: str) -> float:
    with contextlib.suppress(ValueError):
        if 0 < (number := float(text)) <= MAX_TIMEOUT:
            return number
    raise argparse.ArgumentTypeError(f"a number of seconds, above 0 and up to {MAX_TIMEOUT}")


def run(caller: ThreadCaller, context: RequestContext, asked: Any) -> int:
    """→ the exit status."""
    if asked.line is not None:
        if asked.line < 0 or asked.type not in (None, ConsoleType.SERIAL):
            raise exception.ConfigError("--line: a number from 0 on, of lines of type serial")
        asked.type = ConsoleType.SERIAL
    context.user_id = USER
    course = Course()
    try:
        kind, url, token = _ask(course, caller, context, asked)
        try:
            _open(course, kind, url, asked)
        finally:
            _forget(caller, context, token)
    except Failed:
        pass
    if asked.json:
        output.print_json([dataclasses.asdict(stage) for stage in course.stages])
    else:
        _print(course.stages)
    last = course.stages[-1]
    return 0 if last.ok else EXIT[last.stage]


def _ask(course: Course, caller: ThreadCaller, context: RequestContext,
         asked: Any) -> tuple[ConsoleType, str, str]:
    """The API's part: → the type, the URL, and the token in it."""
    inventory = Inventory(caller)
    instance = course.run("server", lambda: instances.find(inventory, context, asked.server),
                          lambda found: f"{found['name']} ({found['id']}), {found['status']}, on "
                                        f"{found['host']}")
    course.known["host"] = host = str(instance["host"])
    kind = ConsoleType(asked.type) if asked.type else course.run(
        "type", lambda: _kind(inventory, context, host), str)
    _know(course.known, kind)
    choice = {"line": asked.line} if asked.line else None
    place = course.run("agent", lambda: _place(Compute(caller).at(host).get_console(
        context, instance["id"], kind.value, choice)),
        lambda found: f"{host}: {found.host}:{found.port}, {found.access_url_base}")
    course.known["place"] = f"{place.host}:{place.port}"
    token = model.mint_token()
    course.run("token", lambda: ConsoleAuth(caller).add_connection_details(
        context, token=token, agent_host=host, user_id=USER, ttl=TTL,
        options=choice, **{name: getattr(place, name) for name in (
            "instance_id", "console_type", "host", "port", "access_url_base", "tls_port",
            "tls_name", "internal_access_path")}), lambda _: "stored by consoleauth")
    return kind, access_url.join(place.access_url_base, token, kind), token


def _open(course: Course, kind: ConsoleType, url: str, asked: Any) -> None:
    """The client's part: the proxy, its page, the console behind it."""
    try:
        address, origin = _address(kind, url)
        tls = reach.tls_context(urlsplit(url).scheme, asked)
    except reach.Refused as exc:
        raise exception.ConfigError(str(exc)) from None
    where = urlunsplit((*urlsplit(url)[:2], "", "", ""))
    connection = course.run("proxy", lambda: handshake.reach(url, tls, asked.timeout),
                            lambda _: where)
    with contextlib.closing(connection):
        if kind == ConsoleType.XVPVNC:
            _greet(course, kind,
                   lambda: handshake.open_tunnel(connection, urlsplit(address)))
            return
        if kind != ConsoleType.SERIAL:  # its users may have a terminal and no page
            path = urlsplit(url).path or "/"
            course.run("page", lambda: handshake.get_page(connection, path), str)
    _greet(course, kind, lambda: handshake.open_websocket(address, origin, tls,
                                                                asked.timeout))


def _address(kind: ConsoleType, url: str) -> tuple[str, str]:
    """→ where the proxy's page would connect to, and its Origin. Raises reach.Refused."""
    if kind == ConsoleType.SERIAL:
        return serial.socket_url(url)
    console = console_url.parse(url, kind.value)
    return console.url, console.origin


def _greet(course: Course, kind: ConsoleType, connect: Callable[[], handshake.Channel]) -> None:
    """A refusal comes behind the 101, so what the proxy accepts is known with the first words."""
    channel = course.run("target", connect, lambda _: course.known["place"])
    with contextlib.closing(channel):
        course.run("greeting", lambda: handshake.greet(kind, channel), str)


def _forget(caller: ThreadCaller, context: RequestContext, token: str) -> None:
    with contextlib.suppress(exception.ConsolesError):  # it expires soon
        ConsoleAuth(caller).delete_connection_details(context, [token])


def _kind(inventory: Inventory, context: RequestContext, host: str) -> ConsoleType:
    offered = next((row["consoles"] for row in inventory.list_hosts(context)
                    if row["name"] == host), ())
    for kind in PREFERRED:
        if kind in offered:
            return kind
    raise exception.ConsoleTypeUnavailable(f"{host} offers none that can be probed")


def _know(known: dict[str, str], kind: ConsoleType) -> None:
    group, option = BASE_URLS[kind]
    known |= {"option": f"[{group}] {option}", "command": ROWS[kind].command,
              "address": f"[{group}] {ADDRESSES.get(group, 'host')}"}


def _place(answer: dict[str, Any]) -> model.ConnectInfo:
    return model.ConnectInfo.from_dict(answer)


def _print(stages: list[Stage]) -> None:
    output.print_table(("stage", "ok", "ms", "text"), [
        dataclasses.asdict(stage) | {"ok": "ok" if stage.ok else "FAILED"} for stage in stages])
    if stages[-1].advice:
        print(f"\n{stages[-1].advice}")
