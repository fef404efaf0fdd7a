"""Real guests of a libvirt daemon through API, RabbitMQ, agent and proxies: each service a process.
"""

import socket

import pytest

from tests.fixtures import libvirt as lv
from tests.fixtures import rfb_viewer
from tests.fixtures import ws_client
from tests.fixtures.processes import free_port
from tests.fixtures.processes import wait_for
from tests.fixtures.system import Fault

KINDS = {"novnc": ("vnc", "vnc", "novncproxy"), "spice-html5": ("spice", "spice", "html5proxy"),
         "serial": ("serial", "serial_console", "serialproxy")}
COMMANDS = {"novnc": "consoles-novncproxy", "spice-html5": "consoles-spicehtml5proxy",
            "serial": "consoles-serialproxy"}
SPICE_LINK = bytes.fromhex("52454451 02000000 02000000 12000000 00000000 0101 00000000 00000000"
                           "12000000")


@pytest.fixture
def system(make_system, rabbit, libvirtd):
    first = free_port()
    system = make_system(
        rabbit.url, hosts=(), serial_console={
            "enabled": "true", "port_range": f"{first}:{first + 20}"},
        spice={"enabled": "true"}, compute={"driver": "libvirt", "host": "kvm1"},
        libvirt={"connection_uri": libvirtd.uri})
    for kind, (_, group, prefix) in KINDS.items():
        port = system.proxy_ports[kind] = free_port()
        system.base[group] |= {f"{prefix}_host": "127.0.0.1", f"{prefix}_port": port}
    # A report that nobody pokes for would come after the test.
    system.base["inventory"] = {"report_interval": 3600, "service_down_time": 7200}
    system.services.configure(system.base)
    system.sync()
    system.start_consoleauth()
    system.services.start("agent", "consoles-compute", line="serves the bus")
    system.start_api()
    for kind, command in COMMANDS.items():
        system.services.start(kind, command, port=system.proxy_ports[kind])
    return system


def token(system, domain, kind):
    """A new one, as soon as the guest is known."""
    def asked():
        try:
            return system.ask(f"/servers/{domain.UUIDString()}/console",
                              {"protocol": KINDS[kind][0], "type": kind}, token="root:admin")["url"]
        except Fault:
            return None
    return wait_for(asked).rpartition("token")[2].removeprefix("%3D").removeprefix("=")


def connect(system, kind, token):
    port = system.proxy_ports[kind]
    return ws_client.WebSocket.connect(port, f"/?token={token}",
                                       origin=f"http://127.0.0.1:{port}")


def test_guests_stop_start_elsewhere_and_go(system, libvirtd):
    domain = libvirtd.boot(lv.VNC, lv.SPICE, lv.PTY)
    tokens = {kind: token(system, domain, kind) for kind in KINDS}
    open_ = {kind: connect(system, kind, tokens[kind]) for kind in KINDS}
    rfb_viewer.Viewer(open_["novnc"]).connect().refresh()
    spice = connect(system, "spice-html5", tokens["spice-html5"])
    spice.send(SPICE_LINK)
    assert spice.recv_message().startswith(b"REDQ")
    spice.close()
    wait_for(lambda: system.rows("select count(*) from sessions where state='live'") == [(3,)])
    place = system.rows("select host, port from connections where console_type='novnc'")[0]

    domain.destroy()
    assert {kind: open_[kind].until_closed()[0] for kind in KINDS} == dict.fromkeys(KINDS, 4409)
    wait_for(lambda: not system.rows("select 1 from connections"))
    with socket.create_server(place):
        domain.create()
        ws = connect(system, "novnc", token(system, domain, "novnc"))
        rfb_viewer.Viewer(ws).connect().refresh()
    assert system.rows("select port from connections")[0][0] != place[1]
    for kind in KINDS:  # what was good before is not, though the guest runs again
        assert connect(system, kind, tokens[kind]).until_closed()[0] == 4401

    wait_for(lambda: system.rows("select count(*) from sessions where state='live'") == [(1,)])
    domain.undefine()  # it is transient now
    domain.destroy()
    assert ws.until_closed()[0] == 4404
    wait_for(lambda: not system.rows("select 1 from instances"))
