"""Reports of agents over the bus, and what they lead to."""

import json
import logging

import pytest

from consoles import exception
from consoles.db import models
from tests.fixtures.consoleauth import AGENT
from tests.fixtures.consoleauth import instance
from tests.fixtures.consoleauth import refused
from tests.fixtures.processes import wait_for


@pytest.fixture
def audited():
    """The lines of the audit log, as objects."""
    lines = []

    class Collector(logging.Handler):
        def emit(self, record):
            lines.append(json.loads(record.getMessage()))

    logger, collector = logging.getLogger("consoles.audit"), Collector()
    logger.addHandler(collector)
    yield lines
    logger.removeHandler(collector)


def where(plant, id="i1"):
    return plant.inventory.get_instance(plant.context, id)["host"]


def silence(plant):
    plant.age(models.Host, "reported_at", 91)


def test_a_report_is_applied_once_and_in_order(plant):
    assert plant.report_host("h", 1, instance()) == "resync"
    assert plant.report_host("h", 1, instance(), full=True) == "applied"
    assert plant.report_host("h", 1, instance(name="late"), full=True) == "old"
    assert plant.report_host("h", 2, instance(name="new")) == "applied"
    assert plant.report_host("h", 4, instance(name="gap")) == "resync"
    assert plant.report_host("h", 5, instance(name="whole"), full=True) == "applied"
    assert plant.inventory.get_instance(plant.context, "i1")["name"] == "whole"


def test_a_new_life_of_an_agent_begins_with_a_full_report(plant):
    plant.report_host("h", 7, instance("a"), instance("b"), full=True)
    assert plant.report_host("h", 8, boot_id="b2") == "resync"
    assert plant.report_host("h", 1, instance("b"), full=True, boot_id="b2") == "applied"
    ids = [row["id"] for row in plant.inventory.list_instances(plant.context)]
    assert ids == ["b"]


def test_what_did_not_change_is_not_sent_and_stays(plant):
    plant.report_host("h", 1, instance("a"), instance("b"), full=True)
    plant.report_host("h", 2, instance("b", status="SHUTOFF"))
    statuses = {row["id"]: row["status"]
                for row in plant.inventory.list_instances(plant.context)}
    assert statuses == {"a": "ACTIVE", "b": "SHUTOFF"}


@pytest.mark.parametrize("full, reported", [
    (True, []), (False, [instance(status="DELETED")]), (True, [instance(status="DELETED")])])
def test_an_instance_that_is_gone_takes_its_consoles_along(plant, full, reported):
    plant.report_host(AGENT, 1, instance(), full=True)
    plant.add()
    plant.add("other", "i2")
    session = plant.open()
    plant.report_host(AGENT, 2, *reported, full=full)
    wait_for(plant.worker.told.is_set)
    assert plant.worker.closed == [([session], 4404, "instance_deleted")]
    assert plant.get() is None
    assert plant.get("other") is not None
    assert plant.session_row(session)["reason"] == "instance_deleted"
    error = refused(plant.inventory.get_instance, plant.context, "i1")
    assert type(error) is exception.InstanceNotFound


@pytest.mark.parametrize(("host", "status", "code", "reason"), [
    (AGENT, "SHUTOFF", 4409, "instance_stopped"), (AGENT, "SUSPENDED", 4409, "instance_stopped"),
    ("other", "ACTIVE", 4444, "instance_migrated")])
def test_what_was_opened_ends_when_the_guest_stops_or_moves(plant, host, status, code, reason):
    plant.report_host(AGENT, 1, instance(), instance("i2"), full=True)
    plant.add()
    plant.add("t2", "i2")
    session = plant.open()
    plant.report_host(host, 2, instance(status=status), full=host != AGENT)
    assert plant.worker.told.wait(20)
    assert plant.worker.closed == [([session], code, reason)]
    assert plant.session_row(session)["reason"] == reason
    assert plant.get("t") is None
    assert plant.get("t2")


def test_what_was_opened_goes_on_while_the_guest_has_its_consoles(plant):
    plant.report_host(AGENT, 1, instance(), full=True)
    plant.add()
    for sequence, status in enumerate(("PAUSED", "MIGRATING", "ACTIVE"), 2):
        plant.report_host(AGENT, sequence, instance(status=status))
    plant.report_host("other", 1, instance(status="PAUSED"), full=True)  # not taken over
    assert plant.get("t")



