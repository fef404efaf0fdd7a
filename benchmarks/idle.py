"""What an idle session costs, and whether dead targets delay live ones; prints a table.

One noVNC proxy with one worker, as a process of its own, over a private RabbitMQ, with
consoleauth, agent and API; the target is a VNC server of ours that says nothing after its
SecurityResult. Usage: python -m benchmarks.idle [sessions]
"""

import contextlib
import json
import pathlib
import resource
import sys
import tempfile
import time

import psutil

from tests.fixtures import targets
from tests.fixtures import ws_client
from tests.fixtures.processes import Services
from tests.fixtures.processes import wait_for
from tests.fixtures.rabbit import Rabbit
from tests.fixtures.system import instance_id
from tests.fixtures.system import System

DEAD = 200
OUTPUT = pathlib.Path("build/bench.json")


def worker_of(system):
    """The one child of the proxy's parent: cotyledon forks it."""
    (child,) = psutil.Process(system.services["proxy"].pid).children()
    return child


def pss(process):
    """KiB of memory that this process answers for."""
    return process.memory_full_info().pss / 1024


def opened(system, token):
    """A session whose viewer has read SecurityResult, and stays."""
    ws = ws_client.WebSocket.connect(system.proxy_ports["proxy"], f"/?token={token}", timeout=30)
    ws.recv_exactly(12)
    ws.send(b"RFB 003.008\n")
    ws.recv_exactly(2)
    ws.send(b"\x01")
    assert ws.recv_exactly(4) == b"\0\0\0\0"
    return ws


def live_rows(system):
    return system.rows("select count(*) from sessions where state='live'")[0][0]


def idle(system, sessions):
    """KiB a session, milliseconds of the worker's CPU an opening."""
    worker = worker_of(system)
    keep = [opened(system, system.token("quiet")) for _ in range(20)]  # warm
    token = system.token("quiet")
    before, cpu = pss(worker), sum(worker.cpu_times()[:2])
    started = time.monotonic()
    for done in range(sessions):
        if done % 500 == 0:
            token = system.token("quiet")
            print(f"  {done} of {sessions} sessions", file=sys.stderr)
        keep.append(opened(system, token))
    seconds = time.monotonic() - started
    cost = (pss(worker) - before) / sessions
    spent = (sum(worker.cpu_times()[:2]) - cpu) / sessions * 1000
    processes = 1 + len(worker.children(recursive=True))
    live = wait_for(lambda: live_rows(system) == len(keep) and len(keep), 20)
    return [("idle session", "memory", "KiB", cost, seconds),
            ("idle session", "sessions", "live", len(keep), seconds),
            ("idle session", "sessions reported", "live", live, seconds),
            ("idle session", "worker processes", "", processes, seconds),
            ("open", "worker CPU", "ms", spent, seconds)], keep


def dead_targets(system):
    """Milliseconds of an opening, alone and while 200 targets do not answer."""
    def opening():
        token = system.token("quiet")
        before = time.monotonic()
        ws = opened(system, token)
        took = (time.monotonic() - before) * 1000
        ws.sock.close()
        return took

    def median(values):
        return sorted(values)[len(values) // 2]

    alone = median([opening() for _ in range(50)])
    token = system.token("dead")
    waiting = []
    for _ in range(DEAD):
        sock = ws_client.socket.create_connection(("127.0.0.1", system.proxy_ports["proxy"]))
        sock.sendall(ws_client.request(f"/?token={token}", 0,
                                       headers=ws_client.upgrade_headers()))
        waiting.append(sock)
    time.sleep(1)  # all of them have been authorised and wait for their target
    meanwhile = median([opening() for _ in range(50)])
    for sock in waiting:
        sock.close()
    return [("open", "alone, median", "ms", alone, 0),
            ("open", f"with {DEAD} dead targets, median", "ms", meanwhile, 0)]


def main(sessions):
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        directory = pathlib.Path(name)
        node = Rabbit(directory / "rabbit")
        stack.callback(node.end)
        services = Services(directory)
        stack.callback(services.end)
        quiet = targets.Target(targets.rfb_server(targets.silent))
        dead = targets.Target(targets.silent)
        system = System(services, node.start().url, hosts=("quiet", "dead"),
                        DEFAULT={"debug": "false"}, proxy={"touch_interval": 5})
        for host, target in (("quiet", quiet), ("dead", dead)):
            system.write_agent(host, [{"name": host, "id": instance_id(host), "consoles": {
                "novnc": {"host": "127.0.0.1", "port": target.port}}}])
        print("starting RabbitMQ and the services", file=sys.stderr)
        system.start()
        rows = dead_targets(system)
        more, keep = idle(system, sessions)
        rows += more
        for ws in keep:
            ws.sock.close()
    report(rows)


def report(rows):
    OUTPUT.parent.mkdir(exist_ok=True)
    OUTPUT.write_text(json.dumps([
        {"peer": "consoles", "workload": workload, "figure": figure, "unit": unit,
         "value": round(value, 3), "seconds": round(seconds, 1)}
        for workload, figure, unit, value, seconds in rows], indent=1))
    for workload, figure, unit, value, _ in rows:
        print(f"{workload:<14} {figure:<34} {value:>10.2f} {unit}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2000)
