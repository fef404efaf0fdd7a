"""The driver `nova`: instances, hosts, owners and consoles by nothing but Nova's API."""

import logging

import pytest

from consoles import exception
from consoles import model
from consoles.compute.drivers import base
from consoles.compute.drivers import nova as nova_driver
from tests.fixtures import fake_nova
from tests.fixtures.fake_nova import Console

NOBODY = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def start(conf, nova):
    def start(hosts=(), **changes):
        fake_nova.configure(conf, nova.login(**changes))
        conf.set_override("nova_hosts", list(hosts), "compute")
        driver = base.load("nova", conf, "kvm1")
        driver.start(changed=lambda: None)
        return driver
    return start


def listed(driver):
    return {instance.id: (instance.name, instance.project_id, instance.user_id, instance.host,
                          instance.status) for instance in driver.list_instances()}


def test_the_servers_of_the_host_are_its_instances_with_their_owners(start, nova):
    one, two = nova.add("one", "kvm1"), nova.add("two", "kvm1", "blue", "SHUTOFF")
    nova.add("elsewhere", "kvm2")
    assert listed(start()) == {one: ("one", "red", "ann", "kvm1", "ACTIVE"),
                               two: ("two", "blue", "ann", "kvm1", "SHUTOFF")}


def test_one_agent_stands_for_some_hosts_or_for_all(start, nova):
    one, two, three = (nova.add(f"vm{n}", f"kvm{n}") for n in (1, 2, 3))
    nova.add("homeless", None, status="BUILD")
    assert set(listed(start(["kvm1", "kvm3"]))) == {one, three}
    assert {id: host for id, (_, _, _, host, _) in listed(start(["*"])).items()} == {
        one: "kvm1", two: "kvm1", three: "kvm1"}  # where the bus has the agent


def test_all_pages_of_the_list_are_read(start, nova):
    nova.page = 2
    ids = {nova.add(f"vm{n}", "kvm1") for n in range(5)}
    assert set(listed(start())) == ids
    assert [query.get("marker") for _, _, query in nova.requests()] == [
        None, sorted(ids)[1], sorted(ids)[3]]


def test_a_console_is_where_novas_token_leads(start, nova):
    id = nova.add("one", "kvm1")
    nova.consoles[id, "novnc"] = Console(id, "10.0.0.31", 5901)
    nova.consoles[id, "webmks"] = Console(id, "esx1", 902, '{"ticket": "t"}')
    nova.consoles[id, "spice-direct"] = Console(id, "10.0.0.31", 5902, tls_port=5903)
    driver = start()
    assert driver.get_console(id, "novnc") == model.ConnectInfo(
        instance_id=id, console_type="novnc", host="10.0.0.31", port=5901,
        tls_name="kvm1.example")
    assert driver.get_console(id, "webmks").internal_access_path == '{"ticket": "t"}'
    spice = driver.get_console(id, "spice-direct")
    assert (spice.port, spice.tls_port, spice.tls_name) == (5902, 5903, None)
    with pytest.raises(exception.ConsoleTypeUnavailable):
        driver.get_console(id, "serial")


def test_no_line_but_the_first_is_known(start, nova):
    id = nova.add("one", "kvm1")
    nova.consoles[id, "serial"] = Console(id, "10.0.0.31", 10000)
    driver = start()
    assert driver.get_console(id, "serial", {"line": 0}).port == 10000
    with pytest.raises(exception.ConsoleTypeUnavailable):
        driver.get_console(id, "serial", {"line": 1})


def test_the_certificates_name_may_be_the_same_for_all_hosts(start, nova, conf):
    conf.set_override("vencrypt_server_name", "kvm.example", "vnc")
    id = nova.add("one", "kvm1")
    nova.consoles[id, "novnc"] = Console(id, "10.0.0.31", 5901)
    assert start().get_console(id, "novnc").tls_name == "kvm.example"


def test_a_port_that_has_passed_to_another_guest_is_refused(start, nova):
    id = nova.add("one", "kvm1")
    nova.consoles[id, "novnc"] = Console(id, "10.0.0.31", 5901)
    driver = start()
    assert driver.validate_console(id, "novnc", "10.0.0.31", 5901).port == 5901
    nova.consoles[id, "novnc"] = Console(id, "10.0.0.31", 5907)
    with pytest.raises(exception.PortChanged):
        driver.validate_console(id, "novnc", "10.0.0.31", 5901)


@pytest.mark.parametrize(("id", "changes", "error"), [
    (NOBODY, {}, exception.InstanceNotFound),
    ("../../servers", {}, exception.InstanceNotFound),
    (None, {"OS-EXT-SRV-ATTR:host": "kvm2"}, exception.InstanceNotFound),
    (None, {"status": "SHUTOFF"}, exception.InstanceNotReady),
    (None, {"status": "HARD_REBOOT"}, exception.InstanceNotReady),
    (None, {"status": "ACTIVE", "port": -1}, exception.InstanceNotReady),
])
def test_what_has_no_console_here_and_now(start, nova, id, changes, error):
    port = changes.pop("port", 5901)
    server = nova.add("one", "kvm1", **changes)
    nova.consoles[server, "novnc"] = Console(server, "10.0.0.31", port)
    with pytest.raises(error):
        start().get_console(id or server, "novnc")


