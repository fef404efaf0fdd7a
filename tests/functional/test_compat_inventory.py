"""What the inventory answers to filters, orders and pages, as clients of Nova ask for them."""

import pytest

from tests.fixtures import consoleauth

NAMES = {"i1": "web-1", "i2": "Web-10", "i3": "db.1", "i4": "a%b_c", "i5": "db-1"}


@pytest.fixture
def inventory(plant):
    """i1 to i5, of two projects; i5 is the oldest, and i1 does not run."""
    plant.report_host("h1", 1, *[
        consoleauth.instance(id, name=name, project_id="blue" if id == "i5" else "red",
                             status="SHUTOFF" if id == "i1" else "ACTIVE",
                             user_id=f"user-{id}", created_at=1000 - int(id[1]))
        for id, name in NAMES.items()], full=True)

    def ask(limit=100, marker=None, sort=None, **filters):
        return [row["id"] for row in plant.inventory.list_instances(
            plant.context, filters, limit, marker, sort)]
    return ask


@pytest.mark.parametrize("name, ids", [
    ("web", ["i1", "i2"]), ("^web-1$", ["i1"]), ("^WEB-1", ["i1", "i2"]),
    ("1$", ["i1", "i3", "i5"]),
    ("^b", []), ("db.1", ["i3"]), (r"^db\.1$", ["i3"]), (r"^db\-1$", ["i5"]), ("%", ["i4"]),
    ("_", ["i4"]), ("^a%b_c$", ["i4"]), ("^", list(NAMES)), ("$", list(NAMES)), (".*", []),
    ("^$", []), ("\\", [])])
def test_names_are_tied_to_their_ends(inventory, name, ids):
    assert inventory(name=name) == ids


def test_users_and_ids_are_filters(inventory):
    assert inventory(user_id="user-i3") == ["i3"]
    assert inventory(id="i2") == ["i2"]
    assert inventory(id="i2", status="SHUTOFF") == []


@pytest.mark.parametrize("sort, ids", [
    (None, ["i1", "i2", "i3", "i4", "i5"]),
    ([["created_at", "asc"]], ["i5", "i4", "i3", "i2", "i1"]),
    ([["created_at", "desc"]], ["i1", "i2", "i3", "i4", "i5"]),
    ([["status", "desc"], ["id", "desc"]], ["i1", "i5", "i4", "i3", "i2"]),
    ([["status", "asc"]], ["i2", "i3", "i4", "i5", "i1"]),
    ([["host", "desc"]], ["i1", "i2", "i3", "i4", "i5"])])
def test_pages_follow_the_order(inventory, sort, ids):
    assert inventory(sort=sort) == ids
    paged, marker = [], None
    while page := inventory(limit=2, marker=marker, sort=sort):
        paged += page
        marker = page[-1]
    assert paged == ids


@pytest.mark.parametrize("marker", ["gone", "i5"])
def test_a_marker_is_one_of_the_projects_own(inventory, marker):
    refusal = consoleauth.refused(inventory, marker=marker, sort=[["name", "asc"]],
                                  project_id=["red"])
    assert refusal.reason == "bad_request"


@pytest.mark.parametrize("sort", [[["project_id", "asc"]], [["id"]], [["id", "up"]], ["id"], "id"])
def test_a_wrong_order_is_refused(inventory, sort):
    assert consoleauth.refused(inventory, sort=sort).reason == "bad_request"
