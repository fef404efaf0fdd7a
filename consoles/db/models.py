"""The tables; all times are epoch milliseconds of the database server's clock."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

#: Names are compared byte by byte on every database, as SQLite and PostgreSQL do anyway.
TABLE_ARGS = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4",
              "mysql_collate": "utf8mb4_bin"}

ID = sa.String(64)
NAME = sa.String(255)
TIME = sa.BigInteger()


class Base(orm.DeclarativeBase):
    """What Alembic compares the migrations with."""

    __table_args__: Any = TABLE_ARGS


class Connection(Base):
    """Where a token leads. Without `agent_host` the stored place is all there is."""

    __tablename__ = "connections"

    id: orm.Mapped[str] = orm.mapped_column(ID, primary_key=True)
    token_hash: orm.Mapped[str] = orm.mapped_column(sa.CHAR(64), unique=True)
    instance_id: orm.Mapped[str] = orm.mapped_column(ID, index=True)
    agent_host: orm.Mapped[str | None] = orm.mapped_column(NAME, index=True)
    console_type: orm.Mapped[str] = orm.mapped_column(sa.String(32))
    project_id: orm.Mapped[str | None] = orm.mapped_column(NAME)
    user_id: orm.Mapped[str | None] = orm.mapped_column(NAME)
    request_id: orm.Mapped[str | None] = orm.mapped_column(NAME)
    host: orm.Mapped[str] = orm.mapped_column(NAME)
    port: orm.Mapped[int] = orm.mapped_column(sa.Integer)
    tls_port: orm.Mapped[int | None] = orm.mapped_column(sa.Integer)
    tls_name: orm.Mapped[str | None] = orm.mapped_column(NAME)
    internal_access_path: orm.Mapped[str | None] = orm.mapped_column(sa.Text)
    access_url_base: orm.Mapped[str] = orm.mapped_column(sa.Text)
    options: orm.Mapped[dict[str, Any]] = orm.mapped_column(sa.JSON)
    #: The session that used the token last.
    claimed_by: orm.Mapped[str | None] = orm.mapped_column(ID)
    created_at: orm.Mapped[int] = orm.mapped_column(TIME)
    updated_at: orm.Mapped[int] = orm.mapped_column(TIME)
    expires_at: orm.Mapped[int] = orm.mapped_column(TIME, index=True)


class Session(Base):
    """One use of a token; `state` is opening, live or ended, and `ended_at` is set when ended."""

    __tablename__ = "sessions"
    __table_args__ = (sa.Index("ix_sessions_project_id_ended_at", "project_id", "ended_at"),
                      sa.Index("ix_sessions_worker_ended_at", "worker", "ended_at"),
                      sa.Index("ix_sessions_started_at_id", "started_at", "id"), TABLE_ARGS)

    id: orm.Mapped[str] = orm.mapped_column(ID, primary_key=True)
    connection_id: orm.Mapped[str] = orm.mapped_column(ID, index=True)
    instance_id: orm.Mapped[str] = orm.mapped_column(ID, index=True)
    project_id: orm.Mapped[str | None] = orm.mapped_column(NAME)
    console_type: orm.Mapped[str] = orm.mapped_column(sa.String(32))
    state: orm.Mapped[str] = orm.mapped_column(sa.String(16))
    worker: orm.Mapped[str] = orm.mapped_column(NAME)
    boot_id: orm.Mapped[str] = orm.mapped_column(ID)
    client_address: orm.Mapped[str] = orm.mapped_column(NAME)
    user_agent: orm.Mapped[str] = orm.mapped_column(NAME)
    started_at: orm.Mapped[int] = orm.mapped_column(TIME)
    updated_at: orm.Mapped[int] = orm.mapped_column(TIME)
    ended_at: orm.Mapped[int | None] = orm.mapped_column(TIME, index=True)
    bytes_in: orm.Mapped[int] = orm.mapped_column(TIME, default=0)
    bytes_out: orm.Mapped[int] = orm.mapped_column(TIME, default=0)
    code: orm.Mapped[int | None] = orm.mapped_column(sa.Integer)
    reason: orm.Mapped[str | None] = orm.mapped_column(sa.String(64))


class Project(Base):
    """A project whose openings take turns, by locking this row; it stays once it is there."""

    __tablename__ = "projects"

    id: orm.Mapped[str] = orm.mapped_column(NAME, primary_key=True)


class Instance(Base):
    """A virtual machine on the host that has it now; `generation` counts its changes of host."""

    __tablename__ = "instances"

    id: orm.Mapped[str] = orm.mapped_column(ID, primary_key=True)
    host: orm.Mapped[str] = orm.mapped_column(NAME, index=True)
    name: orm.Mapped[str] = orm.mapped_column(NAME)
    project_id: orm.Mapped[str | None] = orm.mapped_column(NAME, index=True)
    user_id: orm.Mapped[str | None] = orm.mapped_column(NAME)
    status: orm.Mapped[str] = orm.mapped_column(sa.String(32))
    generation: orm.Mapped[int] = orm.mapped_column(sa.Integer)
    created_at: orm.Mapped[int] = orm.mapped_column(TIME)
    updated_at: orm.Mapped[int] = orm.mapped_column(TIME)
    seen_at: orm.Mapped[int] = orm.mapped_column(TIME)


class Host(Base):
    """An agent's host, and how far its reports are applied."""

    __tablename__ = "hosts"

    name: orm.Mapped[str] = orm.mapped_column(NAME, primary_key=True)
    boot_id: orm.Mapped[str] = orm.mapped_column(ID)
    sequence: orm.Mapped[int] = orm.mapped_column(TIME)
    reported_at: orm.Mapped[int] = orm.mapped_column(TIME)
    version: orm.Mapped[str] = orm.mapped_column(NAME)
    consoles: orm.Mapped[list[str]] = orm.mapped_column(sa.JSON)
    endpoints: orm.Mapped[dict[str, str]] = orm.mapped_column(sa.JSON)
