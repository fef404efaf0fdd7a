"""OpenStack's clients, unchanged, against consoles-api, a real Keystone and RabbitMQ."""

import json

import pytest

from tests.fixtures.cloud import BLUE
from tests.fixtures.cloud import Cloud
from tests.fixtures.cloud import RED
from tests.fixtures.processes import Services

#: The flag of `openstack console url show`, the protocol and the type.
FLAGS = [
    ("--novnc", "vnc", "novnc"), ("--xvpvnc", "vnc", "xvpvnc"),
    ("--spice", "spice", "spice-html5"), ("--spice-direct", "spice", "spice-direct"),
    ("--serial", "serial", "serial"), ("--rdp", "rdp", "rdp-html5"), ("--mks", "mks", "webmks")]
#: The action of old that novaclient sends by each method.
METHODS = {"get_vnc_console": "novnc", "get_spice_console": "spice-html5",
           "get_serial_console": "serial", "get_rdp_console": "rdp-html5"}
PLACE = {"host": "192.0.2.7", "port": 3389, "internal_access_path": "vm-7"}
CONSOLES = {kind: PLACE for _, _, kind in FLAGS}
ON = {"enabled": "true"}


def server(cloud, name, id):
    return {"name": f"vm-{name}", "id": id, "status": "ACTIVE", "consoles": CONSOLES,
            "project_id": cloud.keystone.projects[name], "console_log": "one\ntwo\r\nthree\n"}


@pytest.fixture(scope="module")
def cloud(keystone, rabbit, tmp_path_factory):
    services = Services(tmp_path_factory.mktemp("clients"))
    cloud = Cloud(services, rabbit.new_vhost(), keystone, spice=ON, serial_console=ON, rdp=ON,
                  mks=ON)
    cloud.write_agent("one", [server(cloud, "red", RED), server(cloud, "blue", BLUE)])
    keystone.publish(f"http://127.0.0.1:{cloud.api_port}/v2.1")
    try:
        yield cloud.start()
    finally:
        services.end()


@pytest.mark.parametrize("flag, protocol, console_type", FLAGS)
def test_console_url_show(clients, flag, protocol, console_type):
    answer = clients.openstack("mary", "console", "url", "show", flag, "vm-red", "-f", "json")
    assert answer["code"] == 0, answer["err"]
    shown = json.loads(answer["out"])
    assert (shown["protocol"], shown["type"]) == (protocol, console_type)
    assert "token" in shown["url"]
    answer = clients.openstack("rita", "console", "url", "show", flag, "vm-red")
    assert answer["code"] == 1
    assert "Policy does not allow" in answer["err"]
    assert "token" not in answer["out"]


@pytest.mark.parametrize("user, target, says", [
    ("rita", "vm-red", "403"), ("max", "vm-red", "vm-red"), ("max", RED, RED),
    ("mary", "nothing", "nothing")])
@pytest.mark.parametrize("words", [["url", "show", "--novnc"], ["log", "show"]])
def test_the_wrong_user_gets_nothing(clients, user, target, says, words):
    answer = clients.openstack(user, "console", *words, target)
    assert answer["code"] == 1
    assert says in answer["err"]
    assert "token" not in answer["out"]


@pytest.mark.parametrize("lines, shown", [
    ([], "one\ntwo\nthree"), (["--lines", "2"], "two\nthree")])
def test_console_log_show(clients, lines, shown):
    answer = clients.openstack("mary", "console", "log", "show", *lines, "vm-red")
    assert answer["code"] == 0, answer["err"]
    assert answer["out"].strip("\n") == shown


def test_console_connection_show(clients, cloud):
    token = cloud.open_console(cloud.of("mary")).rpartition("token%3D")[2]
    answer = clients.openstack("adam", "console", "connection", "show", token, "-f", "json")
    assert answer["code"] == 0, answer["err"]
    shown = json.loads(answer["out"])
    assert shown == PLACE | {"instance_uuid": RED, "tls_port": None}
    for user in ("mary", "rita", "max"):
        answer = clients.openstack(user, "console", "connection", "show", token)
        assert answer["code"] == 1
        assert "Policy does not allow" in answer["err"]


