"""What is over: rows are looked for without a lock, and cleared some at a time.

Rows that another copy works on are skipped, so that copies share the work.
"""

from collections.abc import Callable
from collections.abc import Sequence
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy import orm

from consoles import exception
from consoles.db import clock
from consoles.db import connections
from consoles.db import sessions
from consoles.db.models import Connection
from consoles.db.models import Host
from consoles.db.models import Session


class Over(NamedTuple):
    """Rows of `table` that fulfil `condition`; `clear` gets the ids of some that are locked."""

    table: type[Connection] | type[Session]
    condition: sa.ColumnElement[bool]
    clear: Callable[[orm.Session, Sequence[str]], object]


def find(db: orm.Session, over: Over, limit: int) -> Sequence[str]:
    """→ ids; it takes no locks, since it may look at many rows that are not over."""
    return db.scalars(sa.select(over.table.id).where(over.condition).limit(limit)).all()


def clear(db: orm.Session, over: Over, ids: Sequence[str]) -> int:
    """Those of these rows that are still over; → how many."""
    locked = db.scalars(
        sa.select(over.table.id).where(over.table.id.in_(ids), over.condition)
        .with_for_update(skip_locked=True)).all()
    if locked:
        over.clear(db, locked)
    return len(locked)


def lost_sessions(silence: int) -> Over:
    """Sessions that no worker spoke of for `silence` seconds; they end as lost."""
    return Over(Session, sa.and_(Session.ended_at.is_(None),
                                 Session.updated_at < clock.ago(silence)), _lose)


def old_sessions(retention: int) -> Over:
    """Sessions that ended more than `retention` seconds ago; they are forgotten."""
    return Over(Session, Session.ended_at < clock.ago(retention), _forget_sessions)


def old_connections(idle_timeout: int, service_down_time: int) -> Over:
    """Details that are expired, idle and without a session, once no agent will delete them.

    That is when there is no agent, when its host is down, or when it has left them alone for as
    long again: an agent first releases what its hypervisor holds for them.
    """
    agent_up = sa.exists().where(Host.name == Connection.agent_host,
                                 Host.reported_at >= clock.ago(service_down_time))
    return Over(Connection, sa.and_(
        Connection.expires_at <= clock.now(), connections.idle(idle_timeout),
        connections.unused(),
        sa.or_(sa.not_(agent_up), connections.idle(2 * idle_timeout))), _forget_connections)


def _lose(db: orm.Session, ids: Sequence[str]) -> None:
    sessions.end_where(db, Session.id.in_(ids), exception.CLOSE_CODES[sessions.LOST],
                       sessions.LOST)


def _forget_sessions(db: orm.Session, ids: Sequence[str]) -> None:
    db.execute(sa.delete(Session).where(Session.id.in_(ids)))


def _forget_connections(db: orm.Session, ids: Sequence[str]) -> None:
    db.execute(sa.delete(Connection).where(Connection.id.in_(ids)))
