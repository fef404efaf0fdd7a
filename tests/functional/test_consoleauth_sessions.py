"""Sessions over the bus: reported, closed, listed, ended."""

import pytest
import sqlalchemy as sa

from consoles import exception
from consoles import model
from consoles.db import models
from tests.fixtures.consoleauth import refused
from tests.fixtures.consoleauth import WORKER
from tests.fixtures.processes import wait_for


@pytest.fixture
def opened(plant):
    plant.add()
    return plant.open(id="s1")


def tally(id, **changes):
    return model.Tally(**({"session_id": id, "bytes_in": 10, "bytes_out": 20, "code": 1000,
                           "reason": "client_closed"} | changes)).to_dict()


def lose_all(plant):
    plant.age(models.Session, "updated_at", 91)
    return plant.service.janitor.round()["sessions lost"]


def test_a_report_makes_a_session_live_and_touches_its_details(plant, opened):
    plant.age(models.Connection, "updated_at", 3601)
    assert plant.report_sessions(plant.row(opened, bytes_in=5, bytes_out=7)) == []
    row = plant.session_row(opened)
    assert (row["state"], row["bytes_in"], row["bytes_out"]) == ("live", 5, 7)
    assert plant.auth.get_connection_details_by_host(plant.context, "host1") == []


def test_a_report_brings_back_a_row_that_is_gone(plant, opened):
    row = plant.row("s2", state="live", bytes_in=3)
    assert plant.report_sessions(row) == []
    kept = plant.session_row("s2")
    assert (kept["bytes_in"], kept["worker"], kept["started_at"]) == (3, WORKER, 1)


def test_a_silent_worker_loses_its_sessions_and_gets_them_back(plant, opened):
    assert lose_all(plant) == 1
    assert plant.session_row(opened)["reason"] == "lost"
    assert plant.report_sessions(plant.row(opened)) == []
    row = plant.session_row(opened)
    assert (row["state"], row["reason"], row["ended_at"]) == ("live", None, None)


def test_a_worker_that_reports_loses_nothing(plant, opened):
    plant.age(models.Session, "updated_at", 91)
    plant.report_sessions(plant.row(opened))
    assert plant.service.janitor.round()["sessions lost"] == 0


def test_a_session_ended_meanwhile_is_to_be_closed(plant, opened):
    plant.report_sessions(plant.row(opened))
    plant.sessions.end(plant.context, opened)
    assert plant.report_sessions(plant.row(opened)) == [(opened, 4441, "ended_by_admin")]
    assert plant.session_row(opened)["state"] == "ended"


def test_details_deleted_while_a_session_was_lost_end_it_at_its_return(plant, opened):
    plant.report_sessions(plant.row(opened))
    lose_all(plant)
    plant.auth.delete_connection_details(plant.context, ["t"], reason="instance_deleted")
    assert plant.report_sessions(plant.row(opened)) == [(opened, 4404, "instance_deleted")]
    wait_for(plant.worker.told.is_set)


def test_a_worker_born_again_has_lost_its_former_sessions(plant, opened):
    plant.report_sessions(plant.row(opened))
    plant.add("u", "i2")
    plant.get("u", plant.session("s2", boot_id="boot2"))
    plant.report_sessions(plant.row("s2"), boot_id="boot2")
    assert plant.session_row(opened)["reason"] == "lost"
    assert plant.session_row("s2")["state"] == "live"


def test_former_lives_are_looked_for_once_in_a_life(plant, opened):
    asked = []

    def note(connection, cursor, statement, *rest):
        asked.append("boot_id NOT IN" in statement)

    sa.event.listen(plant.database.engine, "before_cursor_execute", note)
    for boot_id in ("boot3", "boot3", "boot4", "boot4"):
        plant.report_sessions(plant.row(opened), boot_id=boot_id)
    sa.event.remove(plant.database.engine, "before_cursor_execute", note)
    assert asked.count(True) == 2


def test_a_malformed_row_does_not_hide_the_others(plant, opened):
    bad = plant.row("s2", bytes_in=-1)
    assert plant.report_sessions(bad, plant.row(opened)) == []
    assert plant.session_row(opened)["state"] == "live"
    assert plant.session_row("s2") is None


