"""What bounds the use of a token: its time, its own and its project's sessions."""

import pytest
import sqlalchemy as sa
from sqlalchemy import orm

from consoles import exception
from consoles import model
from consoles.db import clock
from consoles.db import connections
from consoles.db import models
from tests.fixtures.consoleauth import refused
from tests.fixtures.consoleauth import started

OPTIONS = [("max_sessions_per_token", 2, "proxy"), ("max_sessions_per_project", 3, "proxy"),
           ("enforce_session_timeout", True, "consoleauth"),
           ("token_max_life", 900, "consoleauth")]


@pytest.fixture(scope="module")
def module_plant(tmp_path_factory):
    directory = tmp_path_factory.mktemp("consoleauth")
    with started(f"sqlite:///{directory}/consoles.sqlite", OPTIONS) as plant:
        yield plant


def over_limit(plant, token):
    """Use a token that is refused by a limit; nothing is left of the attempt."""
    session = plant.session()
    error = refused(plant.get, token, session)
    assert type(error) is exception.OverLimit
    assert error.retry_after == exception.OverLimit.retry_after
    assert plant.session_row(session["id"]) is None


def test_a_token_has_only_so_many_sessions_at_a_time(plant):
    plant.add()
    first, second = plant.open(), plant.open()
    plant.report_sessions(plant.row(first))
    over_limit(plant, "t")
    assert plant.column(models.Connection.claimed_by, plant.session_row(first)["connection_id"]
                        ) == second
    plant.sessions.end(plant.context, first)
    plant.open()


def test_a_claim_that_is_repeated_counts_once(plant):
    plant.add()
    plant.open()
    session = plant.session()
    assert plant.get("t", session) == plant.get("t", session)


def test_a_project_has_only_so_many_sessions_at_a_time(plant):
    for number in range(3):
        plant.add(f"t{number}", f"i{number}")
        plant.open(f"t{number}", id=f"s{number}")
    plant.add("one more")
    over_limit(plant, "one more")
    plant.add("foreign", project_id="other")
    plant.open("foreign")
    plant.sessions.end(plant.context, "s0")
    plant.open("one more")


def test_a_project_at_its_limit_asks_no_agent(plant):
    for number in range(3):
        plant.add(f"t{number}", f"i{number}")
        plant.open(f"t{number}")
    plant.agent.asked.clear()
    plant.add("one more")
    over_limit(plant, "one more")
    assert plant.agent.asked == []


def test_instances_without_a_project_are_not_counted_together(plant):
    for number in range(5):
        plant.add(f"t{number}", f"i{number}", project_id=None)
        plant.open(f"t{number}")


def test_a_caller_may_ask_for_a_longer_life_up_to_the_cap(plant):
    def life(token, ttl):
        added = plant.add(token, ttl=ttl)
        return added["expires_at"] - added["created_at"]
    assert [life("a", None), life("b", 700), life("c", 10_000)] == [600_000, 700_000, 900_000]


def test_a_session_ends_with_its_token_where_that_is_enforced(plant):
    plant.add()
    plant.add("longer", "i2", ttl=900)
    short, longer = plant.open(), plant.open("longer")
    rows = [plant.row(short), plant.row(longer)]
    assert plant.report_sessions(*rows) == []
    plant.age(models.Connection, "expires_at", 601)
    assert plant.report_sessions(*rows) == [(short, 4443, "session_expired")]
    assert plant.session_row(short)["state"] == "ended"
    assert plant.session_row(longer)["state"] == "live"


def test_a_token_is_expired_in_the_very_millisecond_that_it_expires_in(plant):
    """By the clock of the database, the only one that is asked; it stands still here."""
    plant.add()
    found = {}
    with plant.database.engine.connect() as connection, orm.Session(connection) as db:
        connection.connection.driver_connection.create_function(
            "julianday", 1, lambda _: 2_500_000.5)
        now = clock.read(db)
        for later in (-1, 0, 1):
            db.execute(sa.update(models.Connection).values(expires_at=now + later))
            found[later] = connections.find(db, model.token_hash("t")) is not None
        db.rollback()
        connection.invalidate()  # nobody else gets this one
    assert found == {-1: False, 0: False, 1: True}


def test_a_token_used_from_another_address_is_told_apart(plant):
    plant.add()
    for address in ("192.0.2.1", "203.0.113.9"):
        plant.get("t", plant.session(client_address=address))
    rows = plant.sessions.list(plant.context)
    assert {row["client_address"] for row in rows} == {"192.0.2.1", "203.0.113.9"}
    assert len({row["connection_id"] for row in rows}) == 1
