"""What users may restrict a console's URL to, by our own request and by no other."""

import pytest

from consoles.model import ConsoleType
from consoles.model import PROTOCOLS
from tests.fixtures.api_client import Client

URL = "/servers/running/console"
ALL = {"ttl": 60, "single_use": True, "view_only": True, "client_cidr": "192.0.2.0/24"}
SPICE_DIRECT, RDP = ConsoleType.SPICE_DIRECT, ConsoleType.RDP_HTML5


@pytest.fixture
def api(world):
    world.consoleauth.added.clear()
    return Client(world.application)


def asked(console_type="novnc", **options):
    console_type = ConsoleType(console_type)
    return {"protocol": PROTOCOLS[console_type], "type": str(console_type), **options}


def test_restrictions_are_stored_and_the_answer_is_as_before(api, world):
    answer = api("POST", URL, asked(**ALL))
    assert answer.status_int == 200
    assert set(answer.json) == {"protocol", "type", "url"}
    (row,) = world.consoleauth.added
    assert row["ttl"] == 60
    assert row["options"] == {key: ALL[key] for key in ("single_use", "view_only", "client_cidr")}


def test_one_of_several_serial_lines(api, world):
    for line, options in ((2, {"line": 2}), (2.0, {"line": 2}), (0, {})):
        assert api("POST", URL, asked("serial", line=line)).status_int == 200
        stored = world.consoleauth.added[-1]
        assert (stored["options"], stored["port"]) == (options, 5901 + line)
    for wrong in (asked("serial", line=-1), asked("serial", line="1"), asked("novnc", line=0)):
        answer = api("POST", URL, wrong)
        assert answer.status_int == 400
        assert "line" in answer.text


def test_without_any_nothing_is_stored(api, world):
    assert api("POST", URL, asked(single_use=False, view_only=False)).status_int == 200
    (row,) = world.consoleauth.added
    assert (row["ttl"], row["options"]) == (None, {})


@pytest.mark.parametrize("ttl", [1, 600, 60.0])
def test_a_time_of_its_own(api, world, ttl):
    assert api("POST", URL, asked(ttl=ttl)).status_int == 200
    stored = world.consoleauth.added[0]["ttl"]
    assert (type(stored), stored) == (int, ttl)


@pytest.mark.parametrize("ttl", [0, -1, 601, 10**30, 1.5, "60", None, True])
def test_a_time_that_is_none_or_longer_than_every_urls(api, world, ttl):
    assert "ttl" in api.fault(400, "POST", URL, asked(ttl=ttl))
    assert world.consoleauth.added == []


@pytest.mark.parametrize(("name", "value"), [
    ("single_use", 1), ("single_use", "true"), ("view_only", None), ("client_cidr", ""),
    ("client_cidr", None), ("client_cidr", ["192.0.2.0/24"]), ("client_cidr", "192.0.2.7/24"),
    ("client_cidr", "::ffff:192.0.2.7"), ("client_cidr", "fe80::1%eth0"),
    ("client_cidr", "example.org"), ("client_cidr", "9" * 65)])
def test_what_is_not_understood(api, world, name, value):
    assert name in api.fault(400, "POST", URL, asked(**{name: value}))
    assert world.consoleauth.added == []


@pytest.mark.parametrize(("console_type", "name"), [
    *((kind, "view_only") for kind in (ConsoleType.SPICE_HTML5, ConsoleType.WEBMKS, RDP,
                                       SPICE_DIRECT)),
    *((kind, name) for kind in (RDP, SPICE_DIRECT) for name in ("single_use", "client_cidr"))])
def test_what_a_type_cannot_keep(api, world, console_type, name):
    message = api.fault(400, "POST", URL, asked(console_type, **{name: ALL[name]}))
    assert name in message
    assert str(console_type) in message
    assert world.consoleauth.added == []


@pytest.mark.parametrize("name", ALL)
def test_novas_requests_know_none(api, world, name):
    option = {name: ALL[name]}
    api.fault(400, "POST", "/v2.1/servers/running/remote-consoles",
              {"remote_console": asked(**option)}, version="2.99")
    api.fault(400, "POST", "/v2.1/servers/running/remote-consoles",
              {"remote_console": asked(), **option}, version="2.99")
    api.fault(400, "POST", "/v2.1/servers/running/action",
              {"os-getVNCConsole": {"type": "novnc", **option}})
    assert world.consoleauth.added == []
