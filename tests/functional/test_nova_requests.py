"""What is asked of Nova, request by request, beside what its API reference documents.

DOCUMENTED is written from the Compute API reference (servers.inc, servers-remote-consoles.inc,
servers-action-console-output.inc) and the REST API version history.
"""

import re

import jsonschema
import pytest

from consoles.compute.drivers import base
from consoles.nova import connection
from consoles.nova.client import Nova
from tests.fixtures import fake_nova
from tests.fixtures.fake_nova import Console

UUID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"


def _only(**properties):
    return {"type": "object", "additionalProperties": False, "properties": properties,
            "required": list(properties)}


#: (method, path): (lowest and highest microversion, query keys, body), as the reference has it.
DOCUMENTED = {
    ("GET", "/v2.1/servers/detail"): (1, 104, {"all_tenants", "host", "limit", "marker"}, None),
    ("GET", f"/v2.1/servers/{UUID}"): (1, 104, set(), None),
    ("POST", f"/v2.1/servers/{UUID}/remote-consoles"): (6, 104, set(), _only(remote_console=_only(
        protocol={"enum": ["vnc", "spice", "rdp", "serial", "mks"]},
        type={"enum": ["novnc", "xvpvnc", "rdp-html5", "spice-html5", "spice-direct", "serial",
                       "webmks"]}))),
    ("GET", f"/v2.1/os-console-auth-tokens/{UUID}"): (31, 104, set(), None),
    ("POST", f"/v2.1/servers/{UUID}/action"): (1, 104, set(), {
        "type": "object", "additionalProperties": False, "properties": {
            "os-getConsoleOutput": {"type": "object", "additionalProperties": False, "properties": {
                "length": {"type": ["integer", "string", "null"]}}}}}),
}


def is_documented(asked):
    """Fails with the request where the reference does not have it."""
    for (method, path), (lowest, highest, keys, body) in DOCUMENTED.items():
        if method == asked.method and re.fullmatch(path, asked.path):
            assert lowest <= asked.version <= highest, asked
            assert set(asked.query) <= keys, asked
            if body is None:
                assert asked.body is None, asked
            else:
                jsonschema.validate(asked.body, body)
                assert asked.headers["content-type"] == "application/json"
            return True
    pytest.fail(f"no such request in the reference: {asked}")


@pytest.fixture
def driver(conf, nova):
    fake_nova.configure(conf, nova.login())
    driver = base.load("nova", conf, "kvm1")
    driver.start(changed=lambda: None)
    return driver


@pytest.mark.parametrize("newest", [104, 79, 53, 31])
def test_every_request_is_a_documented_one(driver, conf, nova, newest):
    nova.newest = newest
    nova.page = 1
    one, two = sorted((nova.add("one", "kvm1"), nova.add("two", "kvm1")))
    nova.consoles[one, "novnc"] = Console(one, "10.0.0.31", 5901)
    nova.logs[one] = "booted\n"
    driver.list_instances()
    del nova.servers[two]
    driver.list_instances()
    driver.get_console(one, "novnc")
    driver.get_console_output(one, 50)
    driver.get_console_output(one, None)
    token = nova.mint(Console(one, "10.0.0.31", 5901))
    Nova(connection.connect(conf, 5)).lookup(token)

    listing, [minted] = {"host": "kvm1", "all_tenants": "True"}, set(nova.tokens) - {token}
    assert nova.requests() == [
        ("GET", "/v2.1/servers/detail", listing),
        ("GET", "/v2.1/servers/detail", listing | {"marker": one}),
        ("GET", "/v2.1/servers/detail", listing),
        ("GET", f"/v2.1/servers/{two}", {}),
        ("GET", f"/v2.1/servers/{one}", {}),
        ("POST", f"/v2.1/servers/{one}/remote-consoles", {}),
        ("GET", f"/v2.1/os-console-auth-tokens/{minted}", {}),
        ("POST", f"/v2.1/servers/{one}/action", {}),
        ("POST", f"/v2.1/servers/{one}/action", {}),
        ("GET", f"/v2.1/os-console-auth-tokens/{token}", {}),
    ]
    for asked in nova.asked:
        assert is_documented(asked)
        assert asked.version <= newest
        assert asked.headers["openstack-api-version"] == f"compute 2.{asked.version}"
        assert asked.headers["x-auth-token"] in nova.identity.users
        assert asked.headers["user-agent"].startswith("consoles")
    assert [asked.body for asked in nova.asked if asked.method == "POST"] == [
        {"remote_console": {"protocol": "vnc", "type": "novnc"}},
        {"os-getConsoleOutput": {"length": 50}}, {"os-getConsoleOutput": {}}]
