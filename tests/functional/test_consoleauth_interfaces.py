"""The endpoints are what their clients say, and the service starts only with sense."""

import pytest

from consoles import exception
from consoles.consoleauth import service
from consoles.consoleauth.inventory import InventoryEndpoint
from consoles.consoleauth.manager import ConsoleAuthManager
from consoles.consoleauth.sessions import SessionsEndpoint
from consoles.db import engine
from consoles.db import migration
from consoles.rpc import transport
from consoles.rpc.consoleauth import ConsoleAuth
from consoles.rpc.interface import declared
from consoles.rpc.inventory import Inventory
from consoles.rpc.sessions import Sessions


@pytest.mark.parametrize("endpoint, client", [
    (ConsoleAuthManager, ConsoleAuth), (SessionsEndpoint, Sessions),
    (InventoryEndpoint, Inventory)])
def test_an_endpoint_has_the_methods_of_its_client(endpoint, client):
    assert declared(endpoint) == declared(client)


def test_a_touch_that_comes_too_late_is_refused_at_the_start(conf):
    conf.set_override("touch_interval", 1800, group="proxy")
    with pytest.raises(exception.ConfigError, match="touch_interval"):
        service.build(conf, transport.Bus(conf))


def test_a_database_that_was_not_prepared_is_refused_at_the_start(conf, tmp_path):
    engine.register_opts(conf)
    conf.set_override("connection", f"sqlite:///{tmp_path}/x.sqlite", group="database")
    with pytest.raises(exception.ConfigError, match="db sync"):
        service.build(conf, transport.Bus(conf))


def test_a_database_that_a_later_release_has_prepared_is_served_and_left_as_it_is(conf, tmp_path):
    """Who goes back a release keeps it."""
    engine.register_opts(conf)
    conf.set_override("connection", f"sqlite:///{tmp_path}/x.sqlite", group="database")
    migration.sync(conf)
    database = engine.connect(conf)
    with database.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    database.close()
    bus = transport.Bus(conf)
    service.build(conf, bus).stop()
    bus.close()
    with pytest.raises(exception.ConfigError, match="9999 of a later release"):
        migration.sync(conf)
    assert migration.version(conf) == "9999"
