"""Tokens for one use and for some addresses, as consoleauth keeps them."""

import threading
from concurrent import futures

import pytest

from consoles import exception
from consoles.db import claims
from consoles.db import models
from tests.fixtures.consoleauth import refused
from tests.fixtures.consoleauth import WORKER
from tests.fixtures.processes import wait_for

ONCE = {"single_use": True}
SPICE = {"console_type": "spice-html5", "options": ONCE}


def channel(plant, **changes):
    """One WebSocket of a SPICE client; → its session's id."""
    return plant.get("t", plant.session(kind="spice-html5", **changes))["session_id"]


def claimer(plant):
    with plant.database.engine.connect() as connection:
        return connection.scalar(models.Connection.__table__.select().with_only_columns(
            models.Connection.claimed_by))


def tally(id, **changes):
    return {"session_id": id, "bytes_in": 0, "bytes_out": 0, "code": 1000,
            "reason": "client_closed"} | changes


def test_a_token_for_one_use_is_used_once(plant):
    plant.add(options=ONCE)
    first = plant.open()
    session = plant.session()
    error = refused(plant.get, "t", session)
    assert (type(error), error.http_status, error.close_code) == (exception.TokenUsed, 401, 4401)
    assert plant.session_row(session["id"]) is None
    assert claimer(plant) == first


def test_the_session_that_took_it_may_ask_again(plant):
    """The answer may have been lost on its way."""
    plant.add(options=ONCE)
    session = plant.session()
    assert plant.get("t", session) == plant.get("t", session)


def test_a_reload_is_a_second_use(plant):
    plant.add(options=ONCE)
    plant.sessions.close(plant.context, [tally(plant.open())])
    assert type(refused(plant.open)) is exception.TokenUsed


def test_other_tokens_are_used_as_often_as_before(plant):
    plant.add(options={"single_use": False})
    plant.open()
    plant.open()


def test_looking_at_a_token_does_not_use_it(plant):
    plant.add(options=ONCE)
    assert plant.get()["options"] == ONCE
    plant.open()


@pytest.mark.parametrize("error", [exception.PortChanged, exception.InstanceNotReady,
                                   exception.InstanceNotFound])
def test_it_is_free_again_when_the_agent_says_no(plant, error):
    plant.add(options=ONCE)
    plant.agent.error = error()
    refused(plant.open)
    assert claimer(plant) is None
    plant.agent.error = None
    plant.open()


def test_it_is_free_again_when_the_target_was_not_reached(plant):
    plant.add(options=ONCE)
    first = plant.open()
    plant.sessions.close(plant.context, [
        tally(first, opened=False, code=4502, reason="target_unreachable")])
    plant.open()


def test_an_end_told_twice_frees_nothing_that_another_has_taken(plant):
    plant.add(options=ONCE)
    told = [tally(plant.open(), opened=False)]
    plant.sessions.close(plant.context, told)
    plant.open()
    plant.sessions.close(plant.context, told)
    assert type(refused(plant.open)) is exception.TokenUsed


@pytest.mark.parametrize("wrong", [{"kind": "serial"}, {"client_address": "198.51.100.1"}])
def test_who_is_refused_does_not_use_it_up(plant, wrong):
    plant.add(options=ONCE | {"client_cidr": "192.0.2.0/24"})
    refused(plant.get, "t", plant.session(**wrong))
    assert claimer(plant) is None
    plant.open()


def test_a_line_that_is_in_use_does_not_use_it_up(plant):
    plant.add("work", console_type="serial")
    worker = plant.get("work", plant.session(kind="serial"))["session_id"]
    plant.add(console_type="serial", options=ONCE)
    assert type(refused(plant.get, "t", plant.session(kind="serial"))) is exception.InUse
    plant.sessions.close(plant.context, [tally(worker)])
    plant.get("t", plant.session(kind="serial"))


def test_channels_of_one_spice_client_are_one_use(plant):
    plant.add(**SPICE)
    main, display = channel(plant), channel(plant)
    assert main != display
    assert claimer(plant) == main


def test_a_sibling_from_elsewhere_is_refused(plant):
    plant.add(**SPICE)
    channel(plant)
    with pytest.raises(exception.TokenUsed):
        channel(plant, client_address="192.0.2.2")


def test_a_sibling_that_comes_late_is_refused(plant):
    plant.add(**SPICE)
    channel(plant)
    plant.age(models.Session, "started_at", claims.SIBLINGS_WITHIN + 1)
    with pytest.raises(exception.TokenUsed):
        channel(plant)


