"""Attacks on the REST API, through its own web server, with bytes that clients do not send."""

import contextlib
import json
import socket

import pytest

from tests.fixtures import fake_services
from tests.fixtures import web_server

SECRET = b"very-secret"
VNC = {"protocol": "vnc", "type": "novnc"}


@contextlib.contextmanager
def served(**api):
    """The API on a loopback port; → its port."""
    with fake_services.private_conf(auth_strategy="noauth") as conf, \
            fake_services.world(conf) as world:
        for name, value in api.items():
            conf.set_override(name, value, group="oslo_middleware")
        with web_server.served(world.application) as (running, _):
            yield running.port


@pytest.fixture(scope="module")
def port():
    with served(enable_proxy_headers_parsing=True) as port:
        yield port


def send(port, target, *headers, method=b"GET", body=b""):
    """→ status, headers (lower case) and body of the answer to exactly these bytes."""
    with socket.create_connection(("127.0.0.1", port), 30) as client:
        client.sendall(b"\r\n".join((
            method + b" " + target + b" HTTP/1.1", b"Host: api", b"Connection: close",
            *headers, b"Content-Length: %d" % len(body), b"", body)))
        answer = b"".join(iter(lambda: client.recv(65536), b""))
    head, _, content = answer.partition(b"\r\n\r\n")
    status, *fields = head.split(b"\r\n")
    pairs = (field.partition(b": ") for field in fields)
    return int(status.split()[1]), {name.lower(): value for name, _, value in pairs}, content


def ask(port, target, *headers, token=b"ann:demo", **kwargs):
    """The same as a user; what is refused must be one fault. → status, document."""
    status, _, content = send(port, target, b"X-Auth-Token: " + token, *headers, **kwargs)
    document = json.loads(content)
    if status >= 400:
        [fault] = document.values()
        assert fault["code"] == status
        assert fault["message"]
        assert len(content) < 1000
    return status, document


def post(port, body, content_type=b"application/json", server_id=b"running", **kwargs):
    if not isinstance(body, bytes):
        body = json.dumps(body).encode()
    return ask(port, b"/servers/" + server_id + b"/console", b"Content-Type: " + content_type,
               method=b"POST", body=body, **kwargs)[0]


# -- what reaches the log ------------------------------------------------------------------------

@pytest.mark.parametrize("evil", [
    b"%0d%0aforged", b"%0aforged", b"%1b[31mred", b"%00nul", b"%c2%9b31m", b"%e2%80%aebidi",
    b"\x1b[31mred", b"\x07bell", b"\xc2\x9b31m", b"\x7f", b"\xff\xfe", b"a\tb",
], ids=repr)
def test_a_path_reaches_the_log_escaped(port, log_lines, evil):
    assert send(port, b"/servers/" + evil, b"X-Auth-Token: ann:demo")[0] in (400, 404)
    assert_clean(log_lines.getvalue())


@pytest.mark.parametrize("header", [
    b"User-Agent", b"Origin", b"Referer", b"X-Forwarded-For", b"X-Forwarded-Proto",
    b"X-Forwarded-Host", b"Forwarded", b"X-Openstack-Request-Id", b"OpenStack-API-Version",
    b"X-Auth-Token", b"X-Service-Token", b"Content-Type", b"Cookie"])
@pytest.mark.parametrize("evil", [b"a\x1b[31mred", b"for=\x1b[2K;proto=http", b"\xc2\x9b31m"])
def test_a_header_reaches_the_log_escaped_or_not_at_all(port, log_lines, header, evil):
    send(port, b"/servers", b"X-Auth-Token: ann:demo", header + b": " + evil)
    assert_clean(log_lines.getvalue())


def test_a_method_reaches_the_log_escaped(port, log_lines):
    send(port, b"/servers", b"X-Auth-Token: ann:demo", method=b"G\x1b[31mET")
    assert_clean(log_lines.getvalue())


def assert_clean(text):
    """Lines that begin as lines of ours do, of characters that a terminal only shows."""
    lines = text.splitlines()
    assert all(line[:2] == "20" for line in lines), lines
    assert all(line.isprintable() for line in lines), lines


@pytest.mark.parametrize("where", [
    (b"/servers?token=", b"X-Auth-Token: :"), (b"/servers?x=", b"Cookie: token="),
    (b"/servers?a=", b"X-Auth-Token: "), (b"/nothing?b=", b"X-Service-Token: "),
    (b"/servers?limit=", b"Authorization: Bearer "), (b"/servers?c=", b"Referer: https://x/?")])
def test_secrets_do_not_reach_the_log(port, log_lines, where):
    target, header = where
    send(port, target + SECRET, header + SECRET)
    assert "very-secret" not in log_lines.getvalue()
    assert ": 401, " in log_lines.getvalue()


# -- bodies --------------------------------------------------------------------------------------

@pytest.mark.parametrize("document", [
    {"protocol": "serial", "type": "novnc"}, {"protocol": "vnc", "type": "serial"},
    {"protocol": "vnc", "type": "rdp-html5"}, {"protocol": "VNC", "type": "novnc"}], ids=str)
def test_protocol_and_type_must_fit(port, document):
    assert post(port, document) == 400


