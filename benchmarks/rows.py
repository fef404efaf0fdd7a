"""Fills the database of consoleauth with rows as the services leave them; the server makes them."""

import hashlib
import time
from typing import Any

import sqlalchemy as sa

from consoles.db.engine import Database
from consoles.db.models import Connection
from consoles.db.models import Session

DAY = 24 * 3600 * 1000
#: Rows of one statement, which is a transaction.
PART = 20_000
HOSTS, WORKERS, PROJECTS, PER_INSTANCE = 500, 40, 1_000, 4

#: MariaDB's function, for PostgreSQL.
SHA2 = """CREATE OR REPLACE FUNCTION sha2(text, integer) RETURNS text IMMUTABLE LANGUAGE sql
AS 'SELECT encode(sha256(convert_to($1, ''UTF8'')), ''hex'')'"""

Values = dict[str, Any]


def token(number: int) -> str:
    """The hash of the token that is this number's digits; as scattered as that of a real one."""
    return hashlib.sha256(str(number).encode()).hexdigest()


def connection_id(number: int) -> str:
    return hashlib.sha256(f"c{number}".encode()).hexdigest()[:36]


def session_id(number: int) -> str:
    return hashlib.sha256(f"s{number}".encode()).hexdigest()[:36]


def reported(number: int, carried: int) -> Values:
    """What its worker tells of a session that lives."""
    return {"id": session_id(number), "connection_id": connection_id(number),
            "instance_id": f"instance-{number // PER_INSTANCE}",
            "project_id": f"project-{number % PROJECTS}", "console_type": "novnc",
            "client_address": "192.0.2.1", "state": "live", "started_at": 1,
            "bytes_in": carried, "bytes_out": carried}


def fill(database: Database, numbers: range, expired: bool = False) -> None:
    """Connections: valid ones for a day, or long expired and idle."""
    now = int(time.time() * 1000)
    created_at, expires_at = (now - 2 * DAY, now - DAY) if expired else (now, now + DAY)
    _insert(database, Connection, numbers, lambda i: _common(i) | {
        "id": _id("c", i), "token_hash": _sha(_text(i)), "user_id": "user",
        "request_id": "req", "host": _named("host", i % HOSTS), "port": 5900,
        "access_url_base": "https://consoles.example/vnc_auto.html", "options": "{}",
        "created_at": created_at, "updated_at": created_at, "expires_at": expires_at})


def fill_sessions(database: Database, numbers: range, live: int = 0) -> None:
    """Sessions of those connections that ended lately, but for the first `live`."""
    now = int(time.time() * 1000)
    alive = numbers.start + live
    _insert(database, Session, numbers, lambda i: _common(i) | {
        "id": _id("s", i), "connection_id": _id("c", i), "boot_id": "boot",
        "state": sa.case((i < alive, "live"), else_="ended"),
        "worker": _named("worker", i % WORKERS), "client_address": "192.0.2.1",
        "user_agent": "browser", "started_at": now - i, "updated_at": now + DAY,
        "ended_at": sa.case((i < alive, None), else_=now - i), "bytes_in": 0, "bytes_out": 0})


def analyze(database: Database) -> None:
    """Let the server count, as it does by itself in time."""
    with database.engine.begin() as connection:
        for table in (Connection, Session):
            word = "TABLE " if database.engine.dialect.name == "mysql" else ""
            connection.exec_driver_sql(f"ANALYZE {word}{table.__tablename__}")


def _common(i: Any) -> Values:
    return {"instance_id": _named("instance", sa.func.floor(i / PER_INSTANCE)),
            "project_id": _named("project", i % PROJECTS), "console_type": "novnc"}


def _text(i: Any) -> Any:
    return sa.cast(sa.cast(i, sa.Integer), sa.String(20))


def _named(what: str, i: Any) -> Any:
    return sa.literal(f"{what}-") + _text(i)


def _sha(text: Any) -> Any:
    return sa.func.sha2(text, 256)


def _id(kind: str, i: Any) -> Any:
    return sa.func.substr(_sha(sa.literal(kind) + _text(i)), 1, 36)


def _insert(database: Database, table: type[Connection] | type[Session], numbers: range,
            values: Any) -> None:
    for first in range(numbers.start, numbers.stop, PART):
        last = min(first + PART, numbers.stop) - 1
        counted = sa.select(sa.literal(first).label("i")).cte("numbers", recursive=True)
        counted = counted.union_all(sa.select(counted.c.i + 1).where(counted.c.i < last))
        columns = values(counted.c.i)
        query = sa.select(*(sa.literal(v) if isinstance(v, str | int) else v
                            for v in columns.values()))
        with database.engine.begin() as connection:
            _prepare(connection)
            connection.execute(sa.insert(table).from_select(
                [table.__table__.c[name] for name in columns], query, include_defaults=False))


def _prepare(connection: sa.Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(SHA2)
    elif connection.dialect.name == "sqlite":
        connection.connection.dbapi_connection.create_function(  # type: ignore[union-attr]
            "sha2", 2, lambda text, _: hashlib.sha256(text.encode()).hexdigest())
    else:
        connection.exec_driver_sql(f"SET SESSION max_recursive_iterations = {PART}")
