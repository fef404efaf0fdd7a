"""Connection details: each function is one question, asked in the transaction handed in.

Rows are locked in one order everywhere (hosts, instances, connections, projects, sessions; by id
within a table), so that transactions wait for each other and seldom deadlock.
"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from consoles import exception
from consoles import model
from consoles.db import clock
from consoles.db import sessions
from consoles.db.models import Connection
from consoles.db.models import Instance
from consoles.db.models import Session

SECRET = ("token_hash", "internal_access_path")


def add(db: orm.Session, values: dict[str, Any], ttl: int) -> dict[str, Any]:
    """Insert details that expire in `ttl` seconds; → {id, created_at, expires_at}.

    The same token for the same console is a repeated call and gets the first answer. Raises
    BadRequest for a token that stands for another one.
    """
    row = db.scalar(sa.select(Connection).where(Connection.token_hash == values["token_hash"]))
    if row is None:
        now = clock.now()
        row = Connection(**values, created_at=now, updated_at=now,
                         expires_at=now + ttl * clock.SECOND)
        db.add(row)
        db.flush()
    elif (row.instance_id, row.console_type) != (values["instance_id"], values["console_type"]):
        raise exception.BadRequest("token: it stands for another console already")
    return {"id": row.id, "created_at": row.created_at, "expires_at": row.expires_at}


def keep(db: orm.Session, values: dict[str, Any], ttl: int) -> None:
    """Insert or bring up to date what another service says of a token of its own.

    Its type stays the first one. It expires in `ttl` seconds, and again so when it is still good
    after that. Owner and agent are those of the inventory, where that knows the instance.
    """
    owner = db.execute(sa.select(Instance.project_id, Instance.user_id, Instance.host).where(
        Instance.id == values["instance_id"])).one_or_none()
    project_id, user_id, agent_host = owner or (None, None, None)
    now = clock.read(db)
    until = now + ttl * clock.SECOND
    row = db.scalar(sa.select(Connection).where(
        Connection.token_hash == values["token_hash"]).with_for_update())
    if row is None:
        row = Connection(**values, created_at=now, expires_at=until)
        db.add(row)
    elif row.expires_at <= now:
        row.expires_at = until
    row.updated_at = now
    row.project_id, row.user_id, row.agent_host = project_id, user_id, agent_host
    for key in ("instance_id", "host", "port", "tls_port"):
        setattr(row, key, values[key])


def find(db: orm.Session, token_hash: str) -> dict[str, Any] | None:
    """→ the columns of a token that is known and not expired."""
    row = db.scalar(valid(token_hash))
    return columns(row) if row else None


def move(db: orm.Session, connection_id: str, agent_host: str, place: model.ConnectInfo) -> None:
    """The instance went to another host: that one's agent releases what is held from now on."""
    db.execute(sa.update(Connection).where(Connection.id == connection_id).values(
        agent_host=agent_host, host=place.host, port=place.port, tls_port=place.tls_port,
        tls_name=place.tls_name))


def by_instance(db: orm.Session, instance_id: str, idle_timeout: int, include_idle: bool,
                include_expired: bool) -> list[dict[str, Any]]:
    conditions = [Connection.instance_id == instance_id]
    if not include_idle:
        conditions.append(sa.not_(idle(idle_timeout)))
    if not include_expired:
        conditions.append(Connection.expires_at > clock.now())
    return _listed(db, conditions, idle_timeout)


def by_host(db: orm.Session, agent_host: str, idle_timeout: int,
            only_idle: bool) -> list[dict[str, Any]]:
    conditions = [Connection.agent_host == agent_host]
    if only_idle:
        conditions += [idle(idle_timeout), unused()]
    return _listed(db, conditions, idle_timeout)


def touch(db: orm.Session, token_hashes: Sequence[str]) -> int:
    """→ how many were known."""
    return _touch(db, Connection.token_hash.in_(token_hashes))


def touch_ids(db: orm.Session, ids: Sequence[str]) -> int:
    return _touch(db, Connection.id.in_(ids))


def remove(db: orm.Session, condition: sa.ColumnElement[bool], code: int,
           reason: str) -> tuple[int, list[sessions.Place]]:
    """Delete details and end their sessions; → how many, and where the sessions run."""
    ids = db.scalars(sa.select(Connection.id).where(condition).order_by(Connection.id)
                     .with_for_update()).all()
    if not ids:
        return 0, []
    ended = sessions.end_where(db, Session.connection_id.in_(ids), code, reason)
    db.execute(sa.delete(Connection).where(Connection.id.in_(ids)))
    return len(ids), ended


def idle(idle_timeout: int) -> sa.ColumnElement[bool]:
    """Not touched for that many seconds."""
    return Connection.updated_at < clock.ago(idle_timeout)


def unused() -> sa.ColumnElement[bool]:
    """No session of it is opening or live."""
    return sa.not_(sa.exists().where(Session.connection_id == Connection.id,
                                     Session.ended_at.is_(None)))


def valid(token_hash: str) -> sa.Select[Connection]:
    return sa.select(Connection).where(Connection.token_hash == token_hash,
                                       Connection.expires_at > clock.now())


def _touch(db: orm.Session, condition: sa.ColumnElement[bool]) -> int:
    done = db.execute(sa.update(Connection).where(condition).values(updated_at=clock.now()),
                      execution_options={"synchronize_session": False})
    return int(done.rowcount)  # type: ignore[attr-defined]


def _listed(db: orm.Session, conditions: list[sa.ColumnElement[bool]],
            idle_timeout: int) -> list[dict[str, Any]]:
    now = clock.read(db)
    rows = db.scalars(sa.select(Connection).where(*conditions).order_by(Connection.id)).all()
    return [{key: value for key, value in columns(row).items() if key not in SECRET}
            | {"idle": row.updated_at < now - idle_timeout * clock.SECOND,
               "expired": row.expires_at <= now}
            for row in rows]


def columns(row: Connection) -> dict[str, Any]:
    return {column.key: getattr(row, column.key) for column in Connection.__table__.columns}
