"""consoles-api as a process, and the API under a WSGI server's import; no broker answers."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import time

import pytest

DEADLINE = 30.0


@pytest.fixture
def port():
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


@pytest.fixture
def config(tmp_path, port):
    """noauth, on a free port, and a bus where nobody is."""
    path = tmp_path / "consoles.conf"
    path.write_text("[DEFAULT]\ntransport_url = rabbit://guest:guest@127.0.0.1:1/\n"
                    f"[api]\nauth_strategy = noauth\nport = {port}\n")
    return path


def start(*args):
    return subprocess.Popen(
        [sys.executable, "-c", "from consoles.command import api; api.main()", *args],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True)


def ask(port, path, headers=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", path, headers=headers or {})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def wait_for(port):
    deadline = time.monotonic() + DEADLINE
    while True:
        try:
            return ask(port, "/v2.1")
        except OSError:
            assert time.monotonic() < deadline


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_without_a_broker_and_ends_cleanly(config, port, number):
    process = start("--config-file", str(config))
    try:
        assert wait_for(port)[0] == 200
        started = time.monotonic()
        assert ask(port, "/servers", {"X-Auth-Token": "ann:demo"})[0] == 503
        assert time.monotonic() - started < 10
        process.send_signal(number)
        log = process.communicate(timeout=DEADLINE)[0]
        assert process.returncode == 0, log
        assert "GET /servers from 127.0.0.1: 503" in log
        assert "Traceback" not in log
    finally:
        process.kill()
        process.wait()


def test_it_says_why_it_cannot_start(config, port):
    with socket.create_server(("127.0.0.1", port)):
        process = start("--config-file", str(config))
        said = process.communicate(timeout=DEADLINE)[0]
    assert process.returncode == 1
    assert f"port {port}: Address already in use. Stop the other service" in said
    assert "Traceback" not in said


WSGI = """
import threading, webob
from consoles.command import wsgi
assert threading.active_count() == 1
assert webob.Request.blank("/v2.1").get_response(wsgi.application).status_int == 200
ask = webob.Request.blank("/servers", headers={"X-Auth-Token": "ann:demo"})
print(ask.get_response(wsgi.application).status_int)
"""


def run_wsgi(config):
    return subprocess.run(
        [sys.executable, "-c", WSGI], capture_output=True, text=True, timeout=DEADLINE,
        env={**os.environ, "OS_CONSOLES_CONFIG_FILES": str(config)}, check=False)


def test_under_a_wsgi_server(config):
    config.write_text(config.read_text() + "noauth_allow_any_address = true\n")
    done = run_wsgi(config)
    assert done.stdout.splitlines()[-1] == "503", done.stderr


def test_under_a_wsgi_server_noauth_must_be_meant(config):
    done = run_wsgi(config)
    assert done.returncode == 1
    assert "noauth_allow_any_address" in done.stderr
    assert "Traceback" not in done.stderr
