"""Fills the database of consoleauth: rows as the services leave them, many at a time."""

import hashlib
import itertools
import time
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from consoles.db.engine import Database
from consoles.db.models import Connection
from consoles.db.models import Session

DAY = 24 * 3600 * 1000
#: Rows of one statement, and of them one transaction has so many.
PART, PARTS = 2_000, 10
HOSTS, WORKERS, PROJECTS, PER_INSTANCE = 500, 40, 1_000, 4


def token(number: int) -> str:
    """The hash of a token; as scattered as that of a real one."""
    return hashlib.sha256(str(number).encode()).hexdigest()


def _connection(number: int, created_at: int, expires_at: int) -> dict[str, Any]:
    return {
        "id": token(-number)[:36], "token_hash": token(number),
        "instance_id": f"instance-{number // PER_INSTANCE}", "agent_host": None,
        "console_type": "novnc", "project_id": f"project-{number % PROJECTS}", "user_id": "user",
        "request_id": f"req-{number}", "host": f"host-{number % HOSTS}", "port": 5900,
        "access_url_base": "https://consoles.example/vnc_auto.html", "options": {},
        "created_at": created_at, "updated_at": created_at, "expires_at": expires_at}


def _session(number: int, now: int, ended_at: int | None) -> dict[str, Any]:
    """Of the connection of the same number."""
    return {
        "id": f"session-{number}", "connection_id": token(-number)[:36],
        "instance_id": f"instance-{number // PER_INSTANCE}",
        "project_id": f"project-{number % PROJECTS}", "console_type": "novnc",
        "state": "ended" if ended_at else "live", "worker": f"worker-{number % WORKERS}",
        "boot_id": "boot", "client_address": "192.0.2.1", "user_agent": "browser",
        "started_at": now - number, "updated_at": now, "ended_at": ended_at,
        "bytes_in": number, "bytes_out": number}


def fill(database: Database, numbers: range, expired: bool = False) -> None:
    """Connections: valid ones for a day, or long expired and idle."""
    now = int(time.time() * 1000)
    times = (now - 2 * DAY, now - DAY) if expired else (now, now + DAY)
    _insert(database, Connection, (_connection(number, *times) for number in numbers))


def fill_sessions(database: Database, numbers: range, live: int = 0) -> None:
    """Sessions that ended lately, but for the first `live`."""
    now = int(time.time() * 1000)
    _insert(database, Session, (
        _session(number, now, None if place < live else now - number)
        for place, number in enumerate(numbers)))


def analyze(database: Database) -> None:
    """Let the server count, as it does by itself in time."""
    with database.engine.begin() as connection:
        for table in (Connection, Session):
            word = "" if database.engine.dialect.name == "sqlite" else "TABLE "
            connection.exec_driver_sql(f"ANALYZE {word}{table.__tablename__}")


def _insert(database: Database, table: type[Connection] | type[Session],
            rows: Iterator[dict[str, Any]]) -> None:
    more = True
    while more:
        with database.engine.begin() as connection:
            for _ in range(PARTS):
                part = list(itertools.islice(rows, PART))
                more = len(part) == PART
                if part:
                    connection.execute(sa.insert(table), part)
                if not more:
                    break
