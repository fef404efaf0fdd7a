"""The guru meditation report of every service: that it comes, and what is not in it."""

import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request

import psutil
import pytest

from tests.fixtures.processes import free_port
from tests.fixtures.processes import wait_for
from tests.functional.test_uwsgi import EXAMPLE
from tests.functional.test_uwsgi import UWSGI

SECRETS = {"bus": "s3cret-of-bus", "database": "s3cret-of-database",
           "keystone": "s3cret-of-keystone", "memcache": "s3cret-of-memcache"}
TOKEN = "t0ken-of-a-console"
#: Command → the line after which its handlers are there.
SERVICES = {"consoles-api": "listens on", "consoles-consoleauth": "attempts left",
            "consoles-compute": "serves the bus", "consoles-novncproxy": "serves as"}
END = "oslo_reports:"


@pytest.fixture
def sections(tmp_path):
    """Full of secrets. There is neither bus nor database nor Keystone, and all wait for them."""
    return {"DEFAULT": {"transport_url": f"rabbit://u:{SECRETS['bus']}@127.0.0.1:1/consoles",
                        "host": "h"},
            "database": {"connection":
                         f"mysql+pymysql://u:{SECRETS['database']}@127.0.0.1:1/consoles"},
            "keystone_authtoken": {
                "auth_type": "password", "auth_url": "http://127.0.0.1:1", "username": "c",
                "password": SECRETS["keystone"], "project_name": "service",
                "user_domain_name": "Default", "project_domain_name": "Default",
                "memcache_secret_key": SECRETS["memcache"]},
            "compute": {"host": "h"}, "api": {"port": free_port()},
            "vnc": {"novncproxy_host": "127.0.0.1", "novncproxy_port": free_port(),
                    "vnc_port": 0},
            "oslo_reports": {"log_dir": tmp_path}}


def reports(directory, command, count=1):
    """The texts of so many reports, once all of them are whole."""
    def whole():
        texts = [path.read_text() for path in directory.glob(f"{command}_gurumeditation_*")]
        return texts if len(texts) >= count and all(END in text for text in texts) else None
    return wait_for(whole, 60, f"{count} reports of {command}")


def assert_useful_and_harmless(text):
    assert "consoles" in text
    assert "Threads" in text
    assert "launch.py" in text or "supervisor.py" in text or "report.py" in text
    assert "transport_url = ***" in text
    for secret in (*SECRETS.values(), TOKEN):
        assert secret not in text


@pytest.mark.parametrize("command", list(SERVICES))
def test_every_service_reports_without_secrets(services, sections, tmp_path, command):
    services.configure(sections)
    process = services.start("service", command, line=SERVICES[command], seconds=60)
    if command == "consoles-novncproxy":
        url = f"http://127.0.0.1:{sections['vnc']['novncproxy_port']}/?token={TOKEN}"
        upgrade = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
                   "Sec-WebSocket-Key": "MDEyMzQ1Njc4OWFiY2RlZg=="}
        with pytest.raises(urllib.error.HTTPError):  # nobody can say what the token is for
            urllib.request.urlopen(urllib.request.Request(url, headers=upgrade), timeout=60)
    tree = [process.pid, *(child.pid for child in psutil.Process(process.pid).children())]
    for pid in tree:
        os.kill(pid, signal.SIGUSR2)
    texts = reports(tmp_path, command, len(tree))
    assert len(texts) == len(tree) == (2 if "proxy" in command else 1)
    for text in texts:
        assert_useful_and_harmless(text)
    assert process.alive()
    log = process.log.read_text()
    assert not [secret for secret in (*SECRETS.values(), TOKEN) if secret in log]


def test_without_a_directory_it_goes_to_standard_error(services, sections):
    del sections["oslo_reports"]
    services.configure(sections)
    process = services.start("service", "consoles-compute", line="serves the bus")
    process.signal(signal.SIGUSR2)
    process.wait_line(END, 60)
    assert_useful_and_harmless(process.log.read_text())


def test_a_touched_file_asks_every_process(services, sections, tmp_path):
    trigger = tmp_path / "trigger"
    sections["oslo_reports"]["file_event_handler"] = trigger
    services.configure(sections)
    services.start("service", "consoles-novncproxy", line="serves as")
    trigger.touch()
    for text in reports(tmp_path, "consoles-novncproxy", 2):
        assert_useful_and_harmless(text)


def test_the_api_under_another_server_reports_at_a_touched_file(services, sections, tmp_path):
    trigger = tmp_path / "trigger"
    sections["oslo_reports"]["file_event_handler"] = trigger
    config = services.configure(sections)
    text = EXAMPLE.read_text().replace("/opt/consoles", sys.prefix).replace(
        "= :8790", f"= 127.0.0.1:{sections['api']['port']}")
    (tmp_path / "uwsgi.ini").write_text(text)
    process = subprocess.Popen([*UWSGI, "--ini", tmp_path / "uwsgi.ini"],
                               env={"OS_CONSOLES_CONFIG_FILES": str(config)},
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: len(psutil.Process(process.pid).children()) == 2)
        trigger.touch()
        for text in reports(tmp_path, "consoles-api", 2):
            assert_useful_and_harmless(text)
    finally:
        process.terminate()
        process.wait(60)
