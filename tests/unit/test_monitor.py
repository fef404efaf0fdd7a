"""Monitoring's listener, and the metrics of several processes as one page."""

import contextlib
import errno
import http.client
import json
import socket
import subprocess
import sys
import tempfile
import threading
import time
from concurrent import futures
from http import HTTPStatus

import pytest
from prometheus_client.parser import text_string_to_metric_families

from consoles import exception
from consoles.monitor import listener
from consoles.monitor.listener import Listener
from tests.fixtures.processes import wait_for

#: A parent with two workers, of which one ends, and one that comes later; prints page after page.
WORKERS = """
import json, os, sys
import prometheus_client
from consoles.monitor.pool import Pool

def metrics():
    registry = prometheus_client.CollectorRegistry()
    return (prometheus_client.Counter("hits", "h", ("kind",), registry=registry).labels("a"),
            prometheus_client.Gauge("live", "l", registry=registry, multiprocess_mode="livesum"),
            prometheus_client.Histogram("took", "t", registry=registry, buckets=(1, 2)))

def worker(count):
    "→ its pid and the pipe whose closing ends it."
    told, tell = os.pipe()
    wait, end = os.pipe()
    pid = os.fork()
    if not pid:
        os.close(end)
        hits, live, took = pool.join(metrics)
        hits.inc(count); live.set(count); took.observe(1.5)
        os.write(tell, b"!")
        os.read(wait, 1)
        os._exit(0)
    os.close(wait)
    os.read(told, 1)
    return pid, end

def finish(worker):
    os.close(worker[1])
    os.waitpid(worker[0], 0)

pool = Pool()
pages, files = [], []
def look():
    pages.append(pool.page().decode())
    files.append(len(list(pool.path.iterdir())))
one = worker(1)
two = worker(10)
look()
finish(two)
look()
for _ in range(3):
    finish(worker(100))
    look()
finish(one)
look()
pool.remove()
print(json.dumps({"pages": pages, "files": files, "left": pool.path.exists()}))
"""


def python(code, **env):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True,
                          env={"TMPDIR": tempfile.gettempdir(), **env}, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def samples(page):
    return {sample.name: sample.value for family in text_string_to_metric_families(page)
            for sample in family.samples if sample.labels.get("le") in (None, "2.0")}


def test_workers_share_a_page_and_the_dead_leave_their_counts_only(tmp_path):
    told = json.loads(python(WORKERS, TMPDIR=str(tmp_path)))
    seen = [samples(page) for page in told["pages"]]
    assert [(s["hits_total"], s.get("live")) for s in seen] == [
        (11, 11), (11, 1), (111, 1), (211, 1), (311, 1), (311, None)]
    assert [s["took_count"] for s in seen] == [2, 2, 3, 4, 5, 5]
    assert [s["took_bucket"] for s in seen] == [2, 2, 3, 4, 5, 5]
    assert len(set(told["files"][1:5])) == 1, "the directory grows with every worker"
    assert not told["left"]