def test_a_server_is_found_by_its_name_in_its_project(clients):
    shown = [clients.sdk(user, None, "find_server", "vm-red")["found"]
             for user in ("mary", "rita", "max")]
    assert [server and server["id"] for server in shown] == [RED, RED, None]


@pytest.mark.parametrize("version", ["2.1", "2.46", "2.99"])
def test_servers_are_listed_and_shown(clients, version):
    for user, names in (("mary", ["vm-red"]), ("max", ["vm-blue"])):
        answer = clients.openstack(user, "--os-compute-api-version", version, "server", "list",
                                   "-f", "json")
        assert answer["code"] == 0, answer["err"]
        assert [row["Name"] for row in json.loads(answer["out"])] == names
    answer = clients.openstack("mary", "--os-compute-api-version", version, "server", "show",
                               RED, "-f", "json")
    assert answer["code"] == 0, answer["err"]
    assert json.loads(answer["out"])["status"] == "ACTIVE"


@pytest.mark.parametrize("version", ["2.1", "2.6", "2.99", None])
def test_sdk_creates_consoles_at_any_microversion(clients, version):
    answer = clients.sdk("mary", version, "create_console", RED, "novnc")
    assert answer["found"]["type"] == "novnc", answer
    assert "token" in answer["found"]["url"]


def test_sdk_reads_the_log(clients):
    read = clients.sdk("mary", None, "get_server_console_output", RED, 2)["found"]
    assert read["output"] == "two\nthree"


def test_sdk_looks_a_token_up(clients, cloud):
    token = cloud.open_console(cloud.of("mary")).rpartition("token%3D")[2]
    found = clients.sdk("adam", "2.99", "validate_console_auth_token", token)["found"]
    assert (found["host"], found["port"]) == (PLACE["host"], PLACE["port"])
    for user in ("mary", "max"):
        assert clients.sdk(user, "2.99", "validate_console_auth_token", token)["status"] == 403


@pytest.mark.parametrize("method, words", [
    ("create_console", ["novnc"]), ("get_server_console_output", [])])
def test_sdk_as_the_wrong_user(clients, method, words):
    assert clients.sdk("rita", None, method, RED, *words)["status"] == 403
    assert clients.sdk("max", None, method, RED, *words)["status"] == 404


@pytest.mark.parametrize("method, console_type", METHODS.items())
def test_novaclient_sends_the_actions_of_old(clients, method, console_type):
    answer = clients.nova("mary", "2.1", method, RED, console_type)
    assert answer["found"]["console"]["type"] == console_type, answer
    assert clients.nova("rita", "2.1", method, RED, console_type)["status"] == 403
    assert clients.nova("max", "2.1", method, RED, console_type)["status"] == 404


@pytest.mark.parametrize("version, method, console_type", [
    ("2.6", "get_vnc_console", "novnc"), ("2.8", "get_mks_console", None)])
def test_novaclient_asks_for_remote_consoles(clients, version, method, console_type):
    answer = clients.nova("mary", version, method, RED, *filter(None, [console_type]))
    assert answer["found"]["remote_console"]["url"], answer
    for user, status in (("rita", 403), ("max", 404)):
        answer = clients.nova(user, version, method, RED, *filter(None, [console_type]))
        assert answer["status"] == status


def test_novaclient_reads_the_log(clients):
    assert clients.nova("mary", "2.1", "get_console_output", RED, 1)["found"] == "three"
    assert clients.nova("rita", "2.1", "get_console_output", RED, 1)["status"] == 403
    assert clients.nova("max", "2.1", "get_console_output", RED, 1)["status"] == 404
