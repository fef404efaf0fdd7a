"""What is over: each function clears at most `limit` rows and answers how many it cleared.

Rows that another copy works on are skipped, so that copies share the work.
"""

import sqlalchemy as sa
from sqlalchemy import orm

from consoles import exception
from consoles.db import clock
from consoles.db import connections
from consoles.db import sessions
from consoles.db.models import Connection
from consoles.db.models import Host
from consoles.db.models import Session


def lose_sessions(db: orm.Session, limit: int, silence: int) -> int:
    """Sessions that no worker spoke of for `silence` seconds end as lost."""
    ids = db.scalars(
        sa.select(Session.id)
        .where(Session.ended_at.is_(None), Session.updated_at < clock.ago(silence))
        .limit(limit).with_for_update(skip_locked=True)).all()
    if ids:
        sessions.end_where(db, Session.id.in_(ids), exception.CLOSE_CODES[sessions.LOST],
                           sessions.LOST)
    return len(ids)


def purge_sessions(db: orm.Session, limit: int, retention: int) -> int:
    """Forget sessions that ended more than `retention` seconds ago."""
    ids = db.scalars(
        sa.select(Session.id).where(Session.ended_at < clock.ago(retention))
        .limit(limit).with_for_update(skip_locked=True)).all()
    if ids:
        db.execute(sa.delete(Session).where(Session.id.in_(ids)))
    return len(ids)


def purge_connections(db: orm.Session, limit: int, idle_timeout: int,
                      service_down_time: int) -> int:
    """Forget details that are expired, idle and without a session, once no agent will.

    That is when there is no agent, when its host is down, or when it has left them alone for as
    long again: an agent first releases what its hypervisor holds for them.
    """
    agent_up = sa.exists().where(Host.name == Connection.agent_host,
                                 Host.reported_at >= clock.ago(service_down_time))
    ids = db.scalars(
        sa.select(Connection.id)
        .where(Connection.expires_at <= clock.now(), connections.idle(idle_timeout),
               connections.unused(),
               sa.or_(sa.not_(agent_up), connections.idle(2 * idle_timeout)))
        .limit(limit).with_for_update(skip_locked=True)).all()
    if ids:
        db.execute(sa.delete(Connection).where(Connection.id.in_(ids)))
    return len(ids)
