"""The database of the process: an engine by oslo.db, and transactions that are retried.

Everything given to `write` may run more than once, so it must do nothing but talk to the
database.
"""

import contextlib
import threading
from collections.abc import Callable
from typing import Any
from typing import TypeVar

import sqlalchemy as sa
from oslo_config import cfg
from oslo_db import api
from oslo_db import exception as db_exception
from oslo_db import options
from oslo_db.sqlalchemy import engines
from sqlalchemy import event
from sqlalchemy import orm

from consoles import exception

Answer = TypeVar("Answer")

#: Seconds for which another process may keep SQLite's writers waiting; a call's own bound is 5.
SQLITE_WAIT = 4
ATTEMPTS = 8


def _duplicate(exc: Exception) -> bool:
    """Another copy inserted the same row first: the second attempt finds and updates it."""
    return isinstance(exc, db_exception.DBDuplicateEntry)


@api.wrap_db_retry(
    max_retries=ATTEMPTS, retry_interval=0.02, max_retry_interval=0.5, jitter=True,
    retry_on_deadlock=True, retry_on_disconnect=True, exception_checker=_duplicate)
def _transaction(begin: orm.sessionmaker[orm.Session], func: Callable[..., Any],
                 args: tuple[Any, ...]) -> Any:
    with begin.begin() as db:
        return func(db, *args)


class Database:
    """Runs functions `func(db: orm.Session, ...)`, each in one transaction."""

    def __init__(self, engine: sa.Engine) -> None:
        self.engine = engine
        self._writing = orm.sessionmaker(engine)
        self._reading = orm.sessionmaker(engine.execution_options(consoles_reading=True))
        # SQLite lets those that wait for its one writer try again by chance; here they queue.
        self._turn: contextlib.AbstractContextManager[Any] = (
            threading.Lock() if engine.dialect.name == "sqlite" else contextlib.nullcontext())

    def write(self, func: Callable[..., Answer], *args: Any) -> Answer:
        """Raises ConsoleauthUnavailable when the database does not answer."""
        with self._turn:
            return self._run(self._writing, func, args)

    def read(self, func: Callable[..., Answer], *args: Any) -> Answer:
        """The same for what only reads: on SQLite it waits for no writer."""
        return self._run(self._reading, func, args)

    def close(self) -> None:
        self.engine.dispose()

    @staticmethod
    def _run(begin: orm.sessionmaker[orm.Session], func: Callable[..., Answer],
             args: tuple[Any, ...]) -> Answer:
        try:
            return _transaction(begin, func, args)
        except (db_exception.DBConnectionError, sa.exc.TimeoutError,
                sa.exc.OperationalError) as exc:  # the last one: SQLite is locked for too long
            raise exception.ConsoleauthUnavailable(
                f"the database does not answer ({type(exc).__name__})") from exc


def register_opts(conf: cfg.ConfigOpts) -> None:
    """oslo.db's group [database]. May be repeated."""
    conf.register_opts(options.database_opts, group="database")


def connect(conf: cfg.ConfigOpts) -> Database:
    """The database of [database] connection.

    Raises ConfigError when it is unset, not understood or not reached.
    """
    register_opts(conf)
    section = conf.database
    if not section.connection:
        raise exception.ConfigError("[database] connection is not set.")
    try:
        engine = engines.create_engine(
            _url(section.connection), mysql_sql_mode=section.mysql_sql_mode,
            mysql_wsrep_sync_wait=section.mysql_wsrep_sync_wait,
            connection_recycle_time=section.connection_recycle_time,
            connection_debug=section.connection_debug,
            connection_trace=section.connection_trace,
            connection_parameters=section.connection_parameters,
            max_pool_size=section.max_pool_size, max_overflow=section.max_overflow,
            pool_timeout=section.pool_timeout, sqlite_synchronous=section.sqlite_synchronous,
            max_retries=section.max_retries, retry_interval=section.retry_interval)
    except (db_exception.DBError, sa.exc.ArgumentError, ImportError) as exc:
        # The text of exc may hold the URL, and with it the password.
        raise exception.ConfigError(
            f"The database of [database] connection cannot be used ({type(exc).__name__}). "
            "Check the URL, the server and the driver's package.") from exc
    _adapt(engine)
    return Database(engine)


def _url(connection: str) -> sa.URL:
    url = sa.make_url(connection)
    if url.drivername == "postgresql":  # SQLAlchemy 2.1 would take a driver that no extra has
        url = url.set(drivername="postgresql+psycopg2")
    if url.get_backend_name() in ("mysql", "mariadb"):
        # oslo.db's default, utf8, cannot carry every name.
        return url.update_query_dict({"charset": url.query.get("charset", "utf8mb4")})
    if url.get_backend_name() == "sqlite" and url.database in (None, "", ":memory:"):
        raise exception.ConfigError(
            "[database] connection: SQLite needs a file, its memory has one thread only.")
    return url


def _adapt(engine: sa.Engine) -> None:
    """What oslo.db leaves to us: isolation, SQLite's locking, silence about values."""
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _sqlite_connected)
        event.listen(engine, "begin", _sqlite_begin)
    elif engine.dialect.name in ("mysql", "mariadb"):
        event.listen(engine, "connect", _mysql_connected)
    engine.hide_parameters = True  # tickets must not reach the log with an error's text
    engine.dispose()  # connections made by the engine's own test missed the listeners


def _sqlite_connected(connection: Any, _record: Any) -> None:
    connection.execute(f"PRAGMA busy_timeout = {SQLITE_WAIT * 1000}")
    connection.execute("PRAGMA journal_mode = WAL")


def _sqlite_begin(connection: sa.Connection) -> None:
    # A transaction that reads first and then writes fails at once when another wrote between,
    # so writers queue from their beginning, in place of the plain BEGIN that oslo.db just sent.
    if not connection.get_execution_options().get("consoles_reading"):
        connection.exec_driver_sql("ROLLBACK")
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _mysql_connected(connection: Any, _record: Any) -> None:
    with connection.cursor() as cursor:  # InnoDB's default locks gaps, and so strangers' rows
        cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
