"""consoles-manage host setup: what it announces, and whether the host follows a second one."""

import pytest

from consoles.command import host_units
from consoles.command.host_files import Files
from consoles.command.host_units import Units
from consoles.compute import endpoints

AGENT, NOVNC, SERIAL = (f"consoles-{name}.service"
                        for name in ("compute", "novncproxy", "serialproxy"))
QEMU = "etc/libvirt/qemu.conf"
TYPES = {"novnc": "novnc", "xvpvnc": "xvpvnc", "spicehtml5": "spice-html5", "serial": "serial",
         "mks": "webmks"}
EVERYTHING_ON = "".join(f"[{group}]\nenabled = true\n" for group in (
    "vnc", "spice", "serial_console", "mks", "rdp"))


@pytest.fixture
def host(hypervisor_host):
    return hypervisor_host


def set_up(host, names, *more):
    return host.manage("setup", "--endpoint", "192.0.2.7", "--proxies", names, "--address",
                       "10.0.0.31", *more)


@pytest.mark.parametrize("names", [*TYPES, "novnc,serial", ",".join(TYPES)])
def test_the_proxies_that_run_here_are_announced_and_no_others(host, names):
    host.config.write_text(EVERYTHING_ON)
    done = set_up(host, names)
    assert "URL" in done.stdout, done.stderr
    announced = endpoints.endpoints(host.conf())
    assert set(announced) == {TYPES[name] for name in names.split(",")}
    assert all("//192.0.2.7:" in url for url in announced.values())


def test_what_was_left_out_at_first_may_be_chosen_later(host):
    host.config.write_text("[vnc]\nxvpvncproxy_base_url = https://c.example:6081/console\n")
    set_up(host, "novnc")
    assert "https://192.0.2.7:6081/console" in set_up(host, "xvpvnc").stdout
    assert endpoints.endpoints(host.conf()) == {"xvpvnc": "https://192.0.2.7:6081/console"}


def test_a_proxy_whose_url_is_switched_off_is_told(host):
    host.config.write_text("[vnc]\nxvpvncproxy_base_url =\n")
    before = host.files()
    assert "[vnc] xvpvncproxy_base_url is empty" in set_up(host, "xvpvnc").stderr
    assert host.files() == before


@pytest.fixture
def live(host):
    """Its files below a directory, its units as on a host that runs."""
    return Files(str(host.root), dry_run=False), Units("/", dry_run=False)


def told(host):
    """What systemctl was told, but for questions."""
    lines = host.told.read_text().splitlines()
    host.told.write_text("")
    return [line for line in lines if "is-enabled" not in line]


def test_units_that_are_enabled_read_what_has_changed(host, live, capsys):
    files, units = live
    (host.units / NOVNC).touch()
    assert host_units.follow(units, files, [AGENT, NOVNC], changed=True) == []
    assert files.units == [AGENT]
    assert told(host) == ["daemon-reload", "try-restart consoles-compute",
                          "enable --now consoles-compute", "try-restart consoles-novncproxy"]
    assert f"restarted {NOVNC}" in capsys.readouterr().out
    assert host_units.follow(units, files, [AGENT, NOVNC], changed=False) == []
    assert told(host) == ["daemon-reload"]
    assert files.units == [AGENT]


def test_units_that_are_no_longer_wanted_are_disabled(host, live, capsys):
    files, units = live
    host_units.follow(units, files, [AGENT, NOVNC], changed=True)
    told(host)
    assert host_units.follow(units, files, [AGENT, SERIAL], changed=True) == []
    assert told(host) == ["daemon-reload", "disable --now consoles-novncproxy",
                          "try-restart consoles-compute", "try-restart consoles-serialproxy",
                          "enable --now consoles-serialproxy"]
    assert f"disabled  {NOVNC}" in capsys.readouterr().out
    assert Files(str(host.root), dry_run=True).units == [AGENT, SERIAL]


def test_units_that_stay_read_what_is_restored(host, live, capsys):
    files, units = live
    (host.units / NOVNC).touch()
    host_units.follow(units, files, [AGENT, NOVNC], changed=True)
    told(host)
    assert host_units.leave(units, files, [AGENT, NOVNC, SERIAL], changed=True) == []
    assert told(host) == ["daemon-reload", "disable --now consoles-compute",
                          "try-restart consoles-novncproxy"]
    assert f"restarted {NOVNC}" in capsys.readouterr().out
    assert host.enabled() == {"consoles-novncproxy"}


def test_an_image_follows_and_nothing_is_started(host):
    set_up(host, "novnc")
    told(host)
    assert "unchanged consoles-compute" in set_up(host, "serial").stdout
    assert told(host) == ["--root disable consoles-novncproxy",
                          "--root enable consoles-serialproxy"]
    assert host.enabled() == {"consoles-compute", "consoles-serialproxy"}


LIBVIRT = "etc/systemd/system/consoles-compute.service.d/20-libvirt.conf"


@pytest.fixture
def with_libvirt(host):
    """Set up with the driver libvirt, in its group; → the files that there were before."""
    host.put("etc/group", b"libvirt:x:115:\n")
    host.config.write_text("[compute]\ndriver = libvirt\n")
    before = host.files()
    set_up(host, "novnc")
    assert LIBVIRT in host.files()
    return before


def test_an_agent_without_libvirt_any_more_leaves_its_group(host, with_libvirt):
    host.config.write_text("[compute]\ndriver = nova\n")
    done = set_up(host, "novnc")
    assert done.returncode == 0
    assert f"restored  {host.root / LIBVIRT}" in done.stdout
    assert LIBVIRT not in host.files()
    assert LIBVIRT not in set_up(host, "novnc").stdout
    host.manage("remove")
    assert host.files() == with_libvirt


def test_a_group_that_went_does_not_stop_the_agent(host, with_libvirt):
    host.put("etc/group", b"root:x:0:\n")
    done = set_up(host, "novnc")
    assert "there is no group libvirt here" in done.stdout
    assert LIBVIRT not in host.files()


def test_a_drop_in_that_somebody_else_has_changed_is_left_and_told(host, with_libvirt):
    host.put(LIBVIRT, b"[Service]\nSupplementaryGroups=libvirt kvm\n")
    host.config.write_text("[compute]\ndriver = nova\n")
    done = set_up(host, "novnc")
    assert done.returncode == 1
    assert f"{host.root / LIBVIRT} was changed by somebody else since" in done.stdout
    assert "kvm" in host.read(LIBVIRT)


def test_the_hypervisors_file_has_no_more_than_is_wanted_now(host):
    """A type, or TLS, that is not used any more leaves its values there."""
    before = host.files()
    for name in ("ca-cert.pem", "server-cert.pem", "server-key.pem"):
        host.put(f"etc/pki/here/{name}", b"")
    host.config.write_text("[vnc]\nauth_schemes = vencrypt\n")
    set_up(host, "novnc", "--hypervisor", "--yes")
    assert "vnc_tls = 1" in host.read(QEMU)
    host.config.write_text("")
    assert "-vnc_tls = 1" in set_up(host, "novnc", "--hypervisor", "--yes").stdout
    assert 'vnc_listen = "10.0.0.31"' in host.read(QEMU)
    assert "vnc_tls =" not in host.read(QEMU)
    set_up(host, "serial", "--hypervisor", "--yes")
    assert host.files()[QEMU] == before[QEMU]
    done = host.manage("remove")
    assert (done.returncode, "qemu" in done.stdout) == (0, False)
