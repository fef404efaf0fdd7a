"""The examples for RabbitMQ: a virtual host by the script, both kinds of queues by the files."""

import configparser
import os
import pathlib
import subprocess

import pytest

from tests.fixtures.processes import wait_for
from tests.fixtures.rabbit import PROGRAMS

EXAMPLES = pathlib.Path(__file__).parents[2] / "etc/rabbitmq"


def options(name):
    parser = configparser.RawConfigParser()
    parser.read(EXAMPLES / name)
    return dict(parser["oslo_messaging_rabbit"])


@pytest.fixture
def prepared(own_rabbit, tmp_path):
    """The script run with a rabbitmqctl that means this node; → its transport_url and the node."""
    control = tmp_path / "bin/rabbitmqctl"
    control.parent.mkdir()
    control.write_text(f"#!/bin/sh\nexec {PROGRAMS}/rabbitmqctl \"$@\"\n")
    control.chmod(0o755)
    env = {**own_rabbit._env, "PATH": f"{control.parent}:{os.environ['PATH']}"}
    subprocess.run(["sh", EXAMPLES / "prepare.sh", "s3cret"], env=env, check=True, timeout=120,
                   capture_output=True)
    return own_rabbit, f"rabbit://consoles:s3cret@127.0.0.1:{own_rabbit.port}/consoles"


def queues(rabbit):
    """{name: (type, whether it vanishes with its consumer)} of the virtual host."""
    lines = rabbit.control("list_queues", "-p", "consoles", "--no-table-headers", "name", "type",
                           "auto_delete").splitlines()
    return {name: (kind, gone) for name, kind, gone in (line.split("\t") for line in lines)}


def test_queues_of_both_examples_carry_a_console(prepared, make_system):
    rabbit, url = prepared
    for name, wanted in (("classic.conf", ("classic", "true")),
                         ("quorum.conf", ("quorum", "false"))):
        system = make_system(url, oslo_messaging_rabbit=options(name)).start()
        system.open()
        found = queues(rabbit)
        assert found["consoles-consoleauth.controller"] == wanted
        assert found["consoles-compute.one"] == wanted
        system.services.end()
        if wanted[1] == "true":  # and does so before the next ones ask for another type
            wait_for(lambda: "consoles-compute.one" not in queues(rabbit))
