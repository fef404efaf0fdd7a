"""Every event of `consoles.audit` against its schema, as a line and as a notification."""

import json
import pathlib
import threading

import jsonschema
import pytest

from consoles import exception
from consoles import model
from consoles.rpc import transport as bus
from consoles.rpc.notifications import Outbox
from tests.fixtures import targets
from tests.fixtures import ws_client
from tests.fixtures.bus import notified
from tests.fixtures.processes import wait_for

SCHEMA = json.loads((pathlib.Path(__file__).parents[2]
                     / "doc/source/admin/audit-event.schema.json").read_text())
EVIL = "evil\x1b[31m\x7f\x9b{\"event\": \"open\"}"


@pytest.fixture
def audit(caplog):
    """→ the events so far, each checked."""
    caplog.set_level("INFO", "consoles.audit")

    def events():
        found = []
        for record in caplog.records:
            if record.name == "consoles.audit":
                line = record.getMessage()
                assert line.isascii()
                assert line.isprintable()
                found.append(json.loads(line))
                jsonschema.validate(found[-1], SCHEMA)
        return found

    return events


def opened(proxy, token="t", **kwargs):
    """A session that has sent a byte and got it back."""
    ws = proxy.connect(token, **kwargs)
    ws.send(b"RFB 003.008\n\x01!")
    assert ws.recv_exactly(19)[-1:] == b"!"
    return ws


def test_a_session_is_audited_from_authorise_to_close(proxy, consoleauth, audit):
    consoleauth.add("t", targets.Target(targets.rfb_server(targets.echo)).port)
    ws = opened(proxy)
    ws.send(b"?" * 1000)
    assert ws.recv_exactly(1000)
    ws.close()
    proxy.tally()
    assert [e["event"] for e in audit()] == ["authorise", "open", "close"]
    for event in audit():
        assert event["request_id"] == "req-of-the-url"
        assert (event["user_id"], event["project_id"], event["instance_id"]) == ("u", "p", "vm1")
        assert event["peer"] == "127.0.0.1"
        assert event["worker"] == proxy.worker.name
        assert event["session_id"] == audit()[0]["session_id"]
    last = audit()[-1]
    assert (last["bytes_in"], last["bytes_out"]) == (1001, 1005)  # with the guest's SecurityResult
    assert last["reason"] == "client_closed"
    assert 0 <= last["duration"] < 10


@pytest.mark.parametrize("error", [
    exception.InvalidToken, exception.TokenUsed, exception.WrongConsoleType,
    exception.AddressNotAllowed, exception.InstanceNotFound,
    exception.AgentUnavailable, exception.OverLimit, exception.ConsolesError])
def test_a_refusal_is_audited_with_its_reason(proxy, consoleauth, audit, error):
    consoleauth.tokens[model.token_hash("t")] = error("detail")
    with pytest.raises(ws_client.Refused):
        proxy.connect("t")
    event, = audit()
    assert (event["event"], event["reason"]) == ("refuse", error.reason)
    assert event["instance_id"] is None
    assert "detail" not in json.dumps(event)


def test_a_refusal_after_authorise_names_the_instance(proxy, consoleauth, audit):
    target = targets.Target(targets.silent)
    target.close()
    consoleauth.add("t", target.port)
    with pytest.raises(ws_client.Refused):
        proxy.connect("t")
    assert [(e["event"], e["reason"], e["instance_id"]) for e in audit()] == [
        ("authorise", None, "vm1"), ("refuse", "target_unreachable", "vm1")]


def test_what_the_worker_itself_refuses_is_audited(make_proxy, consoleauth, audit):
    consoleauth.add("t", targets.Target(targets.rfb_server(targets.echo)).port)
    proxy = make_proxy(proxy__max_sessions=1)
    live = opened(proxy)
    with pytest.raises(ws_client.Refused):
        proxy.connect("t")
    proxy.worker.drain(30)
    wait_for(lambda: proxy.worker._describe()["draining"])
    with pytest.raises(ws_client.Refused):
        proxy.connect("t")
    assert [e["reason"] for e in audit()[2:]] == ["over_limit", "draining"]
    live.close()


