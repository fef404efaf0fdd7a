"""Native viewers, through the API and RabbitMQ: real programs that send HTTP CONNECT."""

import contextlib
import subprocess

import numpy as np
import pytest

from tests.fixtures import rfb_viewer
from tests.fixtures import targets
from tests.fixtures.processes import free_port
from tests.fixtures.processes import listening
from tests.fixtures.processes import need
from tests.fixtures.processes import Services
from tests.fixtures.processes import wait_for
from tests.fixtures.screen import sees
from tests.fixtures.system import instance_id
from tests.fixtures.system import System
from tests.fixtures.vencrypt import NAME
from tests.fixtures.xvp import Stream
from tests.fixtures.xvp import VERSION

PATH = "/console?uuid=1&session_id=OpaqueRef:{ticket}"


class XenServer:
    """Shows a VNC server behind CONNECT; every path works once."""

    def __init__(self):
        self.asked = []
        self.port = targets.Target(self._serve).port

    def _serve(self, sock):
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += targets.read_exactly(sock, 1)
        path = head.split()[1].decode()
        if path in self.asked:
            sock.sendall(b"HTTP/1.1 401 Unauthorized\r\n\r\n")
        else:
            self.asked.append(path)
            sock.sendall(b"HTTP/1.1 200 OK\r\nConnection: keep-alive\r\n\r\n")
            targets.rfb_server(targets.echo)(sock)
        sock.close()


class Xvp:
    """The whole system with a proxy for native viewers, and one URL after the other for it."""

    def __init__(self, system, pki, tls_port):
        self.xen = XenServer()
        system.write_agent("one", [
            {"name": "screen", "id": instance_id("one"),
             "consoles": {"novnc": {"guest": "builtin"}, "xvpvnc": {"guest": "builtin"}}},
            {"name": "xen", "id": instance_id("xen"), "consoles": {"xvpvnc": {
                "host": "127.0.0.1", "port": self.xen.port, "internal_access_path": PATH}}},
            {"name": "tls", "id": instance_id("tls"), "consoles": {"xvpvnc": {
                "host": "127.0.0.1", "port": tls_port}}},
            {"name": "other", "id": instance_id("other"), "consoles": {"xvpvnc": {
                "host": "127.0.0.1", "port": tls_port, "tls_name": "kvm8.example.org"}}}])
        system.sync()
        system.start_consoleauth()
        system.start_agent()
        system.start_api()
        self.port = free_port()
        config = system.services.write("xvp.conf", {"vnc": {
            "xvpvncproxy_host": "127.0.0.1", "xvpvncproxy_port": self.port,
            "auth_schemes": "vencrypt,none", "vencrypt_ca_certs": pki.ca_file,
            "vencrypt_client_cert": pki.proxy[0], "vencrypt_client_key": pki.proxy[1]}})
        system.services.start("xvp", "consoles-xvpvncproxy", "--config-file", config,
                              port=self.port)
        wait_for(lambda: system.can_open("one"))
        self.system = system

    def target(self, host="one"):
        """What a viewer asks the proxy for."""
        url = self.system.ask(f"/servers/{instance_id(host)}/console",
                              {"protocol": "vnc", "type": "xvpvnc"})["url"]
        assert url.startswith("http://127.0.0.1:6081/console?token=")
        return url.removeprefix("http://127.0.0.1:6081")

    def dial(self, target):
        return Stream(self.port, f"CONNECT {target} HTTP/1.1\r\n\r\n".encode())

    @contextlib.contextmanager
    def socat(self):
        """→ a port of this machine behind which the console's bare RFB is."""
        port = free_port()
        tunnel = subprocess.Popen([
            need("socat", "socat"), f"TCP-LISTEN:{port},bind=127.0.0.1,fork",
            f"PROXY:127.0.0.1:{self.target()}&x=:1,proxyport={self.port}"])
        try:
            yield port
        finally:
            tunnel.terminate()
            tunnel.wait(30)

    def ended(self, host, count):
        """→ reasons of an instance's sessions, once so many have ended."""
        def reasons():
            rows = self.system.rows("select reason from sessions where state = 'ended' "
                                    f"and instance_id = '{instance_id(host)}'")
            return rows if len(rows) >= count else None
        return [reason for (reason,) in wait_for(reasons)]


@pytest.fixture(scope="module")
def xvp(rabbit, tmp_path_factory, pki, with_tls):
    """One system for the file: starting it takes seconds."""
    services = Services(tmp_path_factory.mktemp("xvp"))
    try:
        yield Xvp(System(services, rabbit.url, vnc={"vencrypt_server_name": NAME}), pki, with_tls)
    finally:
        print(services.tails())
        services.end()


def test_programs_that_send_connect_see_the_guest(xvp):
    stream = xvp.dial(xvp.target())
    assert stream.status == 200
    viewer = rfb_viewer.Viewer(stream).connect()
    card = viewer.refresh().copy()
    assert len(np.unique(card)) > 3
    stream.close()
    assert xvp.ended("one", 1) == ["client_closed"]

    with xvp.socat() as port:  # HTTP/1.0 without Host
        wait_for(lambda: listening_and_shows(port, card))

    curl = subprocess.Popen([need("curl", "curl"), "-sN", "-X", "CONNECT", "--http1.1",
                             "--request-target", xvp.target(), f"http://127.0.0.1:{xvp.port}/"],
                            stdout=subprocess.PIPE)
    assert curl.stdout.read(12) == VERSION
    curl.terminate()
    curl.wait(30)
    curl.stdout.close()


def listening_and_shows(port, card):
    """Whether the picture has the test card's size and most of its pixels; its clock runs."""
    try:
        picture = sees(port)
    except (OSError, EOFError):
        return False
    return picture.shape == card.shape and (picture == card).mean() > 0.8


def test_tigervnc_shows_the_guest(xvp, screen):
    with xvp.socat() as tunnel:
        viewer = None
        wait_for(lambda: listening(tunnel))
        card = np.unique(sees(tunnel))
        assert not np.isin(card, screen.sees()).all()
        try:
            viewer = subprocess.Popen(
                [need("xtigervncviewer", "tigervnc-viewer"), f"127.0.0.1::{tunnel}"],
                env=screen.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            wait_for(lambda: np.isin(card, screen.sees()).all(), 20, "the guest in the viewer")
        finally:
            if viewer:
                viewer.terminate()
                viewer.wait(10)


def test_a_hypervisor_with_tickets_is_asked_afresh_for_each_use(xvp):
    for _ in range(2):
        stream = xvp.dial(xvp.target("xen")).greeted()
        stream.sendall(b"through Xen")
        assert stream.read(11) == b"through Xen"
        stream.close()
    assert len(set(xvp.xen.asked)) == 2
    assert xvp.ended("xen", 2) == ["client_closed"] * 2
    log = "".join(p.log.read_text() for p in xvp.system.services.processes.values())
    assert "OpaqueRef" not in log


def test_a_hypervisors_name_comes_from_its_agent_and_is_checked(xvp):
    stream = xvp.dial(xvp.target("tls"))
    assert rfb_viewer.Viewer(stream).connect().refresh().size
    stream.close()
    assert xvp.ended("tls", 1) == ["client_closed"]
    assert xvp.dial(xvp.target("other")).status == 502


def test_a_token_of_another_kind_and_a_wrong_one_are_refused(xvp):
    foreign = xvp.system.url().rpartition("token%3D")[2]
    assert xvp.dial(f"/console?token={foreign}").status == 403
    assert xvp.dial("/console?token=guessed").status == 401
    assert xvp.dial("/console").status == 400
