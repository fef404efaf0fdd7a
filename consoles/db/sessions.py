"""Sessions: each function is one question, asked in the transaction handed in.

A session ends once. `lost` alone is taken back, because it only says that nobody heard of it.
"""

from collections.abc import Sequence
from typing import Any
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy import orm

from consoles import exception
from consoles import model
from consoles.db import clock
from consoles.db.models import Connection
from consoles.db.models import Project
from consoles.db.models import Session

LOST = "lost"
EXPIRED = "session_expired"
LIVING = {"ended_at": None, "code": None, "reason": None}


class Place(NamedTuple):
    """A session and the proxy worker that holds it."""

    id: str
    worker: str


class Limits(NamedTuple):
    """Sessions that are not over, at most; 0: any number."""

    per_token: int = 0
    per_project: int = 0


def open(db: orm.Session, connection: Connection, request: model.SessionRequest,
         limits: Limits) -> None:
    """Insert a session in state opening; repeated for the same session it does nothing.

    The caller has locked `connection`. Raises OverLimit; BadRequest when the id belongs to
    another session, or to one that is over.
    """
    row = db.execute(sa.select(Session.connection_id, Session.state)
                     .where(Session.id == request.id)).one_or_none()
    if row is None:
        _check(db, connection, limits)
        now = clock.now()
        db.add(Session(
            id=request.id, connection_id=connection.id, instance_id=connection.instance_id,
            project_id=connection.project_id, console_type=connection.console_type,
            state="opening", worker=request.worker, boot_id=request.boot_id,
            client_address=request.client_address, user_agent=request.user_agent,
            started_at=now, updated_at=now))
    elif tuple(row) != (connection.id, "opening"):
        raise exception.BadRequest("session.id: it was used before")


