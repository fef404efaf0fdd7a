"""Who uses a token: its claim by a session, and what becomes of a token for one use.

Each function is one question, asked in the transaction handed in; rows are locked in the order
that `connections` says.
"""

from collections.abc import Sequence
from typing import Any
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy import orm

from consoles import exception
from consoles import model
from consoles.db import clock
from consoles.db import connections
from consoles.db import exclusive
from consoles.db import sessions
from consoles.db.models import Connection
from consoles.db.models import Instance
from consoles.db.models import Session
from consoles.wire import restrictions

#: Seconds in which a SPICE client opens its other channels, a WebSocket each with the one token.
SIBLINGS_WITHIN = 15
#: Of the siblings of a main channel that is over.
SIBLINGS_END = "client_closed"


class Claim(NamedTuple):
    """A token's columns, the sessions that it took the console over from, and the host that the
    instance is on, None for one that no agent reports."""

    details: dict[str, Any]
    taken_over: list[sessions.Place]
    host: str | None


def claim(db: orm.Session, token_hash: str, session: model.SessionRequest,
          limits: sessions.Limits) -> Claim | None:
    """Mark a token as used by this session, whose row is inserted as opening.

    → None for a token that is unknown or expired. Raises WrongConsoleType, AddressNotAllowed,
    TokenUsed, InUse, OverLimit, and nothing is claimed.
    """
    if session.kind in model.EXCLUSIVE:
        exclusive.take_turn(db, token_hash)
    row = db.scalar(connections.valid(token_hash).with_for_update())
    if row is None:
        return None
    if row.console_type != session.kind:
        raise exception.WrongConsoleType(
            f"a token for {row.console_type} came to a proxy for {session.kind}")
    if not restrictions.admits(row.options, session.client_address):
        raise exception.AddressNotAllowed(
            f"{session.client_address} is not within {row.options['client_cidr']}")
    if not _taken(db, row, session.id) and not _is_sibling(db, row, session):
        raise exception.TokenUsed("the token was for one use")
    ended = exclusive.make_way(db, row, session)
    sessions.open(db, row, session, limits)
    host = db.scalar(sa.select(Instance.host).where(Instance.id == row.instance_id))
    return Claim(connections.columns(row), ended, host)


def close(db: orm.Session, tallies: list[model.Tally]) -> list[sessions.Place]:
    """Record ends as `sessions.close` does; → sessions that end with them, and where they run."""
    # First of all: a token that is free again no longer says whose siblings they are.
    ended = _end_siblings(db, [tally.session_id for tally in tallies])
    release(db, [tally.session_id for tally in tallies if not tally.opened])
    sessions.close(db, tallies)
    return ended


def give_up(db: orm.Session, session_id: str, code: int, reason: str) -> list[sessions.Place]:
    """End a session that never had its console; → others that end with it."""
    ended = _end_siblings(db, [session_id])
    release(db, [session_id])
    sessions.end_where(db, Session.id == session_id, code, reason)
    return ended


def release(db: orm.Session, session_ids: Sequence[str]) -> None:
    """Tokens that were taken by these sessions are free again."""
    if not session_ids:
        return
    ids = db.scalars(sa.select(Session.connection_id).where(Session.id.in_(session_ids))).all()
    db.execute(sa.update(Connection)
               .where(Connection.id.in_(ids), Connection.claimed_by.in_(session_ids))
               .values(claimed_by=None), execution_options={"synchronize_session": False})


def _taken(db: orm.Session, row: Connection, session_id: str) -> bool:
    """Take the token, once more if need be: False for one for one use that another has taken."""
    free: sa.ColumnElement[bool] = sa.true()
    if row.options.get("single_use"):
        free = sa.or_(Connection.claimed_by.is_(None), Connection.claimed_by == session_id)
    done = db.execute(
        sa.update(Connection).where(Connection.id == row.id, free)
        .values(claimed_by=session_id, updated_at=clock.now()),
        execution_options={"synchronize_session": False})
    return bool(done.rowcount)  # type: ignore[attr-defined]


def _is_sibling(db: orm.Session, row: Connection, session: model.SessionRequest) -> bool:
    """Whether it is another channel of the SPICE client that has just taken the token."""
    if row.console_type != model.ConsoleType.SPICE_HTML5:
        return False
    main = sa.select(Session.id).where(
        Session.id == row.claimed_by, Session.client_address == session.client_address,
        Session.ended_at.is_(None), Session.started_at > clock.ago(SIBLINGS_WITHIN))
    return db.scalar(main) is not None


def _end_siblings(db: orm.Session, session_ids: Sequence[str]) -> list[sessions.Place]:
    """The channels beside those of these sessions that were main channels of tokens for one use."""
    rows = db.scalars(sa.select(Connection).join(
        Session, sa.and_(Session.connection_id == Connection.id,
                         Session.id == Connection.claimed_by))
        .where(Session.id.in_(session_ids),
               Connection.console_type == model.ConsoleType.SPICE_HTML5))
    used = [row.id for row in rows if row.options.get("single_use")]
    if not used:
        return []
    others = sa.and_(Session.connection_id.in_(used), Session.id.not_in(session_ids))
    return sessions.end_where(db, others, exception.CLOSE_CODES[SIBLINGS_END], SIBLINGS_END)
