"""Twenty callers at once with a token for one use, on each database: one gets it."""

import collections

import pytest

from consoles import exception
from tests.fixtures.concurrency import at_once
from tests.fixtures.concurrency import CALLERS
from tests.fixtures.concurrency import copies_of
from tests.fixtures.concurrency import crowded
from tests.fixtures.concurrency import DATABASES

ONCE = {"single_use": True}


@pytest.fixture(scope="module", params=DATABASES)
def module_plant(request):
    with crowded(request) as plant:
        yield plant


def used(plant, session):
    """→ the session that got the token, or None."""
    try:
        return plant.get("t", session)["session_id"]
    except exception.TokenUsed:
        return None


def one_of(plant, sessions):
    """The sessions try all at once; → the one that got it, after a look at what is stored."""
    (winner,) = filter(None, at_once(lambda number: used(plant, sessions[number])))
    living = [row["id"] for row in plant.sessions.list(plant.context) if not row["ended_at"]]
    assert living == [winner]
    return winner


def test_one_of_many_gets_it(plant):
    plant.add(options=ONCE)
    one_of(plant, [plant.session() for _ in range(CALLERS)])


def test_one_that_asks_many_times_gets_it_each_time(plant):
    plant.add(options=ONCE)
    session = plant.session()
    assert set(at_once(lambda _: used(plant, session))) == {session["id"]}


def test_one_of_many_gets_it_again_when_it_is_freed(plant):
    plant.add(options=ONCE)
    for _ in range(3):
        winner = one_of(plant, [plant.session() for _ in range(CALLERS)])
        tally = {"session_id": winner, "bytes_in": 0, "bytes_out": 0, "code": 4502,
                 "reason": "target_unreachable", "opened": False}
        at_once(lambda _: plant.sessions.close(plant.context, [tally]), 4)  # noqa: B023


def test_copies_of_the_service_give_it_to_one(plant):
    plant.add(options=ONCE, agent_host=None)
    use = copies_of(plant)
    counts = collections.Counter(at_once(lambda number: use(number, "t")))
    assert counts == {"open": 1, "TokenUsed": CALLERS - 1}


def test_channels_of_one_client_at_once_are_one_use(plant):
    """Those from elsewhere get it not, whoever of the others was the first."""
    plant.add(console_type="spice-html5", options=ONCE)
    first = plant.get("t", plant.session(kind="spice-html5"))["session_id"]
    answers = at_once(lambda number: used(plant, plant.session(
        kind="spice-html5", client_address=f"192.0.2.{1 + number % 2}")))
    assert all(answers[0::2])
    assert not any(answers[1::2])
    assert first not in answers