def test_only_a_running_guest_goes_over_to_another_host(plant, audited):
    plant.report_host("a", 1, instance(), full=True)
    plant.report_host("b", 1, instance(status="SHUTOFF"), full=True)
    assert where(plant) == "a"
    plant.report_host("b", 2, instance(), full=True)
    assert where(plant) == "b"
    assert [(line["event"], line["from_host"], line["to_host"], line["granted"])
            for line in audited] == [
        ("instance_claim", "a", "b", False), ("instance_claim", "a", "b", True)]
    assert audited[0]["instance_id"] == "i1"
    assert audited[0]["request_id"] == plant.context.request_id


@pytest.mark.parametrize(("before", "status", "goes"), [
    ("MIGRATING", "PAUSED", True), ("MIGRATING", "MIGRATING", False),
    ("MIGRATING", "SHUTOFF", False), ("PAUSED", "PAUSED", False)])
def test_a_paused_guest_goes_over_while_it_migrates(plant, audited, before, status, goes):
    plant.report_host("a", 1, instance(status=before), full=True)
    plant.report_host("b", 1, instance(status=status), full=True)
    assert where(plant) == ("b" if goes else "a")
    assert [line["granted"] for line in audited] == [goes]


def test_the_former_host_cannot_delete_what_went_over(plant):
    plant.report_host("a", 1, instance(), full=True)
    plant.report_host("b", 1, instance(), full=True)
    plant.add()
    plant.report_host("a", 2, instance(status="DELETED"))
    plant.report_host("a", 3, full=True)
    assert where(plant) == "b"
    assert plant.get() is not None


def test_a_host_that_is_down_loses_its_instances_without_a_word(plant, audited):
    plant.report_host("a", 1, instance(status="SHUTOFF"), full=True)
    silence(plant)
    plant.report_host("b", 1, instance(status="SHUTOFF"), full=True)
    assert where(plant) == "b"
    assert audited == []


def test_a_claim_that_was_refused_holds_once_the_other_host_lets_go(plant):
    plant.report_host("a", 1, instance(), full=True)
    assert plant.report_host("b", 1, instance(status="SHUTOFF"), full=True) == "applied"
    plant.report_host("a", 2, instance(status="DELETED"))
    plant.report_host("b", 2, instance(status="SHUTOFF"), full=True)
    assert where(plant) == "b"


def test_hosts_are_listed_with_their_age(plant):
    plant.report_host("a", 1, instance("i1"), instance("i2"), full=True)
    silence(plant)
    plant.report_host("b", 1, full=True)
    hosts = {row["name"]: row for row in plant.inventory.list_hosts(plant.context)}
    assert (hosts["a"]["up"], hosts["a"]["instances"]) == (False, 2)
    assert (hosts["b"]["up"], hosts["b"]["instances"]) == (True, 0)
    assert hosts["a"]["age"] >= 91_000 > hosts["b"]["age"]
    assert hosts["b"]["consoles"] == ["novnc"]
    assert hosts["b"]["endpoints"] == {"novnc": "http://consoles.example/"}


def test_instances_are_filtered_and_paged(plant):
    def ids(limit=1000, marker=None, **filters):
        return [row["id"] for row in
                plant.inventory.list_instances(plant.context, filters, limit, marker)]
    plant.report_host("a", 1, instance("1", name="Web_1"), instance("2", project_id="p2"),
                      instance("3", project_id="*"), instance("4", project_id=None), full=True)
    plant.report_host("b", 1, instance("5", status="SHUTOFF", name="web-5"), full=True)
    assert ids(project_id="p2") == ids(project_id=["p2", None]) == ["2"]
    assert ids(project_id=["p2", "*"]) == ["2", "3"]
    assert ids() == ids(project_id="*") == ["1", "2", "3", "4", "5"]
    assert ids(name="web") == ["1", "5"]
    assert ids(name="b_1") == ["1"]
    assert ids(name="%") == []
    assert ids(host="b") == ids(status="SHUTOFF") == ["5"]
    assert ids(limit=2) == ["1", "2"]
    assert ids(limit=2, marker="2") == ["3", "4"]


@pytest.mark.parametrize("changes", [
    {"id": ""}, {"id": 5}, {"status": ""}, {"project_id": "a\nb"}])
def test_a_bad_report_is_refused_as_a_whole(plant, changes):
    error = refused(plant.report_host, "a", 1, instance("ok"), instance() | changes, full=True)
    assert type(error) is exception.BadRequest
    assert str(error).startswith(f"instances.1.{next(iter(changes))}")
    assert plant.inventory.list_hosts(plant.context) == []


def test_the_name_a_user_gave_is_made_fit_to_print(plant):
    plant.report_host("a", 1, instance(name="a\x1b[2J" + "😀" * 300), full=True)
    name = plant.inventory.get_instance(plant.context, "i1")["name"]
    assert name.startswith("a?[2J😀")
    assert len(name) == 255
