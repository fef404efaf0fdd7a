"""What the benchmarks make of numbers: parsing, figures, ratios, targets, the picture."""

import json
import os
import re
import subprocess
import sys
from xml.etree import ElementTree

import pytest

from benchmarks import chart
from benchmarks import machine
from benchmarks import report
from benchmarks import workloads
from benchmarks.__main__ import chosen_peers
from benchmarks.__main__ import chosen_workloads
from benchmarks.__main__ import QUICK
from benchmarks.peers import Peer


def row(peer, workload, figure, value, seconds=1.0):
    return {"peer": peer, "workload": workload, "figure": figure, "unit": "s", "value": value,
            "seconds": seconds}


def test_cpu_of_a_process_and_of_those_it_waited_for_whatever_its_name():
    ticks = machine.TICK
    text = f"42 (a b) c) R 7 {'0 ' * 9}{ticks} {2 * ticks} {3 * ticks} {4 * ticks} 20 0 1"
    assert machine.parse_stat(text) == (7, 3.0, 7.0)


def test_time_of_a_core_leaves_out_where_it_had_nothing_to_do():
    text = "cpu  9 9 9 9 9 9 9 9 0 0\ncpu0 9 9 9 9 9 9 9 9 0 0\ncpu1 1 2 4 800 900 8 16 32 0 0\n"
    assert machine.parse_core(text, 1) == 63 / machine.TICK
    with pytest.raises(ValueError, match="no core 5"):
        machine.parse_core(text, 5)


def test_memory_is_the_proportional_set():
    assert machine.parse_rollup("Rss: 100 kB\nPss:   7 kB\nPss_Anon: 5 kB\n") == 7 * 1024
    assert machine.parse_rollup("") == 0


def test_descendants_and_nobody_else():
    assert machine.descendants(1, {1: 0, 2: 1, 3: 2, 4: 0, 5: 4}) == {1, 2, 3}


