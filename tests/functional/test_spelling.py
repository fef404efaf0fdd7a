"""Names in the files that are no options."""

import logging

import pytest
from oslo_config import cfg

from consoles.command import spelling


@pytest.fixture
def warnings(tmp_path, caplog):
    """What is said of a file with this text."""
    def said(text):
        (tmp_path / "consoles.conf").write_text(text)
        conf = cfg.ConfigOpts()
        conf(["--config-file", str(tmp_path / "consoles.conf")], project="consoles")
        with caplog.at_level(logging.WARNING, "consoles"):
            spelling.warn(conf)
        return [record.getMessage() for record in caplog.records]
    return said


def test_a_misspelt_option_is_told_with_its_place(warnings):
    told, = warnings("[vnc]\nnovncproxy_prot = 6080\n")
    assert "consoles.conf: [vnc] novncproxy_prot is not an option" in told


def test_a_value_is_never_told(warnings):
    told, = warnings("[DEFAULT]\ntransport_ulr = rabbit://u:secret@h/\n")
    assert "transport_ulr" in told
    assert "secret" not in told


def test_what_means_something_is_not(warnings):
    assert warnings("""
[DEFAULT]
debug = true
log-file = /var/log/x
transport_url = rabbit://h/
vncserver_listen = 192.0.2.1
console_token_ttl = 77
[vnc]
novncproxy_port = 6080
vncserver_listen = 192.0.2.1
[oslo_messaging_rabbit]
rabbit_quorum_queue = true
[database]
connection = sqlite:///x
[nova]
anything = of others
""") == []
