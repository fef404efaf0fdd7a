"""A VM's console, or a hypervisor, that speaks wrongly: told as its fault, within the deadline."""

import socket
import threading
import time

import pytest

from consoles import exception
from tests.fixtures import targets
from tests.fixtures import ws_client
from tests.fixtures.processes import wait_for

VERSION = b"RFB 003.008\n"


@pytest.fixture
def says(consoleauth):
    """Make what runs on each connection to the console behind the token `t`."""
    started = []

    def make(script, **details):
        target = targets.Target(script)
        consoleauth.add("t", target.port, **details)
        started.append(target)
        return target
    yield make
    for target in started:
        target.close()


def refused(proxy, status=502):
    """By status to a program, by Close 4502 to a page, and the log's text of it."""
    with pytest.raises(ws_client.Refused) as caught:
        proxy.connect("t")
    assert (caught.value.status, caught.value.body) == (status, b"")
    assert proxy.tally()["code"] == 4502
    code, reason = proxy.connect("t", origin=proxy.own_origin).until_closed()
    assert code == 4502
    assert reason in (exception.TargetProtocolError.public, exception.TargetTimeout.public)
    proxy.tally()


def speech(first, then=b""):
    """Says `first`, reads an answer, says `then`, and ends."""
    def script(sock):
        sock.sendall(first)
        if then:
            sock.recv(100)
            sock.sendall(then)
            sock.recv(100)
        sock.shutdown(socket.SHUT_WR)
    return script


@pytest.mark.parametrize("version", [
    b"RFB 003.003\n", b"RFB 003.007\n", b"RFB 003.889\n", b"RFB 004.000\n", b"RFB 004.001\n",
    b"RFB 003.008\r", b"\x00" * 12, b"\xff" * 12, b"SSH-2.0-Open", b"\x16\x03\x01\x02\x00" * 3])
def test_a_target_of_another_version_is_refused_and_named(proxy, says, caplog, version):
    """3.3 and 3.7 have another handshake; hypervisors speak 3.8."""
    caplog.set_level("INFO")
    says(speech(version))
    refused(proxy)
    assert f"speaks {version[:12]!r}, not RFB 3.8" in caplog.text


@pytest.mark.parametrize("cut", [0, 1, 11, 12, 13])
def test_a_target_that_ends_in_mid_field(proxy, says, cut):
    says(speech((VERSION + b"\x02\x10")[:cut]))
    refused(proxy)


@pytest.mark.parametrize("first", [b"", b"RFB 00", VERSION, VERSION + b"\x05\x01"],
                         ids=["nothing", "half a version", "a version", "half the types"])
def test_a_target_that_falls_silent_in_mid_handshake(make_proxy, says, first):
    proxy = make_proxy(proxy__handshake_timeout=1)

    def script(sock):
        sock.sendall(first)
        targets.gone(sock)
    says(script)
    began = time.monotonic()
    with pytest.raises(ws_client.Refused) as caught:
        proxy.connect("t")
    assert caught.value.status == 504
    assert time.monotonic() - began < 15
    assert proxy.tally()["reason"] == "target_timeout"


def test_a_target_that_drips_is_understood(proxy, says):
    def script(sock):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in VERSION:
            sock.sendall(bytes([byte]))
        assert targets.read_exactly(sock, 12) == VERSION
        for byte in b"\x03\x13\x02\x01":
            sock.sendall(bytes([byte]))
        assert targets.read_exactly(sock, 1) == b"\x01"
        for byte in b"\0\0\0\0screen":
            sock.sendall(bytes([byte]))
        targets.gone(sock)
    target = says(script)
    ws = proxy.connect("t")
    ws.send(VERSION + b"\x01")
    assert ws.recv_exactly(12 + 2 + 4 + 6) == VERSION + b"\x01\x01" + b"\0\0\0\0screen"
    assert target.errors == []


def test_a_target_that_drips_for_ever_is_cut_off(make_proxy, says):
    proxy = make_proxy(proxy__handshake_timeout=1)
    cut_off = threading.Event()

    def script(sock):
        sock.sendall(VERSION + b"\xff")
        try:
            while True:
                sock.sendall(b"\x02")
                if cut_off.wait(0.01):
                    return
        except OSError:
            cut_off.set()
    says(script)
    with pytest.raises(ws_client.Refused) as caught:
        proxy.connect("t")
    # 255 types without None: whichever comes first, the list's end or the deadline.
    assert caught.value.status in (502, 504)
    assert cut_off.wait(30)


