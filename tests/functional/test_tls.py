"""TLS and plain on one port, by the loop; what is too old, too slow or wrong is turned away."""

import contextlib
import socket
import ssl
import subprocess
import threading
import warnings

import pytest

from consoles import exception
from consoles.stream import tls
from tests.fixtures import targets
from tests.fixtures import ws_client
from tests.fixtures.novnc import greeted
from tests.fixtures.processes import wait_for
from tests.fixtures.tokens import asking


@pytest.fixture
def secure(make_proxy, certificates):
    def make(**options):
        return make_proxy(DEFAULT__cert=str(certificates.cert), DEFAULT__key=str(certificates.key),
                          **options)
    return make


def test_a_session_over_tls_carries_bytes_both_ways(secure, echoing_guest, certificates):
    proxy = secure()
    ws = greeted(proxy.connect(tls=certificates.client()))
    assert ws.sock.version() == "TLSv1.3"
    payload = bytes(range(256)) * 8000
    for at in range(0, len(payload), 100_000):  # one thread: Python's TLS sockets want no more
        piece = payload[at:at + 100_000]
        ws.send(piece)
        assert ws.recv_exactly(len(piece)) == piece
    ws.close(1000)
    assert ws.until_closed()[0] == 1000
    tally = proxy.tally()
    assert (tally["reason"], tally["bytes_in"]) == ("client_closed", len(payload))


def test_plain_is_spoken_on_the_same_port(secure, echoing_guest):
    greeted(secure().connect())


def test_plain_is_refused_where_only_tls_may_be(secure, echoing_guest, certificates):
    proxy = secure(DEFAULT__ssl_only=True)
    with pytest.raises(ws_client.Refused) as refused:
        proxy.connect()
    assert refused.value.status in (0, 400)
    greeted(proxy.connect(tls=certificates.client()))


def test_tls_without_a_certificate_is_turned_away(proxy, certificates):
    with pytest.raises((ssl.SSLError, ConnectionError)):
        proxy.connect(tls=certificates.client())


@pytest.mark.parametrize("version", ["TLSv1", "TLSv1_1"])
def test_old_versions_are_refused(secure, certificates, version):
    context = certificates.client()
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = ssl.TLSVersion[version]
    with pytest.raises(ssl.SSLError, match="(?i)alert|version|protocol"):
        secure().connect(tls=context)


def test_the_minimum_can_be_raised(secure, certificates):
    context = certificates.client()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(ssl.SSLError, match="(?i)version|EOF"):
        secure(console__ssl_minimum_version="tlsv1_3").connect(tls=context)


def test_ciphers_can_be_chosen(secure, echoing_guest, certificates):
    proxy = secure(console__ssl_ciphers="ECDHE-ECDSA-AES256-GCM-SHA384:"
                                        "ECDHE-RSA-AES256-GCM-SHA384")
    context = certificates.client()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    ws = greeted(proxy.connect(tls=context))
    assert "AES256-GCM-SHA384" in ws.sock.cipher()[0]


def test_a_hello_that_drips_does_not_renew_its_deadline(secure, certificates):
    proxy = secure(proxy__handshake_timeout=1)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = certificates.client().wrap_bio(incoming, outgoing, server_hostname="127.0.0.1")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    hello = outgoing.read()
    with socket.create_connection(("127.0.0.1", proxy.port), 30) as sock:
        stop = threading.Event()
        sock.settimeout(4)

        def drip():
            for byte in hello:
                try:
                    sock.send(bytes([byte]))
                except OSError:
                    return
                if stop.wait(0.05):
                    return
        dripping = threading.Thread(target=drip)
        dripping.start()
        try:
            assert sock.recv(100) == b""
        except ConnectionResetError:
            pass
        finally:
            stop.set()
            dripping.join()
    wait_for(lambda: proxy.worker._server.handshakes == 0)


def test_a_receiver_that_stalls_over_tls_stalls_the_target(secure, consoleauth, certificates):
    stopped = threading.Event()

    def flood(sock):
        sock.settimeout(1)
        try:
            while True:
                sock.sendall(b"f" * 65536)
        except TimeoutError:
            stopped.set()
        except OSError:
            pass
    consoleauth.add("good", targets.Target(targets.rfb_server(flood)).port)
    proxy = secure()
    ws = greeted(proxy.connect(tls=certificates.client()))
    assert stopped.wait(20), "the target was never made to wait"
    client = next(iter(proxy.worker._relay.links.values())).client
    assert client.transport.get_write_buffer_size() < 400_000  # 64 KiB and one buffer
    ws.sock.close()


