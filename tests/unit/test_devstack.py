"""The devstack plugin with devstack's own functions replaced by ones that write down their call."""

import pathlib
import subprocess

import pytest
from oslo_config import cfg

from consoles import conf as consoles_conf

ROOT = pathlib.Path(__file__).parents[2]
HARNESS = """
set -eu
DEST={tmp} STACK_USER=$(id -un) SERVICE_HOST=127.0.0.1 CONSOLES_DIR={root} REGION_NAME=RegionOne
CONSOLES_CONF_DIR={tmp}/etc RABBIT_USERID=openstack RABBIT_PASSWORD=secret RABBIT_HOST=10.0.0.1
KEYSTONE_SERVICE_URI=http://10.0.0.1/identity SERVICE_PASSWORD=secret SERVICE_PROJECT_NAME=service
SERVICE_DOMAIN_NAME=Default
enabled=""
function enable_service {{ enabled+=" $*"; }}
function is_service_enabled {{ [[ " $enabled " == *" $1 "* ]]; }}
function get_python_exec_prefix {{ echo {tmp}/bin; }}
function database_connection_url {{ echo "mysql+pymysql://root:secret@127.0.0.1/$1"; }}
function iniset {{ python3 - "$@" <<'PYTHON'
import configparser, sys
path, section, name, value = sys.argv[1:]
parser = configparser.RawConfigParser(default_section="")
parser.read(path)
if not parser.has_section(section):
    parser.add_section(section)
parser.set(section, name, value)
with open(path, "w") as output:
    parser.write(output)
PYTHON
}}
function sudo {{ if [ "$1" = rabbitmqctl ]; then echo "$*" >>{tmp}/calls; else "$@"; fi; }}
for name in setup_develop run_process stop_process create_service_user get_or_create_service \\
        get_or_create_endpoint recreate_database; do
    eval "function $name {{ echo \\"$name \\$*\\" >>{tmp}/calls; }}"
done
source {root}/devstack/settings
source {root}/devstack/plugin.sh {arguments}
"""
ORDER = ["consoles-consoleauth", "consoles-compute", "consoles-novncproxy", "consoles-api"]


@pytest.fixture
def plugin(tmp_path):
    """Runs one mode and phase; answers the calls that were made."""
    (tmp_path / "bin").mkdir()
    manage = tmp_path / "bin/consoles-manage"
    manage.write_text(f'#!/bin/sh\necho "consoles-manage $*" >>{tmp_path}/calls\n')
    manage.chmod(0o755)

    def run(arguments):
        calls = tmp_path / "calls"
        calls.write_text("")
        script = HARNESS.format(tmp=tmp_path, root=ROOT, arguments=arguments)
        done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return calls.read_text().splitlines()
    return run


@pytest.mark.parametrize("name", ["plugin.sh", "settings"])
def test_the_shell_can_read_it(name):
    subprocess.run(["bash", "-n", ROOT / "devstack" / name], check=True)


def test_the_configuration_is_one_that_the_services_take(plugin, tmp_path):
    plugin("stack post-config")
    conf = cfg.ConfigOpts()
    consoles_conf.register_opts(conf)
    conf(["--config-file", str(tmp_path / "etc/consoles.conf")])
    assert conf.api.port == 8790
    assert conf.vnc.novncproxy_base_url == "http://127.0.0.1:6080/vnc_auto.html"
    assert conf.compute.driver == "stub"
    text = (tmp_path / "etc/consoles.conf").read_text()
    assert "rabbit://openstack:secret@10.0.0.1:5672/consoles" in text
    assert "mysql+pymysql://root:secret@127.0.0.1/consoles" in text


def test_services_start_in_order_after_what_they_need(plugin):
    calls = plugin("stack extra")
    started = [call.split()[1] for call in calls if call.startswith("run_process")]
    assert started == ORDER
    first = next(n for n, call in enumerate(calls) if call.startswith("run_process"))
    before = "\n".join(calls[:first])
    for need in ("rabbitmqctl add_vhost consoles", "recreate_database consoles", "db sync",
                 "create_service_user consoles", "get_or_create_endpoint console RegionOne"):
        assert need in before


def test_unstack_stops_all(plugin):
    assert plugin("unstack") == [f"stop_process {name}" for name in ORDER]


def test_clean_removes_the_configuration(plugin, tmp_path):
    plugin("stack post-config")
    plugin("clean")
    assert not (tmp_path / "etc").exists()


def test_other_phases_do_nothing(plugin):
    assert plugin("stack pre-install") == []
