"""The file of the driver `stub`: what happens when it changes, and what a broken one says."""

import socket

import pytest

from consoles import exception
from consoles.compute.drivers.stub import StubDriver
from tests.fixtures.processes import wait_for
from tests.fixtures.stub import INSTANCES
from tests.fixtures.stub import ONE
from tests.fixtures.stub import TWO


def test_a_change_of_the_file_is_told_and_keeps_ports(start):
    started = start()
    before = started.driver.get_console(ONE, "novnc").port
    started.rewrite(INSTANCES.replace("SHUTOFF", "ACTIVE"))
    assert started.changed.wait(20)
    assert [i.status for i in started.driver.list_instances()] == ["ACTIVE", "ACTIVE"]
    assert started.driver.get_console(TWO, "novnc").port == 5900
    assert started.driver.get_console(ONE, "novnc").port == before


def test_an_instance_switched_off_loses_its_console_and_gets_it_back(start):
    started = start()
    before = started.driver.get_console(ONE, "novnc")
    started.rewrite(INSTANCES.replace("name: one", "name: one\n  status: SHUTOFF"))
    assert started.changed.wait(20)
    with pytest.raises(exception.InstanceNotReady):
        started.driver.get_console(ONE, "novnc")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((before.host, before.port), 30)
    started.rewrite(INSTANCES)
    assert started.changed.wait(20)
    assert started.driver.get_console(ONE, "novnc") == before


@pytest.mark.parametrize("broken", ["instances: [", None])
def test_a_broken_file_at_run_time_is_logged_and_the_last_good_one_counts(start, caplog, broken):
    started = start()
    if broken:
        started.rewrite(broken)
    else:
        started.path.unlink()
    wait_for(lambda: "the instances stay as they were" in caplog.text)
    assert len(started.driver.list_instances()) == 2
    assert started.driver.get_console(ONE, "novnc").port
    started.rewrite("instances: []")
    assert started.changed.wait(20)
    assert started.driver.list_instances() == []


@pytest.mark.parametrize(("text", "said"), [
    ("instances: [", "line 1"),
    ("- a", "must have type object"),
    ("", "must have type object"),
    ("instance: []", "'instance' was unexpected"),
    ("instances: [{name: n}]", "instances[0]: 'id' is a required property"),
    ("instances: [{name: n, id: not-a-uuid}]", "instances[0].id: must have pattern"),
    (f"instances: [{{name: n, id: {ONE}, status: up}}]", "instances[0].status"),
    (f"instances: [{{name: n, id: {ONE}}}, {{name: m, id: {ONE}}}]", "two instances"),
    (f"instances: [{{name: n, id: {ONE}, consoles: {{vnc: {{}}}}}}]", "'vnc' was unexpected"),
    (f"instances: [{{name: n, id: {ONE}, consoles: {{novnc: {{host: h}}}}}}]", "host and port"),
    (f"instances: [{{name: n, id: {ONE}, consoles: {{novnc: {{guest: builtin, port: 1}}}}}}]",
     "stands alone"),
    (f"instances: [{{name: n, id: {ONE}, consoles: {{webmks: {{guest: builtin}}}}}}]",
     "is there for novnc, xvpvnc, serial"),
    (f"instances: [{{name: n, id: {ONE}, consoles: {{novnc: {{host: h, port: 0}}}}}}]",
     "novnc.port: must have minimum 1"),
    (f"instances: [{{name: n, id: {ONE}, console_log: a, console_log_file: b}}]", "either"),
])
def test_a_broken_file_at_start_says_what_and_where(conf, tmp_path, text, said):
    path = tmp_path / "broken.yaml"
    path.write_text(text)
    conf.set_override("stub_instances", str(path), group="compute")
    driver = StubDriver(conf, "h")
    with pytest.raises(exception.ConfigError) as caught:
        driver.start(lambda: None)
    driver.stop()
    assert str(caught.value).startswith(str(path))
    assert said in str(caught.value)


def test_a_ticket_in_a_broken_file_is_not_quoted(conf, tmp_path):
    for number, text in enumerate((
            f"instances: [{{name: n, id: {ONE}, consoles: {{novnc: {{host: h, port: 1, "
            "internal_access_path: [secret]}}}]",
            'instances: [{internal_access_path: "secret" x: 1}]')):
        path = tmp_path / f"{number}.yaml"
        path.write_text(text)
        conf.set_override("stub_instances", str(path), group="compute")
        driver = StubDriver(conf, "h")
        with pytest.raises(exception.ConfigError) as caught:
            driver.start(lambda: None)
        driver.stop()
        assert "secret" not in str(caught.value)


def test_a_missing_file_and_a_foreign_address_are_the_operators_mistakes(conf, tmp_path):
    conf.set_override("stub_instances", str(tmp_path / "absent"), group="compute")
    driver = StubDriver(conf, "h")
    with pytest.raises(exception.ConfigError, match="absent: No such file"):
        driver.start(lambda: None)
    driver.stop()
    conf.clear_override("stub_instances", group="compute")
    conf.set_override("server_listen", "192.0.2.1", group="vnc")
    driver = StubDriver(conf, "h")
    with pytest.raises(exception.ConfigError, match=r"\[vnc\] server_listen = 192.0.2.1"):
        driver.start(lambda: None)
    driver.stop()
