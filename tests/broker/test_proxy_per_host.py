"""A proxy on every hypervisor: network namespaces, each with an agent, a proxy and libvirt.

The consoles are at an address of the host's own that no other host has a way to.
"""

import contextlib
import subprocess
from urllib.parse import urlsplit

import libvirt
import pytest

from consoles.compute.drivers import libvirt_xml
from tests.fixtures import libvirt as lv
from tests.fixtures import rfb_viewer
from tests.fixtures import ws_client
from tests.fixtures.netns import PORT
from tests.fixtures.processes import free_port
from tests.fixtures.processes import listening
from tests.fixtures.processes import need
from tests.fixtures.processes import Process
from tests.fixtures.processes import wait_for
from tests.fixtures.system import closed_in_time
from tests.fixtures.system import Fault

ADMIN = "root:admin"


class Hypervisor:
    """`inside` is where its consoles are, `address` where users reach its proxy."""

    def __init__(self, system, host, number, bus):
        self.name, self.host, self.address = f"kvm{number}", host, host.address
        self.inside = f"203.0.113.{number}"
        host.ip(f"address add {self.inside}/32 dev lo")
        self.libvirtd = lv.Libvirtd()
        with host.entered():
            self.libvirtd.start()
        config = system.services.write(f"{self.name}.conf", {
            "DEFAULT": {"transport_url": bus, "host": self.name},
            "compute": {"driver": "libvirt", "public_endpoint": PORT},
            "libvirt": {"connection_uri": self.libvirtd.uri},
            "vnc": {"server_listen": self.inside, "server_proxyclient_address": self.inside,
                    "novncproxy_host": host.address, "novncproxy_port": system.port},
            "proxy": {"allowed_targets": f"{self.inside}:1-65535"}})
        with host.entered():
            for command in ("compute", "novncproxy"):
                system.services.start(f"{self.name}-{command}", f"consoles-{command}",
                                      "--config-file", config)

    def boot(self):
        return self.libvirtd.boot(lv.VNC.replace("127.0.0.1", self.inside))

    def ports(self):
        """All that anything listens on there."""
        with self.host.entered():
            done = subprocess.run(["ss", "-Htln"], capture_output=True, text=True, check=True)
        return {int(line.split()[3].rpartition(":")[2]) for line in done.stdout.splitlines()}


@pytest.fixture
def bus(network, rabbit, tmp_path):
    """The broker's URL for hosts of the network; the node itself listens on loopback only."""
    port = free_port()
    relay = Process("socat", [
        need("socat", "socat"), f"TCP-LISTEN:{port},bind={network.gateway},fork,reuseaddr",
        f"TCP:127.0.0.1:{rabbit.port}"], tmp_path / "socat.log")
    wait_for(lambda: listening(port, network.gateway))
    yield f"rabbit://guest:guest@{network.gateway}:{port}/"
    relay.kill()


@pytest.fixture
def system(make_system, rabbit):
    """The controller, outside; the base URL is the same everywhere."""
    port = free_port()
    system = make_system(rabbit.url, hosts=(), vnc={
        "novncproxy_base_url": f"http://consoles.example.org:{port}/vnc_auto.html"})
    system.port = port
    system.sync()
    system.start_consoleauth()
    system.start_api()
    return system


@pytest.fixture
def hypervisors(system, network, bus):
    with contextlib.ExitStack() as stack:
        made = []
        for number in (1, 2):
            made.append(Hypervisor(system, network.host(), number, bus))
            stack.callback(made[-1].libvirtd.end)
        for one in made:
            wait_for(lambda one=one: listening(system.port, one.address), 60)
        yield made


def console(system, domain):
    """→ host and port of a new URL, and its token."""
    def asked():
        try:
            return system.ask(f"/servers/{domain.UUIDString()}/console",
                              {"protocol": "vnc", "type": "novnc"}, token=ADMIN)["url"]
        except Fault:
            return None
    url = wait_for(asked)
    return urlsplit(url).hostname, urlsplit(url).port, url.rpartition("token%3D")[2]


def connect(client, host, port, token):
    """As a browser in the client's namespace."""
    with client.entered():
        return ws_client.WebSocket.connect(port, f"/?token={token}", host=host,
                                           origin=f"http://{host}:{port}")


def accepts(client, host, port):
    with client.entered():
        return listening(port, host)


def vnc_port(hypervisor, domain):
    xml = hypervisor.libvirtd.connection.lookupByUUIDString(domain.UUIDString()).XMLDesc()
    return libvirt_xml.parse(xml).graphics["vnc"].port


def check_the_only_way(system, client, one, domain, place):
    """Through the host's own proxy; nothing else of the host can be connected to."""
    assert place[0] == one.address
    ws = connect(client, *place)
    rfb_viewer.Viewer(ws).connect().refresh()
    [(worker,)] = wait_for(lambda: system.rows(
        "select worker from sessions where state = 'live' and "
        f"instance_id = '{domain.UUIDString()}'"))
    assert worker.startswith(f"{one.name}:novnc:")
    target, ports = vnc_port(one, domain), one.ports()
    assert target in ports
    assert [port for port in ports if accepts(client, one.address, port)] == [system.port]
    assert not accepts(client, one.inside, target)
    return ws


def migrate(domain, old, new):
    there = domain.XMLDesc(libvirt.VIR_DOMAIN_XML_MIGRATABLE).replace(old.inside, new.inside)
    domain.migrate3(new.libvirtd.connection, {
        libvirt.VIR_MIGRATE_PARAM_URI: f"tcp://{new.address}",
        libvirt.VIR_MIGRATE_PARAM_DEST_XML: there},
        libvirt.VIR_MIGRATE_LIVE | libvirt.VIR_MIGRATE_PERSIST_DEST
        | libvirt.VIR_MIGRATE_UNDEFINE_SOURCE)


def test_each_hosts_consoles_are_at_its_own_proxy(system, network, hypervisors):
    client, (old, new) = network.host(), hypervisors
    domains = [one.boot() for one in hypervisors]
    places = [console(system, domain) for domain in domains]
    ws, _ = [check_the_only_way(system, client, *what)
             for what in zip(hypervisors, domains, places, strict=True)]
    # A token at another host's proxy: there is no way to its console from there.
    assert connect(client, *places[0][:2], places[1][2]).until_closed()[0] == 4403

    migrate(domains[0], old, new)
    assert closed_in_time(lambda: None, [ws]) == [4444]  # since libvirt says that it has moved
    assert connect(client, *places[0]).until_closed()[0] == 4401
    place = wait_for(lambda: (found := console(system, domains[0]))[0] == new.address and found)
    check_the_only_way(system, client, new, domains[0], place)
