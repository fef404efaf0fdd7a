"""What the janitor clears and what it leaves alone."""

import threading

import pytest
import sqlalchemy as sa

from consoles.consoleauth.janitor import Janitor
from consoles.db import models
from tests.fixtures.consoleauth import AGENT
from tests.fixtures.processes import wait_for

HOUR = 3600


def left(plant):
    with plant.database.engine.connect() as connection:
        return connection.scalar(sa.select(sa.func.count()).select_from(models.Connection))


def age_details(plant, expired, idle):
    plant.age(models.Connection, "expires_at", 601 if expired else 0)
    plant.age(models.Connection, "updated_at", idle)


@pytest.mark.parametrize("agent_host, expired, idle, cleared", [
    (None, True, HOUR + 1, True),
    (None, True, HOUR - 60, False),
    (None, False, HOUR + 1, False),
    ("down", True, HOUR + 1, True),
    ("never seen", True, HOUR + 1, True),
    (AGENT, True, HOUR + 1, False),
    (AGENT, True, 2 * HOUR + 1, True),
    (AGENT, False, 2 * HOUR + 1, False)])
def test_details_go_when_no_agent_will_release_them(plant, agent_host, expired, idle, cleared):
    plant.report_host("down", 1, full=True)
    plant.age(models.Host, "reported_at", 91)
    plant.report_host(AGENT, 1, full=True)
    plant.add(agent_host=agent_host)
    age_details(plant, expired, idle)
    assert plant.service.janitor.round()["connection details"] == int(cleared)
    assert left(plant) == int(not cleared)


def test_details_with_a_session_stay(plant):
    plant.add(agent_host=None)
    session = plant.open()
    plant.report_sessions(plant.row(session))
    age_details(plant, True, 3 * HOUR)
    assert plant.service.janitor.round()["connection details"] == 0
    plant.sessions.end(plant.context, session)
    assert plant.service.janitor.round()["connection details"] == 1


def test_sessions_are_remembered_for_their_time(plant):
    plant.add()
    plant.sessions.end(plant.context, plant.open(id="s1"))
    plant.open(id="s2")
    plant.age(models.Session, "started_at", 40 * 24 * HOUR)
    assert plant.service.janitor.round()["sessions forgotten"] == 0
    plant.age(models.Session, "ended_at", 30 * 24 * HOUR + 1)
    assert plant.service.janitor.round()["sessions forgotten"] == 1
    assert [row["id"] for row in plant.sessions.list(plant.context)] == ["s2"]


def test_many_rows_go_in_small_batches(plant):
    statements = []
    for number in range(7):
        plant.add(str(number), agent_host=None)
    age_details(plant, True, HOUR + 1)
    plant.conf.set_override("janitor_batch", 3, group="consoleauth")
    try:
        janitor = Janitor(plant.conf, plant.database)
    finally:
        plant.conf.clear_override("janitor_batch", group="consoleauth")
    sa.event.listen(plant.database.engine, "before_cursor_execute",
                    lambda *args: statements.append(args[2]))
    assert janitor.round()["connection details"] == 7
    assert sum(text.startswith("DELETE FROM connections") for text in statements) == 3


def test_the_thread_does_its_rounds_and_stops(plant):
    plant.conf.set_override("janitor_interval", 1, group="consoleauth")
    try:
        janitor = Janitor(plant.conf, plant.database)
    finally:
        plant.conf.clear_override("janitor_interval", group="consoleauth")
    plant.add(agent_host=None)
    age_details(plant, True, HOUR + 1)
    janitor.start()
    wait_for(lambda: left(plant) == 0)
    janitor.stop()
    assert "janitor" not in {thread.name for thread in threading.enumerate()}
