"""Tempest's own tests of consoles, by its own code: real Keystone, RabbitMQ, proxy and QEMU guest.

Only what makes servers is replaced; tests/fixtures/tempest_runner.py says how.
"""

import configparser
import json
import os
import pathlib
import subprocess

import pytest
import yaml

from tests.fixtures import keystone as identity
from tests.fixtures.open_cloud import OpenCloud
from tests.fixtures.processes import Services
from tests.fixtures.qemu import booted
from tests.fixtures.qemu import Guest

RUNNER = pathlib.Path(identity.__file__).with_name("tempest_runner.py")
SERVERS = "tempest.api.compute.servers"
TESTS = [
    f"{SERVERS}.test_novnc.NoVNCConsoleTestJSON.test_novnc",
    f"{SERVERS}.test_novnc.NoVNCConsoleTestJSON.test_novnc_bad_token",
    f"{SERVERS}.test_server_actions.ServerActionsTestJSON.test_get_console_output",
    f"{SERVERS}.test_server_actions.ServerActionsTestOtherB.test_get_vnc_console",
    f"{SERVERS}.test_server_actions.ServerActionsTestOtherB"
    ".test_get_console_output_with_unlimited_size",
    f"{SERVERS}.test_servers_negative.ServersNegativeTestJSON"
    ".test_get_console_output_of_non_existent_server"]
SPICE = ["tempest.api.compute.admin.test_spice.SpiceDirectConsoleTestJSON.test_spice_direct"]
LOG = "".join(f"[    0.{line:06}] a line of the boot\n" for line in range(12))
#: Who Tempest works as, the first one first.
ACCOUNTS = {"mary": "member", "rita": "reader", "adam": "admin"}


@pytest.fixture(scope="module")
def guest(tmp_path_factory):
    """VNC, and SPICE without a ticket."""
    with booted(Guest(tmp_path_factory.mktemp("guest"), spice=True)) as guest:
        yield guest


@pytest.fixture(scope="module")
def cloud(keystone, rabbit, tmp_path_factory):
    services = Services(tmp_path_factory.mktemp("tempest"))
    try:
        yield OpenCloud(services, rabbit.new_vhost(), keystone, spice={"enabled": "true"}).start()
    finally:
        services.end()


@pytest.fixture
def tempest(cloud, guest, tmp_path):
    """`tempest(names, version)` → what the run of these tests says, at this microversion and up."""
    server = {"project_id": cloud.keystone.projects["red"],
              "console_log": LOG, "consoles": {
                  "novnc": {"host": "127.0.0.1", "port": guest.vnc_port},
                  "spice-direct": {"host": "127.0.0.1", "port": guest.spice_port}}}

    def tempest(names, version):
        configure(cloud, tmp_path, version)
        instances = cloud.services.directory / "instances-one.yaml"
        done = subprocess.run(
            [identity.installed() / "venv/bin/python", RUNNER, instances, json.dumps(server),
             *names], capture_output=True, text=True, timeout=150, cwd=tmp_path, env={
                 **os.environ, "TEMPEST_CONFIG_DIR": str(tmp_path),
                 "TEMPEST_CONFIG": "tempest.conf"})
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])
    return tempest


def configure(cloud, directory, version):
    (directory / "accounts.yaml").write_text(yaml.safe_dump([
        {"username": name, "password": identity.password(name), "project_name": "red",
         "user_domain_name": "Default", "project_domain_name": "Default", "roles": [role]}
        for name, role in ACCOUNTS.items()]))
    config = configparser.RawConfigParser()
    config.read_dict({
        "oslo_concurrency": {"lock_path": directory / "locks"},
        "auth": {"use_dynamic_credentials": False, "admin_role": "admin",
                 "test_accounts_file": directory / "accounts.yaml"},
        "identity": {"auth_version": "v3", "uri_v3": f"{cloud.keystone.url}/v3"},
        # No test of these asks for networks or images, but some want the services to be there.
        "service_available": {"nova": True, "neutron": True, "glance": True, "cinder": False,
                              "swift": False},
        "compute": {"build_timeout": 30, "build_interval": 1, "min_microversion": version,
                    "max_microversion": "latest"},
        "compute-feature-enabled": {"vnc_console": True, "spice_console": True,
                                    "console_output": True},
        "validation": {"run_validation": False}})
    with (directory / "tempest.conf").open("w") as output:
        config.write(output)


@pytest.mark.parametrize("version, names", [("2.1", TESTS), ("2.99", TESTS + SPICE)])
def test_tempest_is_content(tempest, version, names):
    """At the lowest version by the actions, at the highest by remote-consoles."""
    said = tempest(names, version)
    assert said["failed"] == {}, "\n".join(said["failed"].values())
    assert said["skipped"] == {}
    assert sorted(said["passed"]) == sorted(names)
