"""Sessions of consoles and tokens, listed and ended by their users; consoleauth is the real one."""

import pytest
from oslo_policy import policy

from consoles.api import app
from consoles.api import auth
from consoles.api.policies import console_sessions as policies
from consoles.context import RequestContext
from consoles.db import models
from consoles.rpc import transport
from tests.fixtures import consoleauth
from tests.fixtures.api_client import Client
from tests.fixtures.processes import wait_for

ADMIN, MEMBER, FOREIGN = "root:admin", "ann:red", "eve:blue"
SESSIONS = "/v2.1/console-sessions"


@pytest.fixture(scope="module")
def application(module_plant):
    module_plant.conf.set_override("auth_strategy", "noauth", group="api")
    return app.build(module_plant.conf, transport.ThreadCaller(module_plant.bus))


@pytest.fixture
def api(plant, application):
    """s1 of red and s3 of blue, from the oldest to the newest; s2 is of the administrator's
    project on red's server."""
    plant.report_host(consoleauth.AGENT, 1, consoleauth.instance("i1", project_id="red"),
                      consoleauth.instance("i2", project_id="blue"), full=True)
    for id, instance_id, project_id in (
            ("s1", "i1", "red"), ("s2", "i1", "admin"), ("s3", "i2", "blue")):
        plant.age(models.Session, "started_at", 10)
        plant.add(f"token-{id}", instance_id, project_id=project_id)
        plant.open(f"token-{id}", id)
    return Client(application, MEMBER)


def listed(api, path=SESSIONS, **more):
    answer = api("GET", path, **more)
    assert answer.status_int == 200, answer.text
    return [row["id"] for row in answer.json["console_sessions"]]


def test_owners_see_their_own_and_administrators_all(api):
    assert listed(api) == ["s1"]
    assert listed(api, token=FOREIGN) == ["s3"]
    assert listed(api, token="bob:green") == []
    assert listed(api, token=ADMIN) == ["s3", "s2", "s1"]


def test_a_servers_sessions_are_those_of_its_project(api):
    path = "/v2.1/servers/i1/console-sessions"
    assert listed(api, path) == ["s1"]
    assert listed(api, path, token=ADMIN) == ["s2", "s1"]
    assert "could not be found" in api.fault(404, "GET", path, token=FOREIGN)


def test_what_is_told_of_a_session(api):
    [row] = api("GET", SESSIONS).json["console_sessions"]
    assert row.pop("started_at") < row.pop("updated_at")
    assert row == {
        "id": "s1", "instance_uuid": "i1", "project_id": "red", "type": "novnc",
        "state": "opening", "client_address": "192.0.2.1", "user_agent": "", "ended_at": None,
        "bytes_in": 0, "bytes_out": 0, "code": None, "reason": None}
    rows = api("GET", SESSIONS, token=ADMIN).json["console_sessions"]
    assert {row["worker"] for row in rows} == {consoleauth.WORKER}


def test_filters_and_pages(api, plant):
    plant.sessions.end(plant.context, "s2")
    assert listed(api, f"{SESSIONS}?state=ended", token=ADMIN) == ["s2"]
    assert listed(api, f"{SESSIONS}?project_id=blue", token=ADMIN) == ["s3"]
    assert listed(api, f"{SESSIONS}?project_id=red") == ["s1"]
    assert listed(api, f"{SESSIONS}?all_tenants=1", token=ADMIN) == ["s3", "s2", "s1"]
    answer = api("GET", f"{SESSIONS}?limit=2", token=ADMIN)
    [link] = answer.json["console_sessions_links"]
    assert "limit=2" in link["href"]
    assert listed(api, f"{SESSIONS}?limit=2&marker=s2", token=ADMIN) == ["s1"]


