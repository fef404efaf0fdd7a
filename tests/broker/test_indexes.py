"""Questions asked at every opening, every report and every round use indexes, by EXPLAIN."""

import pytest
from oslo_config import cfg

from benchmarks import rows
from consoles import model
from consoles.db import claims
from consoles.db import connections
from consoles.db import engine
from consoles.db import expiry
from consoles.db import migration
from consoles.db import sessions
from tests.fixtures.concurrency import DATABASES
from tests.fixtures.database import new_url
from tests.fixtures.explain import explain

COUNT, EXPIRED, LIVE, HOUR = 6_000, 500, 1_000, 3600
#: As many rows as there are hosts, a few here; whole is the right way to read them.
SMALL = {"hosts", "instances", "projects"}
WORKER = "worker-1"


def session(**changes):
    values = {"id": "new", "worker": WORKER, "kind": "novnc", "client_address": "192.0.2.1",
              "boot_id": "boot"} | changes
    return model.SessionRequest(**values)


def reported(number):
    return {"id": rows.session_id(number), "connection_id": rows.connection_id(number),
            "instance_id": "i", "console_type": "novnc", "client_address": "192.0.2.1",
            "state": "live", "bytes_in": 5, "bytes_out": 6}


#: That details have no living session is known from theirs, or from all the living ones.
UNUSED = {"ix_sessions_connection_id", "ix_sessions_ended_at"}
TOKEN = rows.token(COUNT // 2)
#: A name, a function of `consoles.db` with its arguments, the indexes that it may use.
QUESTIONS = [
    ("check", claims.claim, (TOKEN, session(), sessions.Limits(4, 100)),
     {"token_hash", "PRIMARY", "ix_sessions_connection_id", "ix_sessions_project_id_ended_at"}),
    ("look", connections.find, (TOKEN,), {"token_hash"}),
    ("report", sessions.report, (WORKER, "boot", [reported(n) for n in (0, 1)]), {"PRIMARY"}),
    ("touch", connections.touch_ids, ([rows.connection_id(1)],), {"PRIMARY"}),
    ("ends", claims.close, ([model.Tally(
        session_id=rows.session_id(n), bytes_in=0, bytes_out=0, code=1000, reason="client_closed",
        opened=bool(n)) for n in (0, 1)],), {"PRIMARY", "ix_sessions_connection_id"}),
    ("former lives", sessions.end_former_lives, (WORKER, "next"),
     {"ix_sessions_worker_ended_at", "PRIMARY"}),
    ("sessions of an instance", sessions.find, ({"instance_id": "instance-7"}, 100, None),
     {"ix_sessions_instance_id"}),
    ("newest sessions", sessions.find, ({}, 100, rows.session_id(70)),
     {"PRIMARY", "ix_sessions_started_at_id"}),
    ("details of an instance", connections.by_instance, ("instance-7", HOUR, True, False),
     {"ix_connections_instance_id"}),
    ("expired details", expiry.find, (expiry.old_connections(HOUR, 90), 500),
     {"ix_connections_expires_at", *UNUSED}),
    ("lost sessions", expiry.find, (expiry.lost_sessions(90), 500), {"ix_sessions_ended_at"}),
    ("old sessions", expiry.find, (expiry.old_sessions(HOUR), 500), {"ix_sessions_ended_at"}),
    ("janitor's delete", expiry.clear,
     (expiry.old_connections(HOUR, 90), [rows.connection_id(n) for n in range(50)]),
     {"PRIMARY", "ix_connections_expires_at", *UNUSED}),
]


@pytest.fixture(scope="module", params=DATABASES)
def filled(request):
    """A database with rows enough that its server would rather not read them all."""
    conf = cfg.ConfigOpts()
    engine.register_opts(conf)
    conf([], project="consoles", default_config_files=[], default_config_dirs=[])
    conf.set_override("connection", new_url(request, request.param), group="database")
    migration.sync(conf)
    database = engine.connect(conf)
    rows.fill(database, range(EXPIRED), expired=True)
    rows.fill(database, range(EXPIRED, COUNT))
    rows.fill_sessions(database, range(COUNT), LIVE)
    rows.analyze(database)
    yield database
    database.close()


@pytest.mark.parametrize("func, arguments, indexes", [row[1:] for row in QUESTIONS],
                         ids=[row[0] for row in QUESTIONS])
def test_no_question_reads_a_whole_table(filled, func, arguments, indexes):
    steps = [step for step in explain(filled, func, *arguments)
             if step.table not in SMALL]
    assert steps
    for step in steps:
        assert step.index in indexes, step


def test_a_table_that_is_read_whole_is_seen(filled):
    steps = explain(filled, sessions.find, {"client_address": "192.0.2.1"}, 100, None)
    assert steps[0].index not in {"PRIMARY", "ix_sessions_instance_id"}
