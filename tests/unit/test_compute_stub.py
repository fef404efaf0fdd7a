"""The driver `stub`: its answers."""

import logging
import pathlib
import socket

import pytest

from consoles import exception
from consoles.compute.drivers import base
from consoles.compute.drivers.stub import StubDriver
from tests.fixtures.rfb_viewer import Viewer
from tests.fixtures.stub import ONE
from tests.fixtures.stub import TWO

EXAMPLE = pathlib.Path(__file__).parents[2] / "etc/consoles/stub-instances.yaml"


def test_it_is_found_by_its_name(conf):
    assert isinstance(base.load("stub", conf, "h"), StubDriver)


def test_another_name_is_the_operators_mistake(conf):
    with pytest.raises(exception.ConfigError, match="no such driver.*there are: .*stub"):
        base.load("vmwear", conf, "h")


def test_instances_are_as_the_file_says(driver):
    one, two = driver.list_instances()
    assert (one.id, one.name, one.project_id, one.user_id, one.status, one.host) == (
        ONE, "one", "p", "u", "ACTIVE", "host-1")
    assert (two.id, two.project_id, two.status) == (TWO, "*", "SHUTOFF")


def test_a_console_somewhere(driver):
    info = driver.get_console(ONE, "spice-html5")
    assert (info.host, info.port, info.tls_port, info.tls_name, info.internal_access_path) == (
        "192.0.2.7", 5901, 5902, "kvm7", None)


def test_a_built_in_console_is_where_it_is_said_to_be(driver):
    info = driver.get_console(ONE, "novnc")
    assert info.host == "127.0.0.1"
    with socket.create_connection((info.host, info.port), 30) as sock:
        assert Viewer(sock).connect().name == "one"
    assert driver.get_console(ONE, "serial").host == "127.0.0.9"
    assert driver.validate_console(ONE, "novnc", info.host, info.port) == info


def test_no_line_but_the_first_is_known(driver):
    assert driver.get_console(ONE, "serial", {"line": 0}) == driver.get_console(ONE, "serial")
    with pytest.raises(exception.ConsoleTypeUnavailable):
        driver.get_console(ONE, "serial", {"line": 1})


def test_each_answer_has_a_fresh_ticket(driver):
    tickets = [driver.get_console(ONE, "xvpvnc").internal_access_path,
               driver.validate_console(ONE, "xvpvnc", "192.0.2.8", 80).internal_access_path]
    assert tickets == ["/console?n=1", "/console?n=2"]
    assert "n=" not in repr(driver.get_console(ONE, "xvpvnc"))


@pytest.mark.parametrize(("instance_id", "console_type", "error"), [
    ("11111111-0000-4000-8000-000000000003", "novnc", exception.InstanceNotFound),
    (ONE, "webmks", exception.ConsoleTypeUnavailable),
    (ONE, "nonsense", exception.ConsoleTypeUnavailable),
    (TWO, "novnc", exception.InstanceNotReady),
    (TWO, "serial", exception.ConsoleTypeUnavailable),
])
def test_what_there_is_not(driver, instance_id, console_type, error):
    with pytest.raises(error):
        driver.get_console(instance_id, console_type)
    with pytest.raises(error):
        driver.validate_console(instance_id, console_type, "h", 1)


@pytest.mark.parametrize(("host", "port"), [("192.0.2.7", 1), ("192.0.2.1", 5901)])
def test_a_console_that_moved(driver, host, port):
    with pytest.raises(exception.PortChanged):
        driver.validate_console(ONE, "spice-html5", host, port)


@pytest.mark.parametrize(("length", "output"), [
    (None, "line 1\nline 2\nline 3\n"), (-1, "line 1\nline 2\nline 3\n"), (0, ""),
    (2, "line 2\nline 3\n"), (9, "line 1\nline 2\nline 3\n"),
])
def test_the_console_log(driver, length, output):
    assert driver.get_console_output(ONE, length) == output


def test_a_log_of_nothing_is_empty_and_one_of_nobody_an_error(driver):
    assert driver.get_console_output(TWO, None) == ""
    with pytest.raises(exception.InstanceNotFound):
        driver.get_console_output("nobody", None)


def test_a_log_file_is_read_when_it_is_asked_for(start, tmp_path):
    log = tmp_path / "console.log"
    driver = start(f"instances: [{{name: n, id: {ONE}, console_log_file: {log}}}]").driver
    assert driver.get_console_output(ONE, None) == ""
    log.write_bytes(b"x" * (1 << 20) + b"\n" + b"last \xff\n")
    assert driver.get_console_output(ONE, None) == "last \ufffd\n"


def test_release_is_counted_and_logged_without_its_ticket(driver, caplog):
    with caplog.at_level(logging.INFO):
        driver.release({"id": "c", "instance_id": ONE, "console_type": "novnc",
                        "internal_access_path": "/secret"})
        driver.release({"id": "c", "instance_id": "gone", "console_type": "novnc"})
    assert driver.released == {ONE: 1, "gone": 1}
    assert ONE in caplog.text and "secret" not in caplog.text


def test_without_a_file_there_are_guests_that_work(start):
    driver = start(None).driver
    running = [i for i in driver.list_instances() if i.status == "ACTIVE"]
    assert len(running) > 1 and len(driver.list_instances()) > len(running)
    for instance in running:
        assert instance.project_id == "*"
        for kind in ("novnc", "xvpvnc", "serial"):
            info = driver.get_console(instance.id, kind)
            socket.create_connection(("127.0.0.1", info.port), 30).close()
    assert "Booting demo-1" in driver.get_console_output(running[0].id, None)


def test_guests_without_a_file_are_others_on_another_host(conf):
    ids = []
    for host in ("a", "a", "b"):
        driver = StubDriver(conf, host)
        driver.start(lambda: None)
        ids.append({i.id for i in driver.list_instances()})
        driver.stop()
    assert ids[0] == ids[1]
    assert not ids[0] & ids[2]


def test_the_example_is_good(start):
    driver = start(EXAMPLE.read_text()).driver
    assert len(driver.list_instances()) == 6
    types = {"novnc", "xvpvnc", "spice-html5", "spice-direct", "serial", "webmks", "rdp-html5"}
    assert {kind for stub in driver._instances.values() for kind in stub.consoles} == types
