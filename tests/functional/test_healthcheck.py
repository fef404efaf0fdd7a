"""The API's health: a word for anybody, what it hangs on for administrators."""

import pytest
import webob

DETAILS = "/v2.1/healthcheck/details"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("path", ["/healthcheck", "/healthcheck/", "/v2.1/healthcheck"])
def test_anybody_hears_that_it_runs_and_nothing_else(world, method, path):
    answer = webob.Request.blank(path, method=method).get_response(world.application)
    assert answer.status_int in (200, 204)
    assert b"node" not in answer.body


def test_administrators_hear_of_each_part(api):
    found = api("GET", DETAILS, token="root:admin").json["healthcheck"]
    assert {name: part["status"] for name, part in found.items()} == {
        "bus": "up", "consoleauth": "up", "agents": "degraded"}
    assert (found["agents"]["up"], found["agents"]["down"]) == (1, 1)
    assert found["agents"]["hosts_down"] == ["node9"]


@pytest.mark.parametrize("path", [DETAILS, "/healthcheck/details"])
def test_nobody_else_does(api, path):
    assert "consoles:healthcheck:show" in api.fault(403, "GET", path)
    assert api.fault(401, "GET", path, token="")
