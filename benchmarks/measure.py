"""Carries one load through one proxy and looks at the proxy meanwhile."""

import time
from typing import Any

from benchmarks import machine
from benchmarks.generator import Generator
from benchmarks.peers import Endpoint
from benchmarks.peers import Peer
from benchmarks.peers import Place
from benchmarks.workloads import amount
from benchmarks.workloads import Workload


class Meter:
    """CPU used between two looks, in seconds: of the proxy, its services, others on its core."""

    def __init__(self, endpoint: Endpoint, core: int) -> None:
        self._endpoint = endpoint
        self._core = core
        self._before = self._look()

    def _look(self) -> dict[str, float]:
        services = {name: machine.cpu(pid) for name, pid in self._endpoint.services.items()}
        return services | {"cpu": machine.cpu(self._endpoint.pid), "busy": machine.busy(self._core),
                           "at": time.monotonic()}

    def used(self) -> dict[str, Any]:
        """Since it was made; `services` by their names, `others` is a share of the time."""
        now = self._look()
        used = {name: now[name] - self._before[name] for name in now}
        others = max(0.0, used["busy"] - used["cpu"]) / used["at"]
        return {"cpu": used["cpu"], "others": others,
                "services": {name: used[name] for name in self._endpoint.services}}


def settle(pid: int | None, processes: int, seconds: float) -> None:
    """Wait until ended sessions have left nothing to do: their processes, their reports."""
    deadline = time.monotonic() + seconds
    while len(machine.tree(pid)) > processes and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.5)  # of a proxy without processes nothing tells; its work for this is done by now


def load(place: Place, endpoint: Endpoint, peer: Peer, tls: bool, **options: object) -> Generator:
    """The generator on its core, with what it has to know of the proxy."""
    with machine.pinned(place.cores["generator"]):
        return Generator(port=endpoint.port, target_port=place.target_port, path=endpoint.path(),
                         websocket=int(peer.websocket), tls=int(tls), **options)


def warm(place: Place, endpoint: Endpoint, peer: Peer, tls: bool) -> None:
    """A few sessions, so that what is loaded and connected once counts for none."""
    with load(place, endpoint, peer, tls, work="open", clients=2 if peer.slow else 40,
              parallel=2) as generator:
        generator.wait("ready", 10)
        generator.go()
        generator.wait("done", 60)
    time.sleep(1)


def measure(place: Place, endpoint: Endpoint, peer: Peer, row: Workload,
            quick: bool) -> dict[str, Any]:
    """→ what the generator said when it was `done` and `stalled`, `clients`, and what the proxy
    used: `cpu` and `services` seconds, before that `opening` them all; bytes of memory
    that it has `grown` by for them, and `since` then; `others`, see Meter."""
    pid = endpoint.pid
    clients = row.sessions(peer.forks, peer.slow, quick)
    options = {"parallel": 1 if peer.forks else 8, **dict(row.options)}
    before, processes = machine.memory(pid), len(machine.tree(pid))
    cpu = machine.cpu(pid)
    with load(place, endpoint, peer, row.tls, work=row.work, clients=clients, **options,
              **amount(row, clients, quick)) as generator:
        generator.wait("ready", 60 + clients / 10)
        opened = machine.memory(pid)
        seen: dict[str, Any] = {"clients": clients, "grown": opened - before,
                                "opening": machine.cpu(pid) - cpu}
        meter = Meter(endpoint, place.cores["proxy"])
        generator.go()
        if row.work == "stall":
            seen["stalled"] = generator.wait("stalled", 60)
            seen["grown"] = machine.memory(pid) - opened
            generator.go()
        seen["done"] = generator.wait("done", 120 + row.full)
        seen["since"] = machine.memory(pid) - opened
        if row.work == "open":
            settle(pid, processes, 5)
        seen |= meter.used()
        if not pid:
            seen["cpu"] = seen["done"]["cpu"]
        generator.go()
    settle(pid, processes, 20)
    return seen