def report(db: orm.Session, worker: str, boot_id: str,
           rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Insert or update sessions as their worker tells; → [{id, code, reason}] of those that are
    over."""
    known = {row.id: row for row in db.execute(
        sa.select(Session.id, Session.ended_at, Session.code, Session.reason, Session.bytes_in,
                  Session.bytes_out, Session.state)
        .where(Session.id.in_([row["id"] for row in rows]))
        .order_by(Session.id).with_for_update())}
    now = clock.read(db)
    over = {row.id for row in known.values() if row.ended_at and row.reason != LOST}
    alive = [row for row in rows if row["id"] in known and row["id"] not in over]
    db.execute(
        sa.update(Session).where(Session.id.in_([row["id"] for row in alive]))
        .values(worker=worker, boot_id=boot_id, updated_at=now, **LIVING),
        execution_options={"synchronize_session": False})
    changed = [_counted(row) for row in alive
               if _counted(row) != {key: getattr(known[row["id"]], key) for key in _counted(row)}]
    if changed:
        db.execute(sa.update(Session), changed)
    db.add_all(_reported(row, worker, boot_id, now) for row in rows if row["id"] not in known)
    return [{"id": row.id, "code": row.code, "reason": row.reason}
            for row in known.values() if row.id in over]


def end_expired(db: orm.Session, ids: Sequence[str], connection_ids: Sequence[str]) -> None:
    """End those of these sessions whose token, of these connections, has expired."""
    expired = db.scalars(sa.select(Connection.id).where(
        Connection.id.in_(connection_ids), Connection.expires_at <= clock.now())).all()
    if expired:
        end_where(db, sa.and_(Session.id.in_(ids), Session.connection_id.in_(expired)),
                  exception.CLOSE_CODES[EXPIRED], EXPIRED)


def end_former_lives(db: orm.Session, worker: str, boot_id: str) -> int:
    """Sessions of the worker's process before this one are lost; → how many."""
    return len(end_where(db, sa.and_(
        Session.worker == worker, Session.boot_id.not_in(["", boot_id]),
        Session.ended_at.is_(None)), exception.CLOSE_CODES[LOST], LOST))


def close(db: orm.Session, tallies: list[model.Tally]) -> None:
    """Record what sessions carried, and their end unless they were ended already."""
    by_id = {tally.session_id: tally for tally in tallies}
    now = clock.read(db)
    rows = db.scalars(sa.select(Session).where(Session.id.in_(by_id)).order_by(Session.id)
                      .with_for_update())
    for row in rows:
        tally = by_id[row.id]
        row.bytes_in, row.bytes_out = tally.bytes_in, tally.bytes_out
        if row.ended_at is None or row.reason == LOST:
            row.state, row.code, row.reason = "ended", tally.code, tally.reason
            row.ended_at = _end(row, tally, now)


def end(db: orm.Session, id: str, code: int, reason: str) -> tuple[str, bool] | None:
    """→ the session's worker, and whether it was still to be ended; None for an unknown one."""
    worker = db.scalar(sa.select(Session.worker).where(Session.id == id))
    if worker is None:
        return None
    return worker, bool(end_where(db, Session.id == id, code, reason))


def end_where(db: orm.Session, condition: sa.ColumnElement[bool], code: int,
              reason: str) -> list[Place]:
    """End the sessions that are not over, the lost ones included."""
    ending = [Place(*row) for row in db.execute(
        sa.select(Session.id, Session.worker)
        .where(condition, sa.or_(Session.ended_at.is_(None), Session.reason == LOST))
        .order_by(Session.id).with_for_update())]
    if ending:
        db.execute(
            sa.update(Session).where(Session.id.in_([place.id for place in ending]))
            .values(state="ended", ended_at=clock.now(), code=code, reason=reason),
            execution_options={"synchronize_session": False})
    return ending


def find(db: orm.Session, filters: dict[str, str], limit: int,
         marker: str | None) -> list[dict[str, Any]]:
    """Newest first, after the session `marker`. Raises BadRequest for a marker that is gone."""
    query = sa.select(Session).filter_by(**filters)
    if marker is not None:
        scope = {key: filters[key] for key in ("project_id",) if key in filters}
        last = db.scalar(sa.select(Session).filter_by(id=marker, **scope))
        if last is None:
            raise exception.BadRequest("marker: no such session")
        query = query.where(
            Session.started_at <= last.started_at,  # said apart, an index can begin there
            sa.or_(Session.started_at < last.started_at, Session.id < last.id))
    rows = db.scalars(query.order_by(Session.started_at.desc(), Session.id.desc()).limit(limit))
    return [{column.key: getattr(row, column.key) for column in Session.__table__.columns}
            for row in rows]


def workers(places: Sequence[Place]) -> dict[str, list[str]]:
    """→ {worker: ids of its sessions}."""
    answer: dict[str, list[str]] = {}
    for place in places:
        answer.setdefault(place.worker, []).append(place.id)
    return answer


def _check(db: orm.Session, connection: Connection, limits: Limits) -> None:
    """Raises OverLimit. The lock on the connection makes the openings of a token take turns."""
    if limits.per_token:
        _check_one("token", limits.per_token, db, Session.connection_id == connection.id)
    if limits.per_project and connection.project_id is not None:
        _take_turn(db, connection.project_id)
        _check_one("project", limits.per_project, db,
                   Session.project_id == connection.project_id)


def _check_one(what: str, limit: int, db: orm.Session,
               condition: sa.ColumnElement[bool]) -> None:
    count = db.scalar(sa.select(sa.func.count()).select_from(Session)
                      .where(condition, Session.ended_at.is_(None)))
    if (count or 0) >= limit:
        raise exception.OverLimit(f"the {what} has {count} sessions already")


def _take_turn(db: orm.Session, project_id: str) -> None:
    """Wait until no other transaction opens a session of this project."""
    row = sa.select(Project.id).where(Project.id == project_id).with_for_update()
    if db.scalar(row) is None:
        db.add(Project(id=project_id))
        db.flush()


def _counted(row: dict[str, Any]) -> dict[str, Any]:
    return {key: row[key] for key in ("id", "state", "bytes_in", "bytes_out")}


def _reported(row: dict[str, Any], worker: str, boot_id: str, now: int) -> Session:
    """A session whose row was purged meanwhile, or was never written."""
    return Session(
        id=row["id"], connection_id=row["connection_id"], instance_id=row["instance_id"],
        project_id=row.get("project_id"), console_type=row["console_type"],
        state=row["state"], worker=worker, boot_id=boot_id,
        client_address=row["client_address"], user_agent="",
        started_at=min(row.get("started_at") or now, now), updated_at=now,
        bytes_in=row["bytes_in"], bytes_out=row["bytes_out"])


def _end(row: Session, tally: model.Tally, now: int) -> int:
    """Tallies may come late: the worker's clock gives the duration, ours the time of day."""
    if not (tally.started_at and tally.ended_at):
        return now
    return min(now, row.started_at + max(0, tally.ended_at - tally.started_at))


def count_living(db: orm.Session) -> dict[str, int]:
    """Sessions that have not ended, by their state."""
    found = db.execute(sa.select(Session.state, sa.func.count())
                       .where(Session.ended_at.is_(None)).group_by(Session.state))
    return dict(found.all())
