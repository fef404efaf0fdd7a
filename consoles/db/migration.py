"""The schema's versions: Alembic's, with the scripts in this package."""

import pathlib

import sqlalchemy as sa
from alembic import command
from alembic import config as alembic_config
from alembic import script
from alembic.runtime import migration
from oslo_config import cfg
from oslo_db import exception as db_exception

from consoles import exception
from consoles.db import engine

SCRIPTS = pathlib.Path(__file__).with_name("migrations")


def sync(conf: cfg.ConfigOpts) -> str:
    """Bring the database of `conf` to the newest version; → that version. May be repeated.

    Raises ConfigError when a later release has done so.
    """
    database = engine.connect(conf)
    try:
        found = current(database.engine)
        if _is_later(found):
            raise exception.ConfigError(
                f"The database has schema version {found} of a later release. This release works "
                "on it as it is: there is nothing to do.")
        upgrade(database.engine)
        return head()
    finally:
        database.close()


def version(conf: cfg.ConfigOpts) -> str | None:
    """The version the database of `conf` has, None for an empty one."""
    database = engine.connect(conf)
    try:
        return current(database.engine)
    finally:
        database.close()


def upgrade(bind: sa.Engine, revision: str = "head") -> None:
    with bind.begin() as connection:
        settings = _settings()
        settings.attributes["connection"] = connection
        command.upgrade(settings, revision)


def current(bind: sa.Engine) -> str | None:
    with bind.connect() as connection:
        return migration.MigrationContext.configure(connection).get_current_revision()


def head() -> str:
    """The version that this release works with."""
    return _scripts().get_current_head() or ""


def check(bind: sa.Engine) -> None:
    """Raises ConfigError when the database does not answer or was not prepared for this release.

    A later release has only added to the schema, so that one can go back to this one.
    """
    try:
        found = current(bind)
    except db_exception.DBError as exc:  # its text may hold the URL, and with it the password
        raise exception.ConfigError(
            f"The database of [database] connection does not answer ({type(exc).__name__}). "
            "Start it, or correct the URL.") from exc
    if found != head() and not _is_later(found):
        raise exception.ConfigError(
            f"The database has schema version {found}, this release works with {head()}: "
            "run 'consoles-manage db sync'.")


def _is_later(version: str | None) -> bool:
    return version is not None and version not in [
        known.revision for known in _scripts().walk_revisions()]


def _scripts() -> script.ScriptDirectory:
    return script.ScriptDirectory.from_config(_settings())


def _settings() -> alembic_config.Config:
    settings = alembic_config.Config()
    settings.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    return settings
