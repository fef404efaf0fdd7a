"""What contradicts what, and which exit status that makes."""

import pytest

from consoles import exception
from consoles.command import output
from consoles.command import status
from consoles.command.status import Level
from consoles.context import RequestContext
from consoles.rpc import transport
from consoles.rpc.compute import Compute


@pytest.fixture
def conf(conf):
    transport.register_opts(conf)
    conf.set_override("transport_url", "rabbit://127.0.0.1/consoles")
    conf.set_override("amqp_auto_delete", True, group="oslo_messaging_rabbit")
    return conf


def test_the_defaults_contradict_nothing(conf):
    assert list(status.contradictions(conf)) == []


@pytest.mark.parametrize("group, option, value, level, text", [
    ("proxy", "touch_interval", 1800, Level.BROKEN, "touch_interval"),
    ("inventory", "service_down_time", 30, Level.BROKEN, "service_down_time"),
    ("inventory", "service_down_time", 59, Level.WARNING, "service_down_time"),
    ("consoleauth", "token_ttl", 3601, Level.WARNING, "token_ttl"),
    (None, "transport_url", "kombu+memory:////", Level.BROKEN, "kombu+memory"),
    ("oslo_messaging_rabbit", "amqp_auto_delete", False, Level.WARNING, "amqp_auto_delete")])
def test_a_contradiction_is_found(conf, group, option, value, level, text):
    conf.set_override(option, value, group=group)
    found = list(status.contradictions(conf))
    assert [finding.level for finding in found] == [level]
    assert text in found[0].text


@pytest.mark.parametrize("host, levels", [
    ("127.0.0.1", []), ("::1", []), ("localhost", []), ("0.0.0.0", [Level.BROKEN]),
    ("api.example.org", [Level.BROKEN])])
def test_noauth_belongs_on_loopback(conf, host, levels):
    conf.set_override("auth_strategy", "noauth", group="api")
    conf.set_override("host", host, group="api")
    assert [finding.level for finding in status.contradictions(conf)] == levels


def test_quorum_queues_excuse_queues_that_stay(conf):
    conf.set_override("amqp_auto_delete", False, group="oslo_messaging_rabbit")
    conf.set_override("rabbit_quorum_queue", True, group="oslo_messaging_rabbit")
    assert list(status.contradictions(conf)) == []


def test_times_are_told_in_words():
    assert output.age(91_400) == "91 s"
    assert output.moment(1_700_000_000_000) == "2023-11-14 22:13:20"


def agents(interface, server, context, method, arguments):
    """The bus, with an agent that is well, one that is away, one of an older release."""
    if server == "away":
        raise exception.AgentUnavailable("nobody serves consoles-compute away")
    if server == "older":
        raise exception.ConsolesError("consoles-compute status failed: NoSuchMethod")
    return {"contradictions": [{"instance_id": "i1", "text": f"of {server}"}]}


def test_instances_that_contradict_and_agents_that_do_not_say_are_named():
    hosts = [{"name": name, "up": name != "down"} for name in ("one", "away", "older", "down")]
    found = status._domains(hosts, Compute(agents), RequestContext())
    assert {finding.level for finding in found} == {Level.WARNING}
    assert [(finding.subject, finding.text) for finding in found] == [
        ("instance", "i1 on one: of one; restarted, it follows"),
        ("agent", "away: nobody serves consoles-compute away"),
        ("agent", "older: consoles-compute status failed: NoSuchMethod")]


@pytest.mark.parametrize(("backend", "missing"), [("nova", True), ("database", False)])
def test_without_agents_novas_tokens_miss_a_check_which_is_said(conf, backend, missing):
    conf.set_override("backend", backend, group="consoleauth")

    def nothing(interface, server, context, method, arguments):
        return []

    found = status.check(conf, nothing, RequestContext())
    [finding] = [finding for finding in found if finding.subject == "hosts"]
    assert finding.level is Level.WARNING
    assert ("Nova's tokens" in finding.text) is missing
