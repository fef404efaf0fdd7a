"""Two projects that cannot see, guess or disturb each other's consoles, by every route there is.

The cases are the route table's own rows: a route without a word of what it is allowed fails here.
"""

from typing import NamedTuple

import pytest
import sqlalchemy as sa

from consoles.api import app
from consoles.api import auth
from consoles.api import routes
from consoles.api.handlers import actions
from consoles.context import RequestContext
from consoles.db import models
from consoles.rpc import transport
from tests.fixtures import consoleauth
from tests.fixtures.api_client import Client

MEMBER, READER, ADMIN = "mary:red:member", "rita:red:reader", "root:ops:admin"
FOREIGN = ["max:blue:member", "nina:blue:reader"]
#: What is red's, by the name of a path's part, and of a query's key; nothing of it is blue's.
RED = {"server_id": "server-of-red", "session_id": "session-of-red", "token": "token-of-red",
       "console_id": "7"}
QUERY = {"marker": "server-of-red", "project_id": "red", "tenant_id": "red", "user_id": "mary",
         "uuid": "server-of-red", "name": "name-of-red", "display_name": "name-of-red",
         "deleted": "0", "soft_deleted": "0", "host": consoleauth.AGENT,
         "status": "ACTIVE", "state": "opening", "all_tenants": "1", "limit": "1",
         "sort_key": "uuid", "sort_dir": "asc"}
NOTHING = "what-is-nowhere"


class Case(NamedTuple):
    """The statuses for a member and a reader of the project itself and for an administrator."""

    member: int
    reader: int
    admin: int
    body: object = None
    version: str | None = None


def console(type, protocol):
    return {"protocol": protocol, "type": type}


def action(name, arguments, admin=200):
    return Case(200, 403, admin, {name: arguments})


GONE = Case(410, 410, 410)
CASES = {
    "GET /servers": Case(200, 200, 200),
    "GET /servers/detail": Case(200, 200, 200),
    "GET /servers/{server_id}": Case(200, 200, 200),
    "POST /servers/{server_id}/action os-getVNCConsole":
        action("os-getVNCConsole", {"type": "novnc"}),
    "POST /servers/{server_id}/action os-getSPICEConsole":
        action("os-getSPICEConsole", {"type": "spice-html5"}),
    "POST /servers/{server_id}/action os-getSerialConsole":
        action("os-getSerialConsole", {"type": "serial"}),
    "POST /servers/{server_id}/action os-getRDPConsole":
        action("os-getRDPConsole", {"type": "rdp-html5"}),
    "POST /servers/{server_id}/action os-getConsoleOutput":
        action("os-getConsoleOutput", {"length": 5}),
    "POST /servers/{server_id}/console": Case(200, 403, 200, console("novnc", "vnc")),
    "POST /servers/{server_id}/remote-consoles":
        Case(200, 403, 200, {"remote_console": console("serial", "serial")}, "2.6"),
    "GET /servers/{server_id}/consoles": GONE,
    "POST /servers/{server_id}/consoles": GONE,
    "GET /servers/{server_id}/consoles/{console_id}": GONE,
    "DELETE /servers/{server_id}/consoles/{console_id}": GONE,
    "GET /servers/{server_id}/console-sessions": Case(200, 200, 200),
    "GET /console-sessions": Case(200, 200, 200),
    "DELETE /console-sessions/{session_id}": Case(204, 403, 204),
    "GET /os-console-auth-tokens/{token}": Case(403, 403, 200, version="2.31"),
    "DELETE /os-console-auth-tokens/{token}": Case(204, 403, 204),
    "GET /healthcheck/details": Case(403, 403, 200),
}


def operations():
    """Every row of the table, an action's with its name: {"GET /servers": its operation}."""
    found = {}
    for path, methods in routes.RESOURCES.items():
        for method, one in methods.items():
            found |= ({f"{method} {path} {name}": each for name, each in actions.ACTIONS.items()}
                      if one is actions.run else {f"{method} {path}": one})
    return found


LISTS = [row for row, one in operations().items() if one.query and "{token}" not in row]


def by_word(environ):
    """As noauth, with a role."""
    user, project, role = environ["HTTP_X_AUTH_TOKEN"].split(":")
    return RequestContext(user_id=user, project_id=project, roles=[role])


