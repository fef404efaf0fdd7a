"""The agent on the bus: asked by its clients, telling an inventory and a consoleauth."""

import threading
import time

import pytest

from consoles import exception
from consoles.compute import service
from consoles.context import RequestContext
from consoles.rpc import transport
from consoles.rpc.compute import Compute
from consoles.rpc.consoleauth import ConsoleAuth
from consoles.rpc.interface import exposed
from consoles.rpc.inventory import Inventory

ONE = "11111111-0000-4000-8000-000000000001"
FILE = f"""instances:
- {{name: n, id: {ONE}, status: STATUS, consoles: {{novnc: {{guest: builtin}}}}}}
"""


class Control:
    """What consoleauth's process is to an agent: the inventory and the idle details."""

    def __init__(self):
        self.reports, self.deleted = [], []
        self.idle = [{"id": "c1", "instance_id": ONE, "console_type": "novnc"}]
        self.answers = ["resync"]

    @exposed
    def report(self, context, host, boot_id, sequence, full, instances, endpoints, version=""):
        self.reports.append((host, sequence, full, {i["id"]: i["status"] for i in instances},
                             endpoints))
        return self.answers.pop(0) if self.answers else "applied"

    @exposed
    def get_connection_details_by_host(self, context, host, only_idle=True):
        return self.idle if (host, only_idle) == ("hyper-1", True) else []

    @exposed
    def delete_connection_details(self, context, tokens, reason="deleted", ids=None):
        self.deleted.append((tokens, reason, ids))
        self.idle = []
        return {"deleted": len(ids), "sessions": []}


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "instances.yaml"
    path.write_text(FILE.replace("STATUS", "ACTIVE"))
    return path


@pytest.fixture
def bus(conf, path):
    conf.set_override("stub_instances", str(path), group="compute")
    conf.set_override("host", "hyper-1", group="compute")
    bus = transport.Bus(conf)
    yield bus
    bus.close()


@pytest.fixture
def control(bus):
    control = Control()
    servers = bus.serve("control", {Inventory.interface: control, ConsoleAuth.interface: control})
    assert servers.wait_until_started(30)
    yield control
    servers.stop()


@pytest.fixture
def agent(conf, bus):
    agent = service.build(conf, bus)
    servers = bus.serve(agent.host, agent.endpoints)
    assert servers.wait_until_started(30)
    agent.start()
    yield agent
    agent.stop()
    servers.stop()


def until(condition):
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline
        threading.Event().wait(0.01)


def test_an_agent_reports_answers_and_reaps(bus, control, agent, path):
    until(lambda: len(control.reports) > 1)
    host, sequence, full, instances, endpoints = control.reports[1]
    assert (host, sequence, full, instances) == ("hyper-1", 2, True, {ONE: "ACTIVE"})
    assert endpoints == {"novnc": "http://127.0.0.1:6080/vnc_auto.html",
                         "xvpvnc": "http://127.0.0.1:6081/console"}

    compute = Compute(transport.ThreadCaller(bus)).at("hyper-1")
    info = compute.get_console(RequestContext(), ONE, "novnc")
    assert info["access_url_base"] == endpoints["novnc"]
    assert compute.validate_console(RequestContext(), ONE, "novnc", info["host"],
                                    info["port"]) == info
    with pytest.raises(exception.PortChanged):
        compute.validate_console(RequestContext(), ONE, "novnc", info["host"], 1)
    with pytest.raises(exception.InstanceNotFound):
        compute.get_console(RequestContext(), "nobody", "novnc")
    with pytest.raises(exception.ConsoleTypeUnavailable):
        compute.get_console(RequestContext(), ONE, "serial")
    assert "Booting n" in compute.get_console_output(RequestContext(), ONE)
    assert compute.get_console_output(RequestContext(), ONE, 1).count("\n") == 1

    until(lambda: control.deleted)
    assert control.deleted == [([], "idle", ["c1"])]
    assert compute.release(RequestContext(), {"instance_id": ONE}) is None
    assert agent._driver.released == {ONE: 2}

    path.write_text(FILE.replace("STATUS", "SHUTOFF"))
    until(lambda: control.reports[-1][3] == {ONE: "SHUTOFF"})
    with pytest.raises(exception.InstanceNotReady):
        compute.get_console(RequestContext(), ONE, "novnc")


def test_the_agent_ends_soon_though_nobody_answers(conf, bus):
    before = set(threading.enumerate())
    agent = service.build(conf, bus)
    agent.start()
    names = {thread.name for thread in set(threading.enumerate()) - before}
    assert {"guests", "report", "reap", "stub-instances"} <= names
    until(lambda: any(t.name.startswith("rpc") for t in set(threading.enumerate()) - before))
    begin = time.monotonic()
    agent.stop()
    assert time.monotonic() - begin < 10
    left = {thread.name for thread in set(threading.enumerate()) - before if thread.is_alive()}
    assert not left & {"guests", "report", "reap", "stub-instances"}


def test_the_host_is_that_of_the_process_unless_the_agent_has_its_own(conf, bus):
    assert service.build(conf, bus).host == "hyper-1"
    conf.clear_override("host", group="compute")
    conf.set_override("host", "box-1")
    assert service.build(conf, bus).host == "box-1"
