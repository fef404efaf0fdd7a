"""The example for uWSGI, run as it is but for addresses and paths."""

import pathlib
import sys
import urllib.error
import urllib.request

import pytest

from tests.fixtures.processes import free_port
from tests.fixtures.processes import Process
from tests.fixtures.processes import wait_for

EXAMPLE = pathlib.Path(__file__).parents[2] / "etc/consoles/uwsgi.ini"
#: In the environment of the tests, whichever has the command.
UWSGI = [sys.executable, "-c", "import pyuwsgi; pyuwsgi.run()"]


@pytest.fixture
def start(tmp_path):
    """Starts it on a configuration; answers the process and its port."""
    started = []

    def run(config):
        (tmp_path / "consoles.conf").write_text(config)
        port = free_port()
        text = EXAMPLE.read_text()
        for old, new in (("= /opt/consoles", f"= {sys.prefix}"),
                         ("= :8790", f"= 127.0.0.1:{port}")):
            assert old in text
            text = text.replace(old, new)
        (tmp_path / "uwsgi.ini").write_text(text)
        started.append(Process("uwsgi", [*UWSGI, "--ini", tmp_path / "uwsgi.ini"],
                               tmp_path / "uwsgi.log",
                               env={"OS_CONSOLES_CONFIG_FILES": str(tmp_path / "consoles.conf")}))
        return started[-1], port

    yield run
    for process in started:
        process.kill()


def test_it_serves_the_api_logs_no_query_and_ends_as_systemd_asks(start):
    process, port = start("""
[DEFAULT]
transport_url = kombu+memory:////
[api]
auth_strategy = noauth
noauth_allow_any_address = true
""")
    process.wait_port(port, 60)
    base = f"http://127.0.0.1:{port}"
    with urllib.request.urlopen(f"{base}/", timeout=60) as answer:
        assert b"versions" in answer.read()
    request = urllib.request.Request(f"{base}/servers?name=t0ken",
                                     headers={"X-Auth-Token": "alice:red"})
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request, timeout=60)
    assert caught.value.code == 503  # nobody is on this bus
    process.wait_line('"GET /servers" 503')
    process.popen.terminate()
    wait_for(lambda: not process.alive())
    assert process.popen.returncode == 0
    assert "t0ken" not in process.log.read_text()


def test_it_does_not_start_on_a_wrong_configuration(start):
    process, _ = start("[api]\nauth_strategy = nobody\n")
    wait_for(lambda: not process.alive())
    log = process.log.read_text()
    assert "auth_strategy" in log
    assert process.popen.returncode != 0
