"""What administrators hear of a system whose parts die, one after the other."""

import pytest

from tests.fixtures.processes import free_port
from tests.fixtures.processes import wait_for
from tests.fixtures.system import Fault

DETAILS = "/healthcheck/details"
#: Seconds for an answer: a call on the bus and a look for the broker, on a slow machine.
PATIENCE = 25


def status(system):
    """→ the word for each part; the answer may not hang, nor may it be a fault."""
    found = system.ask(DETAILS, token="root:admin", timeout=PATIENCE)["healthcheck"]
    assert all(part["message"] for part in found.values())
    return {name: part["status"] for name, part in found.items()}, found["agents"]


def settled(system, **words):
    return wait_for(lambda: status(system)[0] == words, what=f"{words} is told")


def test_each_part_that_dies_is_named(make_system, own_rabbit):
    system = make_system(own_rabbit.url, hosts=("one", "two"),
                         inventory={"report_interval": 1, "service_down_time": 4})
    system.sync()
    system.start_consoleauth()
    system.start_agent("one")
    system.start_agent("two")
    system.start_api()
    wait_for(lambda: status(system)[1]["up"] == 2, what="both agents are up")
    assert status(system)[0] == {"bus": "up", "consoleauth": "up", "agents": "up"}

    system.services.kill("agent-two")
    settled(system, bus="up", consoleauth="up", agents="degraded")
    agents = status(system)[1]
    assert (agents["up"], agents["down"], agents["hosts_down"]) == (1, 1, ["two"])

    system.services.kill("auth")
    settled(system, bus="up", consoleauth="down", agents="unknown")

    own_rabbit.freeze()
    assert status(system)[0]["agents"] == "unknown"
    own_rabbit.kill()
    settled(system, bus="down", consoleauth="unknown", agents="unknown")

    with pytest.raises(Fault, match="403"):
        system.ask(DETAILS)


def test_an_api_that_never_had_a_broker_says_so(make_system):
    system = make_system(f"rabbit://guest:guest@127.0.0.1:{free_port()}/")
    system.start_api()
    assert status(system)[0] == {"bus": "down", "consoleauth": "unknown", "agents": "unknown"}