def test_a_child_that_has_ended_still_counts():
    burn = "import time\nwhile time.process_time() < 0.2: pass"
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {burn!r}]); input()"
    process = subprocess.Popen([sys.executable, "-S", "-c", code + "; print('x')"],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        while machine.cpu(process.pid) < 0.2:
            assert process.poll() is None
        assert machine.tree(process.pid).keys() >= {process.pid}
        assert machine.memory(process.pid) > 100_000
    finally:
        process.kill()
        process.communicate()
    assert machine.cpu(None) == machine.memory(None) == 0


def test_pinned_is_for_what_is_started_meanwhile():
    before = os.sched_getaffinity(0)
    core = min(before)
    with machine.pinned(core):
        assert os.sched_getaffinity(0) == {core}
    assert os.sched_getaffinity(0) == before


@pytest.mark.parametrize(("work", "seen", "expected"), [
    ("down", {"done": {"bytes": 5e8, "seconds": 2}, "cpu": 1}, [2.0, 250.0]),
    ("echo", {"done": {"seconds": 2, "echo": {"count": 1000, "p50": 40, "p99": 90}}, "cpu": 0.01},
     [10.0, 500.0, 40, 90]),
    ("open", {"done": {"seconds": 1, "opening": {"count": 100, "p50": 2000, "p99": 5000}},
              "cpu": 0.3, "services": {"broker": 0.5}}, [3.0, 5.0, 100.0, 2.0, 5.0]),
    ("idle", {"done": {"all": {"count": 8}, "lost": 1}, "grown": 30_000, "clients": 10,
              "since": 5e6, "opening": 0.04, "cpu": 0.1}, [3.0, 5.0, 4.0, 8, 2, 1]),
    ("idle", {"done": {"all": {"count": 10}, "lost": 0, "seconds": 5,
                       "key": {"p50": 500, "p99": 2000}}, "grown": 30_000, "clients": 10,
              "since": 5e6, "opening": 0.04, "cpu": 0.1},
     [3.0, 5.0, 4.0, 10, 0, 0, 0.5, 2.0, 2.0]),
    ("idle", {"done": {"lost": 10}, "grown": 30_000, "clients": 10, "since": 5e6,
              "opening": 0.04, "cpu": 0.1}, [3.0, 5.0, 4.0, 0, 10, 10]),
    ("stall", {"stalled": {"bytes": 7e6}, "grown": 1e6}, [1.0, 7.0]),
])
def test_figures(work, seen, expected):
    assert [value for _, _, value in workloads.FIGURES[work](**seen)] == pytest.approx(expected)


def test_every_row_has_a_work_and_every_target_a_row_that_gives_it():
    rows = {row.name: row for row in workloads.WORKLOADS}
    assert len(rows) == len(workloads.WORKLOADS)
    assert {row.work for row in rows.values()} == workloads.FIGURES.keys()
    assert {target[0] for target in report.TARGETS} <= rows.keys()
    assert {panel[0] for panel in chart.PANELS} <= rows.keys()


def test_peers_that_fork_get_what_they_can_carry():
    idle = workloads.Workload("x", "idle", 5000, quick=1, quick_clients=1000, forked=200, slow=20)
    assert [idle.sessions(*how) for how in (
        (False, False, False), (False, False, True), (True, False, True), (True, True, False),
        (True, True, True))] == [5000, 1000, 200, 200, 20]
    unbound = workloads.Workload("x", "down", 1, quick=1, slow=None)
    assert unbound.sessions(True, True, True) == 1


def test_repetitions_become_their_median():
    rows = report.combined([row("a", "w", "f", value) for value in (9, 1, 2)]
                              + [row("b", "w", "f", 5)])
    assert [(r["peer"], r["value"], r["seconds"]) for r in rows] == [("a", 2, 3.0), ("b", 5, 1.0)]


def test_of_what_was_lost_and_of_growth_the_worst_repetition_counts():
    seen = {"lost": (0, 3, 0), "without an answer": (2, 0, 0), "growth since": (1.0, 1.0, 11.0)}
    rows = report.combined(row("consoles", "hold", figure, value)
                           for figure, values in seen.items() for value in values)
    assert [row["value"] for row in rows] == [3, 2, 11.0]
    assert report.verdicts(rows) == [
        "MISSED hold, lost: 3.00, at most 0.00",
        "MISSED hold, without an answer: 2.00, at most 0.00",
        "MISSED hold, growth since: 11.0, at most 10.0"]
    assert report.verdicts([row("consoles", "hold", "lost", 0)]) == [
        "met    hold, lost: 0.00, at most 0.00"]


def test_every_figure_of_a_target_is_one_that_its_workload_gives():
    works = {row.name: row.work for row in workloads.WORKLOADS}
    times = {"count": 1, "p50": 1, "p99": 1}
    seen = {"done": dict.fromkeys(("echo", "picture", "key", "all", "opening"), times)
            | {"bytes": 1, "seconds": 1, "lost": 0}, "stalled": {"bytes": 1}, "cpu": 1, "grown": 1,
            "since": 1, "clients": 1, "opening": 1, "services": {}}
    for workload, figure, _, _ in report.TARGETS:
        given = [name for name, _, _ in workloads.FIGURES[works[workload]](**seen)]
        assert figure.removesuffix(" added") in given


def test_what_a_proxy_adds_is_beyond_the_same_load_without_one():
    rows = report.with_added([row("direct", "mix-50", "key p99", 1.5),
                              row("consoles", "mix-50", "key p99", 3.5)])
    assert report.find(rows, "consoles", "mix-50", "key p99 added") == 2.0
    assert report.find(rows, "direct", "mix-50", "key p99 added") is None


def test_the_table_shows_how_many_times_a_peers_ours_is():
    rows = [row("consoles", "down-1", "CPU a GB", 0.3), row("haproxy", "down-1", "CPU a GB", 0.4),
            row("haproxy", "up-1", "CPU a GB", 12345.6)]
    head, first, second = report.table(rows, ["consoles", "haproxy"]).splitlines()
    assert head.split() == ["workload", "figure", "unit", "consoles", "haproxy"]
    assert first.split() == ["down-1", "CPU", "a", "GB", "s", "0.30", "0.40", "(0.75x)"]
    assert second.split()[-2:] == ["-", "12,346"]


def test_no_ratio_to_nothing():
    assert report.ratio(1.0, 0.0) == report.ratio(None, 2.0) == report.ratio(1.0, -2.0) == ""


def test_targets_are_judged_by_the_same_run():
    rows = [row("consoles", "up-1", "CPU a GB", 0.5), row("haproxy", "up-1", "CPU a GB", 0.4),
            row("consoles", "open-1", "CPU a session", 3.1)]
    met, missed = report.verdicts(rows)
    assert met == "met    up-1, CPU a GB: 0.50, at most 0.52 (1.3 times haproxy's)"
    assert missed == "MISSED open-1, CPU a session: 3.10, at most 3.00"
    assert report.verdicts(rows[:1]) == []


def test_a_latency_on_a_busy_core_is_neither_met_nor_missed():
    rows = [row("consoles", "mix-50", "key p99 added", value=-3.0),
            row("consoles", "mix-50", "picture p99 added", value=1.0)]
    assert [line[:6] for line in report.verdicts(rows)] == ["met   ", "unsure"]
    rows.append(row("consoles", "mix-50", report.OTHERS, 11.0))
    assert [line[:6] for line in report.verdicts(rows)] == ["unsure", "unsure"]


def test_the_file_is_a_list_of_objects(tmp_path):
    rows = [row("consoles", "echo-1", "p50", 1.23456789)]
    path = tmp_path / "build" / "bench.json"
    report.write(rows, path)
    assert json.loads(path.read_text()) == [dict(rows[0], value=1.2346)]


def test_the_picture_is_svg_with_a_bar_a_peer():
    rows = [row("consoles", "idle", "memory a session", 2.5),
            row("nova", "idle", "memory a session", 34000), row("direct", "idle", "x", 1)]
    drawn = ElementTree.fromstring(chart.svg(rows, ["consoles", "direct", "nova"]))
    widths = [int(bar.get("width")) for bar in drawn.iter("{http://www.w3.org/2000/svg}rect")]
    assert widths == [1, chart.WIDTH - chart.LABEL - chart.ROOM]


def test_one_workload_by_its_name_many_by_their_beginning():
    assert [row.name for row in chosen_workloads("echo-1,down", False)] == [
        "echo-1", "down-1", "down-4"]
    assert "hold" not in [row.name for row in chosen_workloads(None, False)]
    assert all(row.quick for row in chosen_workloads(None, True))
    with pytest.raises(SystemExit, match="no workload ping; there are: down-1"):
        chosen_workloads("ping", False)


def test_peers_by_their_name():
    rows = [Peer(name, None) for name in (*QUICK, "nova")]
    assert tuple(peer.name for peer in chosen_peers(rows, None, True)) == QUICK
    assert chosen_peers(rows, None, False) == rows
    assert [peer.name for peer in chosen_peers(rows, "haproxy", False)] == ["haproxy"]
    with pytest.raises(SystemExit, match=re.escape("no peer nginx; there are: direct")):
        chosen_peers(rows, "nginx", False)
