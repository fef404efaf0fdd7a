"""What consoles adds to the `openstack` command: real command, real Keystone, proxies, RabbitMQ."""

import json
import subprocess
import sys
from urllib.parse import unquote
from urllib.parse import urlsplit

import pytest

from tests.fixtures import clients
from tests.fixtures import rfb_viewer
from tests.fixtures import ws_client
from tests.fixtures.cloud import BLUE
from tests.fixtures.cloud import RED
from tests.fixtures.open_cloud import OpenCloud
from tests.fixtures.processes import Services
from tests.fixtures.processes import wait_for

BROWSER = """#!/bin/sh
printf '%s\\n' "$1" >>"$0.opened"
"""
VIEWER = """
import socket, sys
with socket.create_connection((sys.argv[1], int(sys.argv[2])), 30) as console:
    print(console.recv(12).decode(), file=open(sys.argv[3], "w"))
"""


@pytest.fixture(scope="module")
def cloud(keystone, rabbit, tmp_path_factory):
    services = Services(tmp_path_factory.mktemp("command"))
    try:
        yield OpenCloud(services, rabbit.new_vhost(), keystone).start()
    finally:
        services.end()


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """What users have set as theirs; it writes down what it opens."""
    path = tmp_path_factory.mktemp("browser") / "browser"
    path.write_text(BROWSER)
    path.chmod(0o755)
    return path


@pytest.fixture(scope="module")
def command(cloud, browser, tmp_path_factory):
    extended = clients.Clients(
        cloud.keystone.url, cloud.services.directory / "clients.log", BROWSER=f"{browser} %s",
        **clients.extension(tmp_path_factory.mktemp("extension")))
    try:
        yield extended
    finally:
        extended.stop()


@pytest.fixture
def run(command):
    """`run(user, word ...)` → what a command that succeeds prints."""
    def run(user, *words):
        answer = command.openstack(user, "console", *words)
        assert answer["code"] == 0, answer["err"]
        return answer["out"]
    return run


@pytest.fixture
def refused(command):
    """`refused(user, word ...)` → what a command that fails says."""
    def refused(user, *words):
        answer = command.openstack(user, "console", *words)
        assert answer["code"] not in (0, None)
        assert answer["out"] == ""
        assert "Traceback" not in answer["err"]
        assert "token" not in answer["err"]
        return answer["err"]
    return refused


@pytest.fixture
def listed(run):
    """`listed(user, word ...)` → rows of the list of live sessions."""
    return lambda user, *words: json.loads(
        run(user, "session", "list", "--state", "live", "-f", "json", *words))


@pytest.fixture
def opened(cloud):
    """`opened(user, server)` → a live session: its WebSocket and its ID."""
    def live():
        return {id for id, in cloud.rows("select id from sessions where state = 'live'")}

    def open_(user, server):
        before = live()
        token = cloud.of(user, "red" if server == RED else "blue")
        socket = connect(cloud, cloud.open_console(token, server))
        rfb_viewer.Viewer(socket).connect()
        return socket, wait_for(lambda: live() - before, what="it is reported").pop()
    return open_


def connect(cloud, url):
    """Where the page behind the URL would connect."""
    return ws_client.WebSocket.connect(cloud.vnc_port, "/" + unquote(
        urlsplit(url).query.partition("path=")[2]))


def test_own_sessions_are_listed_and_an_administrators_by_what_is_asked(opened, listed):
    (red, red_id), (blue, blue_id) = opened("mary", RED), opened("max", BLUE)

    def shown(user, *words):
        return {row["ID"] for row in listed(user, *words)} & {red_id, blue_id}
    assert shown("mary") == shown("rita") == shown("adam") == {red_id}
    assert shown("max") == {blue_id}
    assert shown("adam", "--all-projects") == {red_id, blue_id}
    assert shown("adam", "--project", "blue") == shown("adam", "--server", BLUE) == {blue_id}
    assert shown("mary", "--server", "vm-red") == {red_id}
    assert len(listed("adam", "--all-projects", "--limit", "1")) == 1
    assert listed("adam", "--limit", "0") == []
    for socket in (red, blue):
        socket.close()


def test_what_a_list_tells(opened, listed):
    socket, id = opened("mary", RED)
    [row] = [row for row in listed("mary") if row["ID"] == id]
    assert list(row) == ["ID", "Server ID", "Type", "State", "Client Address", "Started At"]
    assert (row["Server ID"], row["Type"], row["Client Address"]) == (RED, "novnc", "127.0.0.1")
    [row] = [row for row in listed("mary", "--long") if row["ID"] == id]
    assert row["Project ID"]
    assert row["Worker"] == ""
    [row] = [row for row in listed("adam", "--long") if row["ID"] == id]
    assert row["Worker"]
    socket.close()