@pytest.mark.parametrize("document", [
    {**VNC, "token": "x"}, {**VNC, "host": "192.0.2.1"}, {"remote_console": VNC},
    {"protocol": ["vnc"], "type": ["novnc"]}, [VNC], {**VNC, "__proto__": {}},
    {"protocol": {"vnc": 1}, "type": None}], ids=str)
def test_keys_and_shapes_that_are_not_asked_for_are_refused(port, document):
    assert post(port, document) == 400


@pytest.mark.parametrize("body", [
    b"[" * 30000 + b"]" * 30000, b'{"a":' * 10000 + b"1" + b"}" * 10000,
    b"1" * 60000, b"1e99999", b"NaN", b'{"protocol":"\\ud800","type":"novnc"}', b"\xff\xfe{}",
    b"", b"{}{}"], ids=["lists", "objects", "digits", "exponent", "nan", "surrogate", "bytes",
                        "nothing", "two"])
def test_bodies_that_hurt_parsers_are_refused(port, body):
    assert post(port, body) == 400


def test_a_mebibyte_is_too_much(port):
    assert post(port, b'{"protocol": "' + b"v" * 1048576 + b'"}') == 413


@pytest.mark.parametrize("content_type", [
    b"text/plain", b"application/x-www-form-urlencoded", b"multipart/form-data; boundary=x",
    b"application/xml", b"application/x-python-serialize", b"application/yaml", b"x"])
def test_only_json_is_read(port, content_type):
    assert post(port, VNC, content_type) == 415


# -- paths, versions, projects -------------------------------------------------------------------

@pytest.mark.parametrize("server_id", [
    b"..", b"%2e%2e", b"..%2fservers%2frunning", b"..%2f..%2fetc%2fpasswd", b"%252e%252e",
    b"running%00", b"running%20", b"running;a=b", b"RUNNING", b"%72unning%2f", b"*", b"%2a",
    b"running'or'1'='1", b"x" * 65, b"x" * 4000, b"%f0%9f%92%a9"], ids=repr)
def test_ids_do_not_lead_elsewhere(port, server_id):
    assert post(port, VNC, server_id=server_id) == 404


@pytest.mark.parametrize(("header", "status"), [
    (b"OpenStack-API-Version: compute 2.1", 200), (b"OpenStack-API-Version: compute latest", 200),
    (b"OpenStack-API-Version: volume 3.9, compute 2.1", 200),
    (b"OpenStack-API-Version: volume 9.9", 200), (b"X-OpenStack-Nova-API-Version: 2.1", 200),
    (b"OpenStack-API-Version: compute 2.999", 406), (b"OpenStack-API-Version: compute 3.0", 406),
    (b"OpenStack-API-Version: compute 1.1", 406), (b"X-OpenStack-Nova-API-Version: 2.200", 406),
    (b"OpenStack-API-Version: compute 2", 400), (b"OpenStack-API-Version: compute 2.01", 400),
    (b"OpenStack-API-Version: compute -2.1", 400), (b"OpenStack-API-Version: compute", 400),
    (b"OpenStack-API-Version: compute 2.1.1", 400), (b"OpenStack-API-Version: compute 2.x", 400),
    (b"OpenStack-API-Version: compute 2." + b"9" * 4000, 400),
    (b"OpenStack-API-Version: compute \xd9\xa2.\xd9\xa1", 400)], ids=lambda value: str(value)[:60])
def test_a_microversion_is_served_or_refused(port, header, status):
    assert ask(port, b"/servers", header)[0] == status


def test_the_answer_says_which_microversion_it_is(port):
    headers = send(port, b"/servers", b"X-Auth-Token: ann:demo")[1]
    assert headers[b"openstack-api-version"] == b"compute 2.1"
    assert headers[b"x-openstack-nova-api-version"] == b"2.1"
    assert b"OpenStack-API-Version" in headers[b"vary"]


@pytest.mark.parametrize("server_id", [b"foreign", b"nobodys", b"unknown"])
def test_another_projects_server_looks_like_none(port, server_id):
    assert post(port, VNC, server_id=server_id) == 404
    status, document = ask(port, b"/servers/" + server_id)
    assert status == 404
    assert document["itemNotFound"]["message"] == (
        f"Instance {server_id.decode()} could not be found.")


@pytest.mark.parametrize("query", [
    b"project_id=other", b"tenant_id=other", b"project_id=*", b"all_tenants=0&project_id=other",
    b"marker=foreign", b"name=%25", b"name=%27%20or%201=1--"])
def test_a_query_does_not_widen_the_project(port, query):
    status, document = ask(port, b"/servers?" + query)
    assert status == 200
    assert "foreign" not in {found["id"] for found in document["servers"]}


@pytest.mark.parametrize("query", [
    b"all_tenants=1", b"all_tenants", b"all_tenants=True", b"host=node1"])
def test_only_admins_ask_for_all(port, query):
    assert ask(port, b"/servers?" + query)[0] == 403
    assert ask(port, b"/servers?" + query, token=b"root:admin")[0] == 200


@pytest.mark.parametrize("path", [b"/os-console-auth-tokens/x", b"/v2.1/os-console-auth-tokens/x"])
def test_only_admins_look_tokens_up(port, path):
    assert ask(port, path, token=b"ann:demo")[0] == 403
    assert ask(port, path, token=b"root:admin")[0] == 404