def test_two_hundred_and_fifty_five_types_with_none_among_them(proxy, says):
    says(targets.rfb_server(targets.echo, offered=b"\xff" + bytes(range(255, 0, -1))))
    assert proxy.connect("t").recv_message() == VERSION


@pytest.mark.parametrize("types", [
    b"\xff" + bytes([2]) * 255, b"\x01\x02", b"\x01\x13", b"\x02\x10\xc8", b"\x01\x00"],
    ids=["255 passwords", "password", "VeNCrypt only", "unknown numbers", "invalid"])
def test_a_target_without_a_type_of_ours_is_refused(proxy, says, caplog, types):
    """Also a downgrade: nothing is chosen that was not offered, nothing is fallen back to."""
    caplog.set_level("INFO")
    answers = []

    def script(sock):
        sock.sendall(VERSION)
        targets.read_exactly(sock, 12)
        sock.sendall(types)
        answers.append(sock.recv(1))
    says(script)
    refused(proxy)
    wait_for(lambda: len(answers) == 2)
    assert answers == [b"", b""]
    assert "the server offers security types" in caplog.text


def test_a_reason_of_four_gigabytes_is_cut(proxy, says, caplog):
    caplog.set_level("INFO")
    sent = []

    def script(sock):
        sock.sendall(VERSION)
        targets.read_exactly(sock, 12)
        sock.sendall(b"\0\xff\xff\xff\xff")
        try:
            for _ in range(1000):
                sent.append(sock.send(b"n" * 65536))
        except OSError:
            return
    says(script)
    refused(proxy)
    lines = [r.getMessage() for r in caplog.records if "the server refuses" in r.getMessage()]
    assert len(lines) == 2
    assert all(len(line) < 5000 for line in lines)


@pytest.mark.parametrize("reason", [b"\r\nforged line", b"\x1b[2J", b"\xff\x00"])
def test_a_reason_cannot_forge_the_log(proxy, says, caplog, reason):
    caplog.set_level("INFO")
    says(speech(VERSION, b"\0" + len(reason).to_bytes(4, "big") + reason))
    refused(proxy)
    assert "the server refuses" in caplog.text
    assert not set("\x1b\x00\r") & set(caplog.text)
    assert "\nforged" not in caplog.text


def hypervisor(answer):
    def script(sock):
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += targets.read_exactly(sock, 1)
        answer(sock)
    return script


@pytest.mark.parametrize("answer", [
    b"HTTP/1.1 404 200 OK\r\n\r\n", b"HTTP/1.1 200OK\r\n\r\n", b"HTTP/1.1  \r\n\r\n",
    b"HTTP/1.1 " + b"9" * 5000 + b" OK\r\n\r\n", b"HTTP/1.1 -200 OK\r\n\r\n",
    b"HTTP/1.1 0200 OK\r\n\r\n", b"200 OK\r\n\r\n", b"HTTP/1.1 302 Found\r\n\r\n",
    b"HTTP/1.1 200 OK\r\n", b"", b"RFB 003.008\n"])
def test_a_connect_that_is_not_answered_200(proxy, says, answer):
    def script(sock):
        sock.sendall(answer)
        sock.shutdown(socket.SHUT_WR)
    says(hypervisor(script), internal_access_path="/console?ref=1")
    refused(proxy)


def test_a_connect_answered_without_end(proxy, says):
    stopped = threading.Event()

    def endless(sock):
        sock.sendall(b"HTTP/1.1 200 OK\r\n")
        try:
            while True:
                sock.sendall(b"X-Header: more and more\r\n")
        except OSError:
            stopped.set()
    says(hypervisor(endless), internal_access_path="/console?ref=1")
    refused(proxy)
    assert stopped.wait(30)


def test_a_connect_that_is_not_answered(make_proxy, says):
    proxy = make_proxy(proxy__handshake_timeout=1)
    says(hypervisor(targets.silent), internal_access_path="/console?ref=1")
    with pytest.raises(ws_client.Refused) as caught:
        proxy.connect("t")
    assert caught.value.status == 504


@pytest.mark.parametrize("path", [
    "/console HTTP/1.1\r\nHost: evil\r\n\r\n", "/a b", "/a\nb", "/a\r", "/a\tb", "/a\x00"])
def test_a_path_that_splits_the_request_is_not_sent(proxy, says, path):
    """Refused where it is stored, too; this is for what an agent says at the last moment."""
    heard = []

    def script(sock):
        heard.append(sock.recv(1000))
    says(script, internal_access_path=path)
    refused(proxy)
    wait_for(lambda: len(heard) == 2)
    assert not any(heard)
