"""consoles-api with a real Keystone: who may open, see and list what; tokens; Keystone's faults."""

import concurrent.futures
import json
import time
import urllib.error
import urllib.request

import pytest

from tests.fixtures.cloud import BLUE
from tests.fixtures.cloud import CACHE_TIME
from tests.fixtures.cloud import Cloud
from tests.fixtures.cloud import RED
from tests.fixtures.processes import free_port
from tests.fixtures.processes import Services
from tests.fixtures.processes import wait_for
from tests.fixtures.system import instance_id


@pytest.fixture(scope="module")
def cloud(keystone, rabbit, tmp_path_factory):
    services = Services(tmp_path_factory.mktemp("cloud"))
    try:
        yield Cloud(services, rabbit.new_vhost(), keystone).start()
    finally:
        services.end()


@pytest.fixture
def another_api(cloud):
    """Starts one more consoles-api with another login; → its name and how to ask it."""
    def start(name, **changes):
        port = free_port()
        config = cloud.services.write(f"{name}.conf", {
            "api": {"port": port}, "keystone_authtoken": changes})
        cloud.services.start(name, "consoles-api", "--config-file", config, port=port)
        names.append(name)
        return port

    names = []
    yield start
    for name in names:
        cloud.services.kill(name)


def ask(port, path="/servers", **headers):
    """→ status, body, headers."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read(), answer.headers
    except urllib.error.HTTPError as exc:
        return exc.code, exc.read(), exc.headers


def test_a_member_opens_the_consoles_of_the_own_project(cloud):
    token = cloud.of("mary")
    assert "token%3D" in cloud.open_console(token)
    assert [s["id"] for s in cloud.ask("/servers", token=token)["servers"]] == [RED]


@pytest.mark.parametrize(("user", "project"), [("mary", "red"), ("rita", "red")])
def test_another_projects_server_is_not_there(cloud, user, project):
    token = cloud.of(user, project)
    assert cloud.status(token, f"/servers/{BLUE}") == 404
    assert cloud.may_open(token, BLUE) == 404
    assert cloud.may_open(token, instance_id("green")) == 404


def test_a_member_of_another_project_sees_only_that_one(cloud):
    token = cloud.of("max", "blue")
    assert cloud.may_open(token) == 404
    assert cloud.may_open(token, BLUE) == 200


def test_a_reader_sees_servers_and_opens_no_console(cloud):
    token = cloud.of("rita")
    assert [s["id"] for s in cloud.ask("/servers", token=token)["servers"]] == [RED]
    assert cloud.status(token, f"/servers/{RED}") == 200
    assert cloud.may_open(token) == 403


def test_an_admin_opens_every_console(cloud):
    token = cloud.of("adam")
    assert {cloud.may_open(token, server) for server in (RED, BLUE)} == {200}


def test_users_who_ask_at_once_are_not_mixed_up(cloud):
    users = {"mary": 200, "rita": 403, "adam": 200, "nora": 403}
    asking = [(cloud.of(user), expected) for user, expected in users.items() for _ in range(4)]
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(cloud.may_open, [token for token, _ in asking]))
    assert answers == [expected for _, expected in asking]


@pytest.mark.parametrize("user", ["mary", "rita"])
def test_only_admins_see_all_projects(cloud, user):
    token = cloud.of(user)
    assert cloud.status(token, "/servers?all_tenants=1") == 403
    assert cloud.status(token, "/servers?host=one") == 403


def test_a_role_that_means_nothing_to_us_allows_nothing(cloud):
    token = cloud.of("nora")
    assert cloud.status(token) == 403
    assert cloud.status(token, f"/servers/{RED}") == 403
    assert cloud.may_open(token) == 403


def test_a_token_must_name_a_project_or_the_system(cloud):
    token = cloud.keystone.token("rita")
    cloud.given.append(token)
    for path in ("/servers", f"/servers/{RED}", "/servers?all_tenants=1", "/console-sessions"):
        assert cloud.status(token, path) == 403
    assert cloud.may_open(token) == 403


@pytest.mark.parametrize("user, listed, shown, opened", [
    ("rita", 403, 404, 404), ("root", 200, 200, 403)])
def test_the_systems_administrator_sees_all_and_opens_nothing(cloud, user, listed, shown, opened):
    token = cloud.keystone.token(user, system=True)
    cloud.given.append(token)
    assert cloud.status(token, "/servers?all_tenants=1") == listed
    assert cloud.status(token, "/console-sessions") == listed
    assert cloud.status(token, f"/servers/{RED}") == shown
    assert cloud.may_open(token) == opened


def test_an_expired_token_is_refused_though_it_was_just_taken(cloud):
    token = cloud.keystone.short_token("mary", "red", 4)
    cloud.given.append(token)
    assert cloud.may_open(token) == 200
    wait_for(lambda: cloud.may_open(token) == 401)


def test_a_revoked_token_is_refused_within_the_cache_time(cloud):
    token = cloud.of("mary")
    assert cloud.may_open(token) == 200
    cloud.keystone.revoke(token)
    wait_for(lambda: cloud.may_open(token) == 401, CACHE_TIME + 2)


@pytest.mark.parametrize("token", ["", "x", "gAAAAABm" + "A" * 180, "../" * 20, "a b", "\xe4"])
def test_what_is_no_token_is_refused(cloud, token):
    status, body, headers = ask(cloud.api_port, **{"X-Auth-Token": token})
    assert status == 401
    assert json.loads(body)["unauthorized"]["code"] == 401
    assert cloud.keystone.url in headers["WWW-Authenticate"]


def test_headers_of_the_middleware_cannot_be_forged(cloud):
    forged = {"X-Identity-Status": "Confirmed", "X-Project-Id": cloud.keystone.projects["blue"],
              "X-User-Id": "u", "X-Roles": "admin", "X-Role": "admin", "X-Is-Admin-Project": "True"}
    for path in ("/servers", "//servers", "/v2.1/servers", "/v2.1//"):
        assert ask(cloud.api_port, path, **forged)[0] == 401, path
    status, body, _ = ask(cloud.api_port, **forged, **{"X-Auth-Token": cloud.of("rita")})
    assert status == 200
    assert [s["id"] for s in json.loads(body)["servers"]] == [RED]


def test_an_application_credential_may_do_what_its_access_rules_say(cloud, another_api):
    token = cloud.keystone.credential_token("mary", "red", access_rules=[
        {"service": "compute", "method": "GET", "path": "/v2.1/servers"}])
    cloud.given.append(token)
    port = another_api("ruled", service_type="compute")
    assert ask(port, "/v2.1/servers", **{"X-Auth-Token": token})[0] == 200
    assert ask(port, f"/v2.1/servers/{RED}", **{"X-Auth-Token": token})[0] == 401
    assert ask(port, "/v2.1/servers", **{"X-Auth-Token": cloud.of("mary")})[0] == 200


def test_documents_and_health_need_no_token(cloud):
    for path in ("/", "/v2.1", "/v2.1/", "/healthcheck"):
        assert ask(cloud.api_port, path)[0] == 200, path


def test_a_keystone_that_hangs_is_a_503_in_time_and_recovered_from(cloud, another_api):
    port = another_api("hurried", http_connect_timeout=1)
    token = cloud.of("mary")
    cloud.keystone.freeze()
    try:
        began = time.monotonic()
        status = ask(port, **{"X-Auth-Token": token})[0]
        assert time.monotonic() - began < 200  # two questions: for its own token, about the user's
    finally:
        cloud.keystone.thaw()
    assert status == 503
    wait_for(lambda: ask(port, **{"X-Auth-Token": token})[0] == 200)


def test_without_a_keystone_all_tokens_are_503_at_once(cloud, another_api):
    port = another_api("nobody", auth_url=f"http://127.0.0.1:{free_port()}/v3")
    began = time.monotonic()
    status, body, headers = ask(port, **{"X-Auth-Token": cloud.of("mary")})
    assert (status, headers["Retry-After"]) == (503, "2")
    assert time.monotonic() - began < 20
    assert "identity service" in json.loads(body)["serviceUnavailable"]["message"]
    assert ask(port)[0] == 401
    assert ask(port, "/v2.1")[0] == 200
    assert "Traceback" not in cloud.services["nobody"].log.read_text()


def test_a_wrong_password_of_the_service_is_said_in_the_log(cloud, another_api):
    port = another_api("mistaken", password="mistaken-secret")
    assert ask(port, **{"X-Auth-Token": cloud.of("mary")})[0] == 503
    line = cloud.services["mistaken"].wait_line("No token can be checked", 1)
    assert "[keystone_authtoken]" in line
    assert "ERROR" in line
    log = cloud.services["mistaken"].log.read_text()
    assert "-secret" not in log
    assert "Traceback" not in log


def test_no_log_has_a_token(cloud):
    good, bad = cloud.of("mary"), "gAAAAAnever-a-token"
    url = cloud.open_console(good)
    assert cloud.status(bad) == 401
    assert cloud.status(good, f"/servers?token={good}") == 200
    ask(cloud.api_port, **{"X-Auth-Token": good, "X-Service-Token": bad})
    logs = [p.log.read_text(errors="replace") for p in cloud.services.processes.values()]
    secrets = [*cloud.given, bad, url.rpartition("token%3D")[2]]
    assert not [secret for secret in secrets for log in logs if secret in log]
    assert not [log for log in logs if "-secret" in log]
    assert not [log for log in logs if "Traceback" in log]
