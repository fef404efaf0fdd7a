"""The console log as clients of Nova read it."""

import pytest

ACTION = "/v2.1/servers/running/action"
#: fake_services.LOG without what no client shall see.
LINES = ["booting", "[1mok[0m\ttab", "\xfc login:"]


def output(api, arguments, **more):
    answer = api("POST", ACTION, {"os-getConsoleOutput": arguments}, **more)
    assert answer.status_int == 200, answer.text
    return answer.json["output"]


@pytest.mark.parametrize("arguments, lines", [
    ({}, LINES), ({"length": None}, LINES), ({"length": -1}, LINES), ({"length": "-1"}, LINES),
    ({"length": 2}, LINES[1:]), ({"length": "1"}, LINES[2:]), ({"length": 0}, []),
    ({"length": "0"}, []), ({"length": 3}, LINES)])
@pytest.mark.parametrize("version", [None, "2.5", "2.6", "2.99"])
def test_the_last_lines_without_control_characters(api, arguments, lines, version):
    assert output(api, arguments, version=version) == "\n".join(lines)


@pytest.mark.parametrize("arguments", [
    None, [], "10", {"length": -2}, {"length": "-2"}, {"length": "ten"}, {"length": ""},
    {"length": 1.5}, {"length": "1\n"}, {"length": [1]}, {"length": 10**9}, {"lines": 1},
    {"length": 1, "more": 1}])
def test_a_wrong_length_is_refused(api, arguments):
    assert "os-getConsoleOutput" in api.fault(400, "POST", ACTION,
                                              {"os-getConsoleOutput": arguments})


@pytest.mark.parametrize("server, status", [
    ("nowhere", 404), ("foreign", 404), ("homeless", 409), ("moving", 409), ("plain", 501),
    ("anybodys", 404)])
def test_refusals(api, server, status):
    assert api.fault(status, "POST", f"/v2.1/servers/{server}/action", {"os-getConsoleOutput": {}})


def test_a_foreign_project_reads_nothing(api):
    body = {"os-getConsoleOutput": {}}
    assert "could not be found" in api.fault(404, "POST", ACTION, body, token="eve:other")
    assert output(api, {}, token="root:admin")
