"""`[consoleauth] backend=nova`: Nova's tokens open consoles, as long as Nova knows them."""

import concurrent.futures
import logging
import uuid

import pytest
import sqlalchemy as sa

from consoles import exception
from consoles import model
from consoles.db import models
from consoles.nova import connection
from consoles.nova.client import Nova
from tests.fixtures import fake_nova
from tests.fixtures.consoleauth import AGENT
from tests.fixtures.consoleauth import instance
from tests.fixtures.consoleauth import refused
from tests.fixtures.consoleauth import started
from tests.fixtures.fake_nova import Console

BACKEND = ("backend", "nova", "consoleauth")
BASE = ("novncproxy_base_url", "https://consoles.example/vnc_auto.html", "vnc")


@pytest.fixture(scope="module")
def module_nova():
    fake = fake_nova.FakeNova()
    yield fake
    fake.stop()


@pytest.fixture(scope="module")
def module_plant(tmp_path_factory, module_nova):
    directory = tmp_path_factory.mktemp("consoleauth")
    with started(f"sqlite:///{directory}/consoles.sqlite", [BACKEND, BASE],
                 lambda conf: fake_nova.configure(conf, module_nova.login())) as plant:
        yield plant


@pytest.fixture
def nova(module_nova):
    module_nova.asked.clear()
    module_nova.tokens.clear()
    module_nova.failing, module_nova.newest = None, 104
    return module_nova


@pytest.fixture
def server():
    return str(uuid.uuid4())


def use(plant, token, **session):
    """As a proxy that is configured for it asks; → details."""
    return plant.auth.get_connection_details(plant.context, token, plant.session(**session), token)


def connections(plant):
    with plant.database.engine.connect() as db:
        return db.execute(sa.select(models.Connection)).mappings().all()


def test_a_token_of_novas_opens_what_nova_says(plant, nova, server):
    token = nova.mint(Console(server, "10.0.0.31", 5901))
    details = model.Details.from_dict(use(plant, token))
    assert (details.instance_id, details.console_type, details.host, details.port) == (
        server, "novnc", "10.0.0.31", 5901)
    assert details.access_url_base == "https://consoles.example/vnc_auto.html"
    assert (details.agent_host, details.project_id) == (None, None)
    assert nova.requests() == [("GET", f"/v2.1/os-console-auth-tokens/{token}", {})]
    [row] = connections(plant)
    assert row["token_hash"] == model.token_hash(token)
    assert token not in str(row)


def test_its_sessions_are_listed_and_ended_like_others(plant, nova, server):
    id = use(plant, nova.mint(Console(server, "10.0.0.31", 5901)))["session_id"]
    assert plant.session_row(id)["instance_id"] == server
    assert plant.sessions.end(plant.context, id)
    assert plant.worker.closed == [([id], 4441, "ended_by_admin")]
    assert plant.session_row(id)["state"] == "ended"


def test_nova_is_asked_at_each_use_and_what_it_forgets_is_good_no_more(plant, nova, server):
    token = nova.mint(Console(server, "10.0.0.31", 5901))
    id = use(plant, token)["session_id"]
    nova.tokens[token].port = 5902
    assert use(plant, token)["port"] == 5902
    del nova.tokens[token]
    assert use(plant, token) is None
    assert len(nova.asked) == 3
    assert plant.session_row(id)["state"] == "opening"  # what is open stays open, as with Nova's
    assert len(connections(plant)) == 1


def test_what_nova_does_not_know_leaves_nothing(plant, nova):
    assert use(plant, str(uuid.uuid4())) is None
    assert connections(plant) == []


def test_an_agent_of_ours_is_asked_whether_the_console_is_still_there(plant, nova, server):
    plant.report_host(AGENT, 1, instance(server, project_id="red", user_id="ann"), full=True)
    token = nova.mint(Console(server, AGENT, 5901))
    details = model.Details.from_dict(use(plant, token))
    assert (details.agent_host, details.project_id, details.user_id) == (AGENT, "red", "ann")
    assert plant.agent.asked == ["validate_console"]
    plant.agent.error = exception.PortChanged("it has moved")
    assert isinstance(refused(use, plant, token, id="s2"), exception.PortChanged)
    assert plant.session_row("s2")["reason"] == "port_changed"


def test_the_guest_that_stops_ends_its_sessions(plant, nova, server):
    plant.report_host(AGENT, 1, instance(server), full=True)
    id = use(plant, nova.mint(Console(server, AGENT, 5901)))["session_id"]
    plant.report_host(AGENT, 2, instance(server, status="SHUTOFF"))
    assert plant.session_row(id)["reason"] == "instance_stopped"


def test_tokens_of_our_own_go_on_and_nova_is_not_asked(plant, nova):
    plant.add(model.mint_token(), agent_host=None)
    plant.add("plain", agent_host=None)
    assert plant.open("plain")
    assert plant.get("unknown", plant.session()) is None
    assert nova.asked == []


