"""What it takes to create a console over RabbitMQ, and the share of each of its three calls.

`python -m benchmarks.creation`: consoleauth on SQLite and an agent are processes of their own, the
API runs under its own web server in this one, which is also its client over HTTP on loopback; so
each call is timed where it is made. Users are believed (noauth), as tokens are that Keystone has
confirmed lately. Writes build/bench-creation.json.
"""

import argparse
import concurrent.futures
import http.client
import json
import pathlib
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks import report
from consoles.api import app
from consoles.rpc import timed
from consoles.rpc import transport
from tests.fixtures import fake_services
from tests.fixtures import web_server
from tests.fixtures.processes import Services
from tests.fixtures.processes import wait_for
from tests.fixtures.rabbit import Rabbit
from tests.fixtures.system import instance_id
from tests.fixtures.system import System

HOST = "load"
PATH = f"/servers/{instance_id(HOST)}/console"
BODY = json.dumps({"protocol": "vnc", "type": "novnc"})
HEADERS = {"X-Auth-Token": "ann:demo", "Content-Type": "application/json"}
OUTPUT = pathlib.Path("build/bench-creation.json")
#: In the order of a console's request.
CALLS = ("get_instance", "get_console", "add_connection_details")
WARM = 50

Times = dict[str, list[float]]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.creation", description=__doc__)
    parser.add_argument("--count", type=int, default=2000, help="consoles at each concurrency")
    parser.add_argument("--at-once", default="1,8,50", help="clients, such as 1,8,50")
    options = parser.parse_args()
    rows: list[report.Row] = []
    with tempfile.TemporaryDirectory() as name, served(pathlib.Path(name)) as (port, times):
        create(port, WARM, 1)
        for clients in map(int, options.at_once.split(",")):
            for part in times.values():
                part.clear()
            began = time.monotonic()
            whole = create(port, options.count, clients)
            rows += figures(clients, {"whole": whole, **times}, time.monotonic() - began)
    report.write(rows, OUTPUT)


@contextmanager
def served(directory: pathlib.Path) -> Iterator[tuple[int, Times]]:
    """→ the API's port, and the seconds that each call took, a growing list for each."""
    print("starting RabbitMQ and the services of consoles", file=sys.stderr)
    node, services = Rabbit(directory / "rabbit"), Services(directory)
    try:
        node.start()
        system = System(services, node.url, hosts=(HOST,), DEFAULT={"debug": "false"})
        system.sync()
        system.start_consoleauth()
        system.start_agent(HOST)
        with fake_services.private_conf(auth_strategy="noauth", console_rate_per_user="",
                                        console_rate_per_project="") as conf:
            conf.set_override("transport_url", node.url)
            bus = transport.Bus(conf)
            times: Times = {name: [] for name in CALLS}
            caller = timed.threads(
                transport.ThreadCaller(bus, per_server=conf.consoleauth.max_checks_per_host),
                lambda call: times[call.method].append(call.seconds))
            with web_server.served(app.build(conf, caller), threads=conf.api.threads) as (api, _):
                wait_for(lambda: ask(http.client.HTTPConnection("127.0.0.1", api.port))[0] == 200)
                yield api.port, times
            bus.close()
    finally:
        services.end()
        node.end()


def create(port: int, count: int, clients: int) -> list[float]:
    """Ask for so many consoles, by clients that each keep a connection. → the seconds of each.

    Raises SystemExit when one is refused.
    """
    def one(number: int) -> list[float]:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        taken = []
        for _ in range(number, count, clients):
            began = time.perf_counter()
            status, answer = ask(connection)
            taken.append(time.perf_counter() - began)
            if status != 200:
                raise SystemExit(f"a console was refused: {status} {answer}")
        connection.close()
        return taken

    with concurrent.futures.ThreadPoolExecutor(clients) as pool:
        return [seconds for part in pool.map(one, range(clients)) for seconds in part]


def ask(connection: http.client.HTTPConnection) -> tuple[int, str]:
    connection.request("POST", PATH, BODY, HEADERS)
    answer = connection.getresponse()
    return answer.status, answer.read().decode()


def figures(clients: int, times: Times, seconds: float) -> list[report.Row]:
    """Print them as a table; what is left of the whole is the API's and its web server's."""
    middle = {name: statistics.median(part) * 1000 for name, part in times.items()}
    middle["rest"] = middle["whole"] - sum(middle[name] for name in CALLS)
    p99 = statistics.quantiles(times["whole"], n=100)[98] * 1000
    print(f"\n{clients} at once: {len(times['whole']) / seconds:.0f} a second, p50 "
          f"{middle['whole']:.1f} ms, p99 {p99:.1f} ms")
    for name in (*CALLS, "rest"):
        print(f"  {name:24} {middle[name]:6.1f} ms  {middle[name] / middle['whole']:4.0%}")
    named = {f"{name} p50": value for name, value in middle.items()} | {"whole p99": p99}
    return [{"peer": "consoles", "workload": f"creation-{clients}", "figure": figure,
             "unit": "ms", "value": value, "seconds": seconds} for figure, value in named.items()]


if __name__ == "__main__":
    main()
