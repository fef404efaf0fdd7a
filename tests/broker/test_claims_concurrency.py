"""Twenty callers at once with a token for one use, on SQLite and on MariaDB: one gets it."""

import collections

import pytest

from consoles import exception
from consoles import model
from consoles.consoleauth.manager import ConsoleAuthManager
from consoles.context import RequestContext
from consoles.rpc import transport
from consoles.rpc.consoleauth import ConsoleAuth
from consoles.rpc.sessions import Sessions
from tests.broker.test_consoleauth_concurrency import at_once
from tests.broker.test_consoleauth_concurrency import CALLERS
from tests.fixtures.consoleauth import started

ONCE = {"single_use": True}


@pytest.fixture(scope="module", params=["sqlite", "mariadb"])
def module_plant(request, tmp_path_factory):
    url = f"sqlite:///{tmp_path_factory.mktemp('consoleauth')}/consoles.sqlite"
    if request.param == "mariadb":
        url = request.getfixturevalue("mariadb").new_database()
    with started(url, [("max_checks_per_host", CALLERS, "consoleauth")]) as plant:
        caller = transport.ThreadCaller(plant.bus, timeout=60)  # the machine's load is no matter
        plant.auth, plant.sessions = ConsoleAuth(caller), Sessions(caller)
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
    """Each copy a manager of its own: nothing is remembered in a process."""
    plant.add(options=ONCE, agent_host=None)
    closer = plant.service.closer
    copies = [ConsoleAuthManager(plant.conf, plant.database, None, closer) for _ in range(4)]
    token = model.token_hash("t")

    def use(number):
        try:
            copies[number % 4].get_connection_details(
                RequestContext().to_dict(), token=token, session=plant.session())
        except Exception as exc:  # oslo.messaging wraps what an endpoint may answer with
            return type(exc.exc_info[1]).__name__
        return "open"

    counts = collections.Counter(at_once(use))
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
