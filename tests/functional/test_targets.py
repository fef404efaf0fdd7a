"""What a proxy connects to, whoever says where a console is; and that it lets go of it."""

import contextlib
import os
import pathlib
import socket

import pytest

from consoles import exception
from consoles.command import proxy as command
from consoles.db import engine
from consoles.proxies import catalog
from tests.fixtures import ws_client
from tests.fixtures.processes import free_port
from tests.fixtures.processes import LOOPBACK
from tests.fixtures.processes import wait_for


def is_refused(proxy, token="good"):
    """403 to a program, 4403 to a page, neither with a word of where."""
    with pytest.raises(ws_client.Refused) as refused:
        proxy.connect(token)
    assert (refused.value.status, refused.value.body) == (403, b"")
    assert proxy.tally()["reason"] == "target_not_allowed"
    closed = proxy.connect(token, origin=proxy.own_origin).until_closed()
    assert closed == (4403, exception.TargetNotAllowed.public)
    proxy.tally()


def is_opened(proxy, token="good"):
    ws = proxy.connect(token)
    assert ws.recv_message() == b"RFB 003.008\n"
    ws.sock.close()
    proxy.tally()


def test_a_target_outside_of_the_list_is_refused_undialled(make_proxy, echoing_guest, caplog):
    allowed = ["192.0.2.0/24", f"127.0.0.1:{echoing_guest.port + 1}"]
    is_refused(make_proxy(proxy__allowed_targets=allowed))
    assert echoing_guest.connections == 0
    alarms = [r for r in caplog.records
              if r.levelname == "WARNING" and "is not allowed" in r.getMessage()]
    assert len(alarms) == 2
    assert alarms[0].name == "consoles.stream.dial"


@pytest.mark.parametrize("entries", [None, ["127.0.0.0/8"], ["10.0.0.0/8", "127.0.0.1"]])
def test_a_target_in_the_list_is_opened(make_proxy, echoing_guest, entries):
    is_opened(make_proxy(proxy__allowed_targets=entries))


@pytest.mark.parametrize("host", [
    "127.0.0.1", "127.9.9.9", "localhost", "::1", "::ffff:127.0.0.1", "0.0.0.0", "::",
    "0x7f.1", "2130706433", "127.1", "64:ff9b::7f00:1", "2002:7f00:1::", "::7f00:1"])
def test_the_proxy_itself_is_never_dialled(make_proxy, consoleauth, host):
    proxy = make_proxy(proxy__allowed_targets=["0.0.0.0/0", "::/0"])
    consoleauth.add("good", proxy.port, host=host)
    is_refused(proxy)


