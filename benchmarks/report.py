"""What a run says: a table with ratios, the targets, build/bench.json."""

import json
import pathlib
import statistics
from collections.abc import Iterable
from typing import Any

#: One figure: {peer, workload, figure, unit, value, seconds}.
Row = dict[str, Any]
OURS = "consoles"
#: Those that there is no ratio to.
ALONE = (OURS, "direct")
#: How much of its core the generator used: near 100 it is the limit, not the proxy.
GENERATOR = "generator busy"
#: How much of the proxy's core was used by something else: above a few % times mean little.
OTHERS = "core lost to others"
NOISE = 10
#: Figures of which repetitions count by the worst: what was lost once was lost.
WORST = ("lost", "without an answer", "growth since")
#: Works with idle sessions, whose targets are alike.
IDLE = ("idle", "idle-10000", "hold", "tls-idle")
#: What must hold of ours: workload, figure, how much at most, and of which peer's (none: absolute).
TARGETS = [
    ("down-1", "CPU a GB", 1.0, "haproxy"), ("down-4", "CPU a GB", 1.0, "haproxy"),
    ("up-1", "CPU a GB", 1.3, "haproxy"), ("up-4", "CPU a GB", 1.3, "haproxy"),
    ("echo-100", "CPU an echo", 1.5, "haproxy"), ("echo-1", "p99", 2.0, "haproxy"),
    ("mix-50", "picture p99 added", 2.0, ""), ("mix-50", "key p99 added", 2.0, ""),
    ("mix-50-opening", "picture p99 added", 2.0, ""), ("mix-50-opening", "key p99 added", 2.0, ""),
    ("open-1", "CPU a session", 3.0, ""), ("open-32", "CPU a session", 3.0, ""),
    ("idle", "memory a session", 4.0, ""), ("tls-idle", "memory a session", 25.0, ""),
    ("tls-down-1", "CPU a GB", 1.0, "websockify"),
    ("tls-echo-100", "CPU an echo", 1.0, "websockify"),
    ("stall", "growth", 1.0, ""), ("tls-stall", "growth", 1.0, ""),
    *((name, figure, 0.0, "") for name in IDLE for figure in ("lost", "without an answer")),
    # A KB a session, of as many as a full run has.
    ("idle", "growth since", 5.0, ""), ("idle-10000", "growth since", 10.0, ""),
    ("hold", "growth since", 10.0, ""), ("tls-idle", "growth since", 2.0, ""),
]


def combined(rows: Iterable[Row]) -> list[Row]:
    """Repetitions of a figure become one row with their median, of some with the worst, in the
    order of the first."""
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        key = row["peer"], row["workload"], row["figure"]
        groups.setdefault(key, []).append(row)
    return [dict(group[0], seconds=sum(row["seconds"] for row in group),
                 value=(max if figure in WORST else statistics.median)(
                     row["value"] for row in group))
            for (_, _, figure), group in groups.items()]


def find(rows: Iterable[Row], peer: str, workload: str, figure: str) -> float | None:
    wanted = peer, workload, figure
    return next((row["value"] for row in rows
                 if (row["peer"], row["workload"], row["figure"]) == wanted), None)


def with_added(rows: list[Row]) -> list[Row]:
    """Also what a proxy adds to the latency that the same load has without any."""
    added = []
    for row in rows:
        if row["figure"] in ("picture p99", "key p99") and row["peer"] != "direct":
            without = find(rows, "direct", row["workload"], row["figure"])
            if without is not None:
                added.append(dict(row, figure=row["figure"] + " added",
                                  value=row["value"] - without))
    return rows + added


def number(value: float | None) -> str:
    """Three digits are more than the noise leaves."""
    if value is None:
        return "-"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def ratio(ours: float | None, theirs: float | None) -> str:
    """How many times theirs ours is."""
    if ours is None or not theirs or theirs < 0 or ours < 0:
        return ""
    return f" ({ours / theirs:.2f}x)"


def table(rows: list[Row], peers: list[str]) -> str:
    """A line a figure, a column a peer; in parentheses ours divided by this peer's."""
    order = list(dict.fromkeys(row["workload"] for row in rows))
    kinds = sorted(dict.fromkeys((row["workload"], row["figure"], row["unit"]) for row in rows),
                   key=lambda kind: order.index(kind[0]))
    lines = [["workload", "figure", "unit", *peers]]
    for workload, figure, unit in kinds:
        values = {peer: find(rows, peer, workload, figure) for peer in peers}
        ours = None if figure in (GENERATOR, OTHERS) else values.get(OURS)
        lines.append([workload, figure, unit, *(
            number(values[peer]) + ("" if peer in ALONE else ratio(ours, values[peer]))
            for peer in peers)])
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    return "\n".join("  ".join(
        text.ljust(width) if column < 3 else text.rjust(width)
        for column, (text, width) in enumerate(zip(line, widths, strict=True))).rstrip()
        for line in lines)


def verdicts(rows: list[Row]) -> list[str]:
    """A line for each target that this run has figures for; `unsure` where others had so much of
    the proxy's core that a latency is mostly theirs."""
    lines = []
    for workload, figure, factor, peer in TARGETS:
        ours = find(rows, OURS, workload, figure)
        theirs = find(rows, peer, workload, figure) if peer else 1.0
        if ours is None or theirs is None:
            continue
        limit = factor * theirs
        lost = find(rows, OURS, workload, OTHERS) or 0
        unsure = "p99" in figure and (lost > NOISE or ours < 0)
        verdict = "unsure" if unsure else "met   " if ours <= limit else "MISSED"
        lines.append(f"{verdict} {workload}, {figure}: "
                     f"{number(ours)}, at most {number(limit)}"
                     + (f" ({factor:g} times {peer}'s)" if peer else ""))
    return lines


def write(rows: list[Row], path: pathlib.Path) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text("[\n" + ",\n".join(
        json.dumps(dict(row, value=round(row["value"], 4), seconds=round(row["seconds"], 2)),
                   ensure_ascii=False)
        for row in rows) + "\n]\n")
