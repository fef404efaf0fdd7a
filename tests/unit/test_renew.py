"""A proxy's new configuration: all of it is taken, or none."""

import socket

import pytest
from oslo_config import cfg

from consoles.command import launch
from consoles.command import proxy
from consoles.proxies import catalog
from consoles.proxies.metrics import Metrics


def test_nothing_is_changed_when_no_generation_can_be_made(tmp_path):
    file = tmp_path / "consoles.conf"
    file.write_text("[DEFAULT]\ntransport_url = fake://\n[proxy]\nworkers = 1\n")
    conf = cfg.ConfigOpts()
    launch._register(conf)
    launch._read(conf, ["--config-file", str(file)], "consoles-novncproxy")
    gone = socket.socket()
    gone.close()
    file.write_text(file.read_text().replace("workers = 1", "workers = 3"))
    with pytest.raises(OSError, match="Bad file descriptor"):
        proxy._renew(catalog.NOVNC, conf, gone, Metrics)
    assert conf.proxy.workers == 1
    with socket.create_server(("127.0.0.1", 0)) as sock:
        made = proxy.generation(catalog.NOVNC, launch.reread(conf), sock, process=conf)
    assert made.workers == 3
