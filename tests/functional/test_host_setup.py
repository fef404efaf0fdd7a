"""consoles-manage host setup: what it writes and enables, says, and takes back exactly."""

import configparser
import json
import subprocess
import sys

import pytest

from consoles.command.host_units import Units
from tests.fixtures import guide

COMMAND = "import sys; from consoles.command import manage; sys.exit(manage.main())"
DROP_IN = "etc/consoles/consoles.conf.d/50-host.conf"
RECORD = "etc/consoles/host-setup.json"
LIBVIRT = "etc/systemd/system/consoles-compute.service.d/20-libvirt.conf"
QEMU = "etc/libvirt/qemu.conf"
SETUP = ("setup", "--endpoint", "192.0.2.7", "--proxies", "novnc,serial", "--address", "10.0.0.31")


@pytest.fixture
def host(hypervisor_host):
    return hypervisor_host


def test_a_host_is_set_up_and_left_as_it_was(host):
    before = host.files()
    done = host.manage(*SETUP)
    assert done.returncode == 0, done.stdout + done.stderr
    assert host.enabled() == {"consoles-compute", "consoles-novncproxy", "consoles-serialproxy"}
    text = host.read(DROP_IN)
    assert "[compute]\npublic_endpoint = 192.0.2.7\n" in text
    assert ("[vnc]\nenabled = true\nxvpvncproxy_base_url = \nserver_listen = 10.0.0.31\n"
            "server_proxyclient_address = 10.0.0.31\n") in text
    assert "[serial_console]\nenabled = true\nproxyclient_address = 10.0.0.31\n" in text
    assert "[proxy]\nallowed_targets = 10.0.0.31\n" in text
    assert "http://192.0.2.7:6080/vnc_auto.html" in done.stdout
    assert "ws://192.0.2.7:6083/" in done.stdout
    for unit in host.enabled():
        assert f"enabled   {unit}.service" in done.stdout
    assert (host.root / RECORD).stat().st_mode & 0o777 == 0o600
    again = host.manage(*SETUP)
    assert again.returncode == 0
    assert again.stdout.count("unchanged") == 4

    done = host.manage("remove")
    assert done.returncode == 0, done.stdout + done.stderr
    assert host.files() == before
    assert host.enabled() == set()
    assert "nothing that host setup has changed" in host.manage("remove").stdout


def test_an_agent_with_libvirt_gets_its_group(host):
    host.config.write_text("[compute]\ndriver = libvirt\n")
    host.put("etc/group", b"root:x:0:\nlibvirt:x:115:\n")
    before = host.files()
    done = host.manage(*SETUP)
    assert done.returncode == 0, done.stdout + done.stderr
    shipped = configparser.RawConfigParser()
    shipped.read(guide.ROOT / "etc/libvirt/20-libvirt.conf")
    written = configparser.RawConfigParser()
    written.read_string(host.read(LIBVIRT))
    assert written == shipped
    assert host.manage("remove").returncode == 0
    assert host.files() == before


def test_a_group_that_is_not_there_does_not_stop_the_agent(host):
    host.config.write_text("[compute]\ndriver = libvirt\n")
    host.put("etc/group", b"root:x:0:\nlibvirt-qemu:x:64055:\n")
    done = host.manage(*SETUP)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "there is no group libvirt here" in done.stdout
    assert LIBVIRT not in host.files()


def test_without_libvirt_no_group_is_asked_for(host):
    host.put("etc/group", b"libvirt:x:115:\n")
    assert host.manage(*SETUP).returncode == 0
    assert LIBVIRT not in host.files()


def test_what_was_there_before_comes_back(host):
    host.put(DROP_IN, b"[compute]\npublic_endpoint = old\r\n", 0o640)
    (host.units / "consoles-compute.service").touch()
    before = host.files()
    assert host.manage(*SETUP).returncode == 0
    assert host.manage("setup", "--endpoint", "lo", "--proxies", "novnc", "--address",
                       "10.0.0.31").returncode == 0
    assert "public_endpoint = lo" in host.read(DROP_IN)
    assert host.manage("remove").returncode == 0
    assert host.files() == before
    assert host.enabled() == {"consoles-compute"}


