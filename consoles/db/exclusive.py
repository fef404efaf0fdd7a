"""Consoles that one client uses at a time: whose turn it is, and who makes way.

Each function is one question, asked in the transaction handed in.
"""

import datetime
from typing import Any

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
    others = [row for row in db.execute(
        sa.select(Session.id, Session.started_at, Connection.user_id, Connection.options)
        .outerjoin(Connection, Connection.id == Session.connection_id)
        .where(Session.instance_id == connection.instance_id,
               Session.console_type == connection.console_type,
               Session.ended_at.is_(None), Session.id != request.id)
        .order_by(Session.started_at)) if _line(row.options) == _line(connection.options)]
    if request.takeover and not connection.options.get("view_only"):
        return sessions.end_where(db, Session.id.in_([row.id for row in others]),
                                  exception.CLOSE_CODES[TAKEN_OVER], TAKEN_OVER)
    if others:
        raise exception.InUse(_words(others[0].started_at, others[0].user_id,
                                     connection.user_id))
    return []


def _line(options: dict[str, Any] | None) -> Any:
    """Each of an instance's serial lines is a console of its own."""
    return (options or {}).get("line", 0)


def _words(since: int, user: str | None, asking: str | None) -> str:
    """Short enough for the reason of a Close, 123 bytes."""
    begun = datetime.datetime.fromtimestamp(since / 1000, datetime.UTC)
    by = "you" if user is not None and user == asking else "another user"
    return f"In use since {begun:%Y-%m-%d %H:%M} UTC, by {by}."