def test_a_server_that_went_to_another_host_is_moving_for_a_while(start, nova, monkeypatch):
    id = nova.add("one", "kvm1")
    driver = start()
    listed(driver)
    nova.servers[id]["OS-EXT-SRV-ATTR:host"] = "kvm2"
    assert listed(driver)[id] == ("one", "red", "ann", "kvm1", "MIGRATING")
    assert listed(driver)[id][-1] == "MIGRATING"
    monkeypatch.setattr(nova_driver, "MOVE_TIME", 0.0)
    assert listed(driver) == {}


def test_what_is_listed_no_more_is_gone_when_nova_says_so(start, nova):
    gone, shelved, dark = (nova.add(name, "kvm1") for name in ("gone", "shelved", "dark"))
    driver = start()
    listed(driver)
    del nova.servers[gone]
    nova.servers[shelved] |= {"OS-EXT-SRV-ATTR:host": None, "status": "SHELVED_OFFLOADED"}
    # Of a cell that is down the reference promises these keys only.
    nova.servers[dark] = {"id": dark, "status": "UNKNOWN", "tenant_id": "red",
                          "created": "2026-01-01T00:00:00Z", "links": [],
                          "OS-EXT-SRV-ATTR:host": None}
    assert listed(driver) == {
        shelved: ("shelved", "red", "ann", "kvm1", "SHELVED_OFFLOADED"),
        dark: ("dark", "red", "ann", "kvm1", "ACTIVE")}


def test_while_nova_is_away_the_instances_are_those_of_before(start, nova, caplog):
    id = nova.add("one", "kvm1")
    nova.consoles[id, "novnc"] = Console(id, "10.0.0.31", 5901)
    driver = start()
    nova.failing = 500
    for ask in (driver.list_instances, lambda: driver.get_console(id, "novnc"),
                lambda: driver._nova.place(id, "novnc")):
        with pytest.raises(exception.NovaUnavailable):
            ask()
    assert "microversion" not in caplog.text  # which is no fault of the operator's
    nova.failing = None
    assert driver.get_console(id, "novnc").port == 5901
    assert set(listed(driver)) == {id}
    nova.failing = 503
    assert set(listed(driver)) == {id}
    with pytest.raises(exception.NovaUnavailable):
        driver.get_console(id, "novnc")


def test_a_login_that_has_expired_is_renewed(start, nova):
    id = nova.add("one", "kvm1")
    driver = start()
    listed(driver)
    nova.identity.users.clear()
    assert set(listed(driver)) == {id}
    assert nova.identity.logins == 2


def test_the_console_log_is_novas(start, nova):
    id = nova.add("one", "kvm1")
    nova.logs[id] = "a\nb\nc\n"
    driver = start()
    assert driver.get_console_output(id, 2) == "b\nc\n"
    assert driver.get_console_output(id, None) == "a\nb\nc\n"
    with pytest.raises(exception.InstanceNotFound):
        driver.get_console_output(nova.add("mute", "kvm1"), 2)


@pytest.mark.parametrize(("login", "newest", "words"), [
    ({"user": "mary"}, 104, "needs the role admin"),
    ({"password": "wrong-password"}, 104, "check the username and password in [nova]"),
    ({}, 30, "microversion 2.31"),
])
def test_what_the_operator_must_mend_is_logged(start, nova, caplog, login, newest, words):
    nova.newest = newest
    id = nova.add("one", "kvm1")
    nova.consoles[id, "novnc"] = Console(id, "10.0.0.31", 5901)
    driver = start(**login)
    with pytest.raises(exception.NovaUnavailable):
        driver.get_console(id, "novnc")
    assert words in caplog.text
    assert "wrong-password" not in caplog.text


def test_no_token_of_novas_is_logged_at_debug_level(start, nova, caplog):
    caplog.set_level(logging.DEBUG)
    id = nova.add("one", "kvm1")
    nova.consoles[id, "novnc"] = Console(id, "10.0.0.31", 5901, '{"ticket": "hush"}')
    start().get_console(id, "novnc")
    [token] = nova.tokens
    assert f"{id}/remote-consoles" in caplog.text
    assert token not in caplog.text
    assert "hush" not in caplog.text


@pytest.mark.parametrize("login", [{}, {"auth_type": "nonsense"}])
def test_without_a_login_it_does_not_start(conf, login):
    fake_nova.configure(conf, login)
    with pytest.raises(exception.ConfigError, match=r"\[nova\]"):
        base.load("nova", conf, "kvm1").start(changed=lambda: None)
