"""Balancers in front of a proxy: whose word about the client counts, and whose does not."""

import socket
import struct

import pytest

from consoles import exception
from consoles.command import proxy as command
from consoles.proxies import catalog
from tests.fixtures import ws_client
from tests.fixtures.processes import wait_for

LOOPBACK = "127.0.0.1"
ELSEWHERE = ["192.0.2.1", "2001:db8::/32"]
CLIENT = "203.0.113.5"
V1 = f"PROXY TCP4 {CLIENT} 192.0.2.9 4711 443\r\n".encode()
V2 = bytes.fromhex("0d0a0d0a000d0a515549540a") + struct.pack(
    "!BBH4s4sHHBH3s", 0x21, 0x11, 18, socket.inet_aton(CLIENT), socket.inet_aton("192.0.2.9"),
    4711, 443, 4, 3, b"tlv")
LOCAL = V2[:12] + b"\x20\x00\x00\x00"


def ask(proxy, *pieces, origin=None, headers=()):
    """Send `pieces`, a packet each, then an upgrade. → its status or Close code; 0: hung up."""
    upgrade = ws_client.request("/?token=t", proxy.port,
                                headers=ws_client.upgrade_headers(origin, extra=headers))
    with socket.create_connection((LOOPBACK, proxy.port), 30) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            for piece in (*pieces, upgrade):
                sock.sendall(piece)
            status, _, rest = ws_client.read_head(sock)
        except ConnectionError:
            return 0
        return ws_client.WebSocket(sock, rest).until_closed()[0] if status == 101 else status


def asked_for(consoleauth):
    """The client's address as consoleauth was told it."""
    (_, session), = consoleauth.asked
    consoleauth.asked.clear()
    return session["client_address"]


@pytest.fixture
def behind(make_proxy):
    """A proxy that trusts us, as a balancer that sends headers of HTTP."""
    return make_proxy(proxy__trusted_proxies=[LOOPBACK])


@pytest.fixture
def behind_tcp(make_proxy):
    """A proxy that trusts us, as a balancer that sends PROXY headers."""
    return make_proxy(proxy__trusted_proxies=[LOOPBACK], proxy__proxy_protocol="v1v2")


# -- X-Forwarded-* -------------------------------------------------------------------------------

def test_a_trusted_balancer_names_the_client(behind, consoleauth):
    said = [("X-Forwarded-For", f"198.51.100.1, {CLIENT}")]
    assert ask(behind, headers=said) == 401
    assert asked_for(consoleauth) == CLIENT


def test_a_trusted_balancer_names_the_host(behind, consoleauth):
    said = [("X-Forwarded-Host", "c.example")]
    assert ask(behind, origin="https://c.example:8443", headers=said) == 4401
    assert consoleauth.asked
    assert ask(behind, origin="https://evil.example", headers=said) == 403


@pytest.mark.parametrize("trusted", [[], ELSEWHERE])
def test_a_forged_forwarded_for_is_not_believed(make_proxy, consoleauth, trusted):
    proxy = make_proxy(proxy__trusted_proxies=trusted)
    assert ask(proxy, headers=[("X-Forwarded-For", CLIENT)]) == 401
    assert asked_for(consoleauth) == LOOPBACK


@pytest.mark.parametrize("trusted", [[], ELSEWHERE])
def test_a_forged_forwarded_host_is_not_believed(make_proxy, consoleauth, trusted):
    proxy = make_proxy(proxy__trusted_proxies=trusted)
    said = [("X-Forwarded-Host", "evil.example")]
    assert ask(proxy, origin="http://evil.example", headers=said) == 403
    assert consoleauth.asked == []


@pytest.mark.parametrize("trusted", [[], ELSEWHERE, [LOOPBACK]])
def test_a_forwarded_scheme_is_never_asked(make_proxy, consoleauth, trusted):
    """A page of http stays one, whatever is said, and opens no console whose URL is https."""
    proxy = make_proxy(proxy__trusted_proxies=trusted)
    consoleauth.add("t", 1, access_url_base="https://127.0.0.1:6080/vnc_auto.html")
    for scheme in ("https", "http"):
        said = [("X-Forwarded-Proto", scheme)]
        assert ask(proxy, origin=proxy.own_origin, headers=said) == 403
    assert proxy.tally()["reason"] == "origin_refused"


def test_changing_forged_addresses_do_not_dodge_the_limit_of_wrong_tokens(make_proxy):
    proxy = make_proxy(proxy__max_failed_tokens=3)
    answers = [ask(proxy, headers=[("X-Forwarded-For", f"203.0.113.{n}")]) for n in range(4)]
    assert answers == [401, 401, 401, 429]


def test_wrong_tokens_count_for_the_client_and_not_for_its_balancer(make_proxy):
    proxy = make_proxy(proxy__max_failed_tokens=3, proxy__trusted_proxies=[LOOPBACK])
    guesser = [("X-Forwarded-For", f"198.51.100.1, {CLIENT}")]
    assert [ask(proxy, headers=guesser) for _ in range(4)] == [401, 401, 401, 429]
    assert ask(proxy, headers=[("X-Forwarded-For", "203.0.113.6")]) == 401


