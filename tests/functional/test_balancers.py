"""The examples for haproxy and nginx, run as they are but for addresses and paths."""

import contextlib
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
from types import SimpleNamespace

import pytest

from consoles.proxies import catalog
from consoles.proxies import health
from tests.fixtures import ws_client
from tests.fixtures.processes import free_port
from tests.fixtures.processes import need
from tests.fixtures.processes import Process
from tests.fixtures.processes import wait_for
from tests.fixtures.proxy import PATIENCE
from tests.fixtures.targets import echo
from tests.fixtures.targets import Target
from tests.fixtures.web_server import plainly_served

ETC = pathlib.Path(__file__).parents[2] / "etc"
LOOPBACK = "127.0.0.1"
STREAM = "/usr/lib/nginx/modules/ngx_stream_module.so"
#: A client's address that is not the balancer's.
CLIENT = "127.0.0.3"
SECRET = "t0ken-of-a-console"
SERIAL = "serial.example.org"
SPICE = "spice.example.org"
MKS = "mks.example.org"
API = "api.example.org"
EXAMPLES = ["haproxy/proxy-protocol.cfg", "haproxy/http.cfg",
            "nginx/proxy-protocol.conf", "nginx/http.conf"]
NGINX = """\
daemon off;
pid {home}/pid;
error_log {home}/error.log info;
events {{}}
{rest}
"""
NGINX_HTTP = """\
http {{
    client_body_temp_path {home}/t1; proxy_temp_path {home}/t2; fastcgi_temp_path {home}/t3;
    uwsgi_temp_path {home}/t4; scgi_temp_path {home}/t5;
    {rest}
}}
"""


class Balancer:
    """An example in a directory of its own, in front of proxies at `ports`."""

    def __init__(self, example, home, certificates, ports):
        self.home, self.port, self.certificates = home, free_port(), certificates
        names = (LOOPBACK, "consoles.example.org", SERIAL, SPICE, MKS, API)
        self.cert, self.key = certificates.issue(f"balancer{self.port}", *names)
        text = self._adapted((ETC / example).read_text(), ports)
        self.command = self._haproxy(text) if example.startswith("haproxy") else self._nginx(text)

    def _adapted(self, text, ports):
        for address, port in ports.items():
            assert address in text
            text = text.replace(address, f"{LOOPBACK}:{port}")
        for path, mine in (("/etc/nginx/consoles.crt", self.cert),
                           ("/etc/nginx/consoles.key", self.key),
                           ("/etc/haproxy/consoles.pem", self.home / "consoles.pem"),
                           ("/var/log/nginx", self.home)):
            text = text.replace(path, str(mine))
        (self.home / "consoles.pem").write_bytes(self.cert.read_bytes() + self.key.read_bytes())
        return re.sub(r"(bind |listen )(?:\*?:)?443\b", rf"\g<1>{LOOPBACK}:{self.port}", text)

    def _haproxy(self, text):
        """What a distribution's file has above: here a log on standard output."""
        path = self.home / "haproxy.cfg"
        path.write_text("global\n    log stdout format raw local0\n"
                        "defaults\n    log global\n" + text)
        return [need("haproxy", "haproxy"), "-db", "-f", path]

    def _nginx(self, text):
        if "\nstream {" in text:
            text = f"load_module {STREAM};\n" + NGINX.format(home=self.home, rest=text)
        else:
            within = NGINX_HTTP.format(home=self.home, rest=text)
            text = NGINX.format(home=self.home, rest=within)
        path = self.home / "nginx.conf"
        path.write_text(text)
        return [need("nginx", "nginx-light and libnginx-mod-stream"), "-p", self.home, "-c", path]

    def start(self):
        self.process = Process("balancer", self.command, self.home / "balancer.log")
        self.process.wait_port(self.port)
        return self

    def connect(self, name="consoles.example.org", token=SECRET, origin=None):
        """→ an open WebSocket through the balancer, from CLIENT."""
        plain = socket.create_connection((LOOPBACK, self.port), 20, (CLIENT, 0))
        sock = self.certificates.client().wrap_socket(plain, server_hostname=name)
        headers = ws_client.upgrade_headers(origin, extra=[("X-Forwarded-For", "203.0.113.66")])
        sock.sendall(ws_client.request(f"/?token={token}", self.port, headers=headers, host=name))
        status, _, rest = ws_client.read_head(sock)
        assert status == 101, status
        return ws_client.WebSocket(sock, rest)

    def without(self, port):
        """Wait until haproxy has seen that the proxy there drains; tell nginx."""
        path = self.home / "nginx.conf"
        if not path.exists():
            self.process.wait_line("Server serialproxy/one is DOWN")
            return
        server = f"server {LOOPBACK}:{port}"
        path.write_text(path.read_text().replace(f"{server};", f"{server} down;"))
        self.process.signal(signal.SIGHUP)
        wait_for(lambda: "gracefully shutting down" in self.logs())

    def logs(self):
        return "".join(path.read_text() for path in self.home.glob("*.log"))


@contextlib.contextmanager
def running(*arguments):
    balancer = Balancer(*arguments)
    try:
        yield balancer.start()
    finally:
        balancer.process.kill()


def well(proxy):
    """Whether the proxy says that it is; however late the machine that runs tests makes it."""
    if not hasattr(proxy.worker, "_server"):
        return False
    proxy.worker._server.health._times = health.Times(max_lag=PATIENCE)
    return proxy.worker._server.health.problem() is None


