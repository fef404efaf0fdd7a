"""CPU that counting and auditing cost per session, and a look at many: `-m benchmarks.counting`.

As in a worker whose values are shared with others, which costs more than in one process alone.
"""

import logging
import time
import types

from consoles import exception
from consoles import model
from consoles.monitor.pool import Pool
from consoles.proxies.audit import Audit
from consoles.proxies.metrics import Metrics
from consoles.proxies.metrics import STAGES
from consoles.proxies.opening import Opening
from consoles.rpc import timed

ROUNDS = 20_000
LIVE = 10_000
CALL = timed.Call("consoleauth", "get_connection_details", {}, timed.OK, 0.003)


def measure(name: str, func, rounds: int = ROUNDS) -> None:
    begun = time.process_time()
    for _ in range(rounds):
        func()
    print(f"{name:<52} {(time.process_time() - begun) / rounds * 1e6:8.1f} µs")


def session() -> tuple[Opening, model.Tally]:
    opening = Opening("novnc", "host:novnc:6080-0", "boot", "192.0.2.1", "browser")
    opening.details = model.Details(
        instance_id="i", console_type="novnc", host="192.0.2.2", port=5900, id="c")
    return opening, opening.refused(exception.BadRequest())


def count(metrics: Metrics, tally: model.Tally) -> None:
    """What an opening and its end cost in metrics."""
    metrics.took("request", 0.001)
    for stage in STAGES[1:]:
        with metrics.stage(stage):
            pass
    metrics.called(CALL)
    metrics.session_opened()
    metrics.session_ended(tally)


def audit(written: Audit, opening: Opening, tally: model.Tally) -> None:
    """What an opening and its end cost in lines, and in metrics within."""
    written.authorised(opening)
    written.opened(opening)
    written.closed(opening, tally)


def main() -> None:
    log = logging.getLogger("consoles.audit")
    log.setLevel(logging.INFO)
    log.propagate = False
    log.addHandler(logging.NullHandler())
    opening, tally = session()
    links = [types.SimpleNamespace(client=types.SimpleNamespace(carried=1),
                                   target=types.SimpleNamespace(carried=1))] * LIVE
    gauges = {"live": LIVE, "handshakes": 0, "draining": False, "loop_lag": 0}
    pool = Pool()
    try:
        for name, metrics in (("one process", Metrics("novnc")),
                              ("shared", pool.join(lambda: Metrics("novnc")))):
            written = Audit(metrics, lambda *_: None)
            measure(f"metrics of a session, {name}", lambda m=metrics: count(m, tally))
            measure(f"audit of a session with its counters, {name}",
                    lambda w=written: audit(w, opening, tally))
            measure(f"a look at {LIVE} live sessions, once a second, {name}",
                    lambda m=metrics: m.look(gauges, links, 0), 100)
        measure("a page of one worker, shared", pool.page, 50)
    finally:
        pool.remove()


if __name__ == "__main__":
    main()
