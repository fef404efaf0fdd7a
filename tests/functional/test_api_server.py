"""consoles-api's web server on loopback sockets."""

import concurrent.futures
import http.client
import json
import socket
import subprocess
import sys
import threading
import time

import pytest

from consoles import exception
from consoles.api import server
from tests.fixtures.web_server import Application
from tests.fixtures.web_server import ask
from tests.fixtures.web_server import connect
from tests.fixtures.web_server import read_all
from tests.fixtures.web_server import served

HEAD = b"GET /echo HTTP/1.1\r\nHost: h\r\n"


@pytest.fixture
def application():
    return Application()


@pytest.fixture(params=["127.0.0.1"])
def running(application, request):
    with served(application, request.param, max_body=1000) as (serving, thread):
        application.threads_of_others = {thread.ident, threading.get_ident()}
        yield serving
        application.gate.set()


def test_requests_run_in_native_threads(running, application):
    assert ask(running, "/echo", "POST", b"hello") == (200, b"POST hello")
    assert application.threads.isdisjoint(application.threads_of_others)


@pytest.mark.parametrize("running", ["::1"], indirect=True)
def test_ipv6(running):
    assert ask(running, host="::1") == (200, b"GET ")


def test_twenty_at_once_each_with_its_own_context(running, application):
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda n: ask(running, "/context", "POST", str(n).encode()),
                                range(60)))
    assert answers == [(200, f"POST {n}".encode()) for n in range(60)]
    assert 1 < len(application.threads) <= 4


def test_a_connection_is_kept(running):
    connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=30)
    for n in range(3):
        connection.request("POST", "/echo", str(n))
        assert connection.getresponse().read() == f"POST {n}".encode()
    connection.close()


def test_slow_clients_hold_no_thread(running, application):
    slow = [connect(running, HEAD[:n % len(HEAD)]) for n in range(1, 101)]
    slow += [connect(running, b"POST /echo HTTP/1.1\r\nContent-Length: 50\r\n\r\nslow")
             for _ in range(20)]
    started = time.monotonic()
    assert ask(running)[0] == 200
    assert time.monotonic() - started < 10
    assert len(application.sizes) == 1
    for client in slow:
        client.close()


@pytest.mark.parametrize("said, answered", [
    (b"", b""),
    (HEAD, b""),
    (b"POST /echo HTTP/1.1\r\nContent-Length: 50\r\n\r\nslow", b"HTTP/1.1 408 "),
])
def test_a_request_has_a_deadline_that_dripping_does_not_renew(
        running, application, monkeypatch, said, answered):
    monkeypatch.setattr(server, "REQUEST_TIMEOUT", 0.6)
    client = connect(running, said)
    client.settimeout(0.1)
    deadline = time.monotonic() + 30
    heard = b""
    while time.monotonic() < deadline:
        try:
            client.sendall(b"X")
            piece = client.recv(4096)
        except TimeoutError:
            continue
        except ConnectionError:
            break
        if not piece:
            break
        heard += piece
    assert time.monotonic() < deadline
    assert heard.startswith(answered)
    assert application.sizes == []


def test_a_big_body_is_not_kept_but_answered(running, application):
    status, _ = ask(running, "/echo", "POST", b"x" * 500_000)
    assert status == 200  # this application does not mind; the real one refuses by the length
    assert application.sizes == [(500_000, 1001)]


def test_an_endless_body_is_cut_off(running, application):
    client = connect(running, b"POST /echo HTTP/1.1\r\nContent-Length: 1000000000\r\n\r\n")
    with pytest.raises(ConnectionError):
        for _ in range(2000):
            client.sendall(b"x" * 65536)
    client.close()
    assert application.sizes == [(1_000_000_000, 1001)]


def test_a_chunked_body_arrives_with_its_length(running, application):
    client = connect(running, b"POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n"
                              b"Connection: close\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
    assert read_all(client).endswith(b"POST abcde")
    assert application.sizes == [(5, 5)]


@pytest.mark.parametrize("sent", [
    b"POST /echo HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    b"POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzzz\r\n",
])
def test_a_body_without_a_clear_end_is_refused(running, application, sent):
    answer = read_all(connect(running, sent))
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert json.loads(body)["badRequest"]["code"] == 400
    assert application.sizes == []


def test_a_truncated_body_is_refused(running, application):
    client = connect(running, b"POST /echo HTTP/1.1\r\nContent-Length: 9\r\n\r\n{}")
    client.shutdown(socket.SHUT_WR)
    assert read_all(client).startswith(b"HTTP/1.1 400 ")
    assert application.sizes == []


def test_garbage_gets_a_fault(running):
    answer = read_all(connect(running, b"GET / HTTP/1.1 or so\r\n\r\n"))
    assert json.loads(answer.partition(b"\r\n\r\n")[2] or answer)["badRequest"]["code"] == 400


def test_a_crash_tells_nothing(running):
    status, body = ask(running, "/crash")
    assert status == 500
    assert b"secret" not in body


def test_stop_lets_requests_under_way_finish(application):
    with served(application, threads=2) as (serving, thread), \
            concurrent.futures.ThreadPoolExecutor(1) as pool:
        under_way = pool.submit(ask, serving, "/wait")
        assert application.inside.acquire(timeout=30)
        idle = http.client.HTTPConnection("127.0.0.1", serving.port, timeout=30)
        idle.request("GET", "/echo")
        assert idle.getresponse().read() == b"GET "  # so that it has been accepted, too
        serving.stop()
        assert idle.sock.recv(1) == b""
        with pytest.raises(OSError, match="refused"):
            connect(serving)
        assert thread.is_alive()
        application.gate.set()
        assert under_way.result(30) == (200, b"GET ")


def test_a_dripping_client_does_not_hold_up_the_stop(application, monkeypatch):
    monkeypatch.setattr(server, "STOP_TIMEOUT", 0.5)
    with served(application, threads=2) as (serving, thread):
        client = connect(serving, HEAD)
        assert ask(serving)[0] == 200  # so that the other has been accepted, too
        started = time.monotonic()
        serving.stop()
        thread.join(30)
        assert time.monotonic() - started < server.REQUEST_TIMEOUT
        client.close()


def test_a_taken_port_is_said(running):
    other = server.Server(None, "127.0.0.1", running.port, threads=1)
    with pytest.raises(exception.ConfigError, match=r"port \d+: Address already in use.*Stop"):
        other.bind()


def test_nothing_is_patched():
    code = ("import socket, threading, time\n"
            "before = socket.socket, threading.Thread, time.sleep, threading.get_ident\n"
            "from consoles.api import server\n"
            "s = server.Server(None, '127.0.0.1', 0, 2)\n"
            "s.bind(); s.stop(); s.run()\n"
            "from eventlet import patcher\n"
            "assert not patcher.already_patched, patcher.already_patched\n"
            "assert before == (socket.socket, threading.Thread, time.sleep, threading.get_ident)\n")
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
