"""The interfaces on an in-process bus: hashing, errors and bounds."""

import threading
import time
from types import SimpleNamespace

import pytest

from consoles import exception
from consoles import model
from consoles.context import current
from consoles.context import RequestContext
from consoles.rpc import transport
from consoles.rpc import turns
from consoles.rpc.compute import Compute
from consoles.rpc.consoleauth import ConsoleAuth
from consoles.rpc.interface import exposed
from tests.fixtures.processes import wait_for


class Endpoint:
    """Answers what it was asked, or raises what it was given."""

    def __init__(self):
        self.error = None
        self.gate = threading.Event()
        self.gate.set()

    @exposed
    def get_connection_details(self, context, token, session=None):
        if self.error:
            raise self.error
        return {"token": token, "session": session, "request_id": context.request_id,
                "current": current().request_id}

    @exposed
    def validate_console(self, context, instance_id, console_type, host, port):
        self.gate.wait(10)
        return {}

    def not_exposed(self, context):
        return "secret"


@pytest.fixture
def endpoint():
    return Endpoint()


@pytest.fixture
def bus(conf, endpoint):
    bus = transport.Bus(conf)
    servers = bus.serve("one", {ConsoleAuth.interface: endpoint, Compute.interface: endpoint})
    assert servers.wait_until_started(30)
    yield bus
    endpoint.gate.set()
    servers.stop()
    bus.close()


def test_a_token_crosses_the_bus_as_its_hash_with_the_request_id(bus):
    context = RequestContext(user_id="u")
    answer = ConsoleAuth(transport.ThreadCaller(bus)).get_connection_details(context, "secret")
    assert answer["token"] == model.token_hash("secret")
    assert answer["request_id"] == answer["current"] == context.request_id


def test_an_error_of_ours_arrives_as_itself(bus, endpoint):
    endpoint.error = exception.PortChanged("it was 5900")
    with pytest.raises(exception.PortChanged) as caught:
        ConsoleAuth(transport.ThreadCaller(bus)).get_connection_details(RequestContext(), "t")
    assert type(caught.value) is exception.PortChanged
    assert str(caught.value) == "it was 5900"


def test_a_crash_arrives_as_internal_error(bus, endpoint):
    endpoint.error = KeyError("x")
    with pytest.raises(exception.ConsolesError) as caught:
        ConsoleAuth(transport.ThreadCaller(bus)).get_connection_details(RequestContext(), "t")
    assert caught.value.http_status == 500


def test_a_method_that_is_not_exposed_cannot_be_called(bus):
    with pytest.raises(exception.ConsolesError):
        bus.call(ConsoleAuth.interface, None, RequestContext(), "not_exposed", {}, 2)


def test_calls_to_one_server_are_bounded(bus, endpoint):
    endpoint.gate.clear()
    compute = Compute(transport.ThreadCaller(bus, timeout=30, per_server=2)).at("one")
    ask = (RequestContext(), "i", "novnc", "h", 1)
    waiting = [threading.Thread(target=compute.validate_console, args=ask) for _ in range(2)]
    for thread in waiting:
        thread.start()
    wait_for(lambda: len(compute._caller._turns._in_flight.get("one", ())) == 2)
    with pytest.raises(exception.AgentUnavailable, match="2 calls"):
        compute.validate_console(*ask)
    endpoint.gate.set()
    for thread in waiting:
        thread.join()
    assert compute.validate_console(*ask) == {}


def test_calls_to_a_server_that_answers_wait_for_their_turn(bus):
    compute = Compute(transport.ThreadCaller(bus, timeout=60, per_server=1)).at("one")
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(compute.validate_console(
        RequestContext(), "i", "novnc", "h", 1))) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [{}] * 20
    assert compute._caller._turns._in_flight == {}


def test_one_call_that_hangs_fails_no_others_of_a_server_that_answers():
    hung, freed, answers = threading.Event(), threading.Event(), []

    class HalfHung:
        def call(self, interface, server, context, method, arguments, timeout):
            if arguments["instance_id"] == "hung":
                hung.set()
                assert freed.wait(30)
            return freed.wait(0.1)  # what an answer takes

    compute = Compute(transport.ThreadCaller(HalfHung(), timeout=20, per_server=2)).at("one")

    def ask(id):
        answers.append(compute.validate_console(RequestContext(), id, "novnc", "h", 1))

    threads = [threading.Thread(target=ask, args=(id,)) for id in ("hung", *"abcdefghijklmnop")]
    threads[0].start()
    assert hung.wait(20)
    for thread in threads[1:]:
        thread.start()
    for thread in threads[1:]:
        thread.join()
    assert len(answers) == 16
    freed.set()
    threads[0].join()
    assert compute._caller._turns._in_flight == {}


def test_what_a_call_waits_for_its_turn_is_not_given_to_it_again(monkeypatch):
    monkeypatch.setattr(turns, "PATIENCE", 60)
    asked, freed, given = threading.Event(), threading.Event(), []

    class Slow:
        def call(self, interface, server, context, method, arguments, timeout):
            given.append(timeout)
            asked.set()
            assert freed.wait(30)

    compute = Compute(transport.ThreadCaller(Slow(), timeout=50, per_server=1)).at("one")
    threads = [threading.Thread(target=compute.validate_console, args=(
        RequestContext(), "i", "novnc", "h", 1)) for _ in range(2)]
    threads[0].start()
    assert asked.wait(30)
    threads[1].start()
    wait_for(lambda: compute._caller._turns._turn._waiters)
    freed.wait(0.2)
    freed.set()
    for thread in threads:
        thread.join()
    assert 49 < given[0] <= 50
    assert given[1] < 49.9


def test_a_call_waits_for_its_turn_no_longer_than_leaves_it_half_of_its_time(monkeypatch):
    """What is left is the timeout of the broker's sockets, too."""
    waits, given = [], []

    class Quick:
        def call(self, interface, server, context, method, arguments, timeout):
            given.append(timeout)

    def late(interface, server, deadline):
        waits.append(deadline - time.monotonic())
        monkeypatch.setattr(transport, "time", SimpleNamespace(monotonic=lambda: deadline + 3600))
        return 0.0

    caller = transport.ThreadCaller(Quick(), timeout=50)
    monkeypatch.setattr(caller._turns, "enter", late)
    Compute(caller).at("one").validate_console(RequestContext(), "i", "novnc", "h", 1)
    assert waits[0] <= 25
    assert given == [25]


def test_a_service_that_does_not_answer_is_named(bus, endpoint):
    endpoint.gate.clear()
    with pytest.raises(exception.AgentUnavailable, match="did not answer"):
        Compute(transport.ThreadCaller(bus, timeout=0.2)).at("one").validate_console(
            RequestContext(), "i", "novnc", "h", 1)


def test_an_idle_bus_in_process_costs_next_to_nothing(bus):
    before = time.process_time()
    threading.Event().wait(1)
    assert time.process_time() - before < 0.3
