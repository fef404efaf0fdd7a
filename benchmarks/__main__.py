"""Compare our noVNC proxy with its peers: python -m benchmarks [--quick] [--workload ...]

See doc/source/contributor/benchmarks.rst for what is measured and how to read it.
"""

import argparse
import contextlib
import functools
import pathlib
import signal
import sys
import tempfile
import time
from collections.abc import Callable

from benchmarks import chart
from benchmarks import consoleauth
from benchmarks import machine
from benchmarks import report
from benchmarks import soak
from benchmarks.generator import Failed
from benchmarks.measure import measure
from benchmarks.measure import warm
from benchmarks.peers import all_peers
from benchmarks.peers import Peer
from benchmarks.peers import Peers
from benchmarks.peers import Place
from benchmarks.workloads import FIGURES
from benchmarks.workloads import Workload
from benchmarks.workloads import WORKLOADS
from tests.fixtures.certificates import Certificates
from tests.fixtures.processes import free_port

#: Peers of a quick run: all but nova's default mode, which takes twice as long as its other one.
QUICK = ("direct", "consoles", "nova-threads", "websockify", "haproxy")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="less of everything, in 3 minutes")
    parser.add_argument("--peer", help="only these, by name: haproxy,consoles")
    parser.add_argument("--workload", help="only those whose names begin so: echo,down-1; "
                        "`tokens`: consoleauth alone; `soak`: what is left behind")
    parser.add_argument("--repeat", type=int, default=1,
                        help="take the median of so many runs; of what was lost, the worst")
    parser.add_argument("--waves", type=int, help="of soak, beside the first one")
    parser.add_argument("--sessions", type=int, help="of a wave of soak")
    parser.add_argument("--output", type=pathlib.Path, default=pathlib.Path("build/bench.json"),
                        help="where all figures are written to (default: %(default)s)")
    parser.add_argument("--chart", type=pathlib.Path, help="write a picture of it, an SVG file")
    return parser.parse_args()


def chosen_workloads(names: str | None, quick: bool) -> list[Workload]:
    """Each name is a row's or the beginning of some; without names all of the ordinary ones.
    Raises SystemExit."""
    if not names:
        return [row for row in WORKLOADS if not row.on_request and (row.quick or not quick)]
    found: list[Workload] = []
    for name in names.split(","):
        rows = ([row for row in WORKLOADS if row.name == name]
                or [row for row in WORKLOADS if row.name.startswith(name)])
        if not rows:
            raise SystemExit(f"no workload {name}; there are: "
                             + ", ".join(row.name for row in WORKLOADS))
        found += rows
    return found


def chosen_peers(rows: list[Peer], names: str | None, quick: bool) -> list[Peer]:
    """By name; raises SystemExit for one that is none."""
    wanted = names.split(",") if names else QUICK if quick else [row.name for row in rows]
    for name in wanted:
        if name not in [row.name for row in rows]:
            raise SystemExit(f"no peer {name}; there are: " + ", ".join(row.name for row in rows))
    return [row for row in rows if row.name in wanted]


def run_one(peers: Peers, place: Place, quick: bool, peer: Peer, row: Workload) -> list[report.Row]:
    """The figures of one workload through one peer."""
    started = time.monotonic()
    print(f"{row.name}: {peer.name} ... ", end="", file=sys.stderr, flush=True)
    endpoint, fresh = peers.endpoint(peer, row.tls, row.workers)
    try:
        if fresh:
            warm(place, endpoint, peer, row.tls)
        seen = measure(place, endpoint, peer, row, quick)
    except Failed as exc:
        raise Failed(f"{exc}{endpoint.refusal()}") from None
    seconds = time.monotonic() - started
    print(f"{seconds:.1f} s", file=sys.stderr)
    done = seen["done"]
    figures = FIGURES[row.work](**seen) + [
        (report.GENERATOR, "%", done["cpu"] / done["seconds"] * 100),
        (report.OTHERS, "%", seen["others"] * 100)]
    return [{"peer": peer.name, "workload": row.name, "figure": figure, "unit": unit,
             "value": value, "seconds": seconds} for figure, unit, value in figures]


def suits(peer: Peer, row: Workload, quick: bool) -> bool:
    return bool((peer.tls or not row.tls) and (peer.workers or row.workers == 1)
                and row.sessions(peer.forks, peer.slow, quick))


def run(peers: Peers, chosen: list[Peer], options: argparse.Namespace,
        measured: Callable[[Peer, Workload], list[report.Row]]) -> list[report.Row]:
    """All of it, peers in turn within a workload, so that a busy machine is busy for all.

    A peer that cannot be started or fails is left out from then on; when ours is, that is the end.
    """
    rows: list[report.Row] = []
    failed: dict[str, str] = {}
    for _ in range(options.repeat):
        for row in chosen_workloads(options.workload, options.quick):
            for peer in chosen:
                if peer.name in failed or not suits(peer, row, options.quick):
                    continue
                try:
                    rows += measured(peer, row)
                except Failed as exc:
                    failed[peer.name] = f"{peer.name} is left out, it failed at {row.name}: {exc}"
                    print(failed[peer.name], file=sys.stderr)
                    if peer.name == report.OURS:
                        raise SystemExit(1) from None
                    peers.end(peer.name)
        peers.end()  # what has grown once does not grow again
    print(*failed.values(), sep="\n")
    return report.with_added(report.combined(rows))


def main() -> None:
    options = arguments()
    # The same as Ctrl-C: what was started is ended.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("told to end"))
    if options.workload == "tokens":
        with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
            consoleauth.run(pathlib.Path(name), stack, options.quick)
        return
    if options.workload != "soak":
        chosen_workloads(options.workload, options.quick)
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        directory = pathlib.Path(name)
        place = Place(directory, machine.cores(), free_port(), stack, Certificates(directory))
        if options.workload == "soak":
            soak.run(place, *soak.size(options.waves, options.sessions, options.quick))
            return
        known, peers = all_peers(place), Peers(place)
        rows = run(peers, chosen_peers(known, options.peer, options.quick), options,
                   functools.partial(run_one, peers, place, options.quick))
    names = [peer.name for peer in known if any(row["peer"] == peer.name for row in rows)]
    names.sort(key=lambda name: name != report.OURS)
    print(report.table(rows, names))
    print("\nIn parentheses: consoles' divided by the peer's. nova's RPC call to the compute host "
          "is left out.")
    print(*report.verdicts(rows), sep="\n")
    report.write(rows, options.output)
    if options.chart:
        options.chart.write_text(chart.svg(rows, names))


if __name__ == "__main__":
    main()