def test_who_has_no_project_has_no_sessions(api, module_plant):
    """Once a policy lets those with a token of the whole system list what is theirs."""
    services = app.assemble(module_plant.conf, transport.ThreadCaller(module_plant.bus))
    services.enforcer.load_rules()
    services.enforcer.set_rules(policy.Rules.from_dict({policies.INDEX: "@"}), overwrite=False,
                                use_conf=False)
    identity = auth.Identity(lambda _: RequestContext(
        user_id="sam", system_scope="all", roles=["reader"]), "Word")
    assert listed(Client(app._falcon(services, identity))) == []


@pytest.mark.parametrize("path", [SESSIONS, "/v2.1/servers/i1/console-sessions"])
@pytest.mark.parametrize("query", ["project_id=blue", "all_tenants=1", "all_tenants=True"])
def test_other_projects_are_the_administrators_to_see(api, path, query):
    assert "all_projects" in api.fault(403, "GET", f"{path}?{query}")


@pytest.mark.parametrize("query, says", [
    ("limit=0", "limit"), ("limit=-1", "limit"), ("state=dead", "state"), ("marker=", "marker"),
    ("marker=nowhere", "marker"), ("marker=s3", "marker"), ("project_id=%00", "project_id"),
    ("all_tenants=0", "all_tenants")])
def test_a_wrong_query_is_named(api, query, says):
    assert says in api.fault(400, "GET", f"{SESSIONS}?{query}")


@pytest.mark.parametrize("who", [MEMBER, ADMIN])
def test_a_session_is_ended_at_its_proxy(api, plant, who):
    assert api("DELETE", f"{SESSIONS}/s1", token=who).status_int == 204
    assert plant.worker.closed == [(["s1"], 4441, "ended_by_admin")]
    assert plant.session_row("s1")["state"] == "ended"
    assert plant.session_row("s2")["state"] == "opening"
    assert api("DELETE", f"{SESSIONS}/s1", token=who).status_int == 204


@pytest.mark.parametrize("id, who", [
    ("s3", MEMBER), ("s2", MEMBER), ("s1", FOREIGN), ("nowhere", MEMBER), ("nowhere", ADMIN),
    ("a" * 65, ADMIN), ("%00", ADMIN)])
def test_nobody_ends_anothers_session(api, plant, id, who):
    message = api.fault(404, "DELETE", f"{SESSIONS}/{id}", token=who)
    assert message == "The console session was not found."
    assert plant.worker.closed == []


def test_a_proxy_that_does_not_answer_is_told_later(api, plant):
    plant.add("token-s4", "i1", project_id="red")
    plant.get("token-s4", plant.session("s4", worker="nobody:novnc:0"))
    assert api("DELETE", f"{SESSIONS}/s4").status_int == 202
    row = plant.row("s4", project_id="red")
    assert plant.report_sessions(row, worker="nobody:novnc:0") == [
        ("s4", 4441, "ended_by_admin")]


def test_a_token_is_taken_back_before_its_use(api, plant):
    plant.add("fresh", "i1", project_id="red")
    assert api("DELETE", "/v2.1/os-console-auth-tokens/fresh").status_int == 204
    assert plant.get("fresh") is None
    assert plant.get("fresh", plant.session()) is None
    assert api.fault(404, "DELETE", "/v2.1/os-console-auth-tokens/fresh") == "Token not found."


def test_a_tokens_sessions_end_with_it(api, plant):
    assert api("DELETE", "/v2.1/os-console-auth-tokens/token-s1").status_int == 204
    wait_for(lambda: plant.worker.closed, 20, "the worker is told")
    assert plant.worker.closed == [(["s1"], 4404, "deleted")]


@pytest.mark.parametrize("token", ["token-s2", "token-s3", "nowhere", "%00"])
def test_anothers_token_looks_like_none(api, plant, token):
    assert api.fault(404, "DELETE", f"/v2.1/os-console-auth-tokens/{token}") == "Token not found."
    assert plant.get("token-s2")
    assert plant.get("token-s3")


def test_an_administrator_takes_any_token_back(api, plant):
    assert api("DELETE", "/os-console-auth-tokens/token-s3", token=ADMIN).status_int == 204
    assert plant.get("token-s3") is None