# -- the PROXY protocol --------------------------------------------------------------------------

@pytest.mark.parametrize("header", [V1, V2], ids=["v1", "v2"])
def test_a_proxy_header_names_the_client(behind_tcp, consoleauth, header):
    assert ask(behind_tcp, header) == 401
    assert asked_for(consoleauth) == CLIENT
    assert ask(behind_tcp, *(header[i:i + 1] for i in range(len(header)))) == 401
    assert asked_for(consoleauth) == CLIENT


def test_a_proxy_header_stands_in_front_of_tls(make_proxy, consoleauth, certificates):
    proxy = make_proxy(proxy__trusted_proxies=[LOOPBACK], proxy__proxy_protocol="v1v2",
                       DEFAULT__cert=str(certificates.cert), DEFAULT__key=str(certificates.key),
                       DEFAULT__ssl_only=True)
    with socket.create_connection((LOOPBACK, proxy.port), 30) as plain:
        plain.sendall(V2)
        with certificates.client().wrap_socket(plain, server_hostname=LOOPBACK) as sock:
            upgrade = ws_client.upgrade_headers()
            sock.sendall(ws_client.request("/?token=t", proxy.port, headers=upgrade))
            assert ws_client.read_head(sock)[0] == 401
    assert asked_for(consoleauth) == CLIENT


@pytest.mark.parametrize("header", [LOCAL, b"PROXY UNKNOWN\r\n"], ids=["v2", "v1"])
def test_a_balancer_may_speak_for_itself(behind_tcp, consoleauth, header):
    assert ask(behind_tcp, header) == 401
    assert asked_for(consoleauth) == LOOPBACK


def test_the_client_behind_a_proxy_header_is_not_trusted(behind_tcp, consoleauth):
    assert ask(behind_tcp, V2, headers=[("X-Forwarded-For", "198.51.100.1")]) == 401
    assert asked_for(consoleauth) == CLIENT
    said = [("X-Forwarded-Host", "evil.example")]
    assert ask(behind_tcp, V2, origin="http://evil.example", headers=said) == 403


@pytest.mark.parametrize("pieces", [
    [], [b"PROXY TCP4 1.2.3.4\r\n"], [V1[:-1] + b"x"], [V2[:12] + b"\x2f\x11\0\x0c"], [V1, V1],
    [V2, V2]], ids=["none", "no port", "no end", "no command", "v1 twice", "v2 twice"])
def test_a_trusted_balancer_must_send_one_right_header(behind_tcp, consoleauth, pieces):
    assert ask(behind_tcp, *pieces) in (0, 400)
    assert consoleauth.asked == []


@pytest.mark.parametrize("header", [V1, V2], ids=["v1", "v2"])
@pytest.mark.parametrize("options", [
    {"proxy__trusted_proxies": ELSEWHERE, "proxy__proxy_protocol": "v1v2"},
    {"proxy__trusted_proxies": [LOOPBACK]}, {}], ids=["untrusted", "off", "default"])
def test_a_forged_proxy_header_is_refused(make_proxy, consoleauth, options, header):
    proxy = make_proxy(**options)
    assert ask(proxy, header) == 400
    assert consoleauth.asked == []


def test_others_are_served_without_a_proxy_header(make_proxy, consoleauth):
    proxy = make_proxy(proxy__trusted_proxies=ELSEWHERE, proxy__proxy_protocol="v1v2")
    assert ask(proxy, headers=[("X-Forwarded-For", CLIENT)]) == 401
    assert asked_for(consoleauth) == LOOPBACK


def test_handshakes_count_for_the_client_and_not_for_its_balancer(make_proxy):
    proxy = make_proxy(proxy__trusted_proxies=[LOOPBACK], proxy__proxy_protocol="v1v2",
                       proxy__max_handshakes_per_address=1)
    with socket.create_connection((LOOPBACK, proxy.port), 30) as idle:
        idle.sendall(V1)
        assert ask(proxy, V1) == 0
        assert ask(proxy, V1.replace(CLIENT.encode(), b"203.0.113.6")) == 401
    wait_for(lambda: ask(proxy, V1) == 401)


def test_the_longest_proxy_header_is_taken(behind_tcp, consoleauth):
    padding = struct.pack("!BH", 4, 4096 - 12 - 3).ljust(4096 - 12, b"\0")
    assert ask(behind_tcp, V2[:14] + b"\x10\0" + V2[16:28] + padding) == 401
    assert asked_for(consoleauth) == CLIENT


def test_start_is_refused_without_somebody_to_trust(conf):
    conf.set_override("proxy_protocol", "v1v2", "proxy")
    with pytest.raises(exception.ConfigError) as caught:
        command.settings_of(catalog.NOVNC, conf)
    assert "[proxy] trusted_proxies" in str(caught.value)