@pytest.fixture(params=EXAMPLES)
def cloud(request, tmp_path, certificates, make_proxy, consoleauth):
    """Two serial proxies and one of each other kind, behind the example."""
    way = "v1v2" if "proxy-protocol" in request.param else "off"
    options = {"proxy__trusted_proxies": [LOOPBACK], "proxy__proxy_protocol": way}
    proxies = [make_proxy(spec=spec, **options) for spec in (
        catalog.SERIAL, catalog.SERIAL, catalog.NOVNC, catalog.SPICE_HTML5, catalog.MKS)]
    if request.param.startswith("haproxy"):  # which asks
        wait_for(lambda: all(well(proxy) for proxy in proxies))
    one, two, novnc, spice, mks = (proxy.port for proxy in proxies)
    target = Target(echo)
    with running(request.param, tmp_path, certificates, {
            "192.0.2.21:6083": one, "192.0.2.22:6083": two,
            "192.0.2.21:6080": novnc, "192.0.2.22:6080": novnc,
            "192.0.2.21:6082": spice, "192.0.2.22:6082": spice,
            "192.0.2.21:6090": mks, "192.0.2.22:6090": mks}) as balancer:
        yield SimpleNamespace(balancer=balancer, consoleauth=consoleauth, target=target,
                              proxy=proxies[0])
    target.close()


def opened(cloud):
    """Open a serial console and send something there and back."""
    cloud.consoleauth.add(SECRET, cloud.target.port, console_type="serial",
                          access_url_base=f"wss://{SERIAL}/")
    ws = cloud.balancer.connect(SERIAL, origin=f"https://{SERIAL}")
    ws.send(b"hello")
    assert ws.recv_exactly(5) == b"hello"
    return ws


def test_consoles_of_several_proxies_and_what_they_are_told_of_the_client(cloud):
    sessions = [opened(cloud) for _ in range(4)]
    workers = {session["worker"] for _, session in cloud.consoleauth.asked}
    assert len(workers) == 2
    assert {session["client_address"] for _, session in cloud.consoleauth.asked} == {CLIENT}
    for ws in sessions:
        ws.sock.close()
    wait_for(lambda: len(cloud.consoleauth.tallies) == 4)


def test_sessions_of_a_proxy_that_drains_go_on_and_new_ones_go_elsewhere(cloud):
    sessions = [opened(cloud) for _ in range(2)]
    cloud.proxy.worker.drain(60)
    cloud.balancer.without(cloud.proxy.port)
    sessions += [opened(cloud) for _ in range(3)]
    for ws in sessions:
        ws.send(b"on")
        assert ws.recv_exactly(2) == b"on"
        ws.sock.close()


def test_a_name_is_a_kind(cloud):
    kinds = {"consoles.example.org": "novnc", SPICE: "spice-html5", SERIAL: "serial", MKS: "webmks"}
    for name in kinds:
        ws = cloud.balancer.connect(name, "unknown", origin=f"https://{name}")
        assert ws.until_closed()[0] == 4401
    assert [session["kind"] for _, session in cloud.consoleauth.asked] == list(kinds.values())


def test_no_token_gets_into_a_log(cloud):
    opened(cloud).sock.close()
    wait_for(lambda: cloud.consoleauth.tallies)
    cloud.balancer.process.signal(signal.SIGTERM)
    wait_for(lambda: not cloud.balancer.process.alive())
    assert SECRET not in cloud.balancer.logs()


@pytest.mark.parametrize("example", [name for name in EXAMPLES if "/http" in name])
def test_the_api_gives_links_to_the_balancer(example, tmp_path, certificates, world):
    """Whatever the client itself writes of its scheme, host and path."""
    world.conf.set_override("enable_proxy_headers_parsing", True, "oslo_middleware")
    with (plainly_served(world.application) as port,
          running(example, tmp_path, certificates, dict.fromkeys(
              ("192.0.2.11:8790", "192.0.2.12:8790"), port)) as balancer):
        plain = socket.create_connection((LOOPBACK, balancer.port), 20)
        sock = certificates.client().wrap_socket(plain, server_hostname=API)
        sock.sendall(f"GET /v2.1/ HTTP/1.1\r\nHost: {API}\r\nX-Forwarded-Proto: gopher\r\n"
                     "X-Forwarded-Host: evil.example\r\nX-Forwarded-Prefix: /evil\r\n"
                     "X_Forwarded_Prefix: /evil\r\nX_Forwarded-Host: evil.example\r\n"
                     "Forwarded: proto=gopher;host=evil.example\r\n"
                     "Connection: close\r\n\r\n".encode())
        status, _, rest = ws_client.read_head(sock)
        body = json.loads(rest + ws_client.read_all(sock))
    assert status == 200
    assert body["version"]["links"][0]["href"] == f"https://{API}/v2.1/"


def test_the_examples_with_all_servers_are_well_formed(tmp_path, certificates):
    for number, example in enumerate(EXAMPLES):
        home = tmp_path / str(number)
        home.mkdir()
        command = Balancer(example, home, certificates, {}).command
        check = "-c" if example.startswith("haproxy") else "-t"
        done = subprocess.run([*map(str, command), check], capture_output=True, text=True,
                              env=os.environ)
        said = done.stdout + done.stderr
        assert done.returncode == 0, said
        assert not re.search(r"\[(WARNING|warn)\]", said), said