def test_a_file_that_somebody_else_has_changed_is_left_and_told(host):
    host.manage(*SETUP)
    host.put(DROP_IN, b"[compute]\npublic_endpoint = mine\n")
    done = host.manage("setup", "--endpoint", "lo", "--proxies", "novnc", "--address",
                       "10.0.0.31")
    assert done.returncode == 1
    assert "changed by somebody else since" in done.stderr
    done = host.manage("remove")
    assert done.returncode == 1
    assert "changed by somebody else since and stays" in done.stdout
    assert "public_endpoint = mine" in host.read(DROP_IN)
    assert host.enabled() == set()


def test_on_a_host_that_runs_services_are_started_and_stopped(host):
    units = Units("/", dry_run=False)
    assert units.enable("consoles-novncproxy.service") == ""
    assert units.enabled("consoles-novncproxy.service")
    assert units.reload() == ""
    assert units.restart("consoles-compute.service") == ""
    assert units.disable("consoles-novncproxy.service") == ""
    assert host.told.read_text().splitlines() == [
        "enable --now consoles-novncproxy", "is-enabled consoles-novncproxy",
        "daemon-reload", "try-restart consoles-compute", "disable --now consoles-novncproxy"]


def test_the_command_has_it(host):
    (host.root / "etc/libvirt/qemu.conf").unlink()
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", COMMAND, "--config-file", host.config, "host",
         "setup", "--hypervisor", "--root", host.root], capture_output=True, text=True,
        timeout=60, check=False)
    assert (done.returncode, done.stderr) == (1, "")
    assert "is libvirt's driver for QEMU installed" in done.stdout


def test_a_dry_run_says_all_and_does_nothing(host):
    before = host.files()
    done = host.manage(*SETUP, "--hypervisor", "--yes", "--dry-run")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("Nothing is changed")
    assert "enabled   consoles-novncproxy.service" in done.stdout
    assert host.files() == before
    assert {line.split()[1] for line in host.told.read_text().splitlines()} == {"is-enabled"}


def test_without_systemctl_the_rest_is_said(host, monkeypatch, tmp_path):
    (host.bin / "systemctl").unlink()
    monkeypatch.setenv("PATH", str(tmp_path))
    done = host.manage(*SETUP)
    assert done.returncode == 1
    assert "TO DO     systemctl is not here" in done.stdout
    assert "consoles-novncproxy.service" in done.stdout
    assert host.read(DROP_IN)
    assert host.manage("remove").returncode == 0


def test_a_unit_that_is_missing_is_said_and_the_others_are_enabled(host):
    done = host.manage("setup", "--endpoint", "kvm7.invalid", "--proxies", "mks,novnc", "--address",
                       "10.0.0.31")
    assert done.returncode == 1
    assert "consoles-mksproxy.service is not enabled: Unit" in done.stdout
    assert host.enabled() == {"consoles-compute", "consoles-novncproxy"}
    assert "allowed_targets is this host alone: name the networks of mks, too" in done.stdout
    assert "kvm7.invalid is no interface of this host and does not resolve" in done.stdout


@pytest.mark.parametrize(("words", "told"), [
    (("setup",), "say --endpoint with --proxies"),
    (("setup", "--endpoint", "lo"), "say --endpoint with --proxies"),
    (("setup", "--endpoint", "a b", "--proxies", "novnc"), "public_endpoint = a b is no"),
    (("setup", "--endpoint", "lo", "--proxies", "novnc,rdp"), "rdp: choose from novnc")])
def test_what_cannot_be_meant(host, words, told):
    before = host.files()
    done = host.manage(*words)
    assert done.returncode != 0
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert host.files() == before


