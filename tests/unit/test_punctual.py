"""A service that was held up does not work through what its callers gave up."""

import concurrent.futures
import dataclasses
import threading

from consoles import exception
from consoles.context import RequestContext
from consoles.rpc import transport
from consoles.rpc.interface import exposed
from consoles.rpc.sessions import Sessions
from tests.fixtures.processes import wait_for

CALLS = 12
AT_WORK = 2


class Hasty(Sessions):
    """Callers wait a second."""

    interface = dataclasses.replace(Sessions.interface, topic="consoles-hasty", timeout=1.0)


class Held:
    """Its calls wait until it is released."""

    def __init__(self):
        self.worked = 0
        self.released = threading.Event()

    @exposed
    def list(self, context, filters=None, limit=100, marker=None):
        self.worked += 1
        assert self.released.wait(60)
        return []


def test_calls_that_were_given_up_are_dropped(conf, caplog):
    bus, held = transport.Bus(conf), Held()
    conf.set_override("executor_thread_pool_size", AT_WORK)
    servers = bus.serve("one", {Hasty.interface: held})
    assert servers.wait_until_started(30)
    hasty = Hasty(transport.ThreadCaller(bus))
    with concurrent.futures.ThreadPoolExecutor(CALLS) as pool:
        asked = [pool.submit(hasty.list, RequestContext()) for _ in range(CALLS)]
        assert all(isinstance(call.exception(60), exception.ConsoleauthUnavailable)
                   for call in asked)
    held.released.wait(1.5)  # the last of them came later than it was sent
    held.released.set()
    patient = Hasty(transport.ThreadCaller(bus, timeout=30.0))
    assert patient.list(RequestContext()) == []
    assert held.worked == AT_WORK + 1
    wait_for(lambda: caplog.text.count("its caller has given up") == CALLS - AT_WORK)
    servers.stop()
    bus.close()
