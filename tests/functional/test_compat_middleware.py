"""What stands around the handlers: rates, pages of other origins, request ids."""

import subprocess
import sys
import time

import pytest

from consoles import exception
from consoles.api import app
from consoles.api import rates
from tests.fixtures.api_client import Client

ORIGIN = "https://dashboard.example.org"
REMOTE = "/v2.1/servers/running/remote-consoles"
BODY = {"remote_console": {"protocol": "vnc", "type": "novnc"}}


@pytest.fixture
def build(world):
    """A client of one more application on the same bus, with these options of [api]."""
    def start(**options):
        for name, value in options.items():
            world.conf.set_override(name, value, group="api")
        return Client(app.build(world.conf, world.caller))
    yield start
    for option in rates.OPTIONS.values():
        world.conf.clear_override(option, group="api")


def ask(api, token="ann:demo"):
    return api("POST", REMOTE, BODY, version="2.6", token=token)


def test_a_user_over_the_rate_has_to_wait(build):
    api = build(console_rate_per_user="2/hour")
    assert [ask(api).status_int for _ in range(3)] == [200, 200, 429]
    answer = ask(api)
    assert 0 < int(answer.headers["Retry-After"]) <= 7200
    assert answer.json["overLimit"]["retryAfter"] == answer.headers["Retry-After"]
    assert ask(api, "bob:demo").status_int == 200
    assert api("GET", "/v2.1/servers").status_int == 200


def test_the_rate_is_that_of_all_ways_to_ask(build):
    api = build(console_rate_per_user="2/hour")
    action = {"os-getVNCConsole": {"type": "novnc"}}
    assert ask(api).status_int == 200
    assert api("POST", "/v2.1/servers/running/action", action).status_int == 200
    flat = {"protocol": "vnc", "type": "novnc"}
    assert api("POST", "/servers/running/console", flat).status_int == 429


def test_a_project_over_the_rate_has_to_wait_whoever_asks(build):
    api = build(console_rate_per_project="2/hour")
    assert [ask(api, f"{user}:demo").status_int for user in ("a", "b", "c")] == [200, 200, 429]
    assert ask(api, "root:admin").status_int == 200


def test_what_was_refused_does_not_count_on_the_project(build):
    api = build(console_rate_per_project="1/hour")
    missing = REMOTE.replace("running", "foreign")
    assert {api("POST", missing, BODY, version="2.6").status_int for _ in range(3)} == {404}
    assert [ask(api).status_int for _ in range(2)] == [200, 429]


def test_but_on_the_user_who_guesses(build):
    api = build(console_rate_per_user="2/hour")
    missing = REMOTE.replace("running", "foreign")
    assert [api("POST", missing, BODY, version="2.6").status_int for _ in range(3)] == [
        404, 404, 429]


def test_without_a_rate_nobody_waits(build):
    api = build(console_rate_per_user="", console_rate_per_project="")
    assert {ask(api).status_int for _ in range(20)} == {200}


def test_several_rates_count_at_once_and_the_last_to_let_in_is_told(conf, monkeypatch):
    conf.set_override("console_rate_per_user", "1/minute;2/hour", group="api")
    taken = rates.Rates(conf)
    for clock, told in ((1000.0, 60), (1061.0, 3600 - 61)):
        monkeypatch.setattr(time, "time", lambda: clock)  # noqa: B023 - changed before it is asked
        taken.take("user_id", "u")
        with pytest.raises(exception.OverLimit) as caught:
            taken.take("user_id", "u")
        assert told <= caught.value.retry_after <= told + 1
    monkeypatch.setattr(time, "time", lambda: 1061.0 + caught.value.retry_after)
    taken.take("user_id", "u")


def test_who_comes_again_when_told_is_let_through_and_no_sooner(conf, monkeypatch):
    conf.set_override("console_rate_per_user", "3/hour", group="api")
    taken = rates.Rates(conf)
    for clock in (1000.0, 1100.5, 1200.0):
        monkeypatch.setattr(time, "time", lambda: clock)  # noqa: B023 - changed before it is asked
        taken.take("user_id", "u")
    with pytest.raises(exception.OverLimit) as caught:
        taken.take("user_id", "u")
    again = 1200.0 + caught.value.retry_after
    monkeypatch.setattr(time, "time", lambda: again - 2)
    with pytest.raises(exception.OverLimit):
        taken.take("user_id", "u")
    monkeypatch.setattr(time, "time", lambda: again)
    taken.take("user_id", "u")


@pytest.mark.parametrize("text", ["many", "10", "10/fortnight", "-1/minute", "1/minute;x"])
def test_what_is_no_rate_ends_the_start(conf, text):
    conf.set_override("console_rate_per_project", text, group="api")
    with pytest.raises(exception.ConfigError, match="console_rate_per_project"):
        rates.Rates(conf)


@pytest.fixture
def shared(world):
    """An application that lets pages of one other origin ask."""
    app.build(world.conf, world.caller)  # registers [cors]
    world.conf.set_override("allowed_origin", [ORIGIN], group="cors")
    yield Client(app.build(world.conf, world.caller))
    world.conf.clear_override("allowed_origin", group="cors")


def preflight(api, origin, method="POST"):
    return api("OPTIONS", REMOTE, token="", Origin=origin, **{
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "X-Auth-Token,OpenStack-API-Version,Content-Type"})


def test_a_page_of_an_allowed_origin_may_ask(shared):
    answer = preflight(shared, ORIGIN)
    assert answer.status_int == 200
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert "X-Auth-Token" in answer.headers["Access-Control-Allow-Headers"]
    answer = shared("POST", REMOTE, BODY, version="2.6", Origin=ORIGIN)
    assert answer.status_int == 200
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert "X-Openstack-Request-Id" in answer.headers["Access-Control-Expose-Headers"]


@pytest.mark.parametrize("origin, method", [
    ("https://evil.example.org", "POST"), ("null", "POST"), (ORIGIN, "TRACE")])
def test_no_other_page_may(shared, origin, method):
    assert "Access-Control-Allow-Methods" not in preflight(shared, origin, method).headers


def test_by_default_no_page_may(build):
    answer = build()("GET", "/v2.1", Origin=ORIGIN)
    assert answer.status_int == 200
    assert not [name for name in answer.headers if name.startswith("Access-Control")]


def test_the_sample_of_the_configuration_says_what_pages_may_send(tmp_path):
    sample = tmp_path / "sample"
    subprocess.run(
        [sys.executable, "-c", "from oslo_config import generator; generator.main()",
         "--namespace", "consoles", "--namespace", "oslo.middleware.cors",
         "--output-file", str(sample)], check=True, capture_output=True)
    said = dict(line[1:].split(" = ", 1) for line in sample.read_text().splitlines()
                if line.startswith("#allow_") and " = " in line)
    assert said["allow_methods"] == "GET,POST,DELETE"
    assert {"X-Auth-Token", "OpenStack-API-Version"} <= set(said["allow_headers"].split(","))


def test_a_clients_request_id_is_kept_beside_ours(world):
    given = "req-12345678-1234-1234-1234-123456789abc"
    answer = Client(world.application)("POST", REMOTE, BODY, version="2.6",
                                       **{"X-Openstack-Request-Id": given})
    assert answer.headers["X-Openstack-Request-Id"] != given
    assert world.consoleauth.added[-1]["global_request_id"] == given
