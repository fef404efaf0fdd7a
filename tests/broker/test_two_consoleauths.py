"""Two consoleauth processes on one database and one RabbitMQ; one is killed in mid-call."""

import concurrent.futures
import json
import threading
import uuid

import pytest

from consoles import exception
from consoles import model
from consoles.context import RequestContext
from consoles.rpc import transport
from consoles.rpc.compute import Compute
from consoles.rpc.consoleauth import ConsoleAuth
from consoles.rpc.interface import exposed
from consoles.rpc.inventory import Inventory
from consoles.rpc.proxies import Proxies
from consoles.rpc.sessions import Sessions
from tests.fixtures.consoleauth import Agent
from tests.fixtures.consoleauth import instance
from tests.fixtures.consoleauth import Worker
from tests.fixtures.database import new_url
from tests.fixtures.processes import wait_for

AGENT, WORKER = "agent1", "proxy1:novnc:0"
CALLERS, TOKENS = 8, 12


class GatedAgent(Agent):
    """Answers when the gate is open; `waiting` says that a question came while it was shut."""

    def __init__(self, name):
        super().__init__(name)
        self.gate, self.waiting = threading.Event(), threading.Event()
        self.gate.set()

    @exposed
    def validate_console(self, context, instance_id, console_type, host, port):
        if not self.gate.is_set():
            self.waiting.set()
            assert self.gate.wait(30)
        return self.answer("validate_console", instance_id, console_type)


class Cloud:
    """The two processes, clients of them, and the agent and worker they ask."""

    def __init__(self, services, bus):
        self.services, self.bus = services, bus
        self.agent, self.worker = GatedAgent(AGENT), Worker()
        self.servers = [bus.serve(AGENT, {Compute.interface: self.agent}),
                        bus.serve(WORKER, {Proxies.interface: self.worker})]
        assert all(servers.wait_until_started(20) for servers in self.servers)
        caller = transport.ThreadCaller(bus)
        self.auth, self.sessions = ConsoleAuth(caller), Sessions(caller)
        self.inventory = Inventory(caller)
        self.context = RequestContext()

    def add(self, token, instance_id="i1"):
        return self.auth.add_connection_details(
            self.context, instance_id, "novnc", token, AGENT, 5900, "http://x.example/",
            agent_host=AGENT, project_id="p")

    def manage(self, *arguments):
        """→ the exit status and what was printed."""
        name = f"manage-{uuid.uuid4().hex[:6]}"
        process = self.services.start(name, "consoles-manage", *arguments)
        return process.popen.wait(30), process.log.read_text()

    def end(self):
        for servers in self.servers:
            servers.stop(0.2)
        self.bus.close()


def session():
    return model.SessionRequest(id=str(uuid.uuid4()), worker=WORKER, kind="novnc",
                                client_address="192.0.2.1", boot_id="boot1").to_dict()


def until_answered(call, *args, **kwargs):
    """Repeat a call as its callers do, while a part is missing."""
    def attempt():
        try:
            return (call(*args, **kwargs),)
        except exception.ServiceUnavailable:
            return None
    return wait_for(attempt, 60)[0]


@pytest.fixture
def cloud(request, conf, services, rabbit):
    """On MariaDB, where no parameter names another database."""
    url = rabbit.new_vhost()
    services.configure({
        "DEFAULT": {"transport_url": url},
        "database": {"connection": new_url(request, getattr(request, "param", "mariadb"))},
        "consoleauth": {"janitor_interval": 1}})
    sync = services.start("sync", "consoles-manage", "db", "sync")
    assert sync.popen.wait(30) == 0, sync.tail()
    for name in ("auth1", "auth2"):
        own = services.write(f"{name}.conf", {"DEFAULT": {"host": name}})
        services.start(name, "consoles-consoleauth", "--config-file", own)
    conf.set_override("transport_url", url)
    running = Cloud(services, transport.Bus(conf))
    for name in ("auth1", "auth2"):
        until_answered(running.auth.at(name).touch_connection_details, running.context, [])
    yield running
    running.end()


def test_a_call_that_dies_with_its_process_is_answered_by_the_other(cloud):
    cloud.auth.at("auth1").add_connection_details(
        cloud.context, "i1", "novnc", "t", AGENT, 5900, "http://x.example/", agent_host=AGENT)
    asked = session()
    cloud.agent.gate.clear()
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        dying = pool.submit(cloud.auth.at("auth1").get_connection_details, cloud.context, "t",
                            asked)
        assert cloud.agent.waiting.wait(10)
        cloud.services.kill("auth1")
        with pytest.raises(exception.ConsoleauthUnavailable):
            dying.result(10)
    cloud.agent.gate.set()
    details = until_answered(cloud.auth.get_connection_details, cloud.context, "t", asked)
    assert (details["host"], details["session_id"]) == (AGENT, asked["id"])
    rows = cloud.sessions.list(cloud.context)
    assert [(row["id"], row["state"]) for row in rows] == [(asked["id"], "opening")]


