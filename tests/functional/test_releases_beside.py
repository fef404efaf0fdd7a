"""Agents of the release before and of the one after, and a proxy of the one before, beside this
consoleauth and API.

What the former ones say is written out, as a client of this release has no way to say less.
"""

import re
from types import SimpleNamespace

import pytest

from consoles import exception
from consoles import model
from consoles.api import app
from consoles.compute.reporter import Reporter
from consoles.rpc import transport
from consoles.rpc.compute import Compute
from consoles.rpc.consoleauth import ConsoleAuth
from consoles.rpc.interface import exposed
from consoles.rpc.inventory import Inventory
from consoles.rpc.sessions import Sessions
from tests.fixtures.api_client import Client
from tests.fixtures.consoleauth import instance
from tests.fixtures.consoleauth import WORKER
from tests.fixtures.processes import wait_for

SERVER = "i-other"


class FormerAgent:
    """It knows neither `status` nor console logs, and answers with what must be there alone."""

    more: dict = {}

    @exposed
    def get_console(self, context, instance_id, console_type, options=None):
        return {"instance_id": instance_id, "console_type": console_type, "host": "10.0.0.7",
                "port": 5901, "access_url_base": "http://consoles.example/vnc_auto.html",
                **self.more}

    @exposed
    def validate_console(self, context, instance_id, console_type, host, port):
        return self.get_console.__wrapped__(self, context, instance_id, console_type)


class NewerAgent(FormerAgent):
    more = {"colour": "blue"}


class AgentWithoutUrl(FormerAgent):
    more = {"access_url_base": ""}


class NewerInventory(Inventory):
    """What an agent of the next release asks with."""

    def report(self, context, **told):
        return self._call(context, "report", colour="blue", **told)


@pytest.fixture
def say(plant):
    """A call with just these arguments; → its answer."""
    def call(interface, method, **arguments):
        return plant.bus.call(interface, None, plant.context, method, arguments, 20)
    return call


def report(say, agent, *instances):
    """A full report of the agent, named like its class, until it is applied."""
    endpoints = {"novnc": "http://consoles.example/vnc_auto.html"}
    answers = [say(Inventory.interface, "report", host=agent.__name__, boot_id="b",
                   sequence=number, full=True, instances=list(instances), endpoints=endpoints)
               for number in (1, 2)]
    assert answers[-1] == "applied"


def wanted(plant, agent):
    """→ what the API answers to who wants the console of SERVER."""
    plant.serve(agent.__name__, {Compute.interface: agent()})
    plant.conf.set_override("auth_strategy", "noauth", "api")
    ask = Client(app.build(plant.conf, transport.ThreadCaller(plant.bus)), "admin:admin")
    return ask("POST", f"/v2.1/servers/{SERVER}/console", {"protocol": "vnc", "type": "novnc"})


@pytest.mark.parametrize(("agent", "reported"), [
    (FormerAgent, {"id": SERVER, "name": "web", "status": "ACTIVE"}),
    (NewerAgent, instance(SERVER, project_id="demo") | {"flavour": "small"})])
def test_a_console_of_an_agent_of_another_release(plant, say, agent, reported):
    """From the agent's report over the API's URL to the session, and to what `status` shows."""
    report(say, agent, reported)
    got = wanted(plant, agent)
    assert got.status_int == 200, got.text
    url = got.json["url"]
    assert url.startswith("http://consoles.example/vnc_auto.html?")
    details = plant.get(url.rpartition("%3D")[2].rpartition("=")[2], plant.session())
    assert (details["host"], details["port"], details["tls_port"]) == ("10.0.0.7", 5901, None)
    [host] = plant.inventory.list_hosts(plant.context)
    assert (host["name"], host["version"], host["instances"]) == (agent.__name__, "", 1)
    with pytest.raises(exception.ConsolesError, match="NoSuchMethod"):
        Compute(transport.ThreadCaller(plant.bus)).at(agent.__name__).status(plant.context)


def test_an_agent_that_says_no_url_is_no_mistake_of_the_users(plant, say, caplog):
    report(say, AgentWithoutUrl, instance(SERVER))
    assert wanted(plant, AgentWithoutUrl).status_int == 500
    assert "AgentWithoutUrl says no public URL for novnc" in caplog.text


def test_a_proxy_of_the_former_release_opens_and_ends_a_session(plant, say):
    plant.add("t")
    row = {"id": "s1", "worker": WORKER, "kind": "novnc", "client_address": "192.0.2.1"}
    details = say(ConsoleAuth.interface, "get_connection_details", token=model.token_hash("t"),
                  session=row)
    assert details["session_id"] == "s1"
    assert say(Sessions.interface, "close", tallies=[{
        "session_id": "s1", "bytes_in": 1, "bytes_out": 2, "code": 1000,
        "reason": "client_closed"}]) == ["s1"]
    assert plant.session_row("s1")["state"] == "ended"


def test_an_argument_that_only_the_next_release_knows_is_named_in_the_agents_log(plant, caplog):
    inventory = NewerInventory(transport.ThreadCaller(plant.bus))
    reporter = Reporter(SimpleNamespace(list_instances=list), inventory, "newer", {}, 60)
    reporter.thread.start()
    wait_for(lambda: re.search(
        "Reports do not reach the inventory.*does not know 'colour'.*newer release", caplog.text))
    reporter.thread.stop()
    assert reporter.thread.join(30)