def test_the_wrong_user_sees_nothing(refused):
    assert "vm-red" in refused("max", "session", "list", "--server", "vm-red")
    assert RED in refused("max", "session", "list", "--server", RED)
    assert "Policy does not allow" in refused("nora", "session", "list")
    for words in (["--all-projects"], ["--project", "blue"]):
        assert "Policy does not allow" in refused("mary", "session", "list", *words)


@pytest.mark.parametrize("user", ["mary", "adam"])
def test_a_session_is_killed(opened, run, user):
    socket, id = opened("mary", RED)
    assert run(user, "session", "kill", id) == ""
    assert socket.until_closed()[0] == 4441


def test_several_are_killed_and_who_is_not_is_told(opened, refused, listed):
    (red, red_id), (blue, blue_id) = opened("mary", RED), opened("max", BLUE)
    said = refused("mary", "session", "kill", "nowhere", blue_id, red_id)
    assert "2 of 3 sessions could not be ended." in said
    assert f"Session {blue_id} cannot be ended: The console session was not found." in said
    assert red.until_closed()[0] == 4441
    assert blue_id in {row["ID"] for row in listed("max")}
    assert "Policy does not allow" in refused("rita", "session", "kill", red_id)
    blue.close()


def test_a_console_is_opened_in_the_browser(cloud, run, browser):
    assert run("mary", "open", "vm-red") == ""
    *_, url = browser.with_name("browser.opened").read_text().split()
    assert url.startswith(f"http://127.0.0.1:{cloud.vnc_port}/vnc_auto.html?path=")
    socket = connect(cloud, url)
    assert socket.recv_exactly(12).startswith(b"RFB 003.008")
    socket.close()


def test_a_url_that_may_less_is_printed(cloud, run):
    url = run("mary", "open", "--print", "--single-use", "--ttl", "60", "vm-red").strip()
    connect(cloud, url).recv_exactly(12)
    with pytest.raises(ws_client.Refused, match="401"):
        connect(cloud, url)


def test_a_console_is_opened_in_a_viewer(run, tmp_path):
    program, seen = tmp_path / "viewer.py", tmp_path / "seen"
    program.write_text(VIEWER)
    viewer = f"{sys.executable} {program} {{host}} {{port}} {seen}"
    run("mary", "open", "--viewer", viewer, "vm-red")
    assert seen.read_text().startswith("RFB 003.008")


def test_a_serial_console_is_opened_in_the_terminal(command):
    options = [f"--os-{key.replace('_', '-')}={value}"
               for key, value in command.login("mary").items()]
    with subprocess.Popen(
            [command.home / "openstack", *options, "console", "open", "--serial", "vm-red"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=command.environment) as program:
        program.stdin.write(b"\r")
        program.stdin.flush()
        assert program.stdout.read(1), program.stderr.read()
        program.stdin.write(b"\r~.")
        program.stdin.flush()
        assert program.wait(30) == 0
        assert b"The console is closed." in program.stderr.read()


@pytest.mark.parametrize("user, server, says", [
    ("max", "vm-red", "vm-red"), ("max", RED, RED), ("rita", "vm-red", "Policy does not allow"),
    ("mary", "nothing", "nothing")])
def test_the_wrong_user_opens_nothing(refused, user, server, says):
    assert says in refused(user, "open", "--print", server)


@pytest.mark.parametrize("words, says", [
    (["--print", "--ttl", "86401"], "at most 600 seconds"),
    (["--print", "--client-cidr", "everywhere"], "client_cidr"),
    (["--print", "--client-cidr", ""], "client_cidr"),
    (["--print", "--ttl", "0"], "ttl"),
    (["--print", "--serial", "--spice"], "not allowed with"),
    (["--print", "--viewer", "vncviewer"], "not allowed with"),
    (["--print", "--spice"], "not available for the server"),
    (["--print", "--ttl", "-1"], "non-negative")])
def test_what_cannot_be_opened_is_told(refused, words, says):
    assert says in refused("mary", "open", *words, "vm-red")


def test_other_commands_of_consoles_are_still_the_clients(run):
    assert "token" in json.loads(run("mary", "url", "show", "-f", "json", "vm-red"))["url"]
    assert run("mary", "log", "show", "vm-red")


def test_a_catalog_with_a_service_of_our_own_is_asked_there(cloud, run):
    """Beside another compute service: here one that has servers but no sessions of consoles."""
    service = cloud.keystone.ask("POST", "/services", {"service": {"type": "console"}})["service"]
    nowhere = "http://127.0.0.1:1/v2.1"
    cloud.keystone.ask("POST", "/endpoints", {"endpoint": {
        "service_id": service["id"], "interface": "public",
        "url": f"http://127.0.0.1:{cloud.api_port}"}})
    cloud.keystone.publish(nowhere)
    try:
        assert json.loads(run("mary", "session", "list", "-f", "json", "--limit", "1"))
    finally:
        cloud.keystone.publish(f"http://127.0.0.1:{cloud.api_port}/v2.1")
        cloud.keystone.ask("DELETE", f"/services/{service['id']}")
