"""The database server's clock, the only one that stored times are compared with.

Copies of consoleauth on several machines then agree on what is expired. Epoch milliseconds,
constant within one statement, and free of the server's time zone.
"""

from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.expression import ColumnElement
from sqlalchemy.sql.functions import FunctionElement

SECOND = 1000


class Now(FunctionElement[int]):
    """The one expression; each dialect spells it its own way below.

    A function, since of other elements SQLAlchemy keeps no compiled statements.
    """

    type = sa.BigInteger()
    name = "consoles_now"
    inherit_cache = True


@compiles(Now, "sqlite")
def _sqlite(element: Now, compiler: Any, **kw: Any) -> str:
    return "CAST(ROUND((julianday('now') - 2440587.5) * 86400000) AS INTEGER)"


@compiles(Now, "mysql", "mariadb")
def _mysql(element: Now, compiler: Any, **kw: Any) -> str:
    # Not UNIX_TIMESTAMP(NOW(3)): local time is ambiguous for an hour each autumn.
    return "(TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(3)) DIV 1000)"


@compiles(Now, "postgresql")
def _postgresql(element: Now, compiler: Any, **kw: Any) -> str:
    return "CAST(EXTRACT(EPOCH FROM statement_timestamp()) * 1000 AS BIGINT)"


def now() -> ColumnElement[int]:
    """The time of the statement that contains this."""
    return Now()


def ago(seconds: int) -> ColumnElement[int]:
    """That many seconds before `now()`."""
    return now() - seconds * SECOND


def read(db: orm.Session) -> int:
    """Ask for the time, for code that needs the number."""
    return db.execute(sa.select(now())).scalar_one()
