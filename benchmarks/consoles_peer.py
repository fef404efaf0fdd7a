"""This project's own proxy as a user gets it: API, consoleauth and agent over a RabbitMQ."""

import pathlib
import sys
from collections.abc import Callable
from typing import Any

from benchmarks.machine import pinned
from tests.fixtures.processes import free_port
from tests.fixtures.processes import Services
from tests.fixtures.processes import wait_for
from tests.fixtures.rabbit import Rabbit
from tests.fixtures.system import instance_id
from tests.fixtures.system import System

HOST = "load"
#: The services that take part when a session is opened, beside the broker.
ASKED = {"consoleauth": "auth", "agent": f"agent-{HOST}"}
#: The values that an operator has, not those of the tests, which are in a hurry.
OPTIONS: dict[str, dict[str, object]] = {
    "DEFAULT": {"debug": "false"},
    "proxy": {"touch_interval": 30},
    "consoleauth": {"token_ttl": 86400},
}


class ConsolesPeer:
    """The services, once; a proxy of them for each way in which it is asked for."""

    def __init__(self, place: Any, **proxy: object) -> None:
        """`proxy` are options of that section other than an operator has."""
        self._place = place
        self._proxy = proxy
        self._system: System | None = None
        self._broker = 0

    def start(self, tls: bool, workers: int
              ) -> tuple[int, int, Callable[[], str], dict[str, int]]:
        """→ port, process, what makes the path of a session, processes of the services."""
        system = self._services()
        port = free_port()
        name = f"consoles-{port}"
        options = {"cert": self._place.certificates.cert, "key": self._place.certificates.key,
                   "ssl_only": "true"} if tls else {}
        config = system.services.write(f"{name}.conf", {
            "vnc": {"novncproxy_port": port}, "proxy": self._proxy | {"workers": workers},
            "DEFAULT": options})
        with pinned(self._place.cores["proxy"]):
            process = system.services.start(name, "consoles-novncproxy", "--config-file", config,
                                            port=port)
        services = {"RabbitMQ": self._broker} | {
            what: system.services[name].pid for what, name in ASKED.items()}
        return port, process.pid, lambda: f"/?token={system.token(HOST)}", services

    def log(self, port: int) -> pathlib.Path:
        """What the proxy of that port has said."""
        return self._services().services[f"consoles-{port}"].log

    def _services(self) -> System:
        if self._system is None:
            print("starting RabbitMQ and the services of consoles", file=sys.stderr)
            with pinned(self._place.cores["services"]):
                self._system = self._start_services()
        return self._system

    def _start_services(self) -> System:
        directory = self._place.directory / "consoles"
        directory.mkdir()
        node = Rabbit(directory / "rabbit")
        self._place.stack.callback(node.end)
        services = Services(directory)
        self._place.stack.callback(services.end)
        node.start()
        self._broker = int((node.directory / "pid").read_text())
        system = System(services, node.url, hosts=(HOST,), **OPTIONS)
        system.write_agent(HOST, [{"name": HOST, "id": instance_id(HOST), "consoles": {
            "novnc": {"host": "127.0.0.1", "port": self._place.target_port}}}])
        system.sync()
        system.start_consoleauth()
        system.start_agent(HOST)
        system.start_api()
        wait_for(lambda: system.can_open(HOST), 30)
        return system
