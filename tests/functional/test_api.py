"""The API beyond single answers: what it stores, what it logs, who may do what."""

import json

import falcon
import pytest
import webob

from consoles import context
from consoles import exception
from consoles import model
from consoles.api import app
from consoles.api import instances
from tests.fixtures import fake_services
from tests.fixtures import keystone

REQUEST_ID = "req-12345678-1234-1234-1234-123456789abc"


@pytest.fixture
def world(conf):
    conf.set_override("auth_strategy", "noauth", group="api")
    with fake_services.world(conf) as world:
        yield world


def ours(log_lines):
    return [line for line in log_lines.getvalue().splitlines() if " consoles." in line]


def ask(application, path, method="GET", token="ann:demo", body=None, **headers):
    request = webob.Request.blank(path, method=method, headers={"X-Auth-Token": token, **headers})
    if body is not None:
        request.body = body if isinstance(body, bytes) else json.dumps(body).encode()
        request.content_type = "application/json"
    return request.get_response(application)


def get_url(application, server_id="running", **more):
    return ask(application, f"/servers/{server_id}/console", "POST",
               body={"protocol": "vnc", "type": "xvpvnc"}, **more)


def test_what_the_agent_said_is_stored_under_the_tokens_hash(world):
    answer = get_url(world.application, **{"X-Openstack-Request-Id": REQUEST_ID})
    token = answer.json["url"].partition("token=")[2]
    [added] = world.consoleauth.added
    assert added.pop("request_id") == answer.headers["X-Openstack-Request-Id"] != REQUEST_ID
    assert added == {
        "instance_id": "running", "console_type": "xvpvnc", "token": model.token_hash(token),
        "host": "192.0.2.7", "port": 5901, "tls_port": 5902, "tls_name": "node.example.org",
        "internal_access_path": "/ticket", "agent_host": "node1", "project_id": "demo",
        "user_id": "ann", "access_url_base": "http://proxy.example.org:6081/console",
        "global_request_id": REQUEST_ID, "auth_token": None, "ttl": None, "options": {}}


def test_the_port_for_tls_is_kept_for_a_viewers_own_proxy(world):
    answer = ask(world.application, "/servers/running/console", "POST",
                 body={"protocol": "spice", "type": "spice-direct"})
    assert answer.json["url"].startswith("https://spice.example.org:13002/nova?token=")
    [added] = world.consoleauth.added
    assert (added["console_type"], added["tls_port"]) == ("spice-direct", 5902)


def test_every_url_has_a_token_of_its_own(world):
    assert len({get_url(world.application).json["url"] for _ in range(5)}) == 5


def test_a_moved_instance_is_asked_for_at_its_new_host(world):
    assert get_url(world.application, "moved").status_int == 200
    assert world.consoleauth.added[0]["agent_host"] == "node2"


def test_a_wrong_incoming_request_id_is_dropped(world):
    get_url(world.application, **{"X-Openstack-Request-Id": "req-1\nforged"})
    assert world.consoleauth.added[0]["global_request_id"] is None


def test_a_request_is_one_line_with_its_id_and_without_secrets(world, log_lines):
    answer = get_url(world.application, **{"X-Openstack-Request-Id": REQUEST_ID})
    log = log_lines.getvalue()
    [line] = [line for line in log.splitlines() if "POST" in line]
    assert "POST /servers/running/console from" in line
    assert ": 200, " in line
    assert answer.headers["X-Openstack-Request-Id"] in line
    assert REQUEST_ID in line
    assert answer.json["url"].partition("token=")[2] not in log
    assert "ann:demo" not in log


def test_a_path_cannot_forge_a_line_and_the_query_is_not_logged(world, log_lines):
    ask(world.application, "/servers/a%0aforged%1b%5b31m?token=secret")
    [line] = [line for line in log_lines.getvalue().splitlines() if "GET" in line]
    assert "/servers/a%0Aforged%1B%5B31m" in line
    assert "secret" not in log_lines.getvalue()


def test_a_request_that_is_refused_early_has_no_other_requests_id(world, log_lines):
    ask(world.application, "/servers")
    earlier = len(ours(log_lines))
    answer = ask(world.application, "/servers", "POST", body=b"x" * 70000)
    [line] = ours(log_lines)[earlier:]
    assert answer.headers["X-Openstack-Request-Id"] in line
    assert "ann" not in line


def test_the_health_is_not_logged(world, log_lines):
    assert ask(world.application, "/healthcheck").status_int == 200
    assert ours(log_lines) == []


@pytest.mark.parametrize("size, status", [(65536, 400), (65537, 413)])
def test_a_body_has_a_bound(world, size, status):
    fault = ask(world.application, "/servers/running/console", "POST", body=b"[" * size)
    assert fault.status_int == status
    assert list(fault.json.values())[0]["code"] == status
    assert fault.headers["X-Openstack-Request-Id"]


@pytest.mark.parametrize("body", [b"\xff", b"[" * 60000, b"NaN", b"null", b'"x"', b"{}"])
def test_a_strange_body_is_the_clients_fault(world, body):
    answer = ask(world.application, "/servers/running/console", "POST", body=body)
    assert answer.status_int == 400
    assert answer.json["badRequest"]["code"] == 400
    assert len(answer.body) < 1000


def test_an_operators_policy_counts(conf, world, tmp_path):
    rules = tmp_path / "policy.yaml"
    rules.write_text('"consoles:console:create": "role:admin"\n')
    conf.set_override("policy_file", str(rules), group="oslo_policy")
    application = app.build(conf, world.caller)
    answer = get_url(application)
    assert answer.status_int == 403
    assert "consoles:console:create" in answer.json["forbidden"]["message"]
    assert get_url(application, token="ann:admin", server_id="running").status_int == 200


def test_noauth_on_a_public_address_does_not_start(conf):
    conf.set_override("auth_strategy", "noauth", group="api")
    conf.set_override("host", "0.0.0.0", group="api")
    with pytest.raises(exception.ConfigError, match="noauth_allow_any_address"):
        app.build(conf, None)
    conf.set_override("noauth_allow_any_address", True, group="api")
    assert app.build(conf, None)


def test_instances_of_any_project_are_nobodys_without_noauth(conf):
    keystone.configure(conf)
    with fake_services.world(conf) as world:
        services = app.assemble(conf, world.caller)
        ann = context.RequestContext(user_id="ann", project_id="demo", roles=["member"])
        assert instances.find(services, ann, "running").id == "running"
        assert instances.projects(services, ann) == ["demo"]
        with pytest.raises(falcon.HTTPNotFound):
            instances.find(services, ann, "anybodys")
        root = context.RequestContext(user_id="root", project_id="ops", roles=["admin"])
        assert instances.owner(services, root, instances.find(services, root, "anybodys")) is None


class TestKeystone:
    """What needs no Keystone: requests that carry no token never ask it."""

    @pytest.fixture
    def application(self, conf):
        keystone.configure(conf, www_authenticate_uri="https://id.example.org")
        yield app.build(conf, None)

    @pytest.mark.parametrize("path", ["/", "/v2.1", "/v2.1/", "/healthcheck"])
    def test_documents_need_no_token(self, application, path):
        assert webob.Request.blank(path).get_response(application).status_int == 200

    def test_servers_need_one(self, application):
        answer = webob.Request.blank("/servers", headers={
            "X-Identity-Status": "Confirmed", "X-Project-Id": "demo", "X-Roles": "admin",
        }).get_response(application)
        assert answer.status_int == 401
        assert answer.json["unauthorized"]["code"] == 401
        assert answer.headers.getall("WWW-Authenticate") == [
            'Keystone uri="https://id.example.org"']
