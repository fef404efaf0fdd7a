"""What the driver `libvirt` reads in domain XML, and whose domains are."""

import libvirt
import pytest

from consoles import exception
from consoles.compute.drivers import libvirt_places
from consoles.compute.drivers import libvirt_status
from consoles.compute.drivers.libvirt_owners import Owner
from consoles.compute.drivers.libvirt_owners import Owners
from consoles.compute.drivers.libvirt_xml import Graphics
from consoles.compute.drivers.libvirt_xml import Line
from consoles.compute.drivers.libvirt_xml import parse
from tests.fixtures.libvirt import domain_xml
from tests.fixtures.libvirt import NOVA

ID = "11111111-0000-4000-8000-000000000001"


def domain(*devices, **kwargs):
    return parse(domain_xml("one", *devices, id=ID, **kwargs))


@pytest.mark.parametrize("version", ["1.0", "1.1", "2.0"])
def test_novas_element_names_the_owner_whatever_its_version(version):
    nova = NOVA.format(name="web &lt;1&gt;", user="u", project="p").replace("/1.1", f"/{version}")
    one = domain(metadata=nova)
    assert (one.display_name, one.project_id, one.user_id) == ("web <1>", "p", "u")
    assert (one.id, one.name, one.active) == (ID, "one", False)


@pytest.mark.parametrize("project", ["", "*", "a&#10;b", "x" * 256])
def test_an_id_that_cannot_be_one_is_nobodys(project):
    """One bad domain must not spoil the report of all others, nor be everybody's."""
    one = domain(metadata=NOVA.format(name="n&#9;m", user="u", project=project))
    assert (one.project_id, one.display_name) == (None, "one")


def test_a_stranger_in_the_metadata_is_no_owner():
    stranger = NOVA.format(name="n", user="u", project="p").replace("openstack.org", "evil.example")
    assert domain(metadata=stranger).project_id is None


@pytest.mark.parametrize(("xml", "expected"), [
    ("<graphics type='vnc' port='5901' listen='192.0.2.1' keymap='de'/>",
     Graphics(listen="192.0.2.1", port=5901, tls_port=None, keymap="de")),
    ("<graphics type='vnc' port='-1'><listen type='address' address='::'/></graphics>",
     Graphics(listen="::", port=None, tls_port=None, keymap="")),
    ("<graphics type='vnc'><listen type='socket' socket='/x'/></graphics>",
     Graphics(listen="", port=None, tls_port=None, keymap=""))])
def test_a_vnc_server(xml, expected):
    assert domain(xml).graphics == {"vnc": expected}


@pytest.mark.parametrize(("ports", "console_type", "answer"), [
    ("port='5901' tlsPort='5902'", "spice-html5", (5901, 5902)),
    ("port='5901'", "spice-direct", (5901, None)),
    ("tlsPort='5902'", "spice-direct", (5902, 5902)),
    ("tlsPort='5902'", "spice-html5", exception.ConsoleTypeUnavailable),
    ("port='-1' tlsPort='-1'", "spice-html5", exception.InstanceNotReady)])
def test_the_ports_of_spice(conf, ports, console_type, answer):
    one = domain(f"<graphics type='spice' {ports}/>")
    if isinstance(answer, tuple):
        info = libvirt_places.graphics(conf, one, console_type)
        assert (info.port, info.tls_port) == answer
    else:
        with pytest.raises(answer):
            libvirt_places.graphics(conf, one, console_type)


TCP = "<serial type='tcp'><source mode='{}' host='0.0.0.0' service='{}'{}/><protocol type='{}'/>"


def test_lines_that_nobody_can_reach_are_left_out():
    one = domain(
        "<serial type='null'/>", "<serial type='udp'><source mode='bind' service='1'/></serial>",
        TCP.format("connect", 4000, "", "raw") + "</serial>",
        TCP.format("bind", 4001, "", "telnet") + "</serial>",
        TCP.format("bind", 4002, " tls='yes'", "raw") + "<log file='/l'/></serial>",
        "<serial type='unix'><source mode='connect' path='/s'/></serial>",
        "<serial type='file'><source path='/f'/></serial>",
        TCP.format("bind", 4003, "", "raw") + "<alias name='serial7'/></serial>")
    assert one.lines == (
        Line(alias="", kind="file", path="/l"), Line(alias="", kind="file", path="/f"),
        Line(alias="serial7", kind="tcp", host="0.0.0.0", port=4003))


def test_the_console_that_stands_for_the_serial_line_is_no_second_one():
    console = "<console type='pty'><target type='{}'/><alias name='{}'/></console>"
    one = domain("<serial type='pty'><alias name='serial0'/></serial>",
                 console.format("serial", "serial0"), console.format("virtio", "console1"))
    assert [line.alias for line in one.lines] == ["serial0", "console1"]


@pytest.mark.parametrize(("bound", "host"), [
    ("0.0.0.0", "192.0.2.9"), ("::", "192.0.2.9"), ("", "192.0.2.9"), ("192.0.2.1", "192.0.2.1"),
    ("kvm1.example", "kvm1.example")])
def test_a_line_bound_to_any_address_is_at_the_hosts(conf, bound, host):
    conf.set_override("proxyclient_address", "192.0.2.9", group="serial_console")
    line = Line(alias="serial0", kind="tcp", host=bound, port=4000)
    assert libvirt_places.tcp(conf, domain(), line).host == host


@pytest.mark.parametrize("bad", ["0:5", "5:5", "9:5", "1:65537"])
def test_a_range_of_ports_that_is_none(conf, bad):
    conf.set_override("port_range", bad, group="serial_console")
    with pytest.raises(exception.ConfigError, match="port_range"):
        libvirt_places.lines(conf)


def test_every_state_has_a_status():
    for state in range(libvirt.VIR_DOMAIN_PMSUSPENDED + 1):
        assert libvirt_status.of(state, 0) in {"ACTIVE", "PAUSED", "SHUTOFF"}
    assert libvirt_status.of(99, 0) == "ERROR"


def test_owners_of_domains_that_nova_did_not_make(tmp_path):
    path = tmp_path / "owners.yaml"
    path.write_text(f"{ID}: p1\nother: {{project_id: p2, user_id: u2}}\n")
    owners = Owners("rest", str(path))
    owners.load()
    other, third = (parse(domain_xml(name)) for name in ("other", "third"))
    assert owners.of(domain()) == Owner("p1")
    assert owners.of(other) == Owner("p2", "u2")
    assert owners.of(third) == Owner("rest")
    novas = domain(metadata=NOVA.format(name="n", user="u", project="p"))
    assert owners.of(novas) == Owner("p", "u")

    path.write_text(f"{ID}: [broken")
    owners.refresh()
    assert owners.of(domain()) == Owner("p1")
    path.write_text("{}")
    owners.refresh()
    assert owners.of(domain()) == Owner("rest")


@pytest.mark.parametrize("text", [
    "- a list", "one: 5", "one: '*'", "one: {user_id: u}", "one: {project_id: p, role: r}", "[",
    "one:"])
def test_a_file_of_owners_that_is_wrong_ends_the_start(tmp_path, text):
    path = tmp_path / "owners.yaml"
    path.write_text(text)
    with pytest.raises(exception.ConfigError, match="owners_file"):
        Owners(None, str(path)).load()
    with pytest.raises(exception.ConfigError, match="owners_file"):
        Owners(None, str(tmp_path / "absent")).load()
