"""Schemas, faults, identity and policy of the API, each alone."""

import falcon
import pytest
import webob
from oslo_config import cfg
from oslo_policy import policy

from consoles import conf as consoles_conf
from consoles import exception
from consoles.api import auth
from consoles.api import faults
from consoles.api import policies
from consoles.api import requestlog
from consoles.api import validation
from consoles.api.policies import console as console_policies
from consoles.api.policies import console_auth_tokens as token_policies
from consoles.api.policies import console_output as output_policies
from consoles.api.policies import console_sessions as session_policies
from consoles.api.policies import servers as server_policies
from consoles.api.schemas import console
from consoles.api.schemas import servers
from consoles.api.services import Services
from consoles.context import RequestContext
from consoles.model import ConsoleType
from consoles.model import PROTOCOLS

[CREATE] = console.CREATE.values()
[INDEX] = servers.INDEX.values()


def refusal(func, *args):
    """What the client is told when this is called."""
    with pytest.raises(falcon.HTTPError) as caught:
        func(*args)
    return caught.value.description


@pytest.mark.parametrize("console_type", ConsoleType)
@pytest.mark.parametrize("protocol", sorted(set(PROTOCOLS.values())))
def test_a_type_belongs_to_one_protocol(protocol, console_type):
    document = {"protocol": protocol, "type": str(console_type)}
    if PROTOCOLS[console_type] == protocol:
        assert console.wanted(document) == console.Wanted(console_type)
    else:
        assert protocol in refusal(console.wanted, document)


def test_there_are_five_protocols_and_seven_types():
    properties = CREATE.schema["properties"]
    assert set(properties["protocol"]["enum"]) == {"vnc", "spice", "rdp", "serial", "mks"}
    assert set(properties["type"]["enum"]) == {
        "novnc", "xvpvnc", "rdp-html5", "spice-html5", "spice-direct", "serial", "webmks"}


def test_messages_name_the_field_and_are_short():
    said = refusal(validation.check, CREATE, {"protocol": "vnc", "type": "x" * 10000})
    assert said.startswith("Invalid input for type: ")
    assert len(said) < 400


@pytest.mark.parametrize("params, expected", [
    ({}, servers.Query({}, 1000, None, False)),
    ({"limit": "5000"}, servers.Query({}, 1000, None, False)),
    ({"limit": "0", "marker": "m"}, servers.Query({}, 0, "m", False)),
    ({"status": "active", "name": "", "unknown": "1"},
     servers.Query({"status": "ACTIVE"}, 1000, None, False)),
    ({"all_tenants": ""}, servers.Query({}, 1000, None, True)),
    ({"all_tenants": "0"}, servers.Query({}, 1000, None, False)),
    ({"uuid": "u", "tenant_id": "p"}, servers.Query({"id": "u"}, 1000, None, False)),
    ({"all_tenants": "1", "tenant_id": "p"},
     servers.Query({"project_id": "p"}, 1000, None, True)),
    ({"sort_dir": "asc"},
     servers.Query({}, 1000, None, False, [["created_at", "asc"]])),
    ({"sort_key": ["vm_state", "display_name"], "sort_dir": "desc"},
     servers.Query({}, 1000, None, False, [["status", "desc"], ["name", "desc"]])),
])
def test_query(params, expected):
    validation.check(INDEX, params)
    assert servers.query(params) == expected


@pytest.mark.parametrize("params", [
    {"limit": "x"}, {"limit": "-1"}, {"limit": "9" * 30}, {"limit": ["1", "2"]},
    {"all_tenants": "maybe"}, {"name": "n" * 256}, {"name": "a\0"}, {"sort_key": "password"},
    {"sort_dir": ["asc", "up"]},
])
def test_a_wrong_query(params):
    assert f"for {list(params)[0]}" in refusal(validation.check, INDEX, params)


def test_a_filter_that_nova_knows_and_we_do_not_is_not_ignored():
    assert "flavor" in refusal(servers.query, {"flavor": "1"})


@pytest.mark.parametrize("status, name", [
    (400, "badRequest"), (401, "unauthorized"), (403, "forbidden"), (404, "itemNotFound"),
    (405, "badMethod"), (409, "conflictingRequest"), (413, "overLimit"), (415, "badMediaType"),
    (429, "overLimit"), (501, "notImplemented"), (503, "serviceUnavailable"),
    (500, "computeFault"), (502, "computeFault"), (504, "computeFault")])
def test_faults_have_novas_names(status, name):
    assert faults.body(status, "why") == {name: {"code": status, "message": "why"}}
    assert faults.body(status)[name]["message"]


@pytest.mark.parametrize("inner, status, says", [
    (webob.Response(status=413, text="<html>"), 413, "overLimit"),
    (webob.Response(status=503, content_type="text/plain"), 503, "serviceUnavailable"),
    (webob.Response(status=200, text="fine"), 200, "fine"),
    (webob.Response(status=404, json={"mine": 1}), 404, "mine"),
])
def test_errors_of_middleware_get_a_body(inner, status, says):
    answer = webob.Request.blank("/").get_response(faults.rewrite(inner))
    assert answer.status_int == status
    assert says in answer.text


def test_a_crash_of_middleware_tells_nothing():
    def broken(environ, start_response):
        raise RuntimeError("secret detail")

    answer = webob.Request.blank("/").get_response(faults.rewrite(broken))
    assert answer.json["computeFault"]["code"] == 500
    assert "secret" not in answer.text


@pytest.mark.parametrize("token, user, project, admin", [
    ("ann:demo", "ann", "demo", False),
    ("admin:demo", "admin", "demo", True),
    ("ann:admin", "ann", "admin", True),
    ("ann@x.org:a_b-c.d", "ann@x.org", "a_b-c.d", False),
])
def test_noauth_believes(token, user, project, admin):
    who = auth.by_word({"HTTP_X_AUTH_TOKEN": token})
    assert (who.user_id, who.project_id) == (user, project)
    assert set(who.roles) == {"member", "reader"} | ({"admin"} if admin else set())
    assert who.auth_token is None


