"""Tokens added and checked, sessions reported to consoleauth over RabbitMQ, with a full database.

`python -m benchmarks --workload tokens`: with one copy and with two, on MariaDB, PostgreSQL and
SQLite, then while the janitor deletes as many rows as there were. Details have no agent, so that
what a hypervisor takes to answer is left out.
"""

import contextlib
import dataclasses
import pathlib
import sys
import time
from collections.abc import Callable
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from oslo_config import cfg

from benchmarks import machine
from benchmarks import report
from benchmarks import rows
from benchmarks.token_load import Clients
from benchmarks.token_load import Load
from benchmarks.token_load import REPORTED
from consoles import model
from consoles.db import claims
from consoles.db import connections
from consoles.db import engine
from consoles.db import expiry
from consoles.db import sessions
from consoles.db.models import Connection
from tests.fixtures.database import running
from tests.fixtures.database import Server
from tests.fixtures.explain import explain
from tests.fixtures.mariadb import MariaDB
from tests.fixtures.postgresql import PostgreSQL
from tests.fixtures.processes import Services
from tests.fixtures.rabbit import Rabbit
from tests.fixtures.system import System

OUTPUT = pathlib.Path("build/bench-tokens.json")
COPIES = (1, 2)
#: Checks a second beside the janitor: as many as leave the machine room for both.
RATE = 40
#: Reports a second, each of up to 500 sessions.
REPORTS = 4
NEVER, SOON = 3600, 1


@dataclasses.dataclass(frozen=True)
class Size:
    """Rows in the database, and seconds of each measurement."""

    rows: int
    seconds: float


FULL, QUICK = Size(1_000_000, 20), Size(50_000, 4)


class Plant:
    """Services on one database; `pids` are the processes that are measured, by name."""

    def __init__(self, directory: pathlib.Path, stack: contextlib.ExitStack, url: str,
                 broker: Rabbit) -> None:
        directory.mkdir()
        self.services = Services(directory)
        stack.callback(self.services.end)
        self.url = broker.new_vhost()
        self._system = System(self.services, self.url, hosts=(), database={"connection": url},
                              DEFAULT={"debug": "false"}, proxy={"touch_interval": 30})
        self._system.sync()
        self.database = _connect(url)
        stack.callback(self.database.close)

    @contextlib.contextmanager
    def copies(self, count: int, interval: int = NEVER) -> Iterator[list[int]]:
        """So many copies of consoleauth, whose janitor comes so often; → their processes."""
        config = self.services.write("janitor.conf", {"consoleauth": {
            "janitor_interval": interval, "token_ttl": 86400}})
        names = [f"auth{number}-of-{count}-{interval}" for number in range(count)]
        for name in names:
            self.services.start(name, "consoles-consoleauth", "--config-file", config,
                                line="serves the bus")
        try:
            yield [self.services[name].pid for name in names]
        finally:
            for name in names:
                self.services[name].terminate(30)


def _connect(url: str) -> engine.Database:
    conf = cfg.ConfigOpts()
    engine.register_opts(conf)
    conf([], project="consoles", default_config_files=[], default_config_dirs=[])
    conf.set_override("connection", url, group="database")
    return engine.connect(conf)


def percentile(took: list[float], part: float) -> float:
    """Of sorted seconds, in milliseconds."""
    return took[min(len(took) - 1, int(len(took) * part))] * 1000


