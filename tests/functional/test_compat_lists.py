"""Lists of servers: the filters, the order and the pages that clients of Nova ask for."""

import pytest


def ids(answer):
    assert answer.status_int == 200, answer.text
    return [server["id"] for server in answer.json["servers"]]


@pytest.mark.parametrize("query", [
    "sort_key=created_at&sort_dir=desc", "sort_key=display_name&sort_key=uuid&sort_dir=asc",
    "all_tenants=False", "deleted=False", "deleted=&soft_deleted=0", "display_name=running",
    "tenant_id=demo", "project_id=demo", "name=running", "uuid=running"])
def test_what_clients_send_is_understood(api, query):
    assert "running" in ids(api("GET", f"/v2.1/servers/detail?{query}", version="2.96"))


@pytest.mark.parametrize("query", ["all_tenants=1", "all_tenants=True&tenant_id=other",
                                   "host=node1&all_tenants=1"])
def test_other_projects_are_the_administrators_to_see(api, query):
    assert "Policy" in api.fault(403, "GET", f"/v2.1/servers?{query}")
    assert ids(api("GET", f"/v2.1/servers?{query}", token="root:admin"))


@pytest.mark.parametrize("query, says", [
    ("marker=gone&sort_key=name", "marker was not found"),
    ("name=refused", "request is not valid")])
def test_a_refusal_of_the_inventorys_is_not_always_the_markers(api, query, says):
    assert says in api.fault(400, "GET", f"/v2.1/servers?{query}")


@pytest.mark.parametrize("query", ["sort_key=host", "sort_key=uuid&sort_key=host&sort_dir=asc"])
def test_the_order_of_hosts_is_the_administrators_to_see(api, query):
    assert "host" in api.fault(403, "GET", f"/v2.1/servers?{query}")
    assert ids(api("GET", f"/v2.1/servers?{query}", token="root:admin"))


@pytest.mark.parametrize("who, query", [
    ("ann:demo", "project_id=demo"), ("ann:demo", "project_id=other"),
    ("root:admin", "project_id=demo&all_tenants=1")])
def test_one_project_is_one_project(api, who, query):
    found = ids(api("GET", f"/v2.1/servers?{query}", token=who))
    assert "running" in found
    assert "foreign" not in found


@pytest.mark.parametrize("query, says", [
    ("sort_key=password", "sort_key"), ("sort_dir=up", "sort_dir"), ("limit=-1", "limit"),
    ("limit=x", "limit"), ("marker=gone&sort_dir=asc", "marker"), ("ip=10.0.0.1", "ip"),
    ("flavor=1", "flavor"), ("vm_state=stopped", "vm_state"), ("deleted=True", "deleted"),
    ("soft_deleted=1", "soft_deleted"), ("display_name=%0a", "display_name"),
    (f"status={33 * 'x'}", "status"), ("name=%00", "name"), ("all_tenants=perhaps", "all_tenants")])
def test_a_wrong_query_is_named(api, query, says):
    assert says in api.fault(400, "GET", f"/v2.1/servers?{query}")


def test_the_next_page_keeps_the_query(api):
    answer = api("GET", "/v2.1/servers?limit=1&sort_key=name&sort_key=uuid")
    [link] = answer.json["servers_links"]
    assert link["rel"] == "next"
    assert "sort_key=name&sort_key=uuid" in link["href"]
    assert f"marker={answer.json['servers'][0]['id']}" in link["href"]
