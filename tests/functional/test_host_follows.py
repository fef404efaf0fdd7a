"""consoles-manage host setup: what it announces, and whether the host follows a second one."""

import pytest

from consoles.compute import endpoints

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
