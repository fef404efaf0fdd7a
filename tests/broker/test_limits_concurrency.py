"""Twenty callers at once against limits of sessions, on each database: kept exactly."""

import collections

import pytest
import sqlalchemy as sa
from sqlalchemy import orm

from consoles import exception
from consoles.db import models
from tests.fixtures.concurrency import at_once
from tests.fixtures.concurrency import CALLERS
from tests.fixtures.concurrency import copies_of
from tests.fixtures.concurrency import crowded
from tests.fixtures.concurrency import DATABASES
from tests.fixtures.explain import explain

PER_TOKEN = 3
PER_PROJECT = 7


@pytest.fixture(scope="module", params=DATABASES)
def module_plant(request):
    with crowded(request, ("max_sessions_per_token", PER_TOKEN, "proxy"),
                 ("max_sessions_per_project", PER_PROJECT, "proxy")) as plant:
        yield plant


def opened(plant, token):
    """→ how one attempt to use a token ended."""
    try:
        plant.get(token, plant.session())
    except exception.OverLimit:
        return "over"
    return "open"


def test_a_token_used_by_many_gets_as_many_sessions_as_its_limit(plant):
    plant.add()
    counts = collections.Counter(at_once(lambda _: opened(plant, "t")))
    assert counts == {"open": PER_TOKEN, "over": CALLERS - PER_TOKEN}


def test_many_tokens_of_a_project_get_as_many_sessions_as_its_limit(plant):
    """The very first openings of a project, for which no row stands yet, included."""
    for number in range(CALLERS):
        plant.add(f"t{number}", f"i{number}")
    counts = collections.Counter(at_once(lambda number: opened(plant, f"t{number}")))
    assert counts == {"open": PER_PROJECT, "over": CALLERS - PER_PROJECT}
    states = collections.Counter(row["state"] for row in plant.sessions.list(plant.context))
    assert states == {"opening": PER_PROJECT}


def test_a_project_at_its_limit_leaves_the_others_alone(plant):
    for number in range(CALLERS):
        owner = "mine" if number < CALLERS - 5 else "yours"
        plant.add(f"t{number}", f"i{number}", project_id=owner)
    answers = at_once(lambda number: opened(plant, f"t{number}"))
    assert answers[-5:] == ["open"] * 5
    assert answers[:-5].count("open") == PER_PROJECT


def test_copies_of_the_service_keep_one_limit(plant):
    for number in range(CALLERS):
        plant.add(f"t{number}", f"i{number}", agent_host=None)
    use = copies_of(plant)
    counts = collections.Counter(at_once(lambda number: use(number, f"t{number}")))
    assert counts == {"open": PER_PROJECT, "OverLimit": CALLERS - PER_PROJECT}


def test_counting_reads_the_index(plant):
    """Among many live sessions of others and many that this project had before."""
    rows = [{"id": f"s{n}", "connection_id": f"c{n}", "project_id": "p" if n % 2 else f"p{n}",
             "ended_at": n if n % 2 else None, "instance_id": "i", "console_type": "novnc",
             "state": "live", "worker": "w", "boot_id": "b", "client_address": "a",
             "user_agent": "", "started_at": n, "updated_at": n} for n in range(2000)]
    plant.database.write(lambda db: db.execute(sa.insert(models.Session), rows) and None)
    ended = models.Session.ended_at.is_(None)
    by = {"ix_sessions_project_id_ended_at": models.Session.project_id == "p",
          "ix_sessions_connection_id": models.Session.connection_id == "c2"}
    for index, condition in by.items():
        query = sa.select(sa.func.count()).select_from(models.Session).where(condition, ended)
        (step,) = explain(plant.database, orm.Session.scalar, query)
        assert step.index == index


def test_a_console_of_one_client_is_opened_by_one_of_many(plant):
    """All at once, each with a token of its own; then all take it over, and the last one has it."""
    for number in range(CALLERS):
        plant.add(f"t{number}", "i1", console_type="serial")

    def used(number, takeover=False):
        try:
            plant.get(f"t{number}", plant.session(kind="serial", takeover=takeover))
        except exception.InUse:
            return "in use"
        return "open"

    counts = collections.Counter(at_once(used))
    assert counts == {"open": 1, "in use": CALLERS - 1}
    counts = collections.Counter(at_once(lambda number: used(number, takeover=True)))
    assert counts == {"open": CALLERS}
    states = collections.Counter(
        (row["state"], row["reason"]) for row in plant.sessions.list(plant.context))
    assert states == {("ended", "taken_over"): CALLERS, ("opening", None): 1}
