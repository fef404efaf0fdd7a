"""The driver `libvirt` beside real guests of a real daemon: where their consoles are, and when."""

import contextlib
import os
import signal
import socket
import uuid

import libvirt
import pytest

from consoles import exception
from consoles import model
from consoles.compute import shape
from tests.fixtures import libvirt as lv
from tests.fixtures.processes import free_port
from tests.fixtures.processes import wait_for


def greeting(place):
    with socket.create_connection(place, timeout=20) as sock:
        return sock.recv(4)


def occupy(place):
    """Take a port that has just become free."""
    def bound():
        try:
            return socket.create_server(place)
        except OSError:
            return None
    return wait_for(bound)


def test_a_domain_of_novas_is_an_instance_with_its_consoles(agent, libvirtd):
    serial = free_port()
    domain = libvirtd.boot(lv.VNC, lv.SPICE, lv.tcp(serial), metadata=lv.NOVA.format(
        name="web 1", user="u1", project="p1"))
    assert agent.told(domain) == model.Instance(
        id=domain.UUIDString(), name="web 1", host="kvm1", project_id="p1", user_id="u1",
        status="ACTIVE")
    assert greeting(agent.place(domain, "novnc")) == b"RFB "
    assert agent.place(domain, "xvpvnc") == agent.place(domain, "novnc")
    assert agent.place(domain, "serial") == ("127.0.0.1", serial)
    spice = agent.place(domain, "spice-html5")
    assert spice != agent.place(domain, "novnc")
    socket.create_connection(spice, timeout=20).close()
    for console_type in ("webmks", "rdp-html5"):
        with pytest.raises(exception.NotSupported):
            agent.place(domain, console_type)


def test_a_guest_without_devices_has_no_consoles(agent, libvirtd):
    domain = libvirtd.boot()
    for console_type in ("novnc", "spice-html5", "spice-direct", "serial"):
        with pytest.raises(exception.ConsoleTypeUnavailable):
            agent.place(domain, console_type)


@pytest.mark.parametrize("instance_id", [str(uuid.UUID(int=1)), "one", "../x"])
def test_an_unknown_instance_is_not_found(agent, instance_id):
    with pytest.raises(exception.InstanceNotFound):
        agent.driver.get_console(instance_id, "novnc")


def test_a_stop_a_new_port_and_the_end_are_told_at_once(agent, libvirtd):
    domain = libvirtd.boot(lv.VNC)
    place = agent.place(domain, "novnc")
    agent.wait_status(domain, "ACTIVE")
    domain.destroy()
    agent.wait_status(domain, "SHUTOFF")
    with pytest.raises(exception.InstanceNotReady):
        agent.validate(domain, "novnc", place)

    with occupy(place):
        domain.create()
        agent.wait_status(domain, "ACTIVE")
        assert agent.place(domain, "novnc") != place
        with pytest.raises(exception.PortChanged):
            agent.validate(domain, "novnc", place)

    domain.destroy()
    domain.undefine()
    agent.wait_status(domain, None)
    with pytest.raises(exception.InstanceNotFound):
        agent.validate(domain, "novnc", place)


def test_a_guest_that_stopped_and_runs_again_is_told_to_have_stopped(agent, libvirtd):
    """However short it was: tokens of its former life are not those of its new one."""
    domain = libvirtd.boot(lv.VNC)
    agent.wait_status(domain, "ACTIVE")
    domain.destroy()
    domain.create()
    told = []
    agent.wait(lambda: told.append(agent.status(domain)) or told[-2:] == ["SHUTOFF", "ACTIVE"])


def test_a_short_stop_is_told_until_the_inventory_has_it(agent, libvirtd):
    """Also where the report of it is lost, or libvirt goes away in between."""
    domain = libvirtd.boot(lv.VNC)
    id = domain.UUIDString()
    agent.wait_status(domain, "ACTIVE")
    domain.destroy()
    domain.create()

    def listed():
        return {one.id: one.status for one in agent.driver.list_instances()}[id]

    agent.wait(lambda: listed() == "SHUTOFF")
    assert [listed() for _ in range(3)] == ["SHUTOFF"] * 3  # none of them arrived
    assert agent.status(domain) == "SHUTOFF"
    assert agent.status(domain) == "ACTIVE"


def test_what_was_opened_before_a_short_stop_is_not_good_after_it(agent, libvirtd):
    """Also while the inventory does not know of it."""
    port = free_port()
    domain = libvirtd.boot(lv.VNC, lv.tcp(port))
    places = {kind: agent.place(domain, kind) for kind in ("novnc", "serial")}
    agent.wait_status(domain, "ACTIVE")
    domain.destroy()
    with occupy(places["novnc"]):
        domain.create()
    agent.wait(lambda: "SHUTOFF" in {one.status for one in agent.driver.list_instances()
                                     if one.id == domain.UUIDString()})
    for kind, place in places.items():
        with pytest.raises(exception.InstanceNotReady):
            agent.validate(domain, kind, place)
    assert agent.status(domain) == "SHUTOFF"
    with pytest.raises(exception.PortChanged):
        agent.validate(domain, "novnc", places["novnc"])
    assert agent.validate(domain, "serial", places["serial"]).port == port


def test_a_transient_domain_is_gone_when_it_stops(agent, libvirtd):
    domain = libvirtd.connection.createXML(lv.domain_xml("transient", lv.VNC))
    agent.wait_status(domain, "ACTIVE")
    domain.destroy()
    agent.wait_status(domain, None)


