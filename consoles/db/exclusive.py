"""Consoles that one client uses at a time: whose turn it is, and who makes way.

Each function is one question, asked in the transaction handed in.
"""

import datetime

import sqlalchemy as sa
from sqlalchemy import orm

from consoles import exception
from consoles import model
from consoles.db import sessions
from consoles.db.models import Connection
from consoles.db.models import Session

TAKEN_OVER = "taken_over"


def take_turn(db: orm.Session, token_hash: str) -> None:
    """Wait until nobody else claims the console of this token.

    It locks the rows of all the console's tokens, by id as everybody does.
    """
    named = db.execute(sa.select(Connection.instance_id, Connection.console_type)
                       .where(Connection.token_hash == token_hash)).one_or_none()
    if named is not None:
        db.execute(sa.select(Connection.id).where(
            Connection.instance_id == named.instance_id,
            Connection.console_type == named.console_type)
            .order_by(Connection.id).with_for_update()).all()


def make_way(db: orm.Session, connection: Connection,
             request: model.SessionRequest) -> list[sessions.Place]:
    """End the session that has the console, if `request` takes it over; → where it runs.

    Raises InUse where it does not, or may not: who only looks ends nobody's session.
    """
    if connection.console_type not in model.EXCLUSIVE:
        return []
    others = sa.and_(Session.instance_id == connection.instance_id,
                     Session.console_type == connection.console_type,
                     Session.ended_at.is_(None), Session.id != request.id)
    if request.takeover and not connection.options.get("view_only"):
        return sessions.end_where(db, others, exception.CLOSE_CODES[TAKEN_OVER], TAKEN_OVER)
    found = db.execute(
        sa.select(Session.started_at, Connection.user_id)
        .outerjoin(Connection, Connection.id == Session.connection_id)
        .where(others).order_by(Session.started_at).limit(1)).first()
    if found is not None:
        raise exception.InUse(_words(*found, connection.user_id))
    return []


def _words(since: int, user: str | None, asking: str | None) -> str:
    """Short enough for the reason of a Close, 123 bytes."""
    begun = datetime.datetime.fromtimestamp(since / 1000, datetime.UTC)
    by = "you" if user is not None and user == asking else "another user"
    return f"In use since {begun:%Y-%m-%d %H:%M} UTC, by {by}."
