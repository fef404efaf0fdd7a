"""Version documents and microversion headers, as keystoneauth and novaclient use them."""

import pytest

NEW, OLD = "OpenStack-API-Version", "X-OpenStack-Nova-API-Version"


@pytest.mark.parametrize("path", ["/", "/v2.1", "/v2.1/"])
@pytest.mark.parametrize("headers", [{}, {"Accept": ""}, {NEW: "compute 9.9"}, {NEW: "nonsense"}])
def test_documents_need_neither_token_nor_version(api, path, headers):
    answer = api("GET", path, token="", Host="api.example.org", **headers)
    document = answer.json.get("version") or answer.json["versions"][0]
    assert answer.status_int == 200
    assert (document["id"], document["status"]) == ("v2.1", "CURRENT")
    assert (document["min_version"], document["version"]) == ("2.1", "2.99")
    [link] = document["links"]
    assert link == {"rel": "self", "href": "http://api.example.org/v2.1/"}


@pytest.mark.parametrize("headers, version", [
    ({}, "2.1"),
    ({NEW: "compute 2.6"}, "2.6"),
    ({NEW: "compute latest"}, "2.99"),
    ({NEW: "Compute 2.31"}, "2.31"),
    ({NEW: "volume 3.0, compute 2.7"}, "2.7"),
    ({NEW: "volume 3.99"}, "2.1"),
    ({OLD: "2.8"}, "2.8"),
    ({OLD: "latest"}, "2.99"),
    ({NEW: "compute 2.6", OLD: "2.31"}, "2.6"),
    ({NEW: "volume 3.0", OLD: "2.31"}, "2.31"),
])
def test_the_answer_says_which_version_it_is(api, headers, version):
    answer = api("GET", "/v2.1/servers", **headers)
    assert answer.status_int == 200
    assert answer.headers[NEW] == f"compute {version}"
    assert answer.headers[OLD] == version
    assert answer.headers["Vary"] == f"{NEW}, {OLD}"


def test_a_fault_says_it_too(api):
    answer = api("GET", "/v2.1/servers/nowhere", version="2.7")
    assert answer.status_int == 404
    assert answer.headers[NEW] == "compute 2.7"
    assert answer.headers[OLD] == "2.7"


@pytest.mark.parametrize("version, status, says", [
    ("2.0", 406, "Minimum is 2.1 and maximum is 2.99"), ("2.100", 406, "2.100"),
    ("3.1", 406, "3.1"), ("1.1", 406, "1.1"), ("2.01", 400, "MAJOR.MINOR"),
    ("two", 400, "MAJOR.MINOR"), ("2.1.0", 400, "MAJOR.MINOR"), ("2", 400, "latest")])
@pytest.mark.parametrize("header, prefix", [(NEW, "compute "), (OLD, "")])
def test_a_version_that_is_not_served(api, header, prefix, version, status, says):
    answer = api("GET", "/v2.1/servers", **{header: prefix + version})
    assert answer.status_int == status
    [fault] = answer.json.values()
    assert says in fault["message"]
    assert NEW not in answer.headers
    assert NEW in answer.headers["Vary"]


def test_who_has_no_token_learns_no_version(api):
    assert api.fault(401, "GET", "/v2.1/servers", token="", version="2.6")
