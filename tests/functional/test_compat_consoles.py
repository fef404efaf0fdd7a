"""Consoles as clients of Nova ask for them: the actions of old, remote-consoles, microversions."""

import functools

import pytest

from consoles.model import ConsoleType
from consoles.model import PROTOCOLS
from tests.fixtures import fake_services

REMOTE = "/v2.1/servers/running/remote-consoles"
ACTION = "/v2.1/servers/running/action"
LEGACY = {
    "os-getVNCConsole": ["novnc", "xvpvnc"],
    "os-getSPICEConsole": ["spice-html5"],
    "os-getSerialConsole": ["serial"],
    "os-getRDPConsole": ["rdp-html5"],
}


def wanted(console_type, protocol=None):
    return {"remote_console": {"protocol": protocol or PROTOCOLS[console_type],
                               "type": str(console_type)}}


@pytest.mark.parametrize("console_type", ConsoleType)
def test_a_remote_console_of_every_type(api, console_type):
    answer = api("POST", REMOTE, wanted(console_type), version="2.99")
    given = answer.json["remote_console"]
    assert answer.status_int == 200
    assert (given["protocol"], given["type"]) == (PROTOCOLS[console_type], console_type)
    base = fake_services.BASES[console_type].partition("?")[0]
    assert given["url"].startswith(f"{base}?")
    assert "#" not in given["url"]
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("version, since, console_type", [
    ("2.6", "2.5", "novnc"), ("2.8", "2.7", "webmks"), ("2.99", "2.98", "spice-direct")])
def test_what_came_with_which_microversion(api, version, since, console_type):
    body = wanted(ConsoleType(console_type))
    assert api("POST", REMOTE, body, version=version).status_int == 200
    if since == "2.5":
        assert "2.5" in api.fault(404, "POST", REMOTE, body, version=since)
        assert "2.1" in api.fault(404, "POST", REMOTE, body)
    else:
        assert "remote_console" in api.fault(400, "POST", REMOTE, body, version=since)


def test_latest_is_the_last(api):
    answer = api("POST", REMOTE, wanted(ConsoleType.SPICE_DIRECT), version="latest")
    assert answer.headers["OpenStack-API-Version"] == "compute 2.99"
    assert answer.headers["X-OpenStack-Nova-API-Version"] == "2.99"


@pytest.mark.parametrize("body", [
    {}, {"remote_console": {}}, {"remote_console": None}, {"remote_console": {"type": "novnc"}},
    {"remote_console": {"protocol": "vnc"}}, {"protocol": "vnc", "type": "novnc"},
    {"remote_console": {"protocol": "vnc", "type": "novnc", "ttl": 5}},
    {"remote_console": {"protocol": "vnc", "type": "novnc"}, "more": 1},
    {"remote_console": {"protocol": "vnc", "type": "NOVNC"}},
    {"remote_console": {"protocol": ["vnc"], "type": "novnc"}}, [], "x", 1])
def test_a_wrong_remote_console_is_refused(api, body):
    assert "Invalid input for" in api.fault(400, "POST", REMOTE, body, version="2.6")


@pytest.mark.parametrize("console_type", ConsoleType)
@pytest.mark.parametrize("protocol", sorted(set(PROTOCOLS.values())))
def test_crossed_pairs_are_refused(api, world, protocol, console_type):
    if PROTOCOLS[console_type] == protocol:
        return
    before = len(world.consoleauth.added)
    message = api.fault(400, "POST", REMOTE, wanted(console_type, protocol), version="2.99")
    assert protocol in message
    assert len(world.consoleauth.added) == before


@pytest.mark.parametrize("action, console_type", [
    (action, kind) for action, kinds in LEGACY.items() for kind in kinds])
@pytest.mark.parametrize("version", [None, "2.1", "2.5"])
def test_the_actions_of_old(api, action, console_type, version):
    answer = api("POST", ACTION, {action: {"type": console_type}}, version=version)
    assert answer.status_int == 200
    assert set(answer.json["console"]) == {"type", "url"}
    assert answer.json["console"]["type"] == console_type
    # Horizon appends &title=..., whatever the URL is
    assert "?" in answer.json["console"]["url"]


