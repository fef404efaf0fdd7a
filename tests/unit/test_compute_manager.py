"""The agent's endpoint: what its configuration adds to the driver's answers."""

import socket

import pytest

from consoles import exception
from consoles.compute.drivers.stub import StubDriver
from consoles.compute.endpoints import BASE_URLS
from consoles.compute.endpoints import endpoints
from consoles.compute.endpoints import tls_names
from consoles.compute.manager import ComputeManager
from consoles.context import RequestContext
from consoles.model import ConsoleType
from consoles.rpc.compute import Compute
from consoles.rpc.interface import declared

ONE = "11111111-0000-4000-8000-000000000001"
ALL = {"vnc", "spice", "serial_console", "mks", "rdp"}


def test_the_endpoint_is_the_interface():
    assert declared(ComputeManager) == declared(Compute)


def test_every_type_has_its_switch():
    assert set(BASE_URLS) == set(ConsoleType)


@pytest.mark.parametrize(("group", "types"), [
    ("vnc", {"novnc", "xvpvnc"}), ("spice", {"spice-html5", "spice-direct"}),
    ("serial_console", {"serial"}),
    ("mks", {"webmks"}), ("rdp", {"rdp-html5"}),
])
def test_types_are_switched_by_their_group(conf, group, types):
    for name in ALL:
        conf.set_override("enabled", name == group, group=name)
    assert set(endpoints(conf)) == types


@pytest.fixture
def manager(conf, tmp_path):
    path = tmp_path / "i.yaml"
    path.write_text(f"""instances: [{{name: n, id: {ONE}, consoles: {{
        novnc: {{host: 192.0.2.1, port: 5900}},
        xvpvnc: {{host: 192.0.2.1, port: 5900, tls_name: kvm7.example.org}},
        spice-html5: {{host: 192.0.2.1, port: 5901}}}}}}]""")
    conf.set_override("stub_instances", str(path), group="compute")
    conf.set_override("vencrypt_server_name", "here.example.org", group="vnc")
    conf.set_override("novncproxy_base_url", "https://here.example.org/vnc", group="vnc")
    driver = StubDriver(conf, "h")
    driver.start(lambda: None)
    yield ComputeManager(conf, driver, endpoints(conf), tls_names(conf))
    driver.stop()


def ask(method, *arguments, **more):
    names = ["instance_id", "console_type", "host", "port"]
    return method(RequestContext().to_dict(), **dict(zip(names, arguments, strict=False)), **more)


def test_the_public_url_is_this_hosts_own(manager):
    for info in (ask(manager.get_console, ONE, "novnc", options={"x": 1}),
                 ask(manager.validate_console, ONE, "novnc", "192.0.2.1", 5900)):
        assert info["access_url_base"] == "https://here.example.org/vnc"
        assert (info["host"], info["port"], info["console_type"]) == ("192.0.2.1", 5900, "novnc")


@pytest.mark.parametrize(("kind", "name"), [("novnc", "here.example.org"),
                                            ("xvpvnc", "kvm7.example.org")])
def test_the_name_in_the_certificate_is_the_hosts_unless_the_driver_knows_better(manager, kind,
                                                                                 name):
    assert ask(manager.get_console, ONE, kind)["tls_name"] == name
    assert ask(manager.validate_console, ONE, kind, "192.0.2.1", 5900)["tls_name"] == name


def test_a_hosts_own_name_is_what_its_certificate_has_without_an_option(conf):
    assert set(tls_names(conf).values()) == {socket.getfqdn()}


@pytest.mark.parametrize("console_type", ["spice-html5", "nonsense"])
def test_a_type_that_is_off_is_unavailable(manager, console_type):
    with pytest.raises(Exception) as caught:
        ask(manager.get_console, ONE, console_type)
    assert caught.value.exc_info[0] is exception.ConsoleTypeUnavailable
    with pytest.raises(Exception) as caught:
        ask(manager.validate_console, ONE, console_type, "192.0.2.1", 5901)
    assert caught.value.exc_info[0] is exception.ConsoleTypeUnavailable
