"""Whether the bus works, as health asks; what calls cost, as metrics are told."""

import asyncio
import socket
import threading

import pytest

from consoles import exception
from consoles.context import RequestContext
from consoles.rpc import brokers
from consoles.rpc import timed
from consoles.rpc import transport
from consoles.rpc.consoleauth import ConsoleAuth
from consoles.rpc.interface import exposed


class Broken:
    """A server that the broker refuses."""

    def start(self):
        raise RuntimeError("406 PRECONDITION_FAILED")

    def stop(self):
        raise AssertionError("it was never started")


def test_a_server_that_cannot_start_does_not_count_as_listening(caplog):
    before = set(threading.enumerate())
    servers = transport.Servers([Broken()])
    assert not servers.wait_until_started(0.2)
    assert "Cannot listen on the bus" in caplog.text
    servers.stop(1)
    assert set(threading.enumerate()) <= before


def test_a_broker_answers_when_one_of_them_takes_a_connection():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        here = listener.getsockname()
        with socket.create_server(("127.0.0.1", 0)) as other:
            gone = other.getsockname()
        assert brokers.answer([gone, here])
        assert not brokers.answer([gone])
    assert brokers.answer([]), "a bus within the process needs none"


class Endpoint:
    attribute = "own"

    @exposed
    def get_connection_details(self, context, token, session=None):
        if session == "crash":
            raise KeyError(token)
        if session:
            raise exception.AgentUnavailable("host")
        return None if token == "unknown" else {"id": token}


@pytest.mark.parametrize(("token", "session", "outcome"), [
    ("known", None, "ok"), ("unknown", None, "none"), ("known", {"id": "1"}, "agent_unavailable"),
    ("known", "crash", "internal_error")])
def test_a_call_that_is_served_is_told_with_its_outcome(token, session, outcome):
    calls = []
    endpoint = timed.Endpoint(Endpoint(), ConsoleAuth.interface, calls.append)
    assert endpoint.attribute == "own"
    assert endpoint.get_connection_details.exposed
    try:
        endpoint.get_connection_details(RequestContext().to_dict(), token=token, session=session)
    except Exception:
        assert outcome not in ("ok", "none")
    call, = calls
    assert (call.topic, call.method, call.outcome) == (
        "consoleauth", "get_connection_details", outcome)
    assert call.arguments == {"token": token, "session": session}
    assert 0 <= call.seconds < 5


@pytest.mark.parametrize(("end", "outcome"), [
    ({"id": "1"}, "ok"), (None, "none"), (exception.BusUnavailable("x"), "bus_unavailable"),
    (RuntimeError("x"), "failed"), (asyncio.CancelledError(), "cancelled")])
def test_a_call_of_ours_is_told_with_its_outcome(end, outcome):
    def answer():
        if isinstance(end, BaseException):
            raise end
        return end

    async def awaitable(*args):
        return answer()

    calls = []
    arguments = (ConsoleAuth.interface, None, RequestContext(), "get_connection_details", {})
    for call in (lambda: timed.threads(lambda *args: answer(), calls.append)(*arguments),
                 lambda: asyncio.run(timed.loop(awaitable, calls.append)(*arguments))):
        try:
            assert call() == end
        except BaseException as exc:
            assert type(exc) is type(end)
    assert [call.outcome for call in calls] == [outcome, outcome]
