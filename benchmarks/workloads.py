"""The workloads, as rows, and the figures that each kind of work gives."""

import dataclasses
from collections.abc import Callable
from typing import Any

MB = 1_000_000
GB = 1000 * MB
#: Figure, unit and value.
Figures = list[tuple[str, str, float]]


@dataclasses.dataclass(frozen=True)
class Workload:
    """One row: a work of the generator, for so many clients.

    `full` and `quick` are megabytes of all clients, or seconds; a `quick` of 0 leaves it out.
    `forked` is how many clients a peer gets that starts a process for each, and `slow`, in a
    quick run, one that takes 0.2 s for that; 0: it is left out, None: as many as all.
    """

    name: str
    work: str
    clients: int
    full: float = 0
    quick: float = 0
    quick_clients: int = 0
    forked: int | None = None
    slow: int | None = 0
    tls: bool = False
    workers: int = 1
    on_request: bool = False
    options: tuple[tuple[str, int], ...] = ()

    def sessions(self, forks: bool, slow: bool, quick: bool) -> int:
        """How many clients a peer gets, 0: none, it is left out."""
        wanted = self.quick_clients if quick and self.quick_clients else self.clients
        for applies, bound in ((forks, self.forked), (slow and quick, self.slow)):
            if applies and bound is not None:
                wanted = min(wanted, bound)
        return wanted


WORKLOADS = [
    Workload("down-1", "down", 1, full=2000, quick=500, slow=None),
    Workload("down-4", "down", 4, full=2000, quick=500),
    Workload("up-1", "up", 1, full=2000, quick=300, slow=None),
    Workload("up-4", "up", 4, full=2000, quick=300),
    Workload("echo-1", "echo", 1, full=5, quick=1.5, slow=None),
    Workload("echo-100", "echo", 100, full=5, quick=1.5),
    Workload("echo-1000", "echo", 1000, full=5, forked=0),
    Workload("mix-50", "mix", 50, full=10, quick=3),
    Workload("mix-50-opening", "mix", 50, full=10, quick=3, forked=0,
             options=(("open_rate", 20),)),
    Workload("open-1", "open", 1000, quick=1, quick_clients=100, forked=50, slow=5,
             options=(("parallel", 1),)),
    Workload("open-32", "open", 2000, quick=1, quick_clients=200, forked=100,
             options=(("parallel", 32),)),
    Workload("idle", "idle", 5000, quick=1, quick_clients=800, forked=200, slow=10),
    Workload("idle-10000", "idle", 10000, full=10, forked=0, workers=2,
             options=(("active", 500),)),
    Workload("hold", "idle", 10000, full=600, quick=10, quick_clients=2000, forked=0, workers=2,
             on_request=True, options=(("active", 500),)),
    Workload("stall", "stall", 1, full=500, quick=500, slow=None),
    Workload("tls-down-1", "down", 1, full=1000, quick=300, tls=True),
    Workload("tls-echo-100", "echo", 100, full=5, quick=1.5, tls=True),
    Workload("tls-idle", "idle", 2000, quick=1, quick_clients=300, forked=100, tls=True),
    Workload("tls-stall", "stall", 1, full=500, quick=500, tls=True),
]
#: Works whose amount is in megabytes; of the others it is in seconds.
SIZED = ("down", "up", "stall")


def amount(row: Workload, clients: int, quick: bool) -> dict[str, object]:
    """What the generator is to be told about how long to go on."""
    value = row.quick if quick else row.full
    if row.work in SIZED:
        return {"bytes": int(value * MB / clients) // 65536 * 65536}
    return {"seconds": value if row.full else 0}


def bulk(done: dict[str, Any], cpu: float, **_: Any) -> Figures:
    return [("CPU a GB", "s", cpu / done["bytes"] * GB),
            ("rate", "MB/s", done["bytes"] / MB / done["seconds"])]


def echo(done: dict[str, Any], cpu: float, **_: Any) -> Figures:
    echoes = done["echo"]
    return [("CPU an echo", "µs", cpu / echoes["count"] * 1e6),
            ("rate", "1/s", echoes["count"] / done["seconds"]),
            ("p50", "µs", echoes["p50"]), ("p99", "µs", echoes["p99"])]


def mix(done: dict[str, Any], cpu: float, **_: Any) -> Figures:
    rows = [(f"{kind} {at}", "ms", done[kind][at] / 1000)
            for kind in ("picture", "key") for at in ("p50", "p99")]
    rows.append(("CPU", "% of a core", cpu / done["seconds"] * 100))
    if "opening" in done:
        rows.append(("opening p99", "ms", done["opening"]["p99"] / 1000))
    return rows


def opening(done: dict[str, Any], cpu: float, services: dict[str, float], **_: Any) -> Figures:
    times = done["opening"]
    return [("CPU a session", "ms", cpu / times["count"] * 1000),
            *((f"CPU of {name}", "ms", value / times["count"] * 1000)
              for name, value in services.items()),
            ("rate", "1/s", times["count"] / done["seconds"]),
            ("p50", "ms", times["p50"] / 1000), ("p99", "ms", times["p99"] / 1000)]


def idle(done: dict[str, Any], clients: int, cpu: float, **seen: Any) -> Figures:
    answer = done.get("all", {"count": 0})["count"]
    rows = [("memory a session", "KB", seen["grown"] / clients / 1000),
            ("growth since", "MB", seen["since"] / MB),
            ("CPU an opening", "ms", seen["opening"] / clients * 1000),
            ("sessions that answer", "", answer), ("without an answer", "", clients - answer),
            ("lost", "", done["lost"])]
    if "key" in done:
        rows += [(f"key {at}", "ms", done["key"][at] / 1000) for at in ("p50", "p99")]
        rows.append(("CPU", "% of a core", cpu / done["seconds"] * 100))
    return rows


def stall(stalled: dict[str, Any], grown: float, **_: Any) -> Figures:
    return [("growth", "MB", grown / MB), ("taken", "MB", stalled["bytes"] / MB)]


FIGURES: dict[str, Callable[..., Figures]] = {
    "down": bulk, "up": bulk, "echo": echo, "mix": mix, "open": opening, "idle": idle,
    "stall": stall}
