"""consoleauth's listener for monitoring: what it counts and whether it is well."""

import contextlib
import http.client

import pytest
import sqlalchemy as sa

from consoles import exception
from tests.fixtures.consoleauth import refused
from tests.fixtures.consoleauth import started
from tests.fixtures.processes import free_port
from tests.fixtures.processes import wait_for
from tests.fixtures.prometheus import samples


@pytest.fixture(scope="module")
def monitored(tmp_path_factory):
    """→ a plant whose consoleauth has a listener, and the port of it."""
    port = free_port()
    url = f"sqlite:///{tmp_path_factory.mktemp('monitored')}/consoles.sqlite"
    options = [("metrics_port", port, "consoleauth"), ("janitor_interval", 1, "consoleauth")]
    with started(url, options) as plant:
        plant.service.start()
        yield plant, port


def ask(port, path):
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as client:
        client.request("GET", path)
        answer = client.getresponse()
        return answer.status, answer.read()


def test_consoleauth_counts_tokens_calls_and_its_janitor(monitored):
    plant, port = monitored
    plant.add("good")
    plant.open("good")
    assert plant.get("unknown", plant.session()) is None
    plant.agent.error = exception.InstanceNotFound("gone")
    refused(plant.get, "good", plant.session())
    wait_for(lambda: samples(ask(port, "/metrics")[1]).get(
        ("consoles_janitor_rounds_total", (("outcome", "ok"),))))
    plant.service.health.look()
    page = samples(ask(port, "/metrics")[1])
    assert page["consoles_stored_sessions", (("state", "opening"),)] == 1
    tokens = {dict(labels)["event"]: value for (name, labels), value in page.items()
              if name == "consoles_tokens_total"}
    assert tokens == {"minted": 1, "claimed": 1, "refused": 2}
    for interface, method, outcome in (
            ("consoleauth", "get_connection_details", "none"),
            ("consoleauth", "get_connection_details", "instance_not_found"),
            ("consoleauth", "add_connection_details", "ok")):
        key = (("interface", interface), ("method", method), ("outcome", outcome))
        assert page["consoles_rpc_served_seconds_count", key] == 1
    called = {dict(labels)["outcome"] for name, labels in page
              if name == "consoles_rpc_seconds_count"}
    assert called == {"ok", "instance_not_found"}


def rename(plant, table, name):
    with plant.database.engine.begin() as connection:
        connection.execute(sa.text(f"alter table {table} rename to {name}"))


def test_consoleauth_is_well_until_its_database_is_gone(monitored):
    plant, port = monitored
    wait_for(lambda: ask(port, "/healthcheck") == (200, b"OK\n"))
    rename(plant, "sessions", "away")
    try:
        plant.service.health.look()
        status, body = ask(port, "/healthcheck")
        assert status == 503
        assert set(body.split()) <= {b"database", b"janitor"}
        assert b"database" in body
    finally:
        rename(plant, "away", "sessions")
    plant.service.health.look()
    wait_for(lambda: ask(port, "/healthcheck") == (200, b"OK\n"))