def test_a_proxy_that_is_not_configured_for_it_opens_nothing_of_novas(plant, nova, server):
    token = nova.mint(Console(server, "10.0.0.31", 5901))
    assert plant.get(token, plant.session()) is None
    assert nova.asked == []


@pytest.mark.parametrize("token", [
    "../servers/detail", "x" * 36, f"{uuid.NAMESPACE_DNS}/..", str(uuid.NAMESPACE_DNS).upper()])
def test_what_is_no_uuid_never_gets_into_a_url_of_novas(plant, nova, token):
    assert isinstance(refused(use, plant, token), exception.BadRequest)
    assert nova.asked == []


def test_a_token_has_the_type_that_it_was_first_used_with(plant, nova, server):
    token = nova.mint(Console(server, "10.0.0.31", 10000))
    assert use(plant, token, kind="serial")["console_type"] == "serial"
    assert isinstance(refused(use, plant, token), exception.WrongConsoleType)


def test_a_ticket_is_handed_on_and_not_stored(plant, nova, server):
    ticket = '{"ticket": "hush", "cfgFile": "[ds] vm.vmx", "thumbprint": "aa"}'
    token = nova.mint(Console(server, "esx1", 902, ticket))
    assert use(plant, token, kind="webmks")["internal_access_path"] == ticket
    assert connections(plant)[0]["internal_access_path"] is None


def test_a_port_for_tls_comes_with_the_microversion_that_has_it(plant, nova, server):
    token = nova.mint(Console(server, "10.0.0.31", 5902, tls_port=5903))
    assert use(plant, token, kind="spice-direct")["tls_port"] == 5903
    assert nova.asked[-1].version == 99


def test_a_token_that_lives_longer_than_ours_would_goes_on(plant, nova, server):
    token = nova.mint(Console(server, "10.0.0.31", 5901))
    use(plant, token)
    plant.age(models.Connection, "expires_at", 601)
    before = connections(plant)[0]["expires_at"]
    assert use(plant, token)
    assert connections(plant)[0]["expires_at"] > before + 600_000


def test_a_guest_that_does_not_run_is_no_target(plant, nova, server):
    token = nova.mint(Console(server, "10.0.0.31", -1))
    assert isinstance(refused(use, plant, token), exception.InstanceNotReady)


def test_the_first_two_uses_at_once_are_both_good(plant, nova, server):
    token = nova.mint(Console(server, "10.0.0.31", 5901))
    with concurrent.futures.ThreadPoolExecutor() as pool:
        answers = list(pool.map(lambda n: use(plant, token), range(6)))
    assert all(answer["instance_id"] == server for answer in answers)
    assert len(connections(plant)) == 1


@pytest.mark.parametrize(("failing", "logged"), [
    (500, ""), (503, ""), (403, "needs the role admin"), (401, "username and password")])
def test_a_nova_that_fails_is_said_to_be_away(plant, nova, server, caplog, failing, logged):
    caplog.set_level(logging.DEBUG)
    token = nova.mint(Console(server, "10.0.0.31", 5901))
    nova.failing = failing
    error = refused(use, plant, token)
    assert isinstance(error, exception.NovaUnavailable)
    assert (error.http_status, error.close_code) == (503, 4503)
    assert token not in str(error)
    assert logged in caplog.text
    assert token not in caplog.text
    nova.failing = None
    assert use(plant, token)


def test_a_nova_that_hangs_is_given_up_in_time(plant, nova, server):
    token = nova.mint(Console(server, "10.0.0.31", 5901))
    nova.held.clear()
    try:  # the client's own deadline of 5 s would be ConsoleauthUnavailable
        assert isinstance(refused(use, plant, token), exception.NovaUnavailable)
        assert plant.sessions.list(plant.context) == []
    finally:
        nova.held.set()


def test_a_nova_that_hangs_up_puts_no_token_in_a_log(conf, nova, caplog):
    """keystoneauth would try it again, and say so with the URL."""
    caplog.set_level(logging.DEBUG)
    fake_nova.configure(conf, nova.login(connect_retries="1"))
    token, nova.hangs_up = str(uuid.uuid4()), connection.TOKENS
    try:
        with pytest.raises(exception.NovaUnavailable) as caught:
            Nova(connection.connect(conf, 5)).lookup(token)
    finally:
        nova.hangs_up = None
    assert caplog.records
    assert token not in caplog.text + str(caught.value)


def test_what_keystoneauth_says_of_a_token_is_kept_out_of_the_log(conf, nova, caplog):
    fake_nova.configure(conf, nova.login())
    connection.connect(conf, 5)
    logging.getLogger("keystoneauth.session").warning(
        "Failure: %s. Retrying", f"no connection to {nova.url}{connection.TOKENS}secret")
    assert caplog.text == ""


def test_without_a_login_it_does_not_start(tmp_path):
    with pytest.raises(exception.ConfigError, match=r"\[nova\]"), \
            started(f"sqlite:///{tmp_path}/consoles.sqlite", [BACKEND]):
        pass
