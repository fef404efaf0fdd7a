"""Tokens looked up by gateways that are not ours: RDP, SPICE, WebMKS."""

import urllib.parse

import pytest

from consoles.model import ConsoleType
from consoles.model import PROTOCOLS
from tests.fixtures.api_client import Client

ADMIN = "root:admin"
PLACE = {"instance_uuid": "running", "host": "192.0.2.7", "port": 5901,
         "internal_access_path": "/ticket"}


@pytest.fixture
def api(world):
    return Client(world.application, ADMIN)


def token_of(api, console_type, server="running"):
    """A token as its user gets it, out of the URL."""
    url = api("POST", f"/v2.1/servers/{server}/console",
              {"protocol": PROTOCOLS[console_type], "type": str(console_type)},
              token="ann:demo").json["url"]
    query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(url).query))
    path = urllib.parse.urlsplit(query.get("path", "")).query
    return query.get("token") or dict(urllib.parse.parse_qsl(path))["token"]


def path_of(token):
    return f"/v2.1/os-console-auth-tokens/{token}"


@pytest.mark.parametrize("console_type", ConsoleType)
def test_any_token_is_looked_up(api, console_type):
    token = token_of(api, console_type)
    answer = api("GET", path_of(token), version="2.31")
    assert answer.json == {"console": PLACE}
    assert answer.headers["Cache-Control"] == "no-store"
    assert api("GET", path_of(token), version="2.99").json == {
        "console": PLACE | {"tls_port": 5902}}


@pytest.mark.parametrize("version", ["2.1", "2.30"])
def test_of_old_only_those_of_rdp(api, version):
    token = token_of(api, ConsoleType.RDP_HTML5)
    assert api("GET", path_of(token), version=version).json == {"console": PLACE}
    other = token_of(api, ConsoleType.NOVNC)
    assert "2.31" in api.fault(400, "GET", path_of(other), version=version)


def test_a_query_is_refused_since_it_could_be_meant(api):
    token = token_of(api, ConsoleType.SPICE_DIRECT)
    assert api("GET", f"{path_of(token)}?x=1", version="2.98").status_int == 200
    assert "x" in api.fault(400, "GET", f"{path_of(token)}?x=1", version="2.99")


@pytest.mark.parametrize("token", ["unknown", "%00", "a" * 5000, "%ff", "-", "%C3%A9"])
def test_an_unknown_token_is_not_found(api, token):
    assert api.fault(404, "GET", path_of(token), version="2.31") == "Token not found."


@pytest.mark.parametrize("who", ["ann:demo", "eve:other"])
def test_only_administrators_look_up(api, who):
    for token in (token_of(api, ConsoleType.RDP_HTML5), "unknown"):
        assert "console_auth_tokens" in api.fault(403, "GET", path_of(token), token=who)


def test_the_console_is_where_its_agent_says_by_now(api):
    token = token_of(api, ConsoleType.NOVNC, "moved")
    assert api("GET", path_of(token), version="2.31").json["console"] == PLACE | {
        "instance_uuid": "moved"}


def test_details_that_came_from_outside_count_as_they_stand(api, world):
    token = token_of(api, ConsoleType.NOVNC)
    world.consoleauth.added[-1].update(agent_host=None, host="198.51.100.1", port=1,
                                       internal_access_path=None, tls_port=None)
    assert api("GET", path_of(token), version="2.99").json["console"] == {
        "instance_uuid": "running", "host": "198.51.100.1", "port": 1,
        "internal_access_path": None, "tls_port": None}


def test_a_token_whose_server_is_gone_is_not_found(api, world):
    token = token_of(api, ConsoleType.NOVNC)
    world.consoleauth.added[-1]["instance_id"] = "nowhere"
    assert api.fault(404, "GET", path_of(token), version="2.31") == "Token not found."


@pytest.mark.parametrize("line, status", [(62, 429), (63, 501)])
def test_what_the_agent_cannot_give_any_more_is_told(api, world, line, status):
    token = token_of(api, ConsoleType.SERIAL)
    world.consoleauth.added[-1]["options"] = {"line": line}
    assert api.fault(status, "GET", path_of(token), version="2.31")


@pytest.mark.parametrize("form", [
    "/os-console-auth-tokens/{}", "/v2.1/os-console-auth-tokens/{}",
    "/v2.1/os-console-auth-tokens/{}/", "/x/os-console-auth-tokens/{}"])
def test_no_log_line_has_the_token(api, log_lines, form):
    token = token_of(api, ConsoleType.RDP_HTML5)
    api("GET", form.format(token), version="2.31")
    log = log_lines.getvalue()
    assert "/os-console-auth-tokens/TOKEN" in log
    assert token not in log
