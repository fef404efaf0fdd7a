"""consoles-novncproxy as a process: what it and its workers do at signals and deaths."""

import concurrent.futures
import os
import shutil
import signal
import socket
import ssl
import threading
import urllib.request

import psutil
import pytest

from tests.fixtures.processes import free_port
from tests.fixtures.processes import listening
from tests.fixtures.processes import wait_for

STARTED = "serves as"


class Proxy:
    """Two workers on a bus where nobody is; `set` changes its file."""

    def __init__(self, services):
        self.services = services
        self.port = free_port()
        self.sections = {
            "DEFAULT": {"transport_url": "kombu+memory:////", "host": "h"},
            "vnc": {"novncproxy_host": "127.0.0.1", "novncproxy_port": self.port},
            "proxy": {"workers": 2, "allowed_targets": "127.0.0.0/8"}}

    def set(self, group, **values):
        self.sections.setdefault(group, {}).update(values)
        self.services.configure(self.sections)

    def start(self):
        self.services.configure(self.sections)
        self.process = self.services.start("proxy", "consoles-novncproxy", port=self.port)
        self.parent = psutil.Process(self.process.pid)
        wait_for(lambda: len(self.names()) == 2)
        return self

    def log(self):
        return self.process.log.read_text()

    def names(self):
        """Of all workers so far, on the bus."""
        return [line.split()[-1] for line in self.log().splitlines() if STARTED in line]

    def hang_up(self):
        """SIGHUP; back when two new workers serve and no old one is left."""
        old, before = set(self.parent.children()), len(self.names())
        self.parent.send_signal(signal.SIGHUP)
        wait_for(lambda: len(self.names()) == before + 2)
        wait_for(lambda: not old & set(self.parent.children()))

    def get(self):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/", timeout=30) as answer:
            return answer


@pytest.fixture
def proxy(services):
    return Proxy(services)


def test_reloads_leak_nothing_and_reuse_no_name_and_fail_nobody(proxy):
    proxy.start()
    descriptors = proxy.parent.num_fds()
    done = threading.Event()

    def visit():
        statuses = []
        while not done.is_set():
            statuses.append(proxy.get().status)
        return statuses

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        visitors = [pool.submit(visit), pool.submit(visit)]
        for _ in range(5):
            proxy.hang_up()
        done.set()
    for visitor in visitors:
        assert set(visitor.result()) == {200}
    wait_for(lambda: proxy.parent.num_fds() == descriptors)
    assert sorted(int(name.rpartition("-")[2]) for name in proxy.names()) == list(range(12))
    assert len(proxy.parent.children()) == 2


def test_a_reload_takes_other_options_and_another_number_of_workers(proxy):
    proxy.start()
    proxy.set("proxy", workers=1, frame_ancestors="https://horizon.example")
    proxy.parent.send_signal(signal.SIGHUP)
    wait_for(lambda: len(proxy.parent.children()) == 1)
    assert "https://horizon.example" in proxy.get().headers["Content-Security-Policy"]


@pytest.mark.parametrize(("group", "option", "value", "told"), [
    ("proxy", "workers", "many", "workers"),
    ("DEFAULT", "debug", "maybe", "debug"),
    ("DEFAULT", "cert", "/nowhere/cert.pem", "cannot read /nowhere/cert.pem"),
    ("DEFAULT", "transport_url", "rabit://u:secret@h/", "transport_url"),
])
def test_a_wrong_file_is_told_once_and_changes_nothing(proxy, group, option, value, told):
    proxy.start()
    before = set(proxy.parent.children())
    right = dict(proxy.sections[group])
    proxy.set(group, **{option: value})
    proxy.parent.send_signal(signal.SIGHUP)
    line = proxy.process.wait_line(" ERROR ")
    assert "goes on as before" in line
    assert told in line
    assert proxy.get().status == 200
    assert set(proxy.parent.children()) == before
    assert proxy.log().count(" ERROR ") == 1
    assert "secret" not in proxy.log()
    del proxy.sections[group][option]
    proxy.set(group, **right)
    proxy.hang_up()


def test_a_reload_takes_a_new_certificate(proxy, tmp_path, certificates):
    proxy.set("DEFAULT", cert=tmp_path / "cert.pem", key=tmp_path / "key.pem")
    put(certificates.issue("one", "127.0.0.1"), tmp_path)
    proxy.start()
    before = shown(proxy.port)
    put(certificates.issue("two", "127.0.0.1"), tmp_path)
    assert shown(proxy.port) == before
    proxy.hang_up()
    assert shown(proxy.port) != before


def put(issued, directory):
    """Write certificate and key where the proxy looks for them."""
    for path, name in zip(issued, ("cert.pem", "key.pem"), strict=True):
        shutil.copy(path, directory / name)


def shown(port):
    return ssl.get_server_certificate(("127.0.0.1", port))


def test_a_killed_worker_comes_back_under_its_name(proxy):
    proxy.start()
    victim = proxy.parent.children()[0]
    victim.kill()
    wait_for(lambda: len(proxy.names()) == 3)
    assert proxy.names()[2] in proxy.names()[:2]
    proxy.process.wait_line("A worker has ended with -9 and is replaced")
    assert len(proxy.parent.children()) == 2
    assert proxy.get().status == 200


def test_workers_end_with_their_parent_and_free_the_port(proxy):
    proxy.start()
    children = proxy.parent.children()
    os.kill(proxy.parent.pid, signal.SIGKILL)
    proxy.process.popen.wait(30)
    psutil.wait_procs(children, 30)
    assert not any(child.is_running() for child in children)
    assert not listening(proxy.port)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_with_0_and_without_a_traceback(proxy, number):
    proxy.start()
    children = proxy.parent.children()
    proxy.process.signal(number)  # to the whole group, as a terminal or an init system does
    assert proxy.process.popen.wait(30) == 0
    assert not any(child.is_running() for child in children)
    assert "Traceback" not in proxy.log()


def test_a_reload_between_start_and_end_is_no_harm(proxy):
    proxy.start()
    for number in (signal.SIGHUP, signal.SIGHUP, signal.SIGTERM):
        proxy.parent.send_signal(number)
    assert proxy.process.popen.wait(10) == 0
    assert "Traceback" not in proxy.log()
    with socket.socket() as again:
        again.bind(("127.0.0.1", proxy.port))
