"""auth_strategy=keystone without a Keystone: what does not start, what an operator reads."""

import contextlib
import json
import socket
import subprocess
import sys
import threading
import time

import pytest
import webob

from consoles.api import app
from consoles.api import keystone as guard
from tests.fixtures import keystone

LOGIN = {"auth_type": "password", "auth_url": "http://127.0.0.1:1/v3", "username": "consoles",
         "password": "very-secret"}


def without(*names):
    return {name: value for name, value in LOGIN.items() if name not in names}


@pytest.mark.parametrize(("section", "said"), [
    ({}, "auth_strategy=keystone needs [keystone_authtoken], which is not set"),
    (without("auth_url"), "auth_url"),
    (without("username"), "username is not set"),
    (without("password"), "password is not set"),
    ({**LOGIN, "auth_type": "telepathy"}, "telepathy"),
    ({**LOGIN, "memcache_security_strategy": "ENCRYPT"}, "memcache_secret_key"),
    ({**LOGIN, "token_cache_time": "soon"}, "token_cache_time"),
])
def test_what_is_not_set_is_said_at_the_start(tmp_path, section, said):
    config = tmp_path / "consoles.conf"
    config.write_text("[DEFAULT]\ntransport_url = rabbit://127.0.0.1:1/\n[keystone_authtoken]\n"
                      + "".join(f"{name} = {value}\n" for name, value in section.items()))
    done = subprocess.run(
        [sys.executable, "-c", "from consoles.command import api; api.main()",
         "--config-file", str(config)], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert "very-secret" not in done.stderr


def test_the_login_may_stand_in_a_section_of_its_own(conf, tmp_path):
    config = tmp_path / "consoles.conf"
    config.write_text("[keystone_authtoken]\nauth_section = login\n[login]\n"
                      + "".join(f"{name} = {value}\n" for name, value in LOGIN.items()))
    conf(["--config-file", str(config)], project="consoles")
    assert app.build(conf, None)
    assert conf.login.password == "very-secret"


def test_bounds_are_ours_unless_the_operator_says_other(conf):
    keystone.configure(conf, token_cache_time=7)
    app.build(conf, None)
    section = conf.keystone_authtoken
    assert section.http_connect_timeout == guard.DEFAULTS["http_connect_timeout"]
    assert section.http_request_max_retries == 0
    assert section.token_cache_time == 7


def test_the_sample_has_the_login_and_our_bounds():
    (group, opts), (audit, _) = guard.list_opts()
    by_name = {opt.dest: opt for opt in opts}
    assert (group, audit) == ("keystone_authtoken", "audit_middleware_notifications")
    assert len(by_name) == len(opts)
    assert {"auth_url", "username", "password", "project_name", "user_domain_name",
            "www_authenticate_uri", "memcached_servers", "auth_type"} <= by_name.keys()
    for name, value in guard.DEFAULTS.items():
        assert by_name[name].default == value


def test_the_manual_tells_them():
    said = subprocess.run([sys.executable, "-c", "from consoles.command import api; api.main()",
                           "--help"], capture_output=True, text=True, timeout=30, check=True).stdout
    assert "[keystone_authtoken]\n" in said
    for text in ("auth_url = ", "password = ", "http_connect_timeout = 5"):
        assert f"    {text}" in said


@pytest.fixture
def silent():
    """Accepts connections and says nothing, then drops them."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


def ask(application):
    return webob.Request.blank("/servers", headers={"X-Auth-Token": "gAAAAA"}).get_response(
        application)


def accepted(listener):
    """→ how many connections wait at it."""
    listener.settimeout(0)
    peers = []
    with contextlib.suppress(BlockingIOError):
        while True:
            peers.append(listener.accept()[0])
    for peer in peers:
        peer.close()
    return len(peers)


def test_silence_is_a_503_after_the_timeout(conf, silent):
    keystone.configure(conf, f"http://127.0.0.1:{silent.getsockname()[1]}", http_connect_timeout=1)
    application = app.build(conf, None)
    began = time.monotonic()
    answer = ask(application)
    assert answer.status_int == 503
    assert 1 <= time.monotonic() - began < 20
    assert accepted(silent) == 2  # for its own token and about the caller, neither a second time
    assert answer.json["serviceUnavailable"]["code"] == 503
    assert answer.headers["Retry-After"]


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("said", [
    b"", b"garbage\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}",
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
    b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
], ids=["nothing", "garbage", "cut", "empty", "500", "redirect"])
def test_what_is_no_keystone_is_a_503(conf, silent, said, scheme):
    def serve():
        while True:
            try:
                connection, _ = silent.accept()
            except OSError:
                return
            with connection:
                connection.recv(65536)
                connection.sendall(said)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    keystone.configure(conf, f"{scheme}://127.0.0.1:{silent.getsockname()[1]}",
                       http_connect_timeout=1)
    answer = ask(app.build(conf, None))
    silent.shutdown(socket.SHUT_RDWR)
    thread.join(5)
    assert answer.status_int == 503
    assert "identity service" in json.loads(answer.body)["serviceUnavailable"]["message"]