def test_what_a_killed_parent_left_behind_is_removed_by_the_next(tmp_path):
    left = """
import os
from consoles.monitor.pool import Pool
print(Pool().path)
os._exit(1)
"""
    with pytest.raises(AssertionError):
        python(left, TMPDIR=str(tmp_path))
    assert len(list(tmp_path.iterdir())) == 1
    python("from consoles.monitor.pool import Pool\nPool().remove()", TMPDIR=str(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_nothing_of_another_running_proxy_is_removed(tmp_path):
    python("""
from consoles.monitor.pool import Pool
import subprocess, sys
one = Pool()
subprocess.run([sys.executable, "-c",
                "from consoles.monitor.pool import Pool; Pool().remove()"], check=True)
assert one.path.exists()
one.remove()
""", TMPDIR=str(tmp_path))


def broken():
    raise RuntimeError("secret detail")


@pytest.fixture(scope="module")
def pages():
    sock = listener.bind("127.0.0.1", 0)
    served = Listener(sock, {"/metrics": lambda: (HTTPStatus.OK, "text/plain", b"one 1\n"),
                             "/broken": broken})
    served.start()
    yield sock.getsockname()[1]
    served.stop()
    sock.close()


def ask(port, path, method="GET"):
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as client:
        client.request(method, path)
        answer = client.getresponse()
        return answer.status, answer.read()


@pytest.mark.parametrize(("method", "path", "answer"), [
    ("GET", "/metrics", (200, b"one 1\n")), ("GET", "/metrics?x=1", (200, b"one 1\n")),
    ("HEAD", "/metrics", (200, b"")), ("GET", "/", (404, b"")), ("GET", "/broken", (500, b"")),
    ("GET", "/metrics/../../etc/passwd", (404, b"")), ("POST", "/metrics", (501, b""))])
def test_the_listener_serves_its_pages_and_repeats_nothing(pages, method, path, answer):
    assert ask(pages, path, method) == answer


def test_a_silent_peer_holds_up_nobody(pages):
    with socket.create_connection(("127.0.0.1", pages)):
        assert ask(pages, "/metrics")[0] == 200


def test_a_taken_port_is_told_with_what_to_change(pages):
    with pytest.raises(exception.ConfigError, match="metrics_port"):
        listener.bind("127.0.0.1", pages)


class Poor(socket.socket):
    """A listening socket whose accepts fail for want of something, as a test says, then work."""

    def __init__(self, *wants):
        super().__init__(fileno=listener.bind("127.0.0.1", 0).detach())
        self.wants = list(wants)
        self.accepts = 0

    def accept(self):
        self.accepts += 1
        if self.wants:
            raise OSError(self.wants.pop(0), "no more of it")
        return super().accept()


@contextlib.contextmanager
def served(sock):
    with sock:
        found = Listener(sock, {"/metrics": lambda: (HTTPStatus.OK, "text/plain", b"one 1\n")})
        found.start()
        try:
            yield found
        finally:
            found.stop()


@pytest.mark.parametrize("wants", [
    (errno.EMFILE, errno.ENFILE), (errno.ENOBUFS,), (errno.ENOMEM,)])
def test_without_descriptors_or_memory_the_listener_waits_instead_of_spinning(wants, caplog):
    with served(Poor(*wants)) as found:
        begin = time.monotonic()
        assert ask(found.server_address[1], "/metrics") == (200, b"one 1\n")
        assert time.monotonic() - begin >= len(wants) * listener.PAUSE
        assert found.socket.accepts == len(wants) + 1
    assert caplog.text.count("Monitoring takes no connections") == len(wants)


def test_a_listener_that_waits_for_descriptors_stops_at_once():
    with served(Poor(*[errno.EMFILE] * 1000)) as found, \
            socket.create_connection(found.server_address):
        wait_for(lambda: found.socket.accepts)
        found.stop()
        assert found.socket.accepts == 1


def monitors():
    return sum(thread.name == "monitor" for thread in threading.enumerate())


def test_who_was_accepted_before_the_end_is_answered(monkeypatch):
    monkeypatch.setattr(listener, "TIMEOUT", 60)
    asked, go_on, others = threading.Event(), threading.Event(), monitors()

    def slow():
        asked.set()
        return HTTPStatus.OK if go_on.wait(30) else HTTPStatus.GONE, "text/plain", b"one 1\n"

    sock = listener.bind("127.0.0.1", 0)
    found = Listener(sock, {"/metrics": slow})
    found.start()
    with sock, futures.ThreadPoolExecutor() as pool:
        answer = pool.submit(ask, sock.getsockname()[1], "/metrics")
        assert asked.wait(30)
        stopped = pool.submit(found.stop)
        wait_for(lambda: monitors() == others)
        assert not stopped.done()
        go_on.set()
        assert answer.result(30) == (200, b"one 1\n")
        stopped.result(30)