def test_a_tally_is_recorded_once_however_often_it_comes(plant, opened):
    for _ in range(3):
        assert plant.sessions.close(plant.context, [tally(opened)]) == [opened]
    row = plant.session_row(opened)
    assert (row["state"], row["reason"], row["code"]) == ("ended", "client_closed", 1000)
    assert (row["bytes_in"], row["bytes_out"]) == (10, 20)
    assert row["ended_at"] >= row["started_at"]


def test_a_late_tally_keeps_the_length_of_the_session(plant, opened):
    plant.age(models.Session, "started_at", 1000)
    plant.sessions.close(plant.context, [tally(opened, started_at=5_000, ended_at=65_000)])
    row = plant.session_row(opened)
    assert row["ended_at"] - row["started_at"] == 60_000


def test_the_reason_an_administrator_gave_outlives_the_tally(plant, opened):
    plant.sessions.end(plant.context, opened)
    plant.sessions.close(plant.context, [tally(opened)])
    row = plant.session_row(opened)
    assert (row["reason"], row["code"], row["bytes_in"]) == ("ended_by_admin", 4441, 10)


def test_a_tally_says_more_than_lost(plant, opened):
    lose_all(plant)
    plant.sessions.close(plant.context, [tally(opened)])
    assert plant.session_row(opened)["reason"] == "client_closed"


def test_tallies_that_cannot_be_recorded_are_acknowledged(plant, opened):
    tallies = [tally("unknown"), tally("bad", code=-1), tally(opened)]
    assert plant.sessions.close(plant.context, tallies) == ["unknown", "bad", opened]
    assert plant.session_row(opened)["state"] == "ended"


def test_ending_reaches_the_worker_also_while_the_session_opens(plant, opened):
    assert plant.sessions.end(plant.context, opened) is True
    assert plant.worker.closed == [([opened], 4441, "ended_by_admin")]
    assert plant.sessions.end(plant.context, "unknown") is False


def test_ending_says_that_the_worker_is_away(plant):
    plant.add()
    plant.get("t", plant.session("s1", worker="gone:novnc:0"))
    error = refused(plant.sessions.end, plant.context, "s1")
    assert type(error) is exception.ProxyUnavailable
    assert plant.sessions.end(plant.context, "s1") is False
    over = plant.report_sessions(plant.row("s1"), worker="gone:novnc:0")
    assert over == [("s1", 4441, "ended_by_admin")]


def test_sessions_are_listed_newest_first_in_pages(plant):
    plant.add()
    for number in range(5):
        plant.open(id=f"s{number}")
        plant.age(models.Session, "started_at", 10)
    first = plant.sessions.list(plant.context, limit=2)
    assert [row["id"] for row in first] == ["s4", "s3"]
    rest = plant.sessions.list(plant.context, marker="s3")
    assert [row["id"] for row in rest] == ["s2", "s1", "s0"]
    error = refused(plant.sessions.list, plant.context, marker="unknown")
    assert type(error) is exception.BadRequest


def test_sessions_are_filtered(plant):
    def ids(**filters):
        return {row["id"] for row in plant.sessions.list(plant.context, filters)}
    plant.add("a", "i1", project_id="p1")
    plant.add("b", "i2", project_id="p2")
    plant.open("a", "s1")
    plant.get("b", plant.session("s2", worker="gone:novnc:0"))
    plant.sessions.close(plant.context, [tally("s1")])
    assert ids(instance_id="i1") == ids(project_id="p1") == ids(state="ended") == {"s1"}
    assert ids(worker="gone:novnc:0") == ids(state="opening") == {"s2"}
    error = refused(plant.sessions.list, plant.context, {"user": "x"})
    assert type(error) is exception.BadRequest


def test_a_reason_to_end_is_a_word(plant):
    plant.add()
    opened = plant.open()
    for reason in ("", "Because I say so", "a\nb", "x" * 65):
        assert refused(plant.sessions.end, plant.context, opened, 4441, reason).http_status == 400
    assert plant.sessions.end(plant.context, opened, 4441, "taken_over") is True
