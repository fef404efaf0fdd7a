"""Compare our noVNC proxy with its peers: python -m benchmarks [--quick] [--workload ...]

See doc/source/contributor/benchmarks.rst for what is measured and how to read it.
"""

import argparse
import contextlib
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

from benchmarks import chart
from benchmarks import consoleauth
from benchmarks import machine
from benchmarks import report
from benchmarks import soak
from benchmarks.generator import Failed
from benchmarks.measure import measure
from benchmarks.measure import warm
from benchmarks.peers import Peer
from benchmarks.peers import Peers
from benchmarks.peers import Place
from benchmarks.workloads import FIGURES
from benchmarks.workloads import Workload
from benchmarks.workloads import WORKLOADS
from tests.fixtures.certificates import Certificates
from tests.fixtures.processes import free_port

OUTPUT = pathlib.Path("build/bench.json")
#: Peers of a quick run: all but nova's default mode, which takes twice as long as its other one.
QUICK = ("direct", "consoles", "nova-threads", "websockify", "haproxy")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="less of everything, in 3 minutes")
    parser.add_argument("--peer", help="only these, by name: haproxy,consoles")
    parser.add_argument("--workload", help="only those whose names begin so: echo,down-1; "
                        "`tokens`: consoleauth alone; `soak`: what is left behind")
    parser.add_argument("--repeat", type=int, default=1, help="take the median of so many runs")
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


def run_one(peers: Peers, place: Place, peer: Peer, row: Workload, quick: bool) -> list[report.Row]:
    """The figures of one workload through one peer."""
    started = time.monotonic()
    print(f"{row.name}: {peer.name} ... ", end="", file=sys.stderr, flush=True)
    endpoint, fresh = peers.endpoint(peer, row.tls, row.workers)
    if fresh:
        warm(place, endpoint, peer, row.tls)
    seen = measure(place, endpoint, peer, row, quick)
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


def run(peers: Peers, place: Place, options: argparse.Namespace) -> list[report.Row]:
    """All of it, peers in turn within a workload, so that a busy machine is busy for all.

    A peer that fails has no further figures; when ours does, that is the end.
    """
    rows: list[report.Row] = []
    chosen = chosen_peers(peers.rows, options.peer, options.quick)
    failed: dict[str, str] = {}
    for _ in range(options.repeat):
        peers.end(report.OURS)  # what has grown once does not grow again
        for row in chosen_workloads(options.workload, options.quick):
            for peer in chosen:
                if peer.name in failed or not suits(peer, row, options.quick):
                    continue
                try:
                    rows += run_one(peers, place, peer, row, options.quick)
                except Failed as exc:
                    failed[peer.name] = f"{peer.name} failed at {row.name}: {exc}"
                    print(failed[peer.name], file=sys.stderr)
                    if peer.name == report.OURS:
                        raise SystemExit(1) from None
                    peers.end(peer.name)
                except subprocess.CalledProcessError:
                    raise SystemExit(f"\n{peer.name} cannot be had, see above; leave it out with "
                                     "--peer") from None
    print(*failed.values(), sep="\n")
    return report.with_added(report.median_rows(rows))


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
            soak.run(place)
            return
        peers = Peers(place)
        rows = run(peers, place, options)
    names = [peer.name for peer in peers.rows if any(row["peer"] == peer.name for row in rows)]
    names.sort(key=lambda name: name != report.OURS)
    print(report.table(rows, names))
    print("\nIn parentheses: consoles' divided by the peer's. nova's RPC call to the compute host "
          "is left out.")
    print(*report.verdicts(rows), sep="\n")
    report.write(rows, OUTPUT)
    if options.chart:
        options.chart.write_text(chart.svg(rows, names))


if __name__ == "__main__":
    main()