def ends(agent, domain, places, stop):
    """Stop it; → what is said of its consoles by whoever asks because they ended."""
    sockets = {kind: socket.create_connection(place, timeout=60)
               for kind, place in places.items()}
    stop()
    seen = {}
    for kind, sock in sockets.items():
        with contextlib.suppress(ConnectionResetError):
            while sock.recv(4096):
                pass
        while kind not in seen or seen[kind] is exception.AgentUnavailable:
            try:
                agent.validate(domain, kind, places[kind])
            except exception.ConsolesError as exc:
                seen[kind] = type(exc)
    return seen


@pytest.mark.parametrize("how", ["power", "crash"])
@pytest.mark.parametrize(("defined", "told"), [
    (True, exception.InstanceNotReady), (False, exception.InstanceNotFound)])
def test_an_end_that_is_seen_at_the_consoles_first(agent, libvirtd, how, defined, told):
    """libvirt calls the guest running for a while, answers nothing, then calls it stopped, even
    when it is about to forget it."""
    domain = libvirtd.boot(lv.VNC, lv.PTY)
    places = {kind: agent.place(domain, kind) for kind in ("novnc", "serial")}
    agent.wait_status(domain, "ACTIVE")
    if not defined:
        domain.undefine()
    number = signal.SIGTERM if how == "power" else signal.SIGKILL
    seen = ends(agent, domain, places, lambda: os.kill(libvirtd.pid(domain), number))
    assert seen == {"novnc": told, "serial": told}


def test_a_paused_guest_keeps_its_consoles_a_saved_one_does_not(agent, libvirtd):
    domain = libvirtd.boot(lv.VNC)
    place = agent.place(domain, "novnc")
    domain.suspend()
    agent.wait_status(domain, "PAUSED")
    assert agent.validate(domain, "novnc", place).port == place[1]
    domain.managedSave()
    agent.wait_status(domain, "SUSPENDED")
    with pytest.raises(exception.InstanceNotReady):
        agent.place(domain, "novnc")


def test_a_new_owner_is_told_at_once(agent, libvirtd):
    domain = libvirtd.boot()
    agent.wait_status(domain, "ACTIVE")
    assert agent.told(domain).project_id is None
    domain.setMetadata(
        libvirt.VIR_DOMAIN_METADATA_ELEMENT,
        "<instance><owner><project uuid='p2'>p</project></owner></instance>", "nova",
        "http://openstack.org/xmlns/libvirt/nova/1.1")
    agent.wait(lambda: agent.told(domain).project_id == "p2")


def test_one_of_several_lines_is_chosen(agent, libvirtd):
    first, second = free_port(), free_port()
    domain = libvirtd.boot(lv.tcp(first), lv.PTY, lv.tcp(second))
    assert agent.place(domain, "serial") == agent.place(domain, "serial", line=0)
    served = agent.place(domain, "serial", line=1)
    for place in (("127.0.0.1", first), served, ("127.0.0.1", second)):
        info = agent.validate(domain, "serial", place)
        assert (info.host, info.port) == place
    assert agent.place(domain, "serial", line=2) == ("127.0.0.1", second)
    with pytest.raises(exception.ConsoleTypeUnavailable):
        agent.place(domain, "serial", line=3)
    for bad in (-1, "1", 0.5, None):
        with pytest.raises(exception.BadRequest):
            agent.place(domain, "serial", line=bad)
    with pytest.raises(exception.PortChanged):
        agent.validate(domain, "serial", ("127.0.0.1", 1))


def test_what_contradicts_the_configuration_is_seen_in_the_live_domain(agent, libvirtd, conf):
    domain = libvirtd.boot(lv.VNC.replace("/>", " keymap='de'/>"), lv.SPICE)
    conf.set_override("server_listen", "192.0.2.1", group="spice")
    port = agent.place(domain, "novnc")[1]
    live = [one for one in agent.driver.live_consoles()
            if one.instance_id == domain.UUIDString()]
    assert live[0] == shape.LiveConsole(instance_id=domain.UUIDString(), group="vnc",
                                        listen="127.0.0.1", port=port, keymap="de")
    texts = [one["text"] for one in shape.contradictions(conf, live)]
    assert texts == ["has keymap de, [vnc] keymap = (unset)",
                     "listens on 127.0.0.1, [spice] server_listen = 192.0.2.1",
                     "has no agent's channel, [spice] agent_enabled = True"]
    domain.destroy()
    assert domain.UUIDString() not in {one.instance_id for one in agent.driver.live_consoles()}


def test_the_console_log_is_what_libvirt_logs(agent, libvirtd):
    log = libvirtd.directory / "log of one.log"
    domain = libvirtd.boot(lv.tcp(free_port(), log))
    log.write_text("one\ntwo\nthree\n")
    output = agent.driver.get_console_output
    assert output(domain.UUIDString(), 2) == "two\nthree\n"
    domain.destroy()  # why it did not boot is asked for when it is off
    assert output(domain.UUIDString(), None) == "one\ntwo\nthree\n"
    log.unlink()
    assert output(domain.UUIDString(), None) == ""
    log.mkdir()
    with pytest.raises(exception.NotSupported):
        output(domain.UUIDString(), None)
    with pytest.raises(exception.NoConsoleLog):
        output(libvirtd.boot(lv.PTY).UUIDString(), None)
    with pytest.raises(exception.InstanceNotFound):
        output(str(uuid.uuid4()), None)
