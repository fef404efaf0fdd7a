"""Two nodes of devstack with the plugin: every phase twice, then consoles of what it has started.

devstack's own functions are stand-ins; RabbitMQ, MariaDB, Keystone, uWSGI and all services are not.
"""

import contextlib
import itertools
import json
import secrets
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
import uuid
from pathlib import Path

import pytest

from tests.fixtures import rfb_viewer
from tests.fixtures import ws_client
from tests.fixtures.devstack import Node
from tests.fixtures.devstack import Stack
from tests.fixtures.processes import free_port
from tests.fixtures.processes import need
from tests.fixtures.processes import wait_for
from tests.fixtures.rabbit import PROGRAMS

COMMANDS = Path(sys.executable).parent
#: That of PyPI is within a Python, which has read its environment before `env` of the file counts.
UWSGI = (f"exec env $(sed -n 's/^env = //p' \"$4\") "
         f"{sys.executable} -c 'import pyuwsgi; pyuwsgi.run()' \"$@\"")
PHASES = ("stack pre-install", "stack install", "stack post-config", "stack extra")
PROXIES = ("novnc", "xvpvnc", "spicehtml5", "serial", "mks")


@pytest.fixture
def domain(keystone):
    """The id of a new one, with a project `service`; afterwards nothing is left of it."""
    ask = keystone.ask
    name = f"devstack{secrets.token_hex(4)}"
    made = ask("POST", "/domains", {"domain": {"name": name}})["domain"]
    ask("POST", "/projects", {"project": {"name": "service", "domain_id": made["id"]}})
    yield made
    ask("PATCH", f"/domains/{made['id']}", {"domain": {"enabled": False}})
    ask("DELETE", f"/domains/{made['id']}")
    for service in ask("GET", "/services?type=console")["services"]:
        ask("DELETE", f"/services/{service['id']}")


@pytest.fixture
def stack(tmp_path, keystone, domain, rabbit, mariadb, certificates):
    """Makes a node; ends what it has started."""
    def make(name, **localrc):
        node = Node(tmp_path / name, COMMANDS, **{
            "SERVICE_HOST": "127.0.0.1", "HOST_IP": "127.0.0.1", "RABBIT_HOST": "127.0.0.1",
            "SERVICE_LISTEN_ADDRESS": "127.0.0.1", "rabbit_port": str(rabbit.port),
            "RABBIT_USERID": "guest", "RABBIT_PASSWORD": "guest",
            "KEYSTONE_SERVICE_URI": keystone.url, "SERVICE_DOMAIN_NAME": domain["name"],
            "database_url": f"mysql+pymysql://root@127.0.0.1:{mariadb.port}",
            "CONSOLES_API_PORT": str(free_port()), "CONSOLES_API_PORT_INT": str(free_port()),
            "DEVSTACK_CERT": str(bundle), **localrc,
            **{f"CONSOLES_{proxy.upper()}PROXY_PORT": str(free_port()) for proxy in PROXIES}})
        environ = " ".join(f"'{key}={value}'" for key, value in rabbit._env.items())
        node.tool("rabbitmqctl", f'exec env {environ} {PROGRAMS}/rabbitmqctl "$@"')
        node.tool("database-admin", f"exec {need('mariadb', 'mariadb-client')} --no-defaults "
                                    f'--host=127.0.0.1 --port={mariadb.port} --user=root -e "$1"')
        node.tool("uwsgi", UWSGI)
        made.append(Stack(node, keystone, domain["id"]))
        return made[-1]

    made = []
    bundle = tmp_path / "devstack-cert.pem"
    bundle.write_bytes(certificates.key.read_bytes() + certificates.cert.read_bytes())
    yield make
    for one in made:
        if one.tls_proxy is not None:
            one.tls_proxy.kill()
        for process in one.processes.values():
            print(f"--- {process.name}\n{process.tail(20)}")
            process.kill()
    mariadb.execute("DROP DATABASE IF EXISTS consoles")


