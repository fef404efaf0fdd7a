"""The proxies that are compared, as rows; each carries the same load to the same target."""

import contextlib
import dataclasses
import functools
import hashlib
import os
import pathlib
import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable

from benchmarks import machine
from benchmarks.consoles_peer import ConsolesPeer
from benchmarks.generator import Failed
from benchmarks.machine import pinned
from tests.fixtures.certificates import Certificates
from tests.fixtures.processes import free_port
from tests.fixtures.processes import Process

REFUSED = " refused: "  # in a line of our proxy's log
INSTANCE = "5c8d1f4e-0000-4000-8000-000000000001"  # that benchmarks/nova/instance.py makes
NOVA_CONF = """\
[DEFAULT]
state_path = .
transport_url = fake:/
log_file = nova.log
concurrency_backend = {concurrency}
web =
cert = {cert}
key = {key}
[database]
connection = sqlite:///nova.sqlite
[vnc]
novncproxy_host = 127.0.0.1
novncproxy_port = {port}
"""
HAPROXY_CONF = """\
global
    nbthread 1
    maxconn 9000
defaults
    mode tcp
    timeout connect 10s
    timeout client 1h
    timeout server 1h
listen load
    bind 127.0.0.1:{port} {tls}
    server target 127.0.0.1:{target}
"""


@dataclasses.dataclass
class Place:
    """Where peers are started: a directory, cores, the port of the target, what ends them."""

    directory: pathlib.Path
    cores: dict[str, int]
    target_port: int
    stack: contextlib.ExitStack
    certificates: Certificates

    def run(self, name: str, argv: list[object], port: int) -> Process:
        """Start a proxy on its core and wait for its port."""
        directory = self.directory / name
        directory.mkdir(exist_ok=True)
        with pinned(self.cores["proxy"]):
            process = Process(name, argv, directory / "out.log", cwd=directory)
        self.stack.callback(process.kill)
        process.wait_port(port, 60)
        return process


@dataclasses.dataclass(frozen=True)
class Endpoint:
    """A proxy that runs: its port, the process whose tree is measured, where a session is,
    the processes of the services that it asks, by name, and its log if it tells of refusals."""

    port: int
    pid: int | None
    path: Callable[[], str] = lambda: "/"
    services: dict[str, int] = dataclasses.field(default_factory=dict)
    log: pathlib.Path | None = None

    def refusal(self) -> str:
        """What the proxy said of the last session that it refused."""
        lines = self.log.read_text(errors="replace").splitlines() if self.log else []
        refusals = [line.partition(REFUSED)[2] for line in lines if REFUSED in line]
        return f"; the proxy refused: {refusals[-1]}" if refusals else ""


@dataclasses.dataclass(frozen=True)
class Peer:
    """A row: `start(place, tls, workers)` gives its Endpoint.

    One that `forks` has a process for each session; a `slow` one takes 0.2 s to open one.
    """

    name: str
    start: Callable[..., Endpoint]
    forks: bool = False
    slow: bool = False
    websocket: bool = True
    tls: bool = True
    workers: bool = False


def installed(package: str) -> pathlib.Path:
    """Where tools/peers has put it; the first time it takes minutes. Raises CalledProcessError."""
    done = subprocess.run(["tools/peers", package], check=True, stdout=subprocess.PIPE, text=True)
    return pathlib.Path(done.stdout.strip())


def start_direct(place: Place, tls: bool, workers: int) -> Endpoint:
    return Endpoint(place.target_port, None)


def start_consoles(ours: ConsolesPeer, _: Place, tls: bool, workers: int) -> Endpoint:
    endpoint = Endpoint(*ours.start(tls, workers))
    return dataclasses.replace(endpoint, log=ours.log(endpoint.port))


