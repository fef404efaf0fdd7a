"""A run of the benchmarks: who takes part, who is left out, and that repetitions start anew."""

import argparse
import subprocess
import sys

import pytest

from benchmarks.__main__ import run
from benchmarks.peers import Endpoint
from benchmarks.peers import Peer
from benchmarks.peers import Peers
from tests.fixtures.processes import free_port
from tests.fixtures.processes import Process
from tests.fixtures.processes import wait_for


@pytest.fixture
def started():
    """Processes of peers, in the order of their starts."""
    processes = []
    yield processes
    for process in processes:
        process.kill()
        process.wait()


@pytest.fixture
def standing(started):
    """How a peer is started that works: a process that does nothing."""
    def start(place, tls, workers):
        started.append(subprocess.Popen([sys.executable, "-S", "-c", "input()"],
                                        stdin=subprocess.PIPE))
        return Endpoint(1, started[-1].pid)
    return start


@pytest.fixture
def carried(tmp_path):
    """Runs `echo-1` over peers; → (peer, process) of each measurement, `combined` rows."""
    def carry(chosen, repeat=1, workload="echo-1"):
        peers, seen = Peers(tmp_path), []

        def measured(peer, row):
            endpoint, fresh = peers.endpoint(peer, row.tls, row.workers)
            seen.append((peer.name, endpoint.pid, fresh))
            return [{"peer": peer.name, "workload": row.name, "figure": "p99", "unit": "µs",
                     "value": 1.0, "seconds": 1.0}]
        options = argparse.Namespace(repeat=repeat, workload=workload, quick=True)
        rows = run(peers, chosen, options, measured)
        return seen, rows
    return carry


def ends_at_once(place, tls, workers):
    process = Process("haproxy", [sys.executable, "-S", "-c", "raise SystemExit('no such port')"],
                      place / "out.log")
    process.wait_port(free_port(), 30)


def cannot_be_installed(place, tls, workers):
    subprocess.run([sys.executable, "-S", "-c", "raise SystemExit(1)"], check=True)


@pytest.mark.parametrize(("start", "why"), [
    (ends_at_once, "no such port"), (cannot_be_installed, "returned non-zero exit status 1"),
    (lambda *_: (_ for _ in ()).throw(FileNotFoundError("no haproxy here")), "no haproxy here")],
    ids=["ends at once", "cannot be installed", "is not there"])
def test_a_peer_that_does_not_start_is_left_out_and_named(start, why, standing, carried, capsys):
    seen, rows = carried([Peer("haproxy", start), Peer("consoles", standing)], repeat=2,
                         workload="echo-1,down-1")
    assert [name for name, _, _ in seen] == ["consoles"] * 4
    assert {row["peer"] for row in rows} == {"consoles"}
    told = capsys.readouterr()
    assert "haproxy is left out, it failed at echo-1: it cannot be started" in told.out
    assert told.err.count("haproxy is left out") == 1  # tried once, told when it happens
    assert why in told.out


def test_without_ours_there_is_nothing_to_compare(standing, carried, capsys):
    with pytest.raises(SystemExit) as ended:
        carried([Peer("consoles", cannot_be_installed), Peer("haproxy", standing)])
    assert ended.value.code == 1
    assert "consoles is left out" in capsys.readouterr().err


def test_every_repetition_has_new_processes_of_all_peers(standing, started, carried):
    seen, rows = carried([Peer("consoles", standing), Peer("haproxy", standing)], repeat=2,
                         workload="echo-1,down-1")
    assert [(name, fresh) for name, _, fresh in seen] == [
        ("consoles", True), ("haproxy", True), ("consoles", False), ("haproxy", False)] * 2
    assert len({pid for _, pid, _ in seen}) == len(started) == 4
    wait_for(lambda: all(process.poll() is not None for process in started), 30)
    assert all(row["seconds"] == 2.0 for row in rows)


def test_why_a_session_was_refused_is_quoted_from_the_log(tmp_path):
    log = tmp_path / "proxy.log"
    log.write_text("INFO Session 1 refused: unknown or expired token\nINFO Session 2 opened\n"
                   "INFO Session 3 refused: consoles-consoleauth did not answer in 5 s\nINFO end\n")
    assert Endpoint(1, None, log=log).refusal() == (
        "; the proxy refused: consoles-consoleauth did not answer in 5 s")


@pytest.mark.parametrize("text", [None, "INFO Session 2 opened\n"])
def test_without_a_refusal_none_is_quoted(tmp_path, text):
    log = tmp_path / "proxy.log"
    if text is not None:
        log.write_text(text)
    assert Endpoint(1, None, log=log if text else None).refusal() == ""