def build(module_plant):
    services = app.assemble(module_plant.conf, transport.ThreadCaller(module_plant.bus))
    return app._falcon(services, auth.Identity(by_word, "Word"))


@pytest.fixture(scope="module")
def application(module_plant):
    return build(module_plant)


@pytest.fixture
def api(plant, application):
    """Each project has a server and a token that is in use."""
    plant.report_host(consoleauth.AGENT, 1, *(
        consoleauth.instance(f"server-of-{name}", name=f"name-of-{name}", project_id=name,
                             status="ACTIVE", user_id="mary" if name == "red" else "max")
        for name in ("red", "blue")), full=True)
    for name in ("red", "blue"):
        plant.add(f"token-of-{name}", f"server-of-{name}", project_id=name)
        plant.open(f"token-of-{name}", f"session-of-{name}")
    plant.agent.asked.clear()
    return Client(application)


def ask(api, row, who, parts=RED, query=""):
    method, path = row.split()[:2]
    case = CASES[row]
    return api(method, "/v2.1" + path.format_map(parts) + query, case.body, token=who,
               version=case.version)


def hidden(text):
    """An answer without the names that were in the question."""
    for name in ("server_id", "session_id", "token"):
        text = text.replace(RED[name], NOTHING)
    return text


def state(plant):
    """All that is stored and was done; only ages are left out."""
    with plant.database.engine.connect() as connection:
        stored = [connection.execute(sa.select(table).order_by(table.c[0])).mappings().all()
                  for table in models.Base.metadata.sorted_tables]
    rows = [{key: value for key, value in row.items() if key not in ("updated_at", "seen_at")}
            for table in stored for row in table]
    return rows, list(plant.worker.closed), list(plant.agent.asked)


def test_every_route_has_a_case():
    assert set(CASES) == set(operations())


@pytest.mark.parametrize("row", CASES)
@pytest.mark.parametrize("who", [MEMBER, READER, ADMIN])
def test_who_may_what_in_the_project_itself(api, row, who):
    allowed = dict(zip((MEMBER, READER, ADMIN), CASES[row], strict=False))[who]
    assert ask(api, row, who).status_int == allowed


@pytest.mark.parametrize("row", CASES)
@pytest.mark.parametrize("who", FOREIGN)
def test_the_other_project_sees_guesses_and_disturbs_nothing(api, plant, row, who):
    before = state(plant)
    answer = ask(api, row, who)
    assert state(plant) == before
    said = hidden(answer.text)
    assert "red" not in said
    guess = ask(api, row, who, dict.fromkeys(RED, NOTHING))
    assert (answer.status_int, said) == (guess.status_int, guess.text)
    assert answer.status_int in (403, 404, 410) or "{" not in row


@pytest.mark.parametrize("row", [row for row in CASES if CASES[row].reader == 403])
def test_a_reader_who_is_refused_has_disturbed_nothing(api, plant, row):
    before = state(plant)
    assert ask(api, row, READER).status_int == 403
    assert state(plant) == before


def test_a_reader_who_is_refused_takes_nothing_of_the_projects_rate(api, module_plant):
    module_plant.conf.set_override("console_rate_per_project", "1/hour", group="api")
    try:
        limited = Client(build(module_plant))
    finally:
        module_plant.conf.clear_override("console_rate_per_project", group="api")
    row = "POST /servers/{server_id}/remote-consoles"
    assert [ask(limited, row, who).status_int for who in (READER, READER, MEMBER, MEMBER)] == [
        403, 403, 200, 429]


@pytest.mark.parametrize("who", FOREIGN)
@pytest.mark.parametrize("row, key", [
    (row, key) for row in LISTS for schema in operations()[row].query.values()
    for key in schema.schema.get("properties", {})])
def test_no_query_shows_the_other_project(api, plant, row, key, who):
    before = state(plant)
    value = "session-of-red" if (row, key) == ("GET /console-sessions", "marker") else QUERY[key]
    answer = ask(api, row, who, query=f"?{key}={value}")
    said = hidden(answer.text.replace(f"{key}={value}", "")).replace(value, NOTHING)
    assert "red" not in said
    assert state(plant) == before
    if "red" in value:
        guess = ask(api, row, who, query=f"?{key}={NOTHING}")
        assert answer.status_int == guess.status_int
        if key not in ("project_id", "tenant_id"):  # it is one's own, whatever is said
            assert said == hidden(guess.text)
