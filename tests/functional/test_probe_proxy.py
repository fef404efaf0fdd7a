"""consoles-manage probe where the proxy is not what the agent's URL says."""

import socket

import pytest

from consoles import exception
from tests.fixtures import targets
from tests.fixtures.processes import free_port


@pytest.fixture
def announced(plane):
    """`announced(url)`: what the agent says; → exit status and the stage that failed."""
    def make(url, type="novnc"):
        plane.place = {"host": "127.0.0.1", "port": 5900, "access_url_base": url}
        return plane.failure(type=type)
    return make


def answering(data):
    def script(sock):
        sock.recv(65536)
        sock.sendall(data)
        sock.close()
    return script


@pytest.mark.parametrize(("type", "option"), [
    ("novnc", "[vnc] novncproxy_base_url"), ("serial", "[serial_console] base_url"),
    ("webmks", "[mks] mksproxy_base_url")])
def test_nothing_listens(announced, type, option):
    scheme = "ws" if type == "serial" else "http"
    status, failed = announced(f"{scheme}://127.0.0.1:{free_port()}/vnc_auto.html", type)
    assert (status, failed["stage"]) == (5, "proxy")
    assert failed["text"] == "Connection refused"
    assert "Nothing listens there: start consoles-" in failed["advice"]
    assert option in failed["advice"]


def test_a_name_that_does_not_resolve(announced):
    status, failed = announced("http://no-such-proxy.invalid:6080/vnc_auto.html")
    assert (status, failed["stage"]) == (5, "proxy")
    assert "does not resolve here" in failed["advice"]


@pytest.mark.parametrize("data", [b"SSH-2.0-OpenSSH\r\n", b""])
@pytest.mark.parametrize("type", ["novnc", "xvpvnc", "serial"])
def test_another_program_listens(announced, data, type):
    target = targets.Target(answering(data))
    scheme = "ws" if type == "serial" else "http"
    status, failed = announced(f"{scheme}://127.0.0.1:{target.port}/console", type)
    assert (status, failed["stage"]) == (5, "proxy")
    assert "Another program is at" in failed["advice"]
    target.close()


def test_the_path_of_another_page(probed):
    plane = probed("novnc", free_port())
    plane.place["access_url_base"] = plane.place["access_url_base"].replace("auto", "gone")
    status, failed = plane.failure(type="novnc")
    assert (status, failed["stage"], failed["text"]) == (5, "page", "HTTP 404")
    assert "correct the path in [vnc] novncproxy_base_url of one" in failed["advice"]


def test_an_origin_that_something_before_the_proxy_made_foreign(announced):
    def balancer(sock):
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += targets.read_exactly(sock, 1)
        assert f"Origin: http://127.0.0.1:{target.port}".encode() in head or b"GET /vnc" in head
        status = b"403 Forbidden" if b"Upgrade" in head else b"200 OK"
        sock.sendall(b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\n\r\n")
        sock.shutdown(socket.SHUT_WR)
    target = targets.Target(balancer)
    status, failed = announced(f"http://127.0.0.1:{target.port}/vnc_auto.html")
    assert (status, failed["stage"]) == (4, "access")
    assert "[console] allowed_origins" in failed["advice"]
    target.close()
    assert target.errors == []


def test_https_where_the_proxy_speaks_none(probed):
    plane = probed("novnc", free_port(), scheme="https")
    status, failed = plane.failure(type="novnc")
    assert (status, failed["stage"]) == (5, "proxy")
    assert "needs [DEFAULT] cert" in failed["advice"]


def test_a_certificate_that_is_not_trusted_and_one_that_is(probed, certificates, tmp_path):
    target = targets.Target(targets.rfb_server(lambda sock: sock.close()))
    certificates.ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    plane = probed("novnc", target.port, scheme="https", DEFAULT__ssl_only=True,
                   DEFAULT__cert=str(certificates.cert), DEFAULT__key=str(certificates.key))
    status, failed = plane.failure(type="novnc")
    assert (status, failed["stage"]) == (5, "proxy")
    assert "--ca-file" in failed["advice"]
    _, stages = plane.probe(type="novnc", ca_file=str(tmp_path / "ca.pem"))
    assert list(stages) == ["server", "agent", "token", "proxy", "page", "target", "greeting"]
    target.close()


def test_a_list_of_authorities_that_is_none(probed, tmp_path):
    plane = probed("novnc", free_port(), scheme="https")
    with pytest.raises(exception.ConfigError, match="cannot be used as a list of authorities"):
        plane.probe(type="novnc", ca_file=str(tmp_path / "gone.pem"))


def test_http_where_the_proxy_wants_https(probed, certificates):
    plane = probed("novnc", free_port(), DEFAULT__ssl_only=True,
                   DEFAULT__cert=str(certificates.cert), DEFAULT__key=str(certificates.key))
    status, failed = plane.failure(type="novnc")
    assert status == 5
    assert "https" in failed["advice"]
