"""Connection details over the bus: added, used, listed, touched, deleted."""

import json
import uuid

import pytest
import sqlalchemy as sa

from consoles import exception
from consoles import model
from consoles.db import models
from tests.fixtures.consoleauth import AGENT
from tests.fixtures.consoleauth import instance
from tests.fixtures.consoleauth import refused
from tests.fixtures.processes import wait_for

SPLIT = "/console?x HTTP/1.1\r\nHost: evil\r\n\r\n"


def test_a_token_leads_to_where_the_agent_says_the_console_is(plant):
    added = plant.add(user_id="u", options={"view_only": True})
    id = str(uuid.uuid4())
    details = model.Details.from_dict(plant.get(session=plant.session(id)))
    assert (details.host, details.port) == (AGENT, 5901)
    assert details.internal_access_path == "/console?ticket=fresh"
    assert details.access_url_base == "https://consoles.example/vnc_auto.html"
    assert (details.id, details.session_id) == (added["id"], id)
    assert (details.project_id, details.user_id) == ("project", "u")
    assert details.options == {"view_only": True}
    assert details.request_id == plant.context.request_id
    assert details.expires_at - details.created_at == 600_000
    row = plant.session_row(id)
    assert row["state"] == "opening"
    assert row["client_address"] == "192.0.2.1"
    assert plant.column(models.Connection.claimed_by, added["id"]) == id


def test_only_the_hash_of_a_token_is_stored(plant):
    plant.add("the secret itself")
    with plant.database.engine.connect() as connection:
        stored = connection.execute(sa.select(models.Connection)).mappings().one()
    assert "the secret itself" not in json.dumps(dict(stored))
    assert stored["token_hash"] == model.token_hash("the secret itself")


def test_a_ticket_is_stored_only_where_no_agent_can_be_asked(plant):
    with_agent = plant.add("a", internal_access_path="/x?session_id=1")
    without = plant.add("b", agent_host=None, internal_access_path="/x?session_id=1")
    path = models.Connection.internal_access_path
    assert plant.column(path, with_agent["id"]) is None
    assert plant.column(path, without["id"]) == "/x?session_id=1"
    details = plant.get("b", plant.session())
    assert details["internal_access_path"] == "/x?session_id=1"
    assert plant.agent.asked == []


def test_an_unknown_and_an_expired_token_look_alike(plant):
    plant.add()
    plant.age(models.Connection, "expires_at", 601)
    assert plant.get("t", plant.session()) is None
    assert plant.get("t") is None
    assert plant.get("other", plant.session()) is None
    assert plant.sessions.list(plant.context) == []


def test_a_token_opens_again_until_it_expires(plant):
    plant.add()
    first, second = plant.open(), plant.open()
    assert first != second
    assert {row["id"] for row in plant.sessions.list(plant.context)} == {first, second}


def test_the_wrong_proxy_is_refused_and_claims_nothing(plant):
    added = plant.add()
    session = plant.session(kind="serial")
    assert type(refused(plant.get, "t", session)) is exception.WrongConsoleType
    assert plant.session_row(session["id"]) is None
    assert plant.column(models.Connection.claimed_by, added["id"]) is None


@pytest.mark.parametrize("error", [
    exception.PortChanged, exception.InstanceNotFound, exception.InstanceNotReady])
def test_what_the_agent_refuses_is_refused_and_the_session_ends(plant, error):
    plant.add()
    plant.agent.error = error("said the agent")
    session = plant.session()
    assert type(refused(plant.get, "t", session)) is error
    row = plant.session_row(session["id"])
    assert (row["state"], row["reason"], row["code"]) == ("ended", error.reason, error.close_code)


def test_an_agent_that_is_away_is_named(plant):
    plant.add(agent_host="nobody")
    session = plant.session()
    assert type(refused(plant.get, "t", session)) is exception.AgentUnavailable
    assert plant.session_row(session["id"])["reason"] == "agent_unavailable"


def test_a_console_is_followed_to_the_host_its_instance_went_to(plant):
    added = plant.add()
    second = plant.add_agent("host2")
    plant.report_host("host2", 1, instance(), full=True)
    details = plant.get("t", plant.session())
    assert (details["host"], details["agent_host"]) == ("host2", "host2")
    assert details["access_url_base"] == "https://consoles.example/vnc_auto.html"
    assert (second.asked, plant.agent.asked) == (["get_console"], [])
    assert plant.column(models.Connection.agent_host, added["id"]) == "host2"
    plant.get("t", plant.session())
    assert second.asked[1:] == ["validate_console"]


def test_an_instance_between_two_hosts_is_moving_not_gone(plant):
    plant.add()
    plant.report_host(AGENT, 1, instance(), full=True)
    plant.agent.error = exception.InstanceNotFound("not here")
    assert type(refused(plant.get, "t", plant.session())) is exception.InstanceMoving


def test_a_repeated_call_is_answered_as_the_first(plant):
    first = plant.add()
    assert plant.add() == first
    session = plant.session()
    assert plant.get("t", session) == plant.get("t", session)
    assert len(plant.sessions.list(plant.context)) == 1
    assert type(refused(plant.add, "t", "i2")) is exception.BadRequest


def test_the_life_of_a_token_is_capped_by_the_configuration(plant):
    def life(token, ttl):
        added = plant.add(token, ttl=ttl)
        return added["expires_at"] - added["created_at"]
    assert [life("a", 1), life("b", 90), life("c", 100_000)] == [1000, 90_000, 600_000]