def test_a_sibling_comes_only_while_the_main_channel_lives(plant):
    plant.add(**SPICE)
    plant.sessions.close(plant.context, [tally(channel(plant))])
    with pytest.raises(exception.TokenUsed):
        channel(plant)


def test_siblings_end_with_the_main_channel(plant):
    plant.add(**SPICE)
    main, display, cursor = channel(plant), channel(plant), channel(plant)
    plant.sessions.close(plant.context, [tally(cursor)])
    assert plant.session_row(display)["ended_at"] is None
    plant.sessions.close(plant.context, [tally(main, reason="ended_by_admin", code=4441)])
    assert plant.session_row(display)["state"] == "ended"
    wait_for(plant.worker.told.is_set)
    assert plant.worker.closed == [([display], 1000, claims.SIBLINGS_END)]


def test_siblings_end_with_a_main_channel_that_never_reached_its_target(plant):
    """Else they would live on while the token is free for anybody's next use."""
    plant.add(**SPICE)
    main, sibling = channel(plant), channel(plant)
    plant.sessions.close(plant.context, [
        tally(main, opened=False, code=4502, reason="target_unreachable")])
    assert plant.session_row(main)["reason"] == "target_unreachable"
    assert plant.session_row(sibling)["state"] == "ended"
    wait_for(plant.worker.told.is_set)
    assert plant.worker.closed == [([sibling], 1000, claims.SIBLINGS_END)]
    channel(plant, client_address="192.0.2.9")
    with pytest.raises(exception.TokenUsed):
        channel(plant, client_address="192.0.2.10")


def test_siblings_end_with_a_main_channel_that_the_agent_refuses(plant):
    plant.add(**SPICE)
    answering, asked = threading.Event(), threading.Event()
    answer = plant.agent.answer

    def refuse(*arguments):
        asked.set()
        assert answering.wait(30)
        raise exception.InstanceNotReady
    plant.agent.answer = refuse
    with futures.ThreadPoolExecutor() as pool:
        main = pool.submit(channel, plant)
        assert asked.wait(30)
        plant.agent.answer = answer
        sibling = channel(plant)
        answering.set()
        with pytest.raises(exception.InstanceNotReady):
            main.result(30)
    assert plant.session_row(sibling)["state"] == "ended"
    assert claimer(plant) is None


def test_channels_of_a_token_for_many_uses_end_alone(plant):
    plant.add(console_type="spice-html5")
    others = [channel(plant), channel(plant)]
    plant.sessions.close(plant.context, [tally(channel(plant))])
    assert [plant.session_row(id)["ended_at"] for id in others] == [None, None]


def test_only_spice_has_siblings(plant):
    plant.add(options=ONCE)
    plant.open()
    assert type(refused(plant.open)) is exception.TokenUsed


@pytest.mark.parametrize(("cidr", "address", "admitted"), [
    ("192.0.2.0/24", "192.0.2.9", True), ("192.0.2.0/24", "192.0.3.9", False),
    ("2001:db8::/64", "2001:db8::9", True), ("2001:db8::/64", "192.0.2.9", False)])
def test_a_token_for_some_addresses(plant, cidr, address, admitted):
    plant.add(options={"client_cidr": cidr})
    session = plant.session(client_address=address)
    if admitted:
        assert plant.get("t", session)["session_id"] == session["id"]
    else:
        error = refused(plant.get, "t", session)
        assert type(error) is exception.AddressNotAllowed
        assert (error.http_status, error.close_code) == (403, 4403)
        assert plant.session_row(session["id"]) is None


def test_who_only_looks_takes_nobodys_line_over(plant):
    plant.add("work", console_type="serial")
    plant.add("look", console_type="serial", options={"view_only": True})
    worker = plant.get("work", plant.session(kind="serial"))["session_id"]
    error = refused(plant.get, "look", plant.session(kind="serial", takeover=True))
    assert type(error) is exception.InUse
    assert plant.session_row(worker)["worker"] == WORKER
    assert plant.session_row(worker)["ended_at"] is None


@pytest.mark.parametrize("options", [
    {"single_use": 1}, {"view_only": "yes"}, {"client_cidr": 7}, {"client_cidr": "192.0.2.7/24"},
    {"client_cidr": ""}])
def test_restrictions_that_are_not_understood(plant, options):
    error = refused(plant.add, options=options)
    assert type(error) is exception.BadRequest
    assert next(iter(options)) in str(error)


@pytest.mark.parametrize("console_type", ["spice-html5", "webmks", "rdp-html5", "spice-direct"])
def test_looking_only_where_it_cannot_be_kept(plant, console_type):
    error = refused(plant.add, console_type=console_type, options={"view_only": True})
    assert type(error) is exception.BadRequest
