"""The guest that a trial shows where QEMU is installed."""

import pytest

from consoles import exception
from consoles.command import trial_guest
from consoles.compute.drivers import stub_file


def test_its_disk_is_one_sector_that_a_bios_starts():
    assert len(trial_guest.SECTOR) == 512
    assert trial_guest.SECTOR.endswith(b"\x55\xaa")
    assert trial_guest.SECTOR[80:].startswith(trial_guest.GREETING + b"\0")


def test_the_other_guests_stay_what_they_are(tmp_path):
    path = tmp_path / "instances.yaml"
    path.write_text(trial_guest.instances("host", "127.0.0.1", 5930))
    found = stub_file.load(str(path), "host")
    others = stub_file.demonstration("host")
    assert {id: found[id] for id in others} == others
    [extra] = [stub for id, stub in found.items() if id not in others]
    assert extra.instance.name == trial_guest.NAME
    assert extra.consoles["spice-html5"].port == 5930


def test_without_qemu_there_is_none(conf, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with trial_guest.running(tmp_path, conf.spice) as port:
        assert port is None


@pytest.mark.parametrize("script", ["exit 1", "exec sleep 60"])
def test_a_qemu_without_spice_is_given_up_and_ended(conf, tmp_path, monkeypatch, script):
    fake = tmp_path / "qemu-system-x86_64"
    fake.write_text(f"#!/bin/sh\n{script}\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with trial_guest.running(tmp_path, conf.spice, patience=0.3) as port:
        assert port is None


@pytest.mark.parametrize(("options", "there", "absent"), [
    ({}, "addr=127.0.0.1,", "-k "), ({}, "com.redhat.spice.0", "-k "),
    ({"agent_enabled": False}, "-spice", "com.redhat.spice.0"),
    ({"keymap": "de"}, "-k de", "-k en-us"), ({"server_listen": "::1"}, "addr=::1,", "127.0.0.1")])
def test_its_console_is_as_configured(conf, tmp_path, monkeypatch, options, there, absent):
    for name, value in options.items():
        conf.set_override(name, value, "spice")
    fake = tmp_path / "qemu-system-x86_64"
    fake.write_text(f'#!/bin/sh\necho "$@" >{tmp_path}/asked\n')
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with trial_guest.running(tmp_path, conf.spice):
        asked = (tmp_path / "asked").read_text()
    assert there in asked
    assert absent not in asked


def test_an_address_of_nobody_is_the_operators_mistake(conf, tmp_path, monkeypatch):
    conf.set_override("server_listen", "192.0.2.1", "spice")
    fake = tmp_path / "qemu-system-x86_64"
    fake.write_text("#!/bin/sh\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(exception.ConfigError, match="server_listen = 192.0.2.1"), \
            trial_guest.running(tmp_path, conf.spice):
        pass
