"""A database that goes away and comes back."""

import time

from consoles import exception
from tests.fixtures.consoleauth import refused
from tests.fixtures.consoleauth import started


def test_a_database_that_is_away_is_said_in_time_and_found_again(own_mariadb):
    with started(own_mariadb.new_database()) as plant:
        plant.add("before")
        own_mariadb.kill()
        began = time.monotonic()
        error = refused(plant.get, "before")
        assert type(error) is exception.ConsoleauthUnavailable
        assert "did not answer" not in str(error)  # it is consoleauth itself that says so
        assert time.monotonic() - began < 5
        own_mariadb.start()
        assert plant.get("before")["instance_id"] == "i1"


def test_connections_that_the_server_cut_are_replaced_unseen(own_mariadb):
    with started(own_mariadb.new_database()) as plant:
        plant.add()
        own_mariadb.kill()
        own_mariadb.start()
        assert plant.get() is not None
