"""consoles-manage host setup --root: the links of an image lead to nothing outside of it."""

import pytest

SETUP = ("setup", "--endpoint", "192.0.2.7", "--proxies", "novnc", "--address", "10.0.0.31")
QEMU = "etc/libvirt/qemu.conf"


@pytest.fixture
def host(hypervisor_host):
    return hypervisor_host


def test_an_images_own_links_lead_to_nothing_outside_of_it(host, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "qemu.conf").write_text("vnc_listen = \"::\"\n")
    (host.root / QEMU).rename(host.root / "qemu.conf")
    (host.root / QEMU).symlink_to("/../../../qemu.conf")
    (host.root / str(outside).lstrip("/")).mkdir(parents=True)
    (host.root / "etc/consoles").symlink_to(outside)
    before = host.files()
    done = host.manage(*SETUP, "--hypervisor", "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    inside = str((outside / "consoles.conf.d/50-host.conf").relative_to("/"))
    assert "public_endpoint" in host.read(inside)
    assert '\nvnc_listen = "10.0.0.31"\n' in host.read("qemu.conf")
    assert [path.name for path in outside.iterdir()] == ["qemu.conf"]
    assert host.manage("remove").returncode == 0
    assert host.files() == before


def test_a_link_that_leads_nowhere_else_than_to_itself_is_told(host):
    (host.root / "etc/consoles").symlink_to("consoles")
    assert "etc/consoles" in host.manage(*SETUP).stderr
