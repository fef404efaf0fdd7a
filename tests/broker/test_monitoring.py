"""Monitoring of real processes: health with and without a broker, metrics of forked workers, and
a search for secrets in all that every service wrote."""

import contextlib
import http.client
import pathlib
import secrets
import signal
import socket

import psutil
import pytest

from consoles import model
from tests.fixtures import ws_client
from tests.fixtures.processes import free_port
from tests.fixtures.processes import LOOPBACK
from tests.fixtures.processes import wait_for
from tests.fixtures.prometheus import samples
from tests.fixtures.system import TOKEN

PASSWORDS = {"bus": "s3cr3tbus", "database": "s3cr3tdb", "keystone": "s3cr3tkey"}


def ask(port, path="/healthcheck"):
    with contextlib.closing(http.client.HTTPConnection(LOOPBACK, port, timeout=30)) as client:
        client.request("GET", path)
        answer = client.getresponse()
        return answer.status, answer.read()


@pytest.fixture
def directories(tmp_path, monkeypatch):
    """Where the services make temporary directories."""
    path = tmp_path / "temporary"
    path.mkdir()
    monkeypatch.setenv("TMPDIR", str(path))
    return path


@pytest.fixture
def ports():
    return {"proxy": free_port(), "consoleauth": free_port()}


def options(ports):
    return {"proxy": {"workers": 2, "metrics_port": ports["proxy"], "touch_interval": 1},
            "consoleauth": {"metrics_port": ports["consoleauth"], "janitor_interval": 1}}


def test_one_page_for_all_workers_whatever_becomes_of_them(make_system, rabbit, ports,
                                                           directories):
    system = make_system(rabbit.url, **options(ports)).start()
    own = "consoles-metrics-*"
    assert len(list(directories.glob(own))) == 1

    def counted(name, **labels):
        return samples(ask(ports["proxy"], "/metrics")[1]).get(
            (name, tuple(sorted(labels.items()))))

    viewers = [system.open() for _ in range(4)]
    wait_for(lambda: counted("consoles_sessions") == 4)
    assert counted("consoles_sessions_opened_total") == 4
    assert counted("consoles_workers") == 2
    wait_for(lambda: counted("consoles_carried_bytes_total", direction="out") > 1000)
    wait_for(lambda: ask(system.proxy_ports["proxy"]) == (200, b"OK\n"))
    wait_for(lambda: ask(ports["consoleauth"]) == (200, b"OK\n"))
    auth = samples(ask(ports["consoleauth"], "/metrics")[1])
    assert auth["consoles_tokens_total", (("event", "claimed"),)] == 4

    for child in psutil.Process(system.services["proxy"].pid).children():
        child.kill()
    wait_for(lambda: counted("consoles_workers") == 2 and counted("consoles_sessions") == 0)
    assert counted("consoles_sessions_opened_total") == 4, "counts of the dead are lost"

    viewers.append(system.open())
    system.services["proxy"].popen.send_signal(signal.SIGHUP)
    names = ("consoles_workers", "consoles_draining_workers", "consoles_sessions")
    wait_for(lambda: [counted(name) for name in names] == [3, 1, 1])
    viewers[-1].refresh()
    viewers[-1].socket.close()
    wait_for(lambda: counted("consoles_workers") == 2)
    assert counted("consoles_sessions_opened_total") == 5
    assert system.services.terminate("proxy") == 0
    assert list(directories.glob(own)) == []


def test_health_of_services_whose_broker_is_away(make_system, own_rabbit, ports):
    own_rabbit.kill()
    system = make_system(own_rabbit.url, **options(ports))
    system.sync()
    system.services.start("auth", "consoles-consoleauth", port=ports["consoleauth"])
    system.start_proxy()
    wait_for(lambda: ask(ports["consoleauth"]) == (503, b"bus\n"))
    wait_for(lambda: ask(system.proxy_ports["proxy"]) == (503, b"bus\n"))
    own_rabbit.start()
    wait_for(lambda: ask(ports["consoleauth"]) == (200, b"OK\n"), 30)
    wait_for(lambda: ask(system.proxy_ports["proxy"]) == (200, b"OK\n"), 30)
    own_rabbit.kill()
    wait_for(lambda: ask(ports["consoleauth"]) == (503, b"bus\n"))
    wait_for(lambda: ask(system.proxy_ports["proxy"]) == (503, b"bus\n"))


def provoke(port, token):
    """→ the answers to requests that would forge or colour a line of the log."""
    answers = b""
    for path in ("/%0d%0aforged", "/\x1b[31mforged", f"/servers/x%0aforged/console?token={token}"):
        with socket.create_connection((LOOPBACK, port), 30) as sock:
            sock.sendall(ws_client.request(path, port, headers=[
                ("User-Agent", f"\x1b[31m{token}"), ("Referer", f"http://x/?token={token}"),
                ("X-Auth-Token", TOKEN), ("X-Openstack-Request-Id", f"req-\x1b{token}"),
                ("Connection", "close")]))
            answers += ws_client.read_all(sock)
    return answers


def test_no_service_writes_a_token_a_ticket_or_a_password(make_system, rabbit, mariadb, ports):
    """With debug=true: logs, metrics, health and the titles of processes."""
    user = "u" + secrets.token_hex(4)
    rabbit.control("add_user", user, PASSWORDS["bus"])
    rabbit.control("set_permissions", "-p", "/", user, ".*", ".*", ".*")
    mariadb.execute(f"CREATE USER '{user}'@'%' IDENTIFIED BY '{PASSWORDS['database']}'")
    mariadb.execute(f"GRANT ALL ON *.* TO '{user}'@'%'")
    database = mariadb.new_database().replace("root@", f"{user}:{PASSWORDS['database']}@")
    system = make_system(
        rabbit.url.replace("guest:guest", f"{user}:{PASSWORDS['bus']}"),
        database={"connection": database}, keystone_authtoken={"password": PASSWORDS["keystone"]},
        **options(ports)).start()
    tokens = [system.token() for _ in range(3)]
    system.open(tokens[0]).refresh()
    with pytest.raises(ws_client.Refused):
        system.connect(tokens[1] + "x")
    system.services.terminate("agent-one")
    with pytest.raises(ws_client.Refused):
        system.connect(tokens[2])
    provoked = {"api": provoke(system.api_port, tokens[0]),
                "proxy": provoke(system.proxy_ports["proxy"], tokens[0])}
    assert all(answer.startswith(b"HTTP/1.1 ") for answer in provoked.values())

    written = {name: process.log.read_bytes()
               for name, process in system.services.processes.items()}
    written |= {f"{service}'s {path}": ask(port, path)[1] for service, port in ports.items()
                for path in ("/metrics", "/healthcheck")}
    for name in ("auth", "api", "proxy"):
        parent = psutil.Process(system.services[name].pid)
        for process in (parent, *parent.children(recursive=True)):
            title = pathlib.Path(f"/proc/{process.pid}/cmdline").read_bytes()
            written[f"title of {name} {process.pid}"] = title
    assert len(written["proxy"]) > 1000
    for name, text in written.items():
        assert b"\x1b" not in text, name
        assert b"\nforged" not in text, name
    for secret in (*tokens, *map(model.token_hash, tokens), *PASSWORDS.values()):
        for name, text in written.items():
            assert secret.encode() not in text, name