@pytest.mark.parametrize("host", [
    "169.254.169.254", "::ffff:169.254.169.254", "0xa9fea9fe", "fe80::1", "fd00:ec2::254",
    "224.0.0.1", "0.0.0.0", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::"])
def test_metadata_and_what_is_no_host_are_never_dialled(proxy, consoleauth, host):
    consoleauth.add("good", 80, host=host)
    is_refused(proxy)


def test_bus_database_and_metrics_are_never_dialled(conf):
    engine.register_opts(conf)
    conf.set_override("transport_url",
                      "rabbit://u:p@127.0.0.1:5673,u:p@198.51.100.7,u:p@[2001:db8::7]:5674/vhost")
    conf.set_override("connection", "mysql+pymysql://u:p@198.51.100.8/consoles", "database")
    conf.set_override("allowed_targets", ["0.0.0.0/0", "::/0"], "proxy")
    conf.set_override("metrics_port", 9090, "proxy")
    rules = command.settings_of(catalog.NOVNC, conf).targets
    for address, port in (("127.0.0.1", 5673), ("::1", 5673), ("198.51.100.7", 5672),
                          ("::ffff:198.51.100.7", 5672), ("2001:db8::7", 5674),
                          ("198.51.100.8", 3306), ("127.0.0.1", 9090)):
        assert not rules.allows(address, port)
        assert rules.allows(address, port + 1)
    conf.set_override("connection", "postgresql://u:p@198.51.100.8/consoles", "database")
    rules = command.settings_of(catalog.NOVNC, conf).targets
    assert not rules.allows("198.51.100.8", 5432)
    assert rules.allows("198.51.100.8", 3306)


def test_the_other_services_of_the_configuration_are_never_dialled(conf):
    """Whether they run on this machine or not: their ports are no console's."""
    conf.set_override("host", "198.51.100.2", "api")
    conf.set_override("serialproxy_host", "198.51.100.3", "serial_console")
    conf.set_override("metrics_port", 9091, "consoleauth")
    rules = command.settings_of(catalog.NOVNC, conf).targets
    for address, port in (("198.51.100.2", 8790), ("127.0.0.1", 6080), ("127.0.0.1", 6081),
                          ("::1", 6082), ("198.51.100.3", 6083), ("127.0.0.1", 9091)):
        assert not rules.allows(address, port)
        assert rules.allows(address, port + 1000)
    assert rules.allows("198.51.100.9", 6080)


def test_every_proxy_of_the_catalog_is_never_dialled(conf):
    rules = command.settings_of(catalog.NOVNC, conf).targets
    for row in catalog.ROWS.values():
        assert not rules.allows("127.0.0.1", conf[row.group][f"{row.prefix}_port"])


def test_a_port_that_the_system_chooses_closes_nothing(conf):
    conf.set_override("port", 0, "api")
    assert {rule.port for rule in command.settings_of(catalog.NOVNC, conf).targets.protected} == {
        conf[row.group][f"{row.prefix}_port"] for row in catalog.ROWS.values()}


def start(services, **options):
    port = free_port()
    services.configure({
        "DEFAULT": {"transport_url": "rabbit://guest:guest@127.0.0.1:1/"},
        "vnc": {"novncproxy_host": LOOPBACK, "novncproxy_port": port}, "proxy": options})
    return services.start("novnc", "consoles-novncproxy"), port


def test_an_unset_list_is_told_loudly_once(services):
    process, port = start(services, workers=2)
    process.wait_port(port)
    lines = [line for line in process.log.read_text().splitlines() if "allowed_targets" in line]
    assert len(lines) == 1
    assert " WARNING " in lines[0]
    assert "ANY address" in lines[0]
    assert "allowed_targets = 192.0.2.0/24:5900-5999" in lines[0]


def test_a_wrong_entry_ends_the_start_with_a_sentence(services):
    process, _ = start(services, allowed_targets="192.0.2.0/24:5900-5800")
    assert process.popen.wait(20) == 1
    said = process.log.read_text()
    assert "192.0.2.0/24:5900-5800" in said
    assert "Write for example" in said
    assert "Traceback" not in said


@contextlib.contextmanager
def unanswering():
    """The port of a listener whose queue is full: whoever connects waits."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.create_server((LOOPBACK, 0), backlog=0))
        for _ in range(4):
            sock = stack.enter_context(socket.socket())
            sock.setblocking(False)
            sock.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


def descriptors():
    return len(os.listdir("/proc/self/fd"))


def dialling(port):
    """How many connections of this host are under way to the port (proc(5): SYN_SENT is 02)."""
    rows = [line.split() for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(row[2].endswith(f":{port:04X}") and row[3] == "02" for row in rows)


def test_a_client_that_drops_during_the_connect_frees_the_targets_socket(make_proxy, consoleauth):
    proxy = make_proxy(proxy__connect_timeout=60, proxy__handshake_timeout=60)
    batch = 50
    with unanswering() as port:
        consoleauth.add("good", port)
        waiting, before = dialling(port), descriptors()
        for _ in range(6):
            clients = [socket.create_connection((LOOPBACK, proxy.port), 30) for _ in range(batch)]
            for sock in clients:
                sock.sendall(ws_client.request("/?token=good", proxy.port,
                                               headers=ws_client.upgrade_headers()))
            wait_for(lambda: dialling(port) == waiting + batch)
            for sock in clients:
                sock.close()
            wait_for(lambda: dialling(port) == waiting and descriptors() < before + batch // 2)
    wait_for(lambda: len(consoleauth.tallies) == 6 * batch)
    assert {t["reason"] for t in consoleauth.tallies} == {"bad_request"}


def test_a_target_that_does_not_answer_is_given_up_in_time(make_proxy, consoleauth):
    proxy = make_proxy(proxy__connect_timeout=1)
    with unanswering() as port:
        consoleauth.add("good", port)
        with pytest.raises(ws_client.Refused) as refused:
            proxy.connect()
    assert refused.value.status == 504
    assert proxy.tally()["reason"] == "target_timeout"
