"""The guide's "Three nodes", typed from its pages on machines of their own; a fourth looks on."""

import json
import pathlib
import shutil
import socket
import sys
import urllib.parse
import urllib.request

import oslo_config
import pytest

from tests.e2e.test_wheel import build
from tests.e2e.test_wheel import NOT_COPIED
from tests.e2e.test_wheel import run
from tests.fixtures import guide
from tests.fixtures import rfb_viewer
from tests.fixtures import ws_client
from tests.fixtures.keystone import password
from tests.fixtures.nodes import Node
from tests.fixtures.processes import listening
from tests.fixtures.processes import need
from tests.fixtures.processes import Process
from tests.fixtures.processes import wait_for
from tests.fixtures.rabbit import PROGRAMS

INSTALL = guide.GUIDE / "install"
NAME = "consoles.example.org"
CONTROLLER, PROXY, COMPUTE, USER = "10.0.0.11", "10.0.0.21", "10.0.0.31", "10.0.0.99"
GUEST = "7d6c1a52-92cb-4a0c-8c1c-3b1f5b0a9d10"
#: In place of libvirt and a guest of its own: the agent's other driver.
TRIAL = "[compute]\ndriver = stub\nstub_instances = /etc/consoles/stub.yaml\n"
INSTANCES = """
instances:
- {{name: web, id: {guest}, project_id: {project}, consoles: {{novnc: {{guest: builtin}}}}}}
"""
#: What the agent's file says wrongly; which command tells it, in words that the page has, too.
MISTAKES = [
    ("server_proxyclient_address = 10.0.0.77", f"probe {GUEST}",
     "10.0.0.77:5900 is not in [proxy] allowed_targets of the proxy"),
    ("server_listen = 127.0.0.1", f"probe {GUEST}",
     "From the proxy nothing listens at 10.0.0.31:5900: check [vnc] server_proxyclient_address"),
    (f"novncproxy_base_url = https://{NAME}:6088/vnc_auto.html", "status",
     "Nothing listens there: start consoles-novncproxy, or correct the port in [vnc] "
     "novncproxy_base_url"),
]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    tree = tmp_path_factory.mktemp("package") / "consoles"
    shutil.copytree(guide.ROOT, tree, ignore=NOT_COPIED)
    run(tree / "tools/samples", PYTHON=sys.executable)
    return build(tree, "--wheel")


class Plant:
    """The nodes, and what the controller has beside consoles: RabbitMQ, MariaDB, Keystone."""

    def __init__(self, network, home, certificates, keystone):
        self.certificates, self.keystone = certificates, keystone
        (home / "opt").mkdir()
        (home / "ca.pem").write_bytes(certificates.ca.cert_pem.bytes())
        self.controller, self.proxy, self.compute, self.user = self.nodes = [
            Node(network.host(), address, home / address, home / "opt")
            for address in (CONTROLLER, PROXY, COMPUTE, USER)]
        self._outlets = []
        for node in self.nodes:
            node.env |= {"SSL_CERT_FILE": str(home / "ca.pem"), "PIP_NO_INDEX": "1",
                         "PIP_NO_DEPS": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
            node.write("hosts", f"127.0.0.1 localhost\n{PROXY} {NAME}\n")

    def lend(self, port, to, at=CONTROLLER):
        """What listens at `to` of the loopback address here does at `port` of the controller."""
        socat, home = need("socat", "socat"), self.controller.home
        between = home / f"{port}.socket"  # a file is the same in every network
        self._outlets.append(Process(f"to {to}", [
            socat, f"UNIX-LISTEN:{between},fork", f"TCP:127.0.0.1:{to}"], home / f"{to}.log"))
        with self.controller.host.entered():
            self._outlets.append(Process(f"port {port}", [
                socat, f"TCP-LISTEN:{port},bind={at},fork", f"UNIX-CONNECT:{between}"],
                home / f"{port}.log"))
            wait_for(lambda: listening(port, at), what=f"port {port}")

    def type(self, node, text, cwd=None):
        """The commands of a block, one after the other, none of which may fail."""
        for command in guide.commands(text):
            if command.endswith(" status"):  # what was started may not be there yet
                wait_for(lambda typed=command: node.run(typed).returncode == 0, 60, command)
            done = node.run(self.filled(command), cwd)
            assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}{node.tails()}"

    def filled(self, text):
        return text.replace("PASSWORD", password("consoles"))

    def manage(self, words):
        return self.controller.run(f"/opt/consoles/bin/consoles-manage {words}")

    def url(self):
        """A console's, that mary asks the API for on the fourth node."""
        request = urllib.request.Request(
            f"{api_of_the_catalog()}/servers/{GUEST}/console",
            json.dumps({"protocol": "vnc", "type": "novnc"}).encode(),
            {"X-Auth-Token": self.keystone.token("mary", "red"),
             "Content-Type": "application/json"})
        with self.user.host.entered(), urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)["url"]

    def open(self, url):
        """→ a viewer with the first picture, on the fourth node."""
        parts = urllib.parse.urlsplit(url)
        assert (parts.scheme, parts.hostname) == ("https", NAME)
        with self.user.host.entered():
            plain = socket.create_connection((PROXY, parts.port), 30)
        sock = self.certificates.client().wrap_socket(plain, server_hostname=NAME)
        path = "/" + urllib.parse.parse_qs(parts.query)["path"][0]
        sock.sendall(ws_client.request(path, parts.port, host=NAME,
                                       headers=ws_client.upgrade_headers(f"https://{NAME}:6080")))
        status, _, rest = ws_client.read_head(sock)
        assert status == 101, status
        viewer = rfb_viewer.Viewer(ws_client.WebSocket(sock, rest)).connect()
        viewer.refresh()
        return viewer

    def end(self):
        for process in (*self.nodes, *self._outlets):
            (process.end if isinstance(process, Node) else process.kill)()