@pytest.mark.parametrize("cloud", ["mariadb", "postgresql"], indirect=True)
def test_nothing_is_lost_or_counted_twice_when_one_is_killed_under_load(cloud):
    halfway, killed = threading.Barrier(CALLERS + 1), threading.Event()
    opened, tallies = [], []

    def use(caller, number):
        token = f"{caller}-{number}"
        added = until_answered(cloud.add, token, f"i{caller}")
        if number == TOKENS // 2:
            halfway.wait(60)
        asked = session()
        details = until_answered(cloud.auth.get_connection_details, cloud.context, token, asked)
        assert details["id"] == added["id"]
        opened.append((token, asked["id"]))
        tally = model.Tally(session_id=asked["id"], bytes_in=3, bytes_out=5, code=1000,
                            reason="client_closed").to_dict()
        tallies.append(asked["id"])
        assert until_answered(cloud.sessions.close, cloud.context, [tally]) == [asked["id"]]

    def report(caller):
        host = f"host{caller}"
        for sequence in range(1, TOKENS + 1):
            answer = until_answered(
                cloud.inventory.report, cloud.context, host, "b", sequence, sequence == 1,
                [instance(f"r{caller}-{sequence}")], {})
            assert answer in ("applied", "old")

    def run(caller):
        for number in range(TOKENS):
            use(caller, number)
        report(caller)

    with concurrent.futures.ThreadPoolExecutor(CALLERS) as pool:
        running = [pool.submit(run, caller) for caller in range(CALLERS)]
        halfway.wait(60)
        cloud.services.kill("auth1")
        killed.set()
        for future in running:
            future.result(120)

    assert len(opened) == CALLERS * TOKENS
    for token, _ in opened:
        assert cloud.auth.get_connection_details(cloud.context, token) is not None
    rows = cloud.sessions.list(cloud.context, limit=1000)
    assert sorted(row["id"] for row in rows) == sorted(tallies)
    assert {row["reason"] for row in rows} == {"client_closed"}
    assert sum(row["bytes_in"] for row in rows) == 3 * len(tallies)
    hosts = cloud.inventory.list_hosts(cloud.context)
    assert [host["instances"] for host in hosts] == [TOKENS] * CALLERS


def _kill_what_a_worker_that_is_away_holds(cloud):
    away = session() | {"worker": "away:novnc:0"}
    cloud.auth.get_connection_details(cloud.context, "t", away)
    code, text = cloud.manage("session", "kill", away["id"])
    assert (code, "will be closed when the proxy reports again" in text) == (1, True)
    row = {"id": away["id"], "connection_id": "c", "instance_id": "i1", "console_type": "novnc",
           "client_address": "192.0.2.1", "state": "live", "bytes_in": 0, "bytes_out": 0}
    answer = cloud.sessions.report(cloud.context, "away:novnc:0", "boot1", [row])
    assert answer == {"end": [{"id": away["id"], "code": 4441, "reason": "ended_by_admin"}]}


def test_the_operator_sees_what_is_there_and_what_is_missing(cloud):
    code, text = cloud.manage("status")
    assert (code, "no consoles-compute has reported" in text) == (1, True)
    cloud.inventory.report(cloud.context, AGENT, "b", 1, True, [instance()],
                           {"rdp-html5": "http://x.example/"}, "1.0")
    cloud.add("t")
    asked = session()
    cloud.auth.get_connection_details(cloud.context, "t", asked)
    code, text = cloud.manage("host", "list", "--json")
    assert code == 0
    assert [(host["name"], host["up"]) for host in json.loads(text)] == [(AGENT, True)]
    code, text = cloud.manage("host", "list")
    assert AGENT in text
    code, text = cloud.manage("session", "list", "--state", "opening")
    assert asked["id"] in text
    assert cloud.manage("session", "kill", asked["id"])[0] == 0
    assert cloud.worker.closed == [([asked["id"]], 4441, "ended_by_admin")]
    assert cloud.manage("session", "kill", "unknown")[0] == 1
    _kill_what_a_worker_that_is_away_holds(cloud)
    code, text = cloud.manage("status")
    assert code == 0, text
    assert f"{AGENT}: 1 instances" in text
    cloud.agent.contradictions = [{"instance_id": "i1", "text": "listens on 0.0.0.0"}]
    code, text = cloud.manage("status")
    assert (code, f"i1 on {AGENT}: listens on 0.0.0.0" in text) == (1, True)
    cloud.services.kill("auth1")
    cloud.services.kill("auth2")
    code, text = cloud.manage("status")
    assert code == 2
    assert "is consoles-consoleauth running" in text
    code, text = cloud.manage("session", "list")
    assert (code, "Traceback" in text) == (1, False)
