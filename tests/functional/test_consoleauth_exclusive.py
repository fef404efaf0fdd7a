"""Serial consoles have one client at a time: who comes second is refused, or takes over."""

import re

import pytest

from consoles import exception
from consoles.db import models
from tests.fixtures.consoleauth import refused
from tests.fixtures.processes import wait_for


def add(plant, token="t", instance_id="i1", **changes):
    return plant.add(token, instance_id, **({"console_type": "serial"} | changes))


def session(plant, **changes):
    return plant.session(kind="serial", **changes)


def use(plant, token="t", **changes):
    """→ the session's id."""
    return plant.get(token, session(plant, **changes))["session_id"]



@pytest.mark.parametrize(("users", "by"), [
    (("alice", "alice"), "you"), (("alice", "bob"), "another user"),
    ((None, None), "another user"), (("alice", None), "another user")])
def test_a_second_session_is_told_since_when_and_by_whom(plant, users, by):
    add(plant, "first", user_id=users[0])
    add(plant, "second", user_id=users[1])
    use(plant, "first")
    late = session(plant)
    error = refused(plant.get, "second", late)
    assert type(error) is exception.InUse
    assert re.fullmatch(rf"In use since \d{{4}}-\d\d-\d\d \d\d:\d\d UTC, by {by}\.", error.public)
    assert len(error.public) <= 123
    assert (error.http_status, error.close_code, error.reason) == (409, 4409, "in_use")
    assert plant.session_row(late["id"]) is None


def test_each_line_of_a_server_is_a_console_of_its_own(plant):
    for token, line in (("first", {}), ("second", {"line": 1}), ("third", {"line": 1})):
        add(plant, token, options=line)
    first, second = use(plant, "first"), use(plant, "second")
    assert type(refused(plant.get, "third", session(plant))) is exception.InUse
    use(plant, "third", takeover=True)
    assert plant.session_row(second)["state"] == "ended"
    assert plant.session_row(first)["state"] == "opening"


def test_the_same_token_twice_is_a_second_session(plant):
    add(plant)
    use(plant)
    assert type(refused(plant.get, "t", session(plant))) is exception.InUse


def test_a_claim_that_is_repeated_finds_itself_only(plant):
    add(plant)
    asked = session(plant)
    assert plant.get("t", asked) == plant.get("t", asked)


def test_it_may_be_taken_over_and_the_first_is_closed(plant):
    add(plant, "first")
    add(plant, "second")
    first = use(plant, "first")
    second = use(plant, "second", takeover=True)
    row = plant.session_row(first)
    assert (row["state"], row["code"], row["reason"]) == ("ended", 4440, "taken_over")
    assert plant.session_row(second)["state"] == "opening"
    wait_for(lambda: plant.worker.closed == [([first], 4440, "taken_over")])
    assert type(refused(plant.get, "first", session(plant))) is exception.InUse


def test_taking_over_what_nobody_has_is_using_it(plant):
    add(plant)
    assert plant.session_row(use(plant, takeover=True))["state"] == "opening"


def test_a_takeover_that_is_refused_ends_nobody(plant):
    add(plant)
    first = use(plant)
    wrong = plant.session(kind="novnc", takeover=True)
    assert type(refused(plant.get, "t", wrong)) is exception.WrongConsoleType
    assert plant.session_row(first)["state"] == "opening"


def test_it_is_free_again_when_its_session_has_ended(plant):
    add(plant)
    plant.sessions.end(plant.context, use(plant))
    use(plant)


def test_other_instances_and_other_types_are_not_in_the_way(plant):
    add(plant)
    add(plant, "other", "i2")
    plant.add("screen", "i1", console_type="novnc")
    use(plant)
    use(plant, "other")
    plant.open("screen")
    plant.open("screen")        # a screen has as many viewers as like to look


def test_what_was_used_by_a_deleted_token_is_by_another(plant):
    """Its details may be gone while its session still is to be closed."""
    add(plant, "first", user_id="alice")
    add(plant, "second", user_id="alice")
    use(plant, "first")
    with plant.database.engine.begin() as connection:
        connection.execute(models.Connection.__table__.delete().where(
            models.Connection.__table__.c.id.in_(
                [row["connection_id"] for row in plant.sessions.list(plant.context)])))
    assert refused(plant.get, "second", session(plant)).public.endswith("by another user.")


def test_takeover_is_true_or_false(plant):
    add(plant)
    assert type(refused(plant.get, "t", session(plant) | {"takeover": "yes"})
                ) is exception.BadRequest