def guest(host):
    """The id of a built-in one with screen and serial line."""
    return str(uuid.uuid5(uuid.NAMESPACE_DNS, f"demo-1.{host}"))


class Administrator:
    """Finds the API in the catalog; `tls` is the context of a client."""

    def __init__(self, keystone, tls):
        self._tls = tls
        self._token = keystone.token("adam", "red")
        catalog = keystone.ask("GET", "/auth/catalog", token=self._token)["catalog"]
        [self.url] = [endpoint["url"] for service in catalog if service["type"] == "console"
                      for endpoint in service["endpoints"]]

    def ask(self, path, body=None):
        request = urllib.request.Request(
            self.url + path, body and json.dumps(body).encode(),
            {"X-Auth-Token": self._token, "Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=30, context=self._tls) as answer:
            return json.load(answer)

    def servers(self):
        """→ ids; none until all that the API asks are up."""
        with contextlib.suppress(urllib.error.HTTPError, ConnectionError):
            return {server["id"] for server in self.ask("/servers?all_tenants=1")["servers"]}
        return set()

    def link(self, host):
        """→ that of the host's guest to itself."""
        return self.ask(f"/servers/{guest(host)}")["server"]["links"][0]["href"]

    def open(self, host, protocol, kind):
        """→ a WebSocket at the console of the host's guest."""
        url = urllib.parse.urlsplit(self.ask(f"/servers/{guest(host)}/console",
                                             {"protocol": protocol, "type": kind})["url"])
        path = urllib.parse.parse_qs(url.query).get("path", [f"?{url.query}"])[0]
        return ws_client.WebSocket.connect(
            url.port, f"/{path}", host=url.hostname,
            tls=self._tls if url.scheme in ("https", "wss") else None)


@pytest.mark.timeout(600)  # nine services, some of them started twice
def test_consoles_of_what_the_phases_have_made(stack, keystone, rabbit, certificates):
    """The controller has devstack's TLS, the subnode none."""
    controller = stack("controller", enabled="rabbit n-api tls-proxy")
    subnode = stack("subnode", disabled="consoles-api consoles-consoleauth consoles-novncproxy",
                    enabled=" ".join(f"consoles-{proxy}proxy" for proxy in PROXIES[1:]))
    for node, words in itertools.product((controller, subnode), PHASES):
        for _ in range(2):
            node.phase(words, f"[DEFAULT]\nhost = {node.node.home.name}\n"
                       if words == "stack post-config" else "")
    assert len(controller.processes) == 4
    assert len(subnode.processes) == 5

    adam = Administrator(keystone, certificates.client())
    wait_for(lambda: {guest("controller"), guest("subnode")} <= adam.servers())
    for proxy in PROXIES:
        node = controller if proxy == "novnc" else subnode
        node.processes[f"consoles-{proxy}proxy"].wait_port(
            int(node.node.localrc[f"CONSOLES_{proxy.upper()}PROXY_PORT"]), 60)
    assert adam.url.startswith("https:")
    assert adam.link("controller").startswith("https:")
    rfb_viewer.Viewer(adam.open("controller", "vnc", "novnc")).connect().refresh()
    line = adam.open("subnode", "serial", "serial")
    said = b""
    while b"built-in guest" not in said:
        said += line.recv(4096)
    authority = controller.node.home / "ca.pem"  # devstack has the system trust its own
    certificates.ca.cert_pem.write_to_path(str(authority))
    status = [COMMANDS / "consoles-manage", "--config-file", controller.node.conf, "status",
              "--ca-file", authority]
    wait_for(lambda: subprocess.run(status, timeout=60, check=False).returncode == 0, 60)
    ended(subnode)
    ended(controller)
    assert "consoles" not in rabbit.control("list_vhosts").split()


def ended(node):
    """unstack.sh and clean.sh, each twice: nothing runs, nothing is left."""
    processes = list(node.processes.values())
    for words in ("unstack", "unstack", "clean", "clean"):
        node.phase(words)
    assert [process.popen.returncode for process in processes] == [0] * len(processes)
    assert not node.node.conf.parent.exists()