@pytest.mark.parametrize("token", [
    "", "ann", ":", "ann:", ":demo", "a:b:c", "ann:*", "ann: demo", "ann:demo\n", "a" * 65 + ":b",
    "\xe4nn:demo"])
def test_noauth_wants_user_and_project(token):
    assert auth.by_word({"HTTP_X_AUTH_TOKEN": token}) is None


def test_keystones_word_is_taken_without_the_token():
    who = auth.by_keystone({
        "HTTP_X_IDENTITY_STATUS": "Confirmed", "HTTP_X_AUTH_TOKEN": "secret",
        "HTTP_X_USER_ID": "u", "HTTP_X_PROJECT_ID": "p", "HTTP_X_ROLES": "member,reader",
        "openstack.request_id": "req-1"})
    assert (who.user_id, who.project_id, who.roles) == ("u", "p", ["member", "reader"])
    assert who.request_id == "req-1"
    assert "secret" not in str(who.to_dict())


@pytest.mark.parametrize("status", ["Invalid", None])
def test_what_keystone_does_not_confirm_is_nobody(status):
    assert auth.by_keystone({"HTTP_X_IDENTITY_STATUS": status, "HTTP_X_PROJECT_ID": "p"}) is None


def test_a_token_without_project_is_refused():
    with pytest.raises(falcon.HTTPForbidden):
        auth.by_keystone({"HTTP_X_IDENTITY_STATUS": "Confirmed", "HTTP_X_USER_ID": "u"})


@pytest.mark.parametrize("host, fine", [
    ("127.0.0.1", True), ("127.8.8.8", True), ("::1", True), ("localhost", True),
    ("0.0.0.0", False), ("::", False), ("192.0.2.1", False), ("api.example.org", False),
    (None, False)])
def test_noauth_keeps_to_loopback(conf, host, fine):
    if fine:
        return auth.refuse_open_noauth(conf, host)
    with pytest.raises(exception.ConfigError, match="noauth_allow_any_address"):
        auth.refuse_open_noauth(conf, host)
    conf.set_override("noauth_allow_any_address", True, group="api")
    return auth.refuse_open_noauth(conf, host)


@pytest.fixture(scope="module")
def services():
    conf = cfg.ConfigOpts()
    consoles_conf.register_opts(conf)
    conf([], default_config_files=[], default_config_dirs=[])
    enforcer = policy.Enforcer(conf)
    enforcer.register_defaults(policies.list_rules())
    return Services(inventory=None, compute=None, consoleauth=None, sessions=None,
                    enforcer=enforcer, rates=None, shares_any_project=False, bus_answers=None,
                    token_ttl=600)


OPEN, SEE, ALL, HOST = (console_policies.CREATE, server_policies.SHOW,
                        server_policies.ALL_PROJECTS, server_policies.HOST)


@pytest.mark.parametrize("roles, project, allowed", [
    (["member"], "p", {OPEN, SEE}),
    (["reader"], "p", {SEE}),
    (["member", "reader"], "other", set()),
    (["member", "reader"], None, set()),
    (["admin"], "other", {OPEN, SEE, ALL, HOST}),
    (["admin"], None, {OPEN, SEE, ALL, HOST}),
    ([], "p", set()),
])
def test_who_may_what(services, roles, project, allowed):
    context = RequestContext(user_id="u", project_id="p", roles=roles)
    assert {r for r in (OPEN, SEE, ALL, HOST) if services.allows(context, r, project)} == allowed


LOOK_UP, LIST, END, READ = (token_policies.SHOW, session_policies.INDEX, session_policies.DELETE,
                            output_policies.SHOW)


@pytest.mark.parametrize("roles, allowed", [
    (["reader"], {LIST}), (["member"], {LIST, END, READ}),
    (["admin"], {LIST, END, READ, LOOK_UP}), ([], set())])
def test_who_may_what_with_sessions_and_logs(services, roles, allowed):
    context = RequestContext(user_id="u", project_id="p", roles=roles)
    asked = (LOOK_UP, LIST, END, READ)
    assert {rule for rule in asked if services.allows(context, rule, "p")} == allowed
    if roles != ["admin"]:
        assert not any(services.allows(context, rule, "other") for rule in asked)


@pytest.mark.parametrize("roles, allowed", [
    (["admin"], {SEE, ALL, HOST, LOOK_UP, LIST, END}), (["reader", "member"], set())])
@pytest.mark.parametrize("project", ["p", None])
def test_the_whole_clouds_token_looks_after_things_and_opens_nothing(
        services, roles, allowed, project):
    context = auth.by_keystone({
        "HTTP_X_IDENTITY_STATUS": "Confirmed", "HTTP_X_USER_ID": "u",
        "HTTP_OPENSTACK_SYSTEM_SCOPE": "all", "HTTP_X_ROLES": ",".join(roles)})
    rules = (OPEN, SEE, ALL, HOST, LOOK_UP, LIST, END, READ)
    assert {rule for rule in rules if services.allows(context, rule, project)} == allowed


def test_a_refusal_names_the_rule(services):
    reader = RequestContext(project_id="p", roles=["reader"])
    assert OPEN in refusal(services.require, reader, OPEN, "p")


def test_the_log_gets_no_control_characters_and_no_novels():
    assert requestlog.printable("/a\r\nb\x1b[0m \xff\u20ac") == "/a%0D%0Ab%1B%5B0m%20%FF%3F"
    assert len(requestlog.printable("/" * 5000)) == requestlog.MAX_PATH
