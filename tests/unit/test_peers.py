"""Who is asking, when balancers stand in between and anybody may lie."""

import ipaddress
from email.message import Message

import pytest
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from consoles.exception import BadRequest
from consoles.exception import ConfigError
from consoles.proxies import peers
from consoles.proxies.frontends.request import Request
from consoles.proxies.peers import TrustedProxies

TRUSTED = TrustedProxies.of(["192.0.2.0/28", "2001:db8::1"])
BALANCER = "192.0.2.7"


def headers(*values, name="X-Forwarded-For"):
    message = Message()
    for value in values:
        message[name] = value
    return message


def client(peer, *values):
    return peers.client_address(peer, headers(*values), TRUSTED)


@pytest.mark.parametrize(("entry", "address", "trusted"), [
    ("192.0.2.0/24", "192.0.2.255", True), ("192.0.2.0/24", "192.0.3.0", False),
    ("192.0.2.7", "192.0.2.7", True), ("192.0.2.7", "192.0.2.8", False),
    ("192.0.2.7", "::ffff:192.0.2.7", True), ("::ffff:192.0.2.7", "192.0.2.7", True),
    ("::ffff:192.0.2.0/120", "192.0.2.9", True), ("::ffff:192.0.2.0/120", "192.0.3.9", False),
    ("2001:db8::/64", "2001:db8::5", True), ("2001:db8::/64", "2001:db8:0:1::5", False),
    (" 192.0.2.7 ", "192.0.2.7", True), ("fe80::/10", "fe80::1%eth0", True),
    ("::/0", "192.0.2.7", False), ("192.0.2.7", "", False), ("192.0.2.7", "unix", False)])
def test_whom_an_entry_trusts(entry, address, trusted):
    assert TrustedProxies.of([entry]).trusts(address) is trusted


@pytest.mark.parametrize("entry", ["", "balancer.example", "192.0.2.1/24", "192.0.2.1-9",
                                   "192.0.2.0/33", "2001:db8::1/64", "192.0.2"])
def test_a_wrong_entry_is_named(entry):
    with pytest.raises(ConfigError) as caught:
        TrustedProxies.of(["192.0.2.1", entry])
    assert f"trusted_proxies has the entry {entry!r}" in str(caught.value)


def test_the_proxy_protocol_needs_somebody_to_trust():
    with pytest.raises(ConfigError) as caught:
        TrustedProxies.of([], needed=True)
    assert "proxy_protocol needs [proxy] trusted_proxies" in str(caught.value)
    assert TrustedProxies.of(["192.0.2.1"], needed=True)
    assert not TrustedProxies.of([])


@pytest.mark.parametrize(("values", "found"), [
    (["203.0.113.5"], "203.0.113.5"),
    (["198.51.100.1, 203.0.113.5"], "203.0.113.5"),
    (["198.51.100.1", "203.0.113.5"], "203.0.113.5"),
    (["198.51.100.1, 203.0.113.5, 192.0.2.3", "2001:db8::1"], "203.0.113.5"),
    (["192.0.2.1,192.0.2.2"], "192.0.2.1"),
    (["203.0.113.5:4711"], "203.0.113.5"),
    (["2001:DB8:0:0::5"], "2001:db8::5"),
    (["[2001:db8::5]:4711"], "2001:db8::5"), (["[2001:db8::5]"], "2001:db8::5"),
    (["203.0.113.5, [2001:db8::1]:5, 192.0.2.3:5"], "203.0.113.5"),
    (["::ffff:203.0.113.5"], "203.0.113.5"), (["203.0.113.5, ::ffff:192.0.2.3"], "203.0.113.5"),
    ([], BALANCER), ([""], BALANCER)])
def test_the_first_from_the_right_that_is_no_proxy(values, found):
    assert client(BALANCER, *values) == found


@pytest.mark.parametrize("junk", ["", "unknown", "_hidden", "1.2.3", "1.2.3.4:", "1.2.3.4:a", "::g",
                                  "[::1", "[::1]x", "1.2.3.4 5.6.7.8", "a.example", "\x1b[31m"])
