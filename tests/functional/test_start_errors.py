"""A service that cannot start says in one sentence what to do, and ends with 1."""

import socket
import subprocess
import sys

import pytest
from cryptography.hazmat.primitives import serialization

from consoles import exception
from consoles.rpc import brokers

COMMANDS = {
    "proxy": "from consoles.command import proxy; proxy.novncproxy()",
    "consoleauth": "from consoles.command import consoleauth; consoleauth.main()",
    "compute": "from consoles.command import compute; compute.main()",
    "api": "from consoles.command import api; api.main()",
}
BASE = {"transport_url": "kombu+memory:////"}


@pytest.fixture
def start(tmp_path):
    """Run a service on these options, {section: {option: value}}; → what it said on its end."""
    def run(service, **sections):
        sections["DEFAULT"] = {**BASE, **sections.get("DEFAULT", {})}
        path = tmp_path / "consoles.conf"
        path.write_text("".join(
            f"[{section}]\n" + "".join(f"{k} = {v}\n" for k, v in values.items())
            for section, values in sections.items()))
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", COMMANDS[service], "--config-file", path],
            capture_output=True, text=True, timeout=20, check=False)
        assert done.returncode == 1, done.stdout + done.stderr
        assert "Traceback" not in done.stdout + done.stderr
        told = [line for line in done.stderr.splitlines() if line.startswith("consoles-")]
        assert len(told) == 1, done.stderr
        return told[0]
    return run


@pytest.fixture
def taken():
    with socket.create_server(("127.0.0.1", 0)) as other:
        yield other.getsockname()[1]


def test_a_proxys_port_is_taken(start, taken):
    told = start("proxy", vnc={"novncproxy_host": "127.0.0.1", "novncproxy_port": taken})
    assert f"cannot listen on 127.0.0.1 port {taken}: Address already in use" in told
    assert "Change the *_host and *_port options" in told


@pytest.mark.parametrize(("record", "told"), [
    ("true", "record = true does not say where"),
    ("/nowhere/at/all/session", "/nowhere/at/all must be a directory")])
def test_recordings_have_no_place(start, record, told):
    assert told in start("proxy", DEFAULT={"record": record})


def test_a_proxys_metrics_port_is_taken(start, taken):
    told = start("proxy", vnc={"novncproxy_host": "127.0.0.1", "novncproxy_port": 0},
                 proxy={"metrics_port": taken})
    assert str(taken) in told
    assert "metrics_port" in told


def test_the_apis_port_is_taken(start, taken):
    told = start("api", api={"auth_strategy": "noauth", "port": taken})
    assert f"127.0.0.1 port {taken}" in told
    assert "[api]" in told


def test_a_certificate_is_missing(start):
    told = start("proxy", DEFAULT={"cert": "/nowhere/cert.pem"})
    assert "cannot read /nowhere/cert.pem" in told
    assert "`cert` and `key`" in told


def test_a_certificate_is_none(start, tmp_path):
    (tmp_path / "cert.pem").write_text("hello\n")
    told = start("proxy", DEFAULT={"cert": tmp_path / "cert.pem"})
    assert "no certificate with its key in PEM" in told


def test_a_key_is_encrypted(start, tmp_path, certificates):
    cert, key = certificates.issue("encrypted", "localhost")
    locked = tmp_path / "locked.pem"
    locked.write_bytes(serialization.load_pem_private_key(key.read_bytes(), None).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"secret")))
    told = start("proxy", DEFAULT={"cert": cert, "key": locked})
    assert "give one without a passphrase" in told


def test_tls_only_without_a_certificate(start):
    assert "ssl_only needs a certificate: set the option `cert`" in start(
        "proxy", DEFAULT={"ssl_only": True})


@pytest.mark.parametrize(("service", "section", "option", "value"), [
    ("proxy", "proxy", "workers", "many"),
    ("proxy", "proxy", "allowed_targets", "not-a-network/99"),
    ("proxy", "oslo_messaging_rabbit", "rabbit_retry_interval", "soon"),
    ("consoleauth", "consoleauth", "token_ttl", "long"),
    ("compute", "inventory", "report_interval", "0x"),
    ("api", "api", "auth_strategy", "none"),
])
def test_a_value_is_wrong(start, service, section, option, value):
    told = start(service, **{section: {option: value}})
    assert option in told
    assert value in told


def test_a_pages_directory_is_missing(start):
    assert "see the option `web`" in start("proxy", vnc={"web": "/nowhere"})


@pytest.mark.parametrize("service", ["proxy", "consoleauth"])
def test_times_contradict_each_other(start, service):
    told = start(service, proxy={"touch_interval": 30}, consoleauth={"idle_timeout": 60})
    assert "touch_interval" in told
    assert "idle_timeout" in told


@pytest.mark.parametrize("service", ["proxy", "compute"])
def test_the_bus_is_none(start, service):
    told = start(service, DEFAULT={"transport_url": "rabit://user:secret@h:5672/"})
    assert "rabbit://user:password@host:5672/vhost" in told
    assert "secret" not in told


@pytest.mark.parametrize("url", ["rabbit://user:secret@h:port/", "rabbit:/user:secret@h", "secret",
                                 "rabbit://"])
def test_such_a_transport_url_is_refused(conf, url):
    conf.set_override("transport_url", url)
    with pytest.raises(exception.ConfigError, match="transport_url") as refused:
        brokers.check(conf)
    assert "secret" not in str(refused.value)


def test_the_database_is_not_prepared(start, tmp_path):
    told = start("consoleauth", database={"connection": f"sqlite:///{tmp_path}/new.sqlite"})
    assert "run 'consoles-manage db sync'" in told


def test_the_database_is_not_named(start):
    assert "[database] connection" in start("consoleauth")


def test_the_database_is_away(start):
    told = start("consoleauth", database={
        "connection": "mysql+pymysql://u:secret@127.0.0.1:1/consoles", "max_retries": 0})
    assert "[database] connection" in told
    assert "secret" not in told


def test_the_file_is_missing(start):
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", COMMANDS["proxy"], "--config-file", "/nowhere.conf"],
        capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 1
    assert "/nowhere.conf" in done.stderr
    assert "Traceback" not in done.stderr


def test_debug_is_neither_yes_nor_no(tmp_path):
    (tmp_path / "consoles.conf").write_text("[DEFAULT]\ndebug = maybe\n")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", COMMANDS["proxy"],
         "--config-file", tmp_path / "consoles.conf"],
        capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 1
    assert "argument --debug: Invalid Boolean value: maybe" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_log_cannot_be_written(start):
    assert "Cannot log as configured" in start(
        "proxy", DEFAULT={"log_file": "/nowhere/consoles.log"})