@pytest.fixture
def plant(network, tmp_path, certificates, keystone, rabbit, mariadb):
    made = Plant(network, tmp_path, certificates, keystone)
    try:
        for port, to in ((5672, rabbit.port), (3306, mariadb.port), (5000, keystone.port)):
            made.lend(port, to)
        made.lend(keystone.port, keystone.port, "127.0.0.1")  # as its catalog has it
        environ = " ".join(f"'{key}={value}'" for key, value in rabbit._env.items())
        made.controller.tool(
            "rabbitmqctl", f"#!/bin/sh\nexec nsenter --net=/proc/{rabbit._node.pid}/ns/net "
                           f'env {environ} {PROGRAMS}/rabbitmqctl "$@"\n')
        client = need("mariadb", "mariadb-client")
        made.controller.tool("mysql", f"#!/bin/sh\nexec {client} --no-defaults --user=root "
                                      f'--host={CONTROLLER} "$@"\n')
        yield made
        print("\n".join(node.tails() for node in made.nodes))
    finally:
        made.end()
        mariadb.execute("DROP DATABASE IF EXISTS consoles")
        mariadb.execute("DROP USER IF EXISTS consoles@'%'")
        if "consoles" in rabbit.control("list_vhosts").split():
            rabbit.control("delete_vhost", "consoles")
            rabbit.control("delete_user", "consoles")


def api_of_the_catalog():
    """The URL that the guide has registered; the fourth node knows the controller by this name."""
    [url] = {words[-1] for page in ("admin/keystone.rst", "install/beside-nova.rst")
             for block in guide.blocks(guide.GUIDE / page)
             for command in guide.commands(block.text)
             if (words := command.split())[:3] == ["openstack", "endpoint", "create"]}
    parts = urllib.parse.urlsplit(url)
    assert parts.hostname == "controller"
    return parts._replace(netloc=f"{CONTROLLER}:{parts.port}").geturl()


def follow(plant, wheel):
    """Both pages, block by block."""
    package, *_, bus = [block.text for block in guide.blocks(INSTALL / "index.rst")
                        if block.language == "console"]
    version = wheel.name.split("-")[1]
    lines = package.replace("VERSION", version).splitlines()
    for line in lines[:2]:
        plant.type(plant.controller, line, wheel.parent)
    site, = (plant.controller.home.parent / "opt").glob("consoles/lib/python*/site-packages")
    (site / "dependencies.pth").write_text(str(pathlib.Path(oslo_config.__file__).parents[1]))
    for node in plant.nodes[:3]:
        plant.type(node, "\n".join(lines[2:]))
    plant.type(plant.controller, bus)

    cert, key = plant.certificates.issue("three-nodes", NAME)
    plant.proxy.write("consoles/consoles.crt", cert.read_text())
    plant.proxy.write("consoles/consoles.key", key.read_text(), 0o640)
    plant.compute.write("consoles/consoles.conf.d/99-trial.conf", TRIAL)
    plant.compute.write("consoles/stub.yaml", INSTANCES.format(
        guest=GUEST, project=plant.keystone.projects["red"]))
    where = iter((plant.controller, plant.compute, plant.proxy))
    for block in guide.blocks(INSTALL / "three-nodes.rst"):
        if block.language == "ini":
            node = next(where)
            node.write("consoles/consoles.conf", plant.filled(block.text), 0o640)
        elif block.language == "console":
            last = "status" in block.text
            plant.type(plant.controller if last else node, block.text)


@pytest.mark.timeout(600)
def test_the_page_leads_to_a_console_and_its_mistakes_to_what_it_says(plant, wheel):
    follow(plant, wheel)
    plant.open(plant.url())
    [told] = [block.text for block in guide.blocks(INSTALL / "three-nodes.rst")
              if not block.language]
    for mistake, command, words in MISTAKES:
        assert words in " ".join(told.split())
        plant.compute.write("consoles/consoles.conf.d/99-mistake.conf", f"[vnc]\n{mistake}\n")
        plant.compute.restart("consoles-compute")
        wait_for(lambda command=command, words=words: words in plant.manage(command).stdout,
                 60, words)
    plant.open(plant.url().replace(":6088", ":6080"))  # the other two are right again
