"""The systemd units: what systemd says of them, and what they promise about the services."""

import configparser
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
from importlib import metadata

import pytest

from tests.fixtures.processes import free_port
from tests.fixtures.processes import need
from tests.fixtures.processes import Process

UNITS = pathlib.Path(__file__).parents[2] / "etc/systemd"
COMMON = UNITS / "consoles-.service.d/10-common.conf"
LIBVIRT = UNITS.parent / "libvirt/20-libvirt.conf"
NAMES = sorted(path.name for path in UNITS.glob("*.service"))
PREFIX = "/opt/consoles/bin/"
#: What systemd thinks of a service: 10 is naked, below 2.5 is about as far as one with a network
#: can go.
EXPOSURE = "25"
NO_SERVICES = {"consoles-all-in-one", "consoles-connect", "consoles-manage", "consoles-serial"}


def read(path):
    parser = configparser.RawConfigParser(strict=False)
    parser.optionxform = str
    parser.read(path)
    return parser["Service"]


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The units as in /etc/systemd/system, with the commands of this environment."""
    directory = tmp_path_factory.mktemp("units") / "system"
    shutil.copytree(UNITS, directory)
    for name in NAMES:
        path = directory / name
        path.write_text(path.read_text().replace(PREFIX, f"{pathlib.Path(sys.executable).parent}/"))
    return directory


def analyze(*words):
    done = subprocess.run([need("systemd-analyze", "systemd"), *map(str, words)],
                          capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout + done.stderr


def test_every_service_has_a_unit():
    commands = {point.name for point in metadata.entry_points(group="console_scripts")
                if point.value.startswith("consoles.")} - NO_SERVICES
    assert {name.removesuffix(".service") for name in NAMES} == commands
    for name in NAMES:
        assert read(UNITS / name)["ExecStart"].split()[0] == PREFIX + name.removesuffix(".service")


def test_systemd_finds_nothing_wrong(installed):
    code, said = analyze("verify", "--man=no", *(installed / name for name in NAMES))
    # What is said of the machine's own units is not ours.
    assert [line for line in said.splitlines() if "consoles" in line] == []
    assert code == 0, said


def test_systemd_would_find_a_mistake(installed, tmp_path):
    shutil.copytree(installed, tmp_path / "system")
    drop_in = tmp_path / "system" / COMMON.relative_to(UNITS)
    drop_in.write_text(COMMON.read_text().replace("LimitNOFILE=65536", "LimitNOFILE=many"))
    _, said = analyze("verify", "--man=no", tmp_path / "system" / NAMES[0])
    assert "10-common.conf" in said


@pytest.mark.parametrize("name", ["consoles-novncproxy.service", "consoles-compute.service"])
def test_systemd_thinks_that_they_are_well_protected(installed, tmp_path, name):
    """Its look at files knows no drop-ins of a prefix, so they become one file."""
    unit = tmp_path / name
    common = COMMON.read_text().partition("[Service]")[2]
    unit.write_text((installed / name).read_text().replace("[Service]", f"[Service]{common}"))
    code, said = analyze("security", "--offline=true", f"--threshold={EXPOSURE}", "--no-pager",
                         unit)
    assert code == 0, said


def families(name):
    """Lists of a unit and of its drop-ins add up."""
    return {family for path in (UNITS / name, COMMON)
            for family in read(path).get("RestrictAddressFamilies", "").split()}


def test_the_agent_alone_may_ask_which_interfaces_there_are():
    for name in NAMES:
        assert families(name) >= {"AF_INET", "AF_INET6", "AF_UNIX"}
        assert ("AF_NETLINK" in families(name)) == (name == "consoles-compute.service")


def test_no_unit_needs_a_group_that_a_host_may_not_have():
    """With one, systemd does not start the service (216/GROUP)."""
    assert [path for path in UNITS.rglob("*") if path.is_file()
            and "SupplementaryGroups" in read(path)] == []


def test_the_drop_in_for_libvirt_is_one_that_systemd_takes(installed, tmp_path):
    shutil.copytree(installed, tmp_path / "system")
    agent = tmp_path / "system/consoles-compute.service"
    drop_in = agent.with_name(f"{agent.name}.d") / LIBVIRT.name
    drop_in.parent.mkdir()
    drop_in.write_text(LIBVIRT.read_text() + "Unknown=1\n")
    _, said = analyze("verify", "--man=no", agent)
    assert [line for line in said.splitlines() if LIBVIRT.name in line
            and "'Unknown'" not in line and '"Unknown"' not in line] == []
    assert "Unknown" in said  # so the file was read
    assert read(LIBVIRT)["SupplementaryGroups"] == "libvirt"


def test_systemd_waits_longer_than_a_proxy_drains(conf):
    timeout = int(read(COMMON)["TimeoutStopSec"])
    assert timeout > conf.proxy.graceful_shutdown_timeout + 15


def test_a_reload_is_a_hangup_of_the_first_process():
    assert read(COMMON)["ExecReload"] == "/bin/kill -HUP $MAINPID"


@pytest.mark.parametrize("name", [n for n in NAMES if read(UNITS / n)["Type"] == "notify"])
def test_who_is_said_to_notify_does(installed, tmp_path, name):
    """Exactly as systemd starts it, with the socket where it waits for READY."""
    config = tmp_path / "consoles.conf"
    port = free_port()
    config.write_text("[DEFAULT]\ntransport_url = kombu+memory:////\n" + "".join(
        f"[{group}]\n{prefix}_host = 127.0.0.1\n{prefix}_port = {port}\n"
        for group, prefix in (("spice", "html5proxy"), ("serial_console", "serialproxy"),
                              ("mks", "mksproxy"))) +
        f"[vnc]\nnovncproxy_host = 127.0.0.1\nnovncproxy_port = {port}\n"
        f"xvpvncproxy_host = 127.0.0.1\nxvpvncproxy_port = {port}\n")
    command = read(installed / name)["ExecStart"]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as waiting:
        waiting.bind(str(tmp_path / "notify"))
        waiting.settimeout(60)
        process = Process(name, command.replace("/etc/consoles/consoles.conf", str(config)).split(),
                          tmp_path / "log", env={"NOTIFY_SOCKET": str(tmp_path / "notify")})
        try:
            assert waiting.recv(100) == b"READY=1", process.tail()
        finally:
            process.signal(signal.SIGINT)
            process.terminate(30)


def test_who_is_not_said_to_notify_is_one_process_that_systemd_watches():
    assert {read(UNITS / name)["Type"] for name in NAMES} == {"notify", "exec"}