@pytest.mark.parametrize("name", ["User-Agent", "Referer", "Cookie", "X-Forwarded-For", "Origin",
                                  "X-Openstack-Request-Id"])
def test_hostile_headers_break_no_line(proxy, consoleauth, audit, name):
    consoleauth.add("t", 1)
    with pytest.raises(ws_client.Refused):
        proxy.connect("t", extra=[(name, EVIL)])
    events = audit()
    assert events[-1]["event"] == "refuse"
    assert EVIL not in json.dumps(events)


@pytest.mark.parametrize("path", ["/%0d%0a{}?token=t", "/%1b[31m?token=t%0d%0ax", "/?token=%00"])
def test_a_hostile_path_breaks_no_line(proxy, audit, path):
    with pytest.raises(ws_client.Refused):
        proxy.connect(path=path)
    assert [e["reason"] for e in audit()] == ["token_invalid"]


def test_hostile_details_break_no_line(proxy, consoleauth, audit):
    consoleauth.add("t", 1, instance_id=EVIL + "\r\n", user_id="\u2028\n", project_id="\x85")
    with pytest.raises(ws_client.Refused):
        proxy.connect("t")
    assert audit()[-1]["instance_id"] == EVIL + "\r\n"


class Listening:
    """A service that takes notifications, as oslo.messaging delivers them."""

    def __init__(self):
        self.got = []

    def info(self, context, publisher_id, event_type, payload, metadata):
        self.got.append((publisher_id, event_type, payload))


@pytest.fixture
def listening(conf):
    endpoint = Listening()
    bus.register_opts(conf)
    with notified(conf, endpoint):
        yield endpoint


def test_the_same_events_are_notifications_when_switched_on(
        make_proxy, consoleauth, audit, listening):
    consoleauth.add("t", targets.Target(targets.rfb_server(targets.echo)).port)
    proxy = make_proxy(oslo_messaging_notifications__driver=["messagingv2"])
    with pytest.raises(ws_client.Refused):
        proxy.connect("wrong")
    opened(proxy).close()
    proxy.tally()
    wait_for(lambda: len(listening.got) == 4)
    assert [event_type for _, event_type, _ in listening.got] == [
        f"consoles.session.{event}" for event in ("refuse", "authorise", "open", "close")]
    assert {publisher for publisher, _, _ in listening.got} == {proxy.worker.name}
    assert [payload for _, _, payload in listening.got] == audit()


def test_no_notification_unless_switched_on(proxy, consoleauth, listening):
    with pytest.raises(ws_client.Refused):
        proxy.connect("wrong")
    proxy.stop()
    assert listening.got == []


def test_notifications_that_find_no_place_are_counted():
    """The bus takes nothing: whoever sends is not held up."""
    taken, gate, sent, lost = threading.Event(), threading.Event(), [], []

    def send(number):
        taken.set()
        assert gate.wait(30)
        sent.append(number)

    outbox = Outbox(send, lost.append, waiting=5)
    outbox.put(0)
    assert taken.wait(30)
    for number in range(1, 9):
        outbox.put(number)
    assert lost == [6, 7, 8]
    assert not outbox.close(0.1)
    gate.set()
    wait_for(lambda: len(sent) == 6, what="those that wait are sent")
    assert sent == [0, 1, 2, 3, 4, 5]
    assert outbox.close(30)


def test_a_notification_that_fails_is_counted_and_the_next_is_sent():
    sent, lost = [], []

    def send(number):
        if not number:
            raise OSError("the bus is away")
        sent.append(number)

    outbox = Outbox(send, lost.append)
    outbox.put(0)
    outbox.put(1)
    assert outbox.close(30)
    assert (lost, sent) == ([0], [1])