@pytest.mark.parametrize("action", LEGACY)
def test_the_actions_of_old_are_gone_with_remote_consoles(api, action):
    body = {action: {"type": LEGACY[action][0]}}
    assert "2.6" in api.fault(404, "POST", ACTION, body, version="2.6")


@pytest.mark.parametrize("body", [
    {"os-getVNCConsole": {}}, {"os-getVNCConsole": None}, {"os-getVNCConsole": {"type": "serial"}},
    {"os-getVNCConsole": {"type": "novnc", "protocol": "vnc"}},
    {"os-getSPICEConsole": {"type": "spice-direct"}}, {"os-getRDPConsole": {"type": "serial"}},
    {"os-getSerialConsole": {"type": "novnc"}}, {"os-getMKSConsole": {"type": "webmks"}},
    {"reboot": {"type": "HARD"}}, {}, [], None, {"os-start": None},
    {"os-getVNCConsole": {"type": "novnc"}, "os-getSerialConsole": {"type": "serial"}}])
def test_a_wrong_action_is_refused(api, body):
    assert api.fault(400, "POST", ACTION, body)


def test_an_action_that_is_not_ours_is_named(api):
    assert "reboot" in api.fault(400, "POST", ACTION, {"reboot": {"type": "HARD"}})


def test_a_name_that_is_no_text_is_refused_as_any_other(api):
    assert "There is no such action" in api.fault(400, "POST", ACTION, {"\ud800": 1})


@pytest.mark.parametrize("depth", [20, 500, 800, 880, 890, 900, 910])
@pytest.mark.parametrize("action, key", [
    ("os-getConsoleOutput", "length"), ("os-getVNCConsole", "type")])
def test_what_is_nested_deeply_is_refused(api, action, key, depth):
    value = functools.reduce(lambda inner, _: [inner], range(depth), "x")
    assert "nested" in api.fault(400, "POST", ACTION, {action: {key: value}})


@pytest.mark.parametrize("way", [0, 1])
def test_a_server_that_is_deleted_meanwhile_is_not_moving(api, way):
    path, body, version = both("deleted")[way]
    api.fault(404, "POST", path, body, version=version)


def both(server):
    """The two ways to ask for a console of a server."""
    return [(f"/v2.1/servers/{server}/remote-consoles", wanted(ConsoleType.SERIAL), "2.6"),
            (f"/v2.1/servers/{server}/action", {"os-getSerialConsole": {"type": "serial"}}, "2.1")]


@pytest.mark.parametrize("server, status", [
    ("nowhere", 404), ("foreign", 404), ("nobodys", 404), ("homeless", 409), ("stopped", 409),
    ("moving", 409), ("lost", 409), ("plain", 400), ("broken", 500)])
def test_refusals_are_the_same_both_ways(api, server, status):
    said = {api.fault(status, "POST", path, body, version=version)
            for path, body, version in both(server)}
    assert len(said) == 1


@pytest.mark.parametrize("path, body, version", both("running"))
def test_a_reader_may_not_and_a_foreign_project_learns_nothing(api, path, body, version):
    assert "could not be found" in api.fault(404, "POST", path, body, version=version,
                                             token="eve:other")
    assert api("POST", path, body, version=version, token="root:admin").status_int == 200


@pytest.mark.parametrize("method, path", [
    ("GET", "consoles"), ("POST", "consoles"), ("GET", "consoles/7"), ("DELETE", "consoles/7")])
def test_the_consoles_of_xenserver_are_gone(api, method, path):
    assert "remote-consoles" in api.fault(410, method, f"/v2.1/servers/running/{path}")


def test_what_is_stored_is_of_the_asked_type(api, world):
    api("POST", ACTION, {"os-getRDPConsole": {"type": "rdp-html5"}})
    assert world.consoleauth.added[-1]["console_type"] == "rdp-html5"