@pytest.mark.parametrize("changes", [
    {"internal_access_path": SPLIT}, {"internal_access_path": "/a b"},
    {"internal_access_path": "/a\x00"}, {"internal_access_path": "/a\n"},
    {"internal_access_path": "/ü"},
    {"console_type": "webmks", "internal_access_path": '{"ticket": "a\n"}'},
    {"console_type": "telnet"}, {"port": 0}, {"port": 65536}, {"port": "5900"}, {"port": True},
    {"ttl": 0}, {"ttl": -1}, {"ttl": 1.5}, {"host": ""}, {"host": "a\nb"}, {"host": None},
    {"instance_id": "x" * 65}, {"instance_id": "\ud800"}, {"access_url_base": "javascript:x"},
    {"access_url_base": "https://a b/"}, {"options": []}, {"tls_port": 70000}])
def test_bad_details_are_refused_without_being_shown(plant, changes):
    error = refused(plant.add, **changes)
    assert type(error) is exception.BadRequest
    assert next(reversed(changes)) in str(error)
    if "internal_access_path" in changes:
        assert changes["internal_access_path"] not in str(error)


def test_a_ticket_in_json_may_contain_spaces(plant):
    ticket = json.dumps({"ticket": "a b", "port": 902})
    plant.add(agent_host=None, console_type="webmks", internal_access_path=ticket)
    details = plant.get("t", plant.session(kind="webmks"))
    assert details["internal_access_path"] == ticket


@pytest.mark.parametrize("changes", [{"id": ""}, {"worker": "a\nb"}, {"client_address": 5}])
def test_a_bad_session_is_refused(plant, changes):
    plant.add()
    session = plant.session() | changes
    assert type(refused(plant.get, "t", session)) is exception.BadRequest


def test_the_name_of_a_browser_is_made_fit_to_print(plant):
    plant.add()
    session = plant.session(user_agent="Viewer\x1b[2J\r\n" + "x" * 300)
    plant.get("t", session)
    stored = plant.session_row(session["id"])["user_agent"]
    assert stored.startswith("Viewer?[2J??xxx")
    assert len(stored) == 255


def test_lists_carry_neither_token_nor_ticket(plant):
    plant.add(agent_host=None, internal_access_path="/x?session_id=1")
    plant.add("u", "i2")
    listed = plant.auth.get_connection_details_by_instance(plant.context, "i1")
    assert [row["instance_id"] for row in listed] == ["i1"]
    assert not {"token_hash", "internal_access_path"} & set(listed[0])
    assert (listed[0]["idle"], listed[0]["expired"]) == (False, False)


def test_lists_tell_idle_and_expired_apart(plant):
    def by_instance(**flags):
        return plant.auth.get_connection_details_by_instance(plant.context, "i1", **flags)
    plant.add()
    plant.age(models.Connection, "expires_at", 601)
    assert by_instance() == []
    assert [row["expired"] for row in by_instance(include_expired=True)] == [True]
    plant.age(models.Connection, "updated_at", 3601)
    assert [row["idle"] for row in by_instance(include_expired=True)] == [True]
    assert by_instance(include_expired=True, include_idle=False) == []


def test_a_host_sees_its_idle_details_only_while_they_have_no_session(plant):
    def idle():
        return [row["id"] for row in
                plant.auth.get_connection_details_by_host(plant.context, AGENT)]
    used, unused = plant.add("a"), plant.add("b")
    plant.add("c", agent_host="host2")
    plant.open("a")
    assert idle() == []
    plant.age(models.Connection, "updated_at", 3601)
    assert idle() == [unused["id"]]
    everything = plant.auth.get_connection_details_by_host(plant.context, AGENT, only_idle=False)
    assert {row["id"] for row in everything} == {used["id"], unused["id"]}


def test_a_touch_keeps_details_from_being_idle(plant):
    plant.add()
    plant.age(models.Connection, "updated_at", 3601)
    assert plant.auth.touch_connection_details(plant.context, ["t", "unknown"]) == 1
    assert plant.auth.get_connection_details_by_host(plant.context, AGENT) == []


def test_deleting_ends_the_sessions_where_they_are(plant):
    added = plant.add("a")
    plant.add("b")
    first = plant.open("a")
    second = plant.open("b")
    answer = plant.auth.delete_connection_details(plant.context, ["b"], ids=[added["id"]])
    assert answer["deleted"] == 2
    assert set(answer["sessions"]) == {first, second}
    wait_for(plant.worker.told.is_set)
    assert plant.worker.closed == [(sorted([first, second]), 4404, "deleted")]
    assert plant.get("a") is None
    assert plant.session_row(first)["reason"] == "deleted"
    assert plant.report_sessions(plant.row(first)) == [(first, 4404, "deleted")]
    again = plant.auth.delete_connection_details(plant.context, ["b"])
    assert again == {"deleted": 0, "sessions": []}


def test_a_reason_chooses_the_close_code(plant):
    plant.add()
    plant.open()
    plant.auth.delete_connection_details(plant.context, ["t"], reason="instance_migrated")
    wait_for(plant.worker.told.is_set)
    assert plant.worker.closed[0][1:] == (4444, "instance_migrated")
    error = refused(plant.auth.delete_connection_details, plant.context, ["t"], reason="because")
    assert type(error) is exception.BadRequest


def test_the_port_for_tls_is_kept_for_a_viewers_own_proxy(plant):
    plant.add(console_type="spice-direct", tls_port=5902, tls_name="kvm7.example.org",
              agent_host=None)
    details = plant.get()
    assert (details["port"], details["tls_port"], details["tls_name"]) == (
        5900, 5902, "kvm7.example.org")
