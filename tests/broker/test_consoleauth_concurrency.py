"""Twenty callers at once, on each kind of database: nothing fails, nothing counts twice."""

import collections

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from consoles import model
from consoles.consoleauth.janitor import Janitor
from consoles.db import models
from tests.fixtures.concurrency import at_once
from tests.fixtures.concurrency import CALLERS
from tests.fixtures.concurrency import crowded
from tests.fixtures.concurrency import DATABASES
from tests.fixtures.consoleauth import AGENT
from tests.fixtures.consoleauth import instance
from tests.fixtures.consoleauth import WORKER


@pytest.fixture(scope="module", params=DATABASES)
def module_plant(request):
    with crowded(request) as plant:
        yield plant


def test_the_migrations_make_what_the_models_say(plant):
    with plant.database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, models.Base.metadata) == []


def test_a_token_added_by_many_is_one_token(plant):
    answers = at_once(lambda _: plant.add())
    assert all(answer == answers[0] for answer in answers)


def test_many_open_one_token(plant):
    plant.add()
    opened = at_once(lambda _: [plant.open() for _ in range(5)])
    ids = {id for part in opened for id in part}
    assert len(ids) == 5 * CALLERS
    assert {row["id"] for row in plant.sessions.list(plant.context, limit=1000)} == ids


def test_a_token_deleted_while_many_open_it_leaves_no_session_behind(plant):
    plant.add()

    def use_or_delete(number):
        if number == CALLERS // 2:
            plant.open()
            return plant.auth.delete_connection_details(plant.context, ["t"])["sessions"]
        return [session["id"] for session in (plant.session() for _ in range(5))
                if plant.get("t", session) is not None]

    answers = at_once(use_or_delete)
    ended = set(answers.pop(CALLERS // 2))
    assert ended == {id for part in answers for id in part} | ended
    assert plant.get() is None
    states = {row["state"] for row in plant.sessions.list(plant.context, limit=1000)}
    assert states == {"ended"}


def test_a_report_sent_by_many_is_applied_once(plant):
    for sequence in (1, 2):
        answers = at_once(lambda _, n=sequence: plant.report_host(
            "h", n, instance(name=f"name{n}"), full=n == 1))
        assert collections.Counter(answers) == {"applied": 1, "old": CALLERS - 1}
    assert plant.inventory.get_instance(plant.context, "i1")["name"] == "name2"


def test_many_hosts_claim_the_same_instances(plant):
    guests = [instance(str(number)) for number in range(30)]

    def claim(number):
        ordered = guests if number % 2 else guests[::-1]
        return [plant.report_host(f"h{number}", n, *ordered, full=True) for n in (1, 2, 3)]

    assert all(answers == ["applied"] * 3 for answers in at_once(claim))
    found = plant.inventory.list_instances(plant.context)
    assert len(found) == 30
    counts = [row["instances"] for row in plant.inventory.list_hosts(plant.context)]
    assert (len(counts), sum(counts)) == (CALLERS, 30)


def test_reports_tallies_deletions_and_janitors_do_not_disturb_each_other(plant):
    plant.report_host(AGENT, 1, *(instance(f"i{n}") for n in range(CALLERS)), full=True)
    for number in range(CALLERS):
        plant.add(f"t{number}", f"i{number}")
    janitors = [Janitor(plant.conf, plant.database) for _ in range(4)]

    def live(number):
        worker = f"{WORKER}{number}"
        ids = [plant.get(f"t{number}", plant.session(worker=worker))["session_id"]
               for _ in range(5)]
        for done in (1, 2, 3):
            plant.report_sessions(*(plant.row(id, bytes_in=done) for id in ids), worker=worker)
            plant.age(models.Session, "updated_at", 40)  # of everybody: some get lost
            janitors[number % 4].round()
        tallies = [model.Tally(session_id=id, bytes_in=number, bytes_out=7, code=1000,
                               reason="client_closed").to_dict() for id in ids]
        if number % 5 == 0:
            plant.auth.delete_connection_details(plant.context, [f"t{number}"])
        plant.sessions.close(plant.context, tallies)
        plant.sessions.close(plant.context, tallies)
        return len(ids)

    assert sum(at_once(live)) == 5 * CALLERS
    rows = plant.sessions.list(plant.context, limit=1000)
    assert len(rows) == 5 * CALLERS
    reasons = collections.Counter(row["reason"] for row in rows)
    assert reasons == {"client_closed": 4 * CALLERS, "deleted": CALLERS}
    assert sum(row["bytes_in"] for row in rows) == 5 * sum(range(CALLERS))
    assert sum(row["bytes_out"] for row in rows) == 7 * 5 * CALLERS
    with plant.database.engine.connect() as connection:
        left = connection.scalar(sa.select(sa.func.count()).select_from(models.Connection))
    assert left == CALLERS - CALLERS // 5