def test_a_session_over_tls_ends_with_its_close(secure, echoing_guest, certificates):
    proxy = secure()
    ws = greeted(proxy.connect(tls=certificates.client()))
    proxy.worker.stop()
    assert ws.until_closed()[0] == 1012


def test_a_handshake_under_way_at_the_end_becomes_no_session(secure, consoleauth, certificates):
    proxy = secure()
    consoleauth.gate.clear()
    left = asking(proxy, "left")
    wait_for(lambda: consoleauth.asked)
    left.close()  # the answer is waited for all the same, so that the end lasts
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = certificates.client().wrap_bio(incoming, outgoing, server_hostname="127.0.0.1")
    with socket.create_connection(("127.0.0.1", proxy.port), 30) as sock:
        while True:
            try:
                client.do_handshake()
                break
            except ssl.SSLWantReadError:
                sock.sendall(outgoing.read())
                incoming.write(sock.recv(65536))
        proxy.worker.stop()
        wait_for(lambda: proxy.worker._server._closed)
        client.write(ws_client.request("/?token=late", proxy.port,
                                       headers=ws_client.upgrade_headers()))
        with contextlib.suppress(ConnectionError):
            sock.sendall(outgoing.read())
        assert ws_client.read_all(sock) == b""
    assert len(consoleauth.asked) == 1


def test_a_client_that_breaks_off_ends_its_session(secure, echoing_guest, certificates):
    proxy = secure()
    ws = greeted(proxy.connect(tls=certificates.client()))
    socket.socket(fileno=ws.sock.detach()).close()
    assert proxy.tally()["reason"] == "client_gone"


def test_a_page_over_https(secure, certificates, tmp_path):
    (tmp_path / "vnc_auto.html").write_text("<p>hello")
    proxy = secure(vnc__web=str(tmp_path))
    with certificates.client().wrap_socket(
            socket.create_connection(("127.0.0.1", proxy.port), 30),
            server_hostname="127.0.0.1") as sock:
        sock.sendall(ws_client.request("/", proxy.port, headers=[("Connection", "close")]))
        assert b"<p>hello" in ws_client.read_all(sock)


def test_wrong_files_are_said(tmp_path, certificates):
    with pytest.raises(exception.ConfigError, match="cannot read .*No such file"):
        tls.server_context(str(tmp_path / "none.pem"), None, "default", None)
    junk = tmp_path / "junk.pem"
    junk.write_text("junk")
    with pytest.raises(exception.ConfigError, match="no certificate with its key"):
        tls.server_context(str(junk), None, "default", None)
    with pytest.raises(exception.ConfigError, match="no certificate with its key"):
        tls.server_context(str(certificates.cert), None, "default", None)
    with pytest.raises(exception.ConfigError, match="ssl_ciphers"):
        tls.server_context(str(certificates.cert), str(certificates.key), "default", "NONSENSE")


def test_nobody_may_renegotiate(secure, echoing_guest):
    openssl = subprocess.run(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{secure().port}", "-tls1_2"],
        input="R\n", capture_output=True, text=True, timeout=20)
    assert "RENEGOTIATING" in openssl.stdout + openssl.stderr
    assert "no renegotiation" in openssl.stderr


def test_a_client_that_says_goodbye_leaves_no_warning(secure, echoing_guest, certificates, caplog):
    proxy = secure()
    for _ in range(3):
        with socket.create_connection(("127.0.0.1", proxy.port), 30) as sock:
            certificates.client().wrap_socket(sock, server_hostname="127.0.0.1").unwrap()
    ws = greeted(proxy.connect(tls=certificates.client()))
    ws.close(1000)
    ws.until_closed()
    proxy.tally()
    wait_for(lambda: proxy.worker._server.handshakes == 0)
    assert "eof_received" not in caplog.text


def test_tls_begins_with_a_whole_hello_only(secure, echoing_guest, certificates):
    proxy = secure(proxy__handshake_timeout=2)
    greeted(proxy.connect(tls=certificates.client()))
    here = []
    for _ in range(20):
        here.append(socket.create_connection(("127.0.0.1", proxy.port), 30))
        here[-1].sendall(b"\x16\x03\x01\x02\x00\x01")
    wait_for(lambda: proxy.worker._server.handshakes == 20)
    assert not proxy.worker._server._acceptor._tasks
    greeted(proxy.connect(tls=certificates.client()))
    for sock in here:
        sock.close()
    wait_for(lambda: proxy.worker._server.handshakes == 0)