def test_junk_ends_the_walk_at_the_last_good_one(junk):
    assert client(BALANCER, f"203.0.113.5, {junk}") == BALANCER
    assert client(BALANCER, f"203.0.113.5, {junk}, 192.0.2.3") == "192.0.2.3"


def test_no_chain_is_longer_than_the_bound():
    hops = ["203.0.113.5"] + ["192.0.2.3"] * (peers.MAX_HOPS - 1)
    assert client(BALANCER, ", ".join(hops)) == "203.0.113.5"
    assert client(BALANCER, ", ".join([*hops, "192.0.2.4"])) == "192.0.2.3"


@pytest.mark.parametrize("peer", ["203.0.113.66", "192.0.2.16", "2001:db8::2"])
def test_a_header_of_somebody_else_is_not_looked_at(peer):
    assert client(peer, "198.51.100.1") == peer
    assert peers.forwarded_host(peer, headers("evil.example", name="X-Forwarded-Host"),
                                TRUSTED) is None


def test_nobody_is_trusted_by_default():
    nobody = TrustedProxies.of([])
    assert peers.client_address(BALANCER, headers("203.0.113.5"), nobody) == BALANCER
    assert not nobody.trusts("127.0.0.1")


@settings(deadline=None)  # machines that are busy
@given(st.lists(st.text(max_size=30), max_size=5), st.ip_addresses().map(str))
def test_what_a_client_says_of_itself_never_counts(said, address):
    """It stands left of what the balancer saw."""
    if not TRUSTED.trusts(address):
        assert client(BALANCER, *said, address) == peers.normal(address)


@settings(deadline=None)  # machines that are busy
@given(st.lists(st.text(max_size=60), max_size=5))
def test_whatever_is_said_the_answer_is_an_address(said):
    ipaddress.ip_address(client(BALANCER, *said))


@pytest.mark.parametrize(("values", "host"), [
    (["a.example"], "a.example"), (["evil.example, a.example:8443"], "a.example:8443"),
    (["evil.example", "a.example"], "a.example"), ([], None), ([""], None),
    (["a.example, "], None)])
def test_the_nearest_proxy_names_the_host(values, host):
    message = headers(*values, name="X-Forwarded-Host")
    assert peers.forwarded_host(BALANCER, message, TRUSTED) == host
    assert peers.forwarded_host("::ffff:" + BALANCER, message, TRUSTED) == host


@pytest.mark.parametrize(("address", "key"), [
    ("192.0.2.1", "192.0.2.1"), ("::ffff:192.0.2.1", "192.0.2.1"),
    ("2001:db8:0:1:ffff::1", "2001:db8:0:1::/64"), ("2001:db8:0:1::2", "2001:db8:0:1::/64"),
    ("2001:db8:0:2::2", "2001:db8:0:2::/64"), ("fe80::1%eth0", "fe80::/64"), ("", "")])
def test_what_limits_count_by(address, key):
    assert peers.group(address) == key


def request(*lines, forwarded_host=None):
    made = Request("\r\n".join(["GET / HTTP/1.1", *lines, "", ""]).encode())
    made.forwarded_host = forwarded_host
    return made


def test_the_forwarded_host_is_the_one_that_was_asked():
    assert request("Host: internal:6080", forwarded_host="c.example").host == "c.example"


def test_a_header_alone_is_not_the_host():
    assert request("Host: internal:6080", "X-Forwarded-Host: c.example").host == "internal:6080"


def test_a_forwarded_scheme_changes_nothing():
    made = request("Host: c.example", "Origin: http://c.example", "X-Forwarded-Proto: https")
    assert made.origin.scheme == "http"


@pytest.mark.parametrize(("hosts", "forwarded"), [
    ([], "c.example"), (["a", "b"], "c.example"), (["a@b"], "c.example"), (["a"], "u@c.example"),
    (["a"], "c.example/x"), (["a"], "\u00e4.example"), (["\u00e4"], None)])
def test_a_host_that_is_none_is_refused_whoever_says_it(hosts, forwarded):
    made = request(*(f"Host: {host}" for host in hosts), forwarded_host=forwarded)
    with pytest.raises(BadRequest):
        made.host  # noqa: B018
