"""Audit events: what they say of a request, what they never hold, what ends the start."""

import json
import pathlib

import pytest
import webob
import webob.dec

from consoles import exception
from consoles.api import app
from consoles.api import audit
from tests.fixtures import keystone
from tests.fixtures.processes import wait_for

MAP = pathlib.Path(__file__).parents[2] / "etc/consoles/api_audit_map.conf"
TOKEN = "gAAAAABmkeystone-token-of-mary"
CATALOG = [{"type": "compute", "name": "consoles", "endpoints": [
    {"id": "e1", "publicURL": "http://api.example/v2.1"}]}]
#: What Keystone's middleware writes into a request.
WHO = {"HTTP_X_AUTH_TOKEN": TOKEN, "HTTP_X_USER_ID": "mary", "HTTP_X_USER_NAME": "Mary",
       "HTTP_X_PROJECT_ID": "red", "HTTP_X_IDENTITY_STATUS": "Confirmed",
       "HTTP_X_SERVICE_CATALOG": json.dumps(CATALOG)}


@webob.dec.wsgify
def echo(request):
    return webob.Response(body=request.body, status=404 if "nowhere" in request.path else 200)


@pytest.fixture
def audited(conf, log_lines):
    """Asks an application behind the middleware; → its answer and the two events in the log."""
    conf.set_override("audit_map_file", str(MAP), group="api")
    conf.register_opts(audit.OPTS, group=audit.GROUP)
    conf.set_override("driver", "log", group=audit.GROUP)
    application = audit.watch(conf, echo)

    def ask(method, path, body=b"", **environ):
        before = len(log_lines.getvalue())
        answer = webob.Request.blank(path, {**WHO, **environ}, method=method, body=body
                                     ).get_response(application)

        def events():
            lines = log_lines.getvalue()[before:].splitlines()
            found = [json.loads(line[line.index("{"):]) for line in lines
                     if "oslo.messaging.notification.audit" in line]
            return found if len(found) == 2 else None
        return answer, wait_for(events, what="two events")
    return ask


@pytest.mark.parametrize("method, path, body, action, target", [
    ("GET", "/v2.1/servers", b"", "read/list", "/servers"),
    ("GET", "/v2.1/servers/detail", b"", "read/list", "/servers/server"),
    ("GET", "/v2.1/servers/s1", b"", "read", "/servers/server"),
    ("POST", "/v2.1/servers/s1/console", b"{}", "create/console", "/servers/server/console"),
    ("POST", "/v2.1/servers/s1/remote-consoles", b"{}", "create/console",
     "/servers/server/remote-consoles"),
    ("POST", "/v2.1/servers/s1/action", b'{"os-getVNCConsole": {"type": "novnc"}}',
     "update/os-getVNCConsole", "/servers/server/action"),
    ("GET", "/v2.1/servers/s1/console-sessions", b"", "read/list",
     "/servers/server/console-sessions"),
    ("DELETE", "/v2.1/console-sessions/x1", b"", "delete", "/console-sessions/session"),
    ("DELETE", "/v2.1/os-console-auth-tokens/t1", b"", "delete",
     "/os-console-auth-tokens/token"),
    ("GET", "/v2.1/healthcheck/details", b"", "read", "/healthcheck/None"),
])
def test_requests_have_names(audited, method, path, body, action, target):
    _, (asked, answered) = audited(method, path, body)
    assert [asked["event_type"], answered["event_type"]] == [
        "audit.http.request", "audit.http.response"]
    assert answered["payload"]["action"] == action
    assert answered["payload"]["target"]["typeURI"] == "service/compute" + target
    assert answered["payload"]["initiator"]["id"] == "mary"
    assert answered["payload"]["initiator"]["project_id"] == "red"
    assert answered["payload"]["outcome"] == "success"
    assert asked["payload"]["outcome"] == "pending"


def test_a_refusal_is_a_failure(audited):
    _, (_, answered) = audited("GET", "/v2.1/servers/nowhere")
    assert answered["payload"]["outcome"] == "failure"
    assert answered["payload"]["reason"]["reasonCode"] == "404"


@pytest.mark.parametrize("path", [
    "/v2.1/os-console-auth-tokens/very-secret", "//os-console-auth-tokens//very-secret/",
    "/servers?marker=very-secret", "/%6fs-console-auth-tokens/very-secret"])
@pytest.mark.parametrize("token", [TOKEN, "xyz"])
def test_no_event_and_no_log_has_a_token(audited, log_lines, path, token):
    audited("GET", path, HTTP_X_AUTH_TOKEN=token)
    log = log_lines.getvalue()
    assert "very-secret" not in log
    assert token not in log
    assert TOKEN[:4] not in log


@pytest.mark.parametrize("body", [
    b"[1]", b'"x"', b"{", b"\xff", b"[" * 20_000, b'{"\\ud800": 1}', b'{"": 1}', b"null"])
def test_a_body_that_names_no_action_is_told_of_and_arrives(audited, log_lines, body):
    answer, (asked, _) = audited("POST", "/v2.1/servers/s1/action", body)
    assert answer.body == body
    assert asked["payload"]["action"].partition("/")[0] in ("create", "update")
    assert "Traceback" not in log_lines.getvalue()


@pytest.mark.parametrize("changes, map_file, says", [
    ({}, "/nowhere/map.conf", "No such file"), ({}, "garbage", "audit_map_file"),
    ({"driver": None}, MAP, "write messagingv2"), ({"driver": "mesaging"}, MAP, "mesaging"),
    ({"transport_url": "carrier-pigeon://x:very-secret@y/"}, MAP, "names no message bus")])
def test_events_that_would_go_nowhere_end_the_start(conf, tmp_path, changes, map_file, says):
    if map_file == "garbage":
        map_file = tmp_path / "map.conf"
        map_file.write_text("no section\n")
    keystone.configure(conf)
    conf.register_opts(audit.OPTS, group=audit.GROUP)
    conf.set_override("audit_map_file", str(map_file), group="api")
    for name, value in ({"driver": "log"} | changes).items():
        conf.set_override(name, value, group=audit.GROUP)
    with pytest.raises(exception.ConfigError, match=says) as caught:
        app.build(conf, None)
    assert "very-secret" not in str(caught.value)


def test_noauth_knows_nobody_to_tell_of(conf):
    conf.set_override("auth_strategy", "noauth", group="api")
    conf.set_override("audit_map_file", str(MAP), group="api")
    with pytest.raises(exception.ConfigError, match="auth_strategy=keystone"):
        app.build(conf, None)