@pytest.mark.parametrize(("vnc", "serial", "address"), [
    ("127.0.0.1", "127.0.0.1", ()), ("::1", "::1", ()), ("localhost", "localhost", ()),
    ("10.0.0.31", "127.0.0.1", ()), ("10.0.0.31", "10.0.0.31", ("--address", "127.0.0.1")),
    ("10.0.0.31", "10.0.0.31", ("--address", "0.0.0.0")),
    ("10.0.0.31", "10.0.0.31", ("--address", "kvm7"))])
def test_an_address_that_other_hosts_have_too_is_refused(host, vnc, serial, address):
    before = host.files()
    host.config.write_text(f"[vnc]\nserver_proxyclient_address = {vnc}\n"
                           f"[serial_console]\nproxyclient_address = {serial}\n")
    done = host.manage("setup", "--endpoint", "lo", "--proxies", "novnc,serial", *address)
    assert done.returncode == 1
    assert "say with --address" in done.stderr
    assert host.files() == before


def test_the_address_that_the_host_is_configured_with_is_taken(host):
    host.config.write_text("[vnc]\nserver_proxyclient_address = 10.0.0.31\n")
    assert host.manage("setup", "--endpoint", "lo", "--proxies", "novnc",
                       "--hypervisor", "--yes").returncode == 0
    assert "[proxy]\nallowed_targets = 10.0.0.31\n" in host.read(DROP_IN)
    assert '\nvnc_listen = "10.0.0.31"\n' in host.read(QEMU)


def test_a_port_between_is_noted(host):
    host.config.write_text("[vnc]\nnovncproxy_base_url = https://c.example/vnc_auto.html\n")
    done = host.manage(*SETUP)
    assert "https://192.0.2.7/vnc_auto.html" in done.stdout
    assert "leads to port 443, the proxy listens on 6080" in done.stdout


def test_the_hypervisors_file_is_shown_changed_and_restored(host):
    before = host.files()
    done = host.manage("setup", "--hypervisor")
    assert done.returncode == 1
    assert '-  vnc_listen="0.0.0.0"\n+vnc_listen = "127.0.0.1"' in done.stdout
    assert "is not changed: --yes does it" in done.stdout
    assert host.files() == before
    done = host.manage("setup", "--hypervisor", "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "guests that run keep the old values" in done.stdout
    text = host.read(QEMU)
    assert '#vnc_listen = "0.0.0.0"\n' in text
    assert '\nvnc_listen = "127.0.0.1"\n' in text
    assert "vnc_tls =" not in text
    assert "unchanged" in host.manage("setup", "--hypervisor", "--yes").stdout
    assert json.loads(host.read(RECORD))["units"] == []
    assert host.manage("remove").returncode == 0
    assert host.files() == before


@pytest.mark.parametrize(("client", "verify"), [("", "0"), ("vencrypt_client_cert = /c.pem", "1")])
def test_tls_between_proxies_and_guests_needs_its_certificates(host, client, verify):
    host.config.write_text(
        f"[vnc]\nauth_schemes = vencrypt\nserver_listen = 0.0.0.0\n{client}\n")
    done = host.manage("setup", "--hypervisor", "--yes")
    assert done.returncode == 1
    assert "/etc/pki/here has no ca-cert.pem, server-cert.pem, server-key.pem" in done.stdout
    assert RECORD not in host.files()
    for name in ("ca-cert.pem", "server-cert.pem", "server-key.pem"):
        host.put(f"etc/pki/here/{name}", b"")
    assert host.manage("setup", "--hypervisor", "--yes").returncode == 0
    assert host.read(QEMU).endswith(f"vnc_tls = 1\nvnc_tls_x509_verify = {verify}\n")


def test_spice_servers_of_guests_listen_where_the_proxy_connects(host):
    before = host.files()
    assert host.manage("setup", "--endpoint", "lo", "--proxies", "spicehtml5", "--address",
                       "10.0.0.31", "--hypervisor", "--yes").returncode == 0
    assert '\nspice_listen = "10.0.0.31"\n' in host.read(QEMU)
    assert '\n  vnc_listen="0.0.0.0"\n' in host.read(QEMU)
    assert host.manage("remove").returncode == 0
    assert host.files() == before
