"""The load on consoleauth: tokens added and checked, sessions reported, by processes of threads."""

import concurrent.futures
import dataclasses
import multiprocessing
import secrets
import threading
import time
import uuid

from oslo_config import cfg

from benchmarks import rows
from consoles import exception
from consoles import model
from consoles.context import RequestContext
from consoles.rpc import transport
from consoles.rpc.consoleauth import ConsoleAuth
from consoles.rpc.sessions import Sessions
from tests.fixtures.processes import wait_for

PROCESSES, THREADS = 2, 8
WARM = 1.0
#: Sessions of a report; one of how many has carried something since the last.
REPORTED, CHANGED = 500, 10


@dataclasses.dataclass(frozen=True)
class Load:
    """What each process does for `seconds`: `add`, `check` one of the `tokens` that `rows.fill`
    wrote, or `report` the sessions that have these numbers, so many `each` time.

    `rate` is calls a second of all processes, whose latency counts from when they were due;
    0: each thread calls as soon as it has an answer.
    """

    kind: str
    seconds: float
    tokens: range
    rate: float = 0
    each: int = 1


class Client:
    """One process's connection to the bus."""

    def __init__(self, url: str) -> None:
        conf = cfg.CONF  # a part of oslo.messaging reads no other
        transport.register_opts(conf)
        conf([], project="consoles", default_config_files=[], default_config_dirs=[])
        conf.set_override("transport_url", url)
        caller = transport.ThreadCaller(transport.Bus(conf), timeout=30)
        self._auth = ConsoleAuth(caller)
        self._sessions = Sessions(caller)
        self._context = RequestContext()

    def add(self, load: Load) -> None:
        self._auth.add_connection_details(
            self._context, str(uuid.uuid4()), console_type="novnc", token=secrets.token_hex(32),
            host="127.0.0.1", port=5900, access_url_base="https://consoles.example/vnc.html",
            project_id="project", user_id="user")

    def check(self, load: Load) -> None:
        token = str(load.tokens[secrets.randbelow(len(load.tokens))])
        session = model.SessionRequest(
            id=str(uuid.uuid4()), worker="load:novnc:0", kind="novnc",
            client_address="192.0.2.1", user_agent="load", boot_id="boot")
        if self._auth.get_connection_details(self._context, token, session.to_dict()) is None:
            raise AssertionError("a token that was stored is not known")

    def report(self, load: Load) -> None:
        """Sessions of one worker, as its loop does it for all that live."""
        first = secrets.randbelow(len(load.tokens) - (load.each - 1) * rows.WORKERS)
        numbers = load.tokens[first::rows.WORKERS][:load.each]
        worker = f"worker-{numbers[0] % rows.WORKERS}"
        answer = self._sessions.report(self._context, worker, "boot", [
            rows.reported(number, 0 if number // rows.WORKERS % CHANGED else secrets.randbits(40))
            for number in numbers])
        if answer["end"]:
            raise AssertionError("a session that lives is to end")

    def work(self, load: Load) -> list[float]:
        """→ seconds of each call, of all threads, once anybody answers."""
        wait_for(self._answered, 30)
        with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
            return sum(pool.map(lambda _: self._repeat(load), range(THREADS)), [])

    def _answered(self) -> bool:
        try:
            self._auth.get_connection_details(self._context, "of nobody")
        except exception.ServiceUnavailable:
            return False
        return True

    def _repeat(self, load: Load) -> list[float]:
        call = getattr(self, load.kind)
        interval = PROCESSES * THREADS / load.rate if load.rate else 0
        due = begun = time.monotonic() + secrets.randbelow(1000) / 1000 * interval
        took = []
        while due < begun + load.seconds:
            time.sleep(max(0.0, due - time.monotonic()))
            call(load)
            now = time.monotonic()
            took.append(now - due)
            due = due + interval if interval else now
        return took


_local = threading.local()


def _connect(url: str) -> None:
    _local.client = Client(url)


def _work(load: Load) -> list[float]:
    done: list[float] = _local.client.work(load)
    return done


class Clients:
    """All of them; a context manager."""

    def __init__(self, url: str) -> None:
        self._pool = concurrent.futures.ProcessPoolExecutor(
            PROCESSES, multiprocessing.get_context("spawn"), _connect, (url,))

    def __enter__(self) -> "Clients":
        return self

    def __exit__(self, *exc: object) -> None:
        self._pool.shutdown()

    def warm(self, load: Load) -> None:
        """A second of it, so that what is loaded and connected once counts for none."""
        self.run(dataclasses.replace(load, seconds=WARM))

    def run(self, load: Load) -> list[float]:
        """→ seconds of each call, sorted."""
        done = self._pool.map(_work, [load] * PROCESSES)
        return sorted(call for one in done for call in one)