class Bench:
    """One run; collects rows as `report` has them, the database in the place of the peer."""

    def __init__(self, directory: pathlib.Path, stack: contextlib.ExitStack, size: Size) -> None:
        self._size = size
        self._directory = directory
        self._stack = stack
        self._processes: dict[str, list[int]] = {}
        self.rows: list[report.Row] = []
        self.broker = Rabbit(directory / "rabbit")
        stack.callback(self.broker.end)
        self.broker.start()

    def store(self, name: str, url: str, pids: list[int]) -> None:
        """All of it on one database, whose server has these processes."""
        self._processes = {name: pids, "RabbitMQ": [
            int((self.broker.directory / "pid").read_text())]}
        tell(f"{name}: {self._size.rows:,} tokens and as many sessions are written")
        plant = Plant(self._directory / name, self._stack, url, self.broker)
        everything = range(self._size.rows)
        rows.fill(plant.database, everything)
        live = range(self._size.rows // 20)
        rows.fill_sessions(plant.database, everything, live=len(live))
        rows.analyze(plant.database)
        with Clients(plant.url) as clients:
            for count in COPIES:
                with plant.copies(count) as pids:
                    for kind in ("add", "check"):
                        self._load(name, f"tokens-{kind}-{count}", clients, pids,
                                   Load(kind, self._size.seconds, everything))
                    self._load(name, f"sessions-report-{count}", clients, pids, Load(
                        "report", self._size.seconds, live, rate=REPORTS,
                        each=min(REPORTED, len(live) // rows.WORKERS)))
            self._plans(name, plant.database)
            self._janitor(name, plant, clients)

    def _load(self, name: str, workload: str, clients: Clients, pids: list[int],
              load: Load) -> None:
        tell(f"{name}: {workload}")
        clients.warm(load)
        processes = self._processes | {"consoleauth": pids}
        before = _used(processes)
        begun = time.monotonic()
        took = clients.run(load)
        seconds = time.monotonic() - begun
        self._note(name, workload, seconds, [
            ("rate", "1/s", len(took) / load.seconds), ("p50", "ms", percentile(took, 0.5)),
            ("p99", "ms", percentile(took, 0.99)), ("longest", "ms", percentile(took, 1)),
            *((f"CPU of {what}", "ms", (used - before[what]) / len(took) / load.each * 1000)
              for what, used in _used(processes).items())])

    def _janitor(self, name: str, plant: Plant, clients: Clients) -> None:
        """Checks at a steady rate, first alone, then while so many expired rows are deleted."""
        count = self._size.rows
        expired = range(2 * count, 3 * count)
        tell(f"{name}: {count:,} expired tokens are written")
        rows.fill(plant.database, expired, expired=True)
        load = Load("check", self._size.seconds, range(count), RATE)
        with plant.copies(1) as pids:
            self._load(name, "tokens-check-alone", clients, pids, load)
        with plant.copies(1, SOON) as pids:
            before, begun = _expired(plant.database), time.monotonic()
            self._load(name, "tokens-check-janitor", clients, pids, load)
            seconds = time.monotonic() - begun
            gone = before - _expired(plant.database)
        self._note(name, "tokens-check-janitor", seconds, [
            ("rows deleted meanwhile", "", gone), ("deleted", "1/s", gone / seconds)])

    def _plans(self, name: str, database: engine.Database) -> None:
        print(f"\n{name}: how the questions of every opening, report and round are answered")
        for what, func, arguments in questions(self._size.rows):
            for step in explain(database, func, *arguments):
                words = " ".join(step.statement.split())[:60]
                print(f"  {what:<10} {step.table:<12} {step.index or 'NO INDEX':<34} "
                      f"{step.rows or '':<8} {words}")

    def _note(self, peer: str, workload: str, seconds: float,
              figures: list[tuple[str, str, float]]) -> None:
        self.rows += [{"peer": peer, "workload": workload, "figure": figure, "unit": unit,
                       "value": value, "seconds": seconds} for figure, unit, value in figures]


def questions(count: int) -> list[tuple[str, Callable[..., Any], tuple[Any, ...]]]:
    """A name, a function of `consoles.db`, its arguments."""
    session = model.SessionRequest(id="new", worker="worker-1", kind="novnc", boot_id="boot",
                                   client_address="192.0.2.1")
    return [
        ("check", claims.claim, (rows.token(count // 2), session, sessions.Limits())),
        ("by console", sessions.find, ({"instance_id": "instance-7"}, 100, None)),
        ("report", connections.touch_ids, ([rows.connection_id(1)],)),
        ("report", sessions.end_former_lives, ("worker-1", "boot")),
        ("janitor", expiry.find, (expiry.old_connections(3600, 90), 20_000)),
        ("janitor", expiry.find, (expiry.lost_sessions(90), 20_000)),
        ("janitor", expiry.find, (expiry.old_sessions(3600), 20_000)),
    ]


def _used(processes: dict[str, list[int]]) -> dict[str, float]:
    """Seconds of CPU by what has used them."""
    return {what: sum(map(machine.cpu, pids)) for what, pids in processes.items() if pids}


def _expired(database: engine.Database) -> int:
    now = int(time.time() * 1000)
    with database.engine.connect() as connection:
        return connection.scalar(sa.select(sa.func.count()).select_from(Connection)
                                 .where(Connection.expires_at < now)) or 0


def _servers(directory: pathlib.Path) -> Iterator[tuple[str, Server]]:
    yield "MariaDB", MariaDB(directory / "mariadb", megabytes=1024)
    yield "PostgreSQL", PostgreSQL(directory / "postgresql", shared_buffers="1GB", autovacuum="on")


def tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def run(directory: pathlib.Path, stack: contextlib.ExitStack, quick: bool) -> None:
    """Measure, print and write it to a file of its own."""
    bench = Bench(directory, stack, QUICK if quick else FULL)
    for name, server in _servers(directory):
        server.directory.mkdir()
        with running(server):
            bench.store(name, server.new_database(), [server.pid])
    bench.store("SQLite", f"sqlite:///{directory}/tokens.sqlite", [])
    print("\n" + report.table(bench.rows, ["MariaDB", "PostgreSQL", "SQLite"]))
    report.write(bench.rows, OUTPUT)
