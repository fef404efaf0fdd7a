"""[compute] public_endpoint: the agent's URLs lead to the proxies of its own host."""

import errno
import os

import psutil
import pytest

from consoles import exception
from consoles.compute.endpoints import endpoints
from consoles.compute.endpoints import public_host


@pytest.mark.parametrize(("endpoint", "host"), [
    ("192.0.2.7", "192.0.2.7"), ("2001:db8::7", "[2001:db8::7]"), ("lo", "127.0.0.1"),
    ("kvm7.consoles.example", "kvm7.consoles.example")])
def test_every_url_has_the_endpoint_for_its_host_and_nothing_else_changes(conf, endpoint, host):
    for group in ("vnc", "spice", "serial_console", "mks", "rdp"):
        conf.set_override("enabled", True, group)
    conf.set_override("novncproxy_base_url", "https://[2001:db8::1]/a/vnc_auto.html?logo=1", "vnc")
    before = endpoints(conf)
    conf.set_override("public_endpoint", endpoint, "compute")
    after = endpoints(conf)
    assert after["novnc"] == f"https://{host}/a/vnc_auto.html?logo=1"
    assert after["serial"] == f"ws://{host}:6083/"
    assert {kind: url.replace("127.0.0.1", host) for kind, url in before.items()
            if kind != "novnc"} == {kind: url for kind, url in after.items() if kind != "novnc"}


def test_a_type_without_a_url_is_not_offered(tmp_path, conf):
    assert set(endpoints(conf)) == {"novnc", "xvpvnc"}
    config = tmp_path / "consoles.conf"
    config.write_text("[vnc]\nxvpvncproxy_base_url =\n")
    conf(["--config-file", str(config)])
    assert set(endpoints(conf)) == {"novnc"}


@pytest.mark.parametrize("wrong", ["kvm 7", "http://kvm7/", "kvm7:6080", "a@b", "-", "[::1]"])
def test_what_is_no_host_is_refused(wrong):
    with pytest.raises(exception.ConfigError, match="public_endpoint"):
        public_host(wrong)


def test_an_address_of_the_link_alone_is_none(monkeypatch):
    link = psutil.net_if_addrs()["lo"][0]._replace(address="169.254.7.7")
    monkeypatch.setattr(psutil, "net_if_addrs", lambda: {"eth7": [link]})
    with pytest.raises(exception.ConfigError, match="eth7 has no address"):
        public_host("eth7")


def test_where_interfaces_cannot_be_seen_it_is_said_what_to_do(monkeypatch):
    def refused():
        raise OSError(errno.EAFNOSUPPORT, os.strerror(errno.EAFNOSUPPORT))
    monkeypatch.setattr(psutil, "net_if_addrs", refused)
    with pytest.raises(exception.ConfigError, match="RestrictAddressFamilies=AF_NETLINK"):
        public_host("eth7")
