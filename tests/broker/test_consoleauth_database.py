"""A database that goes away and comes back, by itself or from a backup."""

import pathlib
import re
import subprocess
import sys
import time

import pytest
from sqlalchemy import make_url

from benchmarks import rows
from consoles import exception
from consoles.db import engine
from consoles.db import migration
from tests.fixtures import guide
from tests.fixtures.concurrency import DATABASES
from tests.fixtures.consoleauth import refused
from tests.fixtures.consoleauth import started
from tests.fixtures.database import new_url


@pytest.fixture(params=["mariadb", "postgresql"])
def own_server(request):
    return request.getfixturevalue(f"own_{request.param}")


def test_a_database_that_is_away_is_said_in_time_and_found_again(own_server):
    with started(own_server.new_database()) as plant:
        plant.add("before")
        own_server.kill()
        began = time.monotonic()
        error = refused(plant.get, "before")
        assert type(error) is exception.ConsoleauthUnavailable
        assert "did not answer" not in str(error)  # it is consoleauth itself that says so
        assert time.monotonic() - began < 15
        own_server.start()
        assert plant.get("before")["instance_id"] == "i1"


def test_connections_that_the_server_cut_are_replaced_unseen(own_server):
    with started(own_server.new_database()) as plant:
        plant.add()
        own_server.kill()
        own_server.start()
        assert plant.get() is not None


def of_the_first_release(conf):
    database = engine.connect(conf)
    migration.upgrade(database.engine, "0001")
    rows.fill(database, range(3))
    rows.fill_sessions(database, range(3))
    database.close()


@pytest.mark.parametrize("kind", DATABASES)
def test_what_the_first_release_has_stored_is_there_after_an_upgrade(request, kind):
    with started(new_url(request, kind), prepare=of_the_first_release) as plant:
        assert plant.get("2")["id"] == rows.connection_id(2)
        assert plant.session_row(rows.session_id(2))["connection_id"] == rows.connection_id(2)


def operator(home, url, **environment):
    """→ a shell in `home`, whose programs find the database as an operator's find it."""
    (home / ".consoles").mkdir()
    (home / ".consoles/consoles.conf").write_text(f"[database]\nconnection = {url}\n")
    server = make_url(url)
    (home / ".my.cnf").write_text(f"[client]\nhost={server.host}\nport={server.port}\n"
                                  f"user={server.username}\n")
    path = f"{pathlib.Path(sys.executable).parent}:/usr/bin:/bin"

    def run(command):
        done = subprocess.run(command.replace("/opt/consoles/bin/", ""), shell=True, cwd=home,
                              env=environment | {"HOME": str(home), "PATH": path},
                              capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, f"{command}\n{done.stderr}"
        return done.stdout

    return run


def commands(page, pattern):
    """Those of a page of the guide in which the pattern is found."""
    return [command for block in guide.blocks(guide.GUIDE / f"{page}.rst")
            for command in guide.commands(block.text) if re.search(pattern, command)]


def test_the_guides_backup_comes_back_by_the_guides_commands(own_mariadb, tmp_path):
    typed = commands("admin/life-of-a-service", r"mysql|db sync|auth$")
    dump, = [command for command in typed if command.startswith("mysqldump")]
    stop, *back, start = typed[typed.index(dump) + 1:]
    assert (stop, start) == ("systemctl stop consoles-consoleauth",
                             "systemctl start consoles-consoleauth")
    own_mariadb.execute("CREATE DATABASE consoles")
    url = make_url(own_mariadb.new_database()).set(database="consoles")
    shell = operator(tmp_path, url.render_as_string(hide_password=False))
    comes_back(str(url), shell, dump, back)


def test_the_guides_commands_make_dump_and_restore_postgresqls_database(own_postgresql, tmp_path):
    """With the login that the guide makes, which owns the database and nothing else."""
    url = make_url(own_postgresql.new_database()).set(
        username="consoles", password="PASSWORD", database="consoles")
    url = url.render_as_string(hide_password=False)
    shell = operator(tmp_path, url, **own_postgresql.environment())
    for command in commands("install/index", r"^(psql|createdb) "):
        shell(command)
    dump, *back = commands("admin/life-of-a-service", r"^(pg_dump|pg_restore|dropdb|createdb) ")
    comes_back(url, shell, dump, [*back, "consoles-manage db sync"])


def comes_back(url, shell, dump, back):
    """What was there at the dump is there again; what came later is not."""
    with started(url) as plant:
        plant.add("kept")
        session = plant.open("kept")
        shell(dump)
        plant.add("later")
    for command in back:
        shell(command)
    shell("consoles-manage db version")
    with started(url) as plant:
        assert plant.session_row(session)["instance_id"] == "i1"
        assert plant.get("kept")["instance_id"] == "i1"
        assert plant.get("later") is None
