"""The schema and the engine, on every database that is at hand."""

import sqlite3
import time

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy.dialects import mysql
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine.interfaces import CacheStats

from consoles import exception
from consoles.db import clock
from consoles.db import engine
from consoles.db import migration
from consoles.db import models


@pytest.fixture
def database(conf, tmp_path):
    engine.register_opts(conf)
    conf.set_override("connection", f"sqlite:///{tmp_path}/db.sqlite", group="database")
    migration.sync(conf)
    database = engine.connect(conf)
    yield database
    database.close()


def test_the_migrations_make_what_the_models_say(database):
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, models.Base.metadata) == []


def test_sync_can_be_repeated(conf, database):
    assert migration.version(conf) == migration.head()
    assert migration.sync(conf) == migration.head()
    migration.check(database.engine)


def test_an_empty_database_is_not_served(conf, tmp_path):
    engine.register_opts(conf)
    conf.set_override("connection", f"sqlite:///{tmp_path}/empty.sqlite", group="database")
    assert migration.version(conf) is None
    with pytest.raises(exception.ConfigError, match="db sync"):
        migration.check(engine.connect(conf).engine)


def test_a_schema_of_a_release_before_is_not_served(conf, tmp_path):
    engine.register_opts(conf)
    conf.set_override("connection", f"sqlite:///{tmp_path}/old.sqlite", group="database")
    database = engine.connect(conf)
    migration.upgrade(database.engine, "0001")
    with pytest.raises(exception.ConfigError, match="db sync"):
        migration.check(database.engine)
    database.close()


@pytest.mark.parametrize("url, text", [
    (None, "not set"), ("sqlite://", "needs a file"), ("nonsense", "cannot be used"),
    ("sqlite:////nowhere/at/all.sqlite", "cannot be used")])
def test_a_database_that_cannot_be_used_is_explained(conf, url, text):
    engine.register_opts(conf)
    conf.set_override("connection", url, group="database")
    with pytest.raises(exception.ConfigError, match=text):
        engine.connect(conf)


def test_the_password_of_the_database_is_not_told(conf):
    engine.register_opts(conf)
    conf.set_override("max_retries", 1, group="database")
    conf.set_override("retry_interval", 0, group="database")
    conf.set_override("connection", "mysql+pymysql://u:hush@127.0.0.1:1/x", group="database")
    with pytest.raises(exception.ConfigError) as caught:
        engine.connect(conf)
    assert "hush" not in str(caught.value)


def test_the_clock_is_the_time_in_milliseconds(database):
    before = time.time() * 1000
    read = database.read(clock.read)
    assert before - 2 <= read <= time.time() * 1000 + 2


@pytest.mark.parametrize("dialect, text", [
    (mysql.dialect(), "UTC_TIMESTAMP(3)"), (postgresql.dialect(), "statement_timestamp()")])
def test_the_clock_is_spelt_for_each_dialect(dialect, text):
    assert text in str(sa.select(clock.ago(5)).compile(dialect=dialect))


def test_a_statement_with_the_clock_is_compiled_once(database):
    hits = []
    sa.event.listen(database.engine, "after_cursor_execute",
                    lambda *args: hits.append(args[4].cache_hit))
    for seconds in (5, 6):
        database.read(lambda db, ago=seconds: db.scalar(sa.select(clock.ago(ago))))
    assert hits[-1] is CacheStats.CACHE_HIT


def test_a_transaction_that_fails_leaves_nothing(database):
    def write(db):
        db.add(models.Host(name="h", boot_id="b", sequence=1, reported_at=0, version="",
                           consoles=[], endpoints={}))
        db.flush()
        raise exception.BadRequest("no")
    with pytest.raises(exception.BadRequest):
        database.write(write)
    assert database.read(lambda db: db.scalar(sa.select(sa.func.count(models.Host.name)))) == 0


@pytest.mark.parametrize("way", ["read", "write"])
def test_an_error_does_not_show_the_values(database, way):
    with pytest.raises(Exception, match="nowhere") as caught:
        getattr(database, way)(
            lambda db: db.execute(sa.text("SELECT :x FROM nowhere"), {"x": "a ticket"}))
    assert "a ticket" not in str(caught.value)


def test_sqlite_readers_do_not_wait_for_a_writer(database):
    def write(db):
        db.execute(sa.delete(models.Host))
        return database.read(lambda other: other.scalar(sa.select(models.Host.name)))
    assert database.write(write) is None


def test_a_database_that_another_process_locks_is_unavailable(database, tmp_path):
    other = sqlite3.connect(tmp_path / "db.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(exception.ConsoleauthUnavailable):
        database.write(clock.read)
    other.execute("COMMIT")
    other.close()
    assert database.write(clock.read)