def start_haproxy(place: Place, tls: bool, workers: int) -> Endpoint:
    program = installed("haproxy")
    port = free_port()
    config = place.directory / f"haproxy-{port}.cfg"
    both = place.directory / "both.pem"
    both.write_bytes(place.certificates.cert.read_bytes() + place.certificates.key.read_bytes())
    config.write_text(HAPROXY_CONF.format(port=port, target=place.target_port,
                                          tls=f"ssl crt {both}" if tls else ""))
    process = place.run(f"haproxy-{port}", [program, "-db", "-f", config], port)
    return Endpoint(port, process.pid)


def start_websockify(place: Place, tls: bool, workers: int) -> Endpoint:
    program = installed("websockify") / "venv/bin/websockify"
    port = free_port()
    options = [f"--cert={place.certificates.cert}", f"--key={place.certificates.key}",
               "--ssl-only"] if tls else []
    process = place.run(f"websockify-{port}", [
        program, *options, f"127.0.0.1:{port}", f"127.0.0.1:{place.target_port}"], port)
    return Endpoint(port, process.pid)


def start_nova(place: Place, tls: bool, workers: int, concurrency: str = "auto") -> Endpoint:
    home = installed("nova")
    port, token = free_port(), hashlib.sha256(f"{time.time()}".encode()).hexdigest()
    directory = place.directory / f"nova-{concurrency}-{port}"
    directory.mkdir()
    shutil.copy(home / "state/nova.sqlite", directory)
    add_nova_token(directory / "nova.sqlite", token, place.target_port)
    cert, key = (place.certificates.cert, place.certificates.key) if tls else ("", "")
    (directory / "nova.conf").write_text(NOVA_CONF.format(
        concurrency=concurrency, port=port, cert=cert, key=key))
    shim = pathlib.Path("benchmarks/nova/proxy.py").absolute()
    process = place.run(directory.name, [
        home / "venv/bin/python", shim, "--config-file", "nova.conf"], port)
    return Endpoint(port, process.pid, lambda: f"/?token={token}")


def start_nova_threads(place: Place, tls: bool, workers: int) -> Endpoint:
    return start_nova(place, tls, workers, "threading")


def add_nova_token(database: pathlib.Path, token: str, target_port: int) -> None:
    """The row that nova's compute manager would write for a user's request."""
    with contextlib.closing(sqlite3.connect(database)) as db, db:
        db.execute(
            "insert into console_auth_tokens (created_at, token_hash, console_type, host, port,"
            " instance_uuid, expires, access_url_base) values (datetime('now'),?,?,?,?,?,?,?)",
            (hashlib.sha256(token.encode()).hexdigest(), "novnc", "127.0.0.1", target_port,
             INSTANCE, int(time.time()) + 86400, "http://127.0.0.1/vnc_auto.html"))


def all_peers(place: Place) -> list[Peer]:
    """The rows, in the order of the table."""
    ours = ConsolesPeer(place)
    return [
        Peer("direct", start_direct, websocket=False, tls=False),
        Peer("consoles", functools.partial(start_consoles, ours), workers=True),
        Peer("nova-threads", start_nova_threads, forks=True, slow=True),
        Peer("nova", start_nova, forks=True, slow=True),
        Peer("websockify", start_websockify, forks=True),
        Peer("haproxy", start_haproxy, websocket=False),
    ]


class Peers:
    """Those that run; a peer is started when it is first needed."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._running: dict[tuple[str, bool, int], Endpoint] = {}

    def endpoint(self, peer: Peer, tls: bool, workers: int) -> tuple[Endpoint, bool]:
        """→ the proxy, and whether it has been started only now. Raises Failed: it cannot be."""
        key = peer.name, tls, workers
        fresh = key not in self._running
        if fresh:
            try:
                self._running[key] = peer.start(self._place, tls, workers)
            except (AssertionError, OSError, sqlite3.Error, subprocess.SubprocessError) as exc:
                raise Failed(f"it cannot be started: {exc}") from exc
        return self._running[key], fresh

    def end(self, name: str | None = None) -> None:
        """The proxies of a peer, or of all of them, at once: they may hang."""
        for key in [key for key in self._running if name in (None, key[0])]:
            for pid in machine.tree(self._running.pop(key).pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
