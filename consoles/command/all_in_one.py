"""consoles-all-in-one: every service in one process, for a trial and for development.

The same objects as the services apart; only this module knows that they share a process.
"""

import json
import logging
import tempfile
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from collections.abc import Sequence
from contextlib import contextmanager
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from oslo_config import cfg

from consoles.api import app
from consoles.api.server import Server
from consoles.command import launch
from consoles.command import proxy
from consoles.command import trial_guest
from consoles.compute import service as compute
from consoles.consoleauth import service as consoleauth
from consoles.db import engine
from consoles.db import migration
from consoles.proxies import catalog
from consoles.rpc.transport import Bus
from consoles.rpc.transport import ThreadCaller

LOG = logging.getLogger(__name__)

COMMAND = launch.Command(
    "consoles-all-in-one",
    "Every service of consoles in one process. An in-process message bus, a SQLite database that "
    "is thrown away at the end, the driver `stub` with guests of its own. Listens on loopback "
    "only and believes any 'X-Auth-Token: user:project'. For a trial, not for a cloud.",
    ("api", "vnc", "spice", "serial_console", "mks", "proxy", "compute"))
#: The in-process bus has no heartbeats, and says so with every connection.
QUIET = [*launch.QUIET, "oslo.messaging._drivers=ERROR"]
LOOPBACK = "127.0.0.1"
#: Protocol and type of what is asked for each server.
CONSOLES = (("vnc", "novnc"), ("serial", "serial"), ("spice", "spice-html5"))
TOKEN = "demo:demo"  # noqa: S105 - noauth believes any


def defaults(directory: str) -> dict[str, dict[str, Any]]:
    """What makes the services find each other in here; a configuration file may say otherwise."""
    return {
        "DEFAULT": {"transport_url": "kombu+memory:////", "default_log_levels": QUIET},
        "database": {"connection": f"sqlite:///{directory}/consoles.sqlite"},
        "api": {"auth_strategy": "noauth", "host": LOOPBACK},
        "vnc": {"novncproxy_host": LOOPBACK, "xvpvncproxy_host": LOOPBACK},
        "spice": {"html5proxy_host": LOOPBACK},
        "serial_console": {"enabled": True, "serialproxy_host": LOOPBACK},
        "mks": {"mksproxy_host": LOOPBACK},
        "inventory": {"report_interval": 5},
    }


@launch.entry_point(COMMAND.prog)
def main(argv: Sequence[str] | None = None) -> None:
    with tempfile.TemporaryDirectory(prefix="consoles-") as directory, ExitStack() as stack:
        engine.register_opts(cfg.CONF)
        conf = launch.start(argv, COMMAND, defaults(directory))
        stopped = threading.Event()
        launch.on_signals(conf, stopped.set)
        if conf.compute.stub_instances is None:
            stack.enter_context(_real_guest(conf, Path(directory)))
        migration.sync(conf)
        for build, name in ((consoleauth.build, conf.host),
                            (compute.build, conf.compute.host or conf.host)):
            stack.enter_context(_on_the_bus(conf, name, build))
        server = stack.enter_context(_api(conf))
        for spec in catalog.ROWS.values():
            if conf[spec.group].enabled:
                stack.enter_context(_proxy(spec, conf))
        _introduce(f"http://{LOOPBACK}:{server.port}")
        stopped.wait()
        print("\nStopping.", flush=True)


@contextmanager
def _real_guest(conf: cfg.ConfigOpts, directory: Path) -> Iterator[None]:
    with trial_guest.running(directory, conf.spice) as port:
        if port is not None:
            path = directory / "instances.yaml"
            path.write_text(trial_guest.instances(
                conf.compute.host or conf.host, conf.spice.server_proxyclient_address, port))
            conf.set_override("stub_instances", str(path), "compute")
            conf.set_override("enabled", True, "spice")
        yield


@contextmanager
def _on_the_bus(conf: cfg.ConfigOpts, name: str, build: Any) -> Iterator[None]:
    bus = Bus(conf)
    service = build(conf, bus)
    service.start()
    servers = bus.serve(name, service.endpoints)
    servers.wait_until_started(5)
    try:
        yield
    finally:
        servers.stop(0.2)
        service.stop()


@contextmanager
def _api(conf: cfg.ConfigOpts) -> Iterator[Server]:
    caller = ThreadCaller(Bus(conf), per_server=conf.consoleauth.max_checks_per_host)
    server = Server(app.build(conf, caller), conf.api.host, conf.api.port, conf.api.threads,
                    conf.api.max_request_body_size)
    server.bind()
    with _thread(server.run, server.stop):
        yield server


@contextmanager
def _proxy(spec: catalog.ProxySpec, conf: cfg.ConfigOpts) -> Iterator[None]:
    sock = proxy.listen(spec, conf)
    worker = proxy.make_worker(spec, conf, sock)
    with _thread(lambda: worker.run(sock), worker.stop):
        yield


@contextmanager
def _thread(run: Any, stop: Any) -> Iterator[None]:
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop()
        thread.join(5)


def _introduce(api: str) -> None:
    """Print how to use it, with URLs for each server, asked for as a user would."""
    servers = _ask(f"{api}/servers")["servers"]
    urls = [(server, url) for server in servers for url in _urls(api, server["id"])]
    example = next((server["id"] for server, url in urls if "vnc_auto" in url), "<id>")
    lines = [
        "", "consoles is up.", "",
        "List the servers:",
        f"  curl -s -H 'X-Auth-Token: {TOKEN}' {api}/servers", "",
        "Ask for a console:",
        f"  curl -s -H 'X-Auth-Token: {TOKEN}' -H 'Content-Type: application/json' \\",
        f"       -d '{_body(*CONSOLES[0])}' {api}/servers/{example}/console", "",
        "Consoles to open now, in a browser on this machine (each URL is good for "
        f"{cfg.CONF.consoleauth.token_ttl // 60} minutes):",
        *(f"  {server['name']:<16} {url}" for server, url in urls),
        "", "Ctrl-C ends it."]
    print("\n".join(lines), flush=True)


def _body(protocol: str, type: str) -> str:
    return json.dumps({"protocol": protocol, "type": type})


def _urls(api: str, server_id: str) -> list[str]:
    """The URL of each console that the server has, or why it has none."""
    answers = [_url(api, server_id, *kind) for kind in CONSOLES]
    return [answer for answer in answers if answer.startswith("http")] or answers[:1]


def _url(api: str, server_id: str, protocol: str, type: str) -> str:
    """A console's URL for a browser, or why there is none."""
    try:
        url = str(_ask(f"{api}/servers/{server_id}/console", _body(protocol, type))["url"])
    except urllib.error.HTTPError as exc:
        fault = next(iter(json.load(exc).values()))
        return f"({fault['message']})"
    # A serial console's is its WebSocket's; the page that opens it is at the same place.
    return "http" + url.removeprefix("ws") if url.startswith("ws") else url


def _ask(url: str, body: str | None = None) -> dict[str, Any]:
    request = urllib.request.Request(  # noqa: S310 - our own API
        url, data=body.encode() if body else None,
        headers={"X-Auth-Token": TOKEN, "Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
        return dict(json.load(answer))
