"""The rules of what may be dialled, and the dialling: one resolution, each answer judged."""

import asyncio
import socket

import pytest

from consoles import exception
from consoles.proxies import targets
from consoles.proxies.targets import Targets
from consoles.stream.dial import dial


def rules(*texts, services=()):
    return targets.build(list(texts) or None, services)


@pytest.mark.parametrize(("entry", "inside", "outside"), [
    ("192.0.2.0/24", [("192.0.2.1", 1), ("192.0.2.255", 65535), ("::ffff:192.0.2.1", 5900)],
     [("192.0.3.1", 5900), ("2001:db8::1", 5900)]),
    ("192.0.2.7", [("192.0.2.7", 5900)], [("192.0.2.8", 5900)]),
    ("192.0.2.7:5900", [("192.0.2.7", 5900)], [("192.0.2.7", 5901), ("192.0.2.6", 5900)]),
    ("192.0.2.0/24:5900-5999", [("192.0.2.9", 5900), ("192.0.2.9", 5999)],
     [("192.0.2.9", 5899), ("192.0.2.9", 6000)]),
    ("2001:db8::/32", [("2001:db8:1::9", 5900)], [("2001:db9::1", 5900), ("192.0.2.1", 5900)]),
    ("[2001:db8::/64]:5900-5910", [("2001:db8::9", 5910)], [("2001:db8::9", 5911)])])
def test_an_entry_allows_its_network_and_ports(entry, inside, outside):
    assert all(rules(entry).allows(*place) for place in inside)
    assert not any(rules(entry).allows(*place) for place in outside)


@pytest.mark.parametrize("entry", [
    "", "compute1.example.org", "192.0.2.1/24", "192.0.2.0/33", "192.0.2.0/24:",
    "192.0.2.0/24:0", "192.0.2.0/24:5999-5900", "192.0.2.0/24:65536", "192.0.2.0/24:5900-",
    "2001:db8::/64:5900-x", "[2001:db8::", "[2001:db8::/64]5900", "192.0.2.1 : 5900"])
def test_a_wrong_entry_is_told_with_what_to_write(entry):
    with pytest.raises(exception.ConfigError, match="allowed_targets: .* Write for example"):
        rules(entry)


def test_an_empty_list_is_a_mistake_and_not_an_open_door():
    with pytest.raises(exception.ConfigError, match="leave the option out"):
        targets.build([], ())


@pytest.mark.parametrize("texts", [(), ("0.0.0.0/0", "::/0")])
@pytest.mark.parametrize("address", [
    "0.0.0.0", "0.0.0.1", "::", "::ffff:0.0.0.0", "224.0.0.1", "255.255.255.255", "ff02::1",
    "169.254.169.254", "::ffff:169.254.169.254", "fe80::1", "fe80::1%lo", "fd00:ec2::254"])
def test_what_no_list_allows(texts, address):
    assert not rules(*texts).allows(address, 5900)


@pytest.mark.parametrize("texts", [(), ("0.0.0.0/0", "::/0"), ("127.0.0.0/8", "169.254.0.0/16",
                                                               "64:ff9b::/96", "2002::/16")])
@pytest.mark.parametrize("wrapped", [
    "64:ff9b::{:x}:{:x}", "64:ff9b::{:x}:{:x}%lo", "2002:{:x}:{:x}::", "2002:{:x}:{:x}:9::9",
    "::{:x}:{:x}", "::ffff:{:x}:{:x}"])
def test_an_ipv4_address_that_ipv6_carries_is_judged_as_well(texts, wrapped):
    """NAT64 (RFC 6052), 6to4 (RFC 3056), IPv4-compatible and -mapped (RFC 4291)."""
    found = rules(*texts, services=[("127.0.0.1", 6080), ("198.51.100.1", 5672)])
    assert not found.allows(wrapped.format(0x7F00, 0x0001), 6080)
    assert not found.allows(wrapped.format(0xC633, 0x6401), 5672)
    assert not found.allows(wrapped.format(0xE000, 0x0001), 5900)
    assert not found.allows(wrapped.format(0x0000, 0x0002), 5900)
    if "ffff" not in wrapped or "169.254.0.0/16" not in texts:
        assert not found.allows(wrapped.format(0xA9FE, 0xA9FE), 80)


@pytest.mark.parametrize("address", ["64:ff9b::c000:209", "2002:c000:209::7", "::c000:209"])
def test_a_carried_address_needs_an_entry_of_ipv6_as_before(address):
    assert rules().allows(address, 5900)
    assert rules("64:ff9b::/96", "2002::/16", "::/96").allows(address, 5900)
    assert not rules("192.0.2.0/24").allows(address, 5900)


def test_a_service_that_nat64_leads_to_is_protected_at_its_ipv4_address():
    found = rules(services=[("64:ff9b::c633:6401", 5672)])
    for address in ("64:ff9b::c633:6401", "198.51.100.1", "::ffff:198.51.100.1"):
        assert not found.allows(address, 5672)
        assert found.allows(address, 5673)


def test_ipv6s_loopback_carries_no_ipv4_address():
    found = rules(services=[("198.51.100.1", 6080)])
    assert found.allows("::1", 6080)
    assert not rules(services=[("::1", 6080)]).allows("::1", 6080)


def test_a_service_that_listens_everywhere_by_an_empty_host_is_protected():
    found = rules(services=[("", 6083)])
    assert not found.allows("127.0.0.1", 6083)
    assert not found.allows("::1", 6083)
    assert found.allows("198.51.100.1", 6083)


@pytest.mark.parametrize("entry", ["169.254.7.0/24", "fe80::/64", "169.254.0.0/16", "0.0.0.0/0"])
def test_link_local_only_by_an_entry_within_it(entry):
    within = not entry.startswith("0")
    address = "fe80::7" if ":" in entry else "169.254.7.7"
    assert rules(entry).allows(address, 5900) is within


def test_the_unset_list_allows_the_rest():
    assert rules().allows("127.0.0.1", 5900)
    assert rules().allows("192.0.2.1", 22)
    assert rules().allows("2001:db8::1", 5900)


@pytest.mark.parametrize("listening", ["0.0.0.0", "::", "127.0.0.1", "localhost"])
@pytest.mark.parametrize("address", ["127.0.0.1", "127.7.7.7", "::1", "::ffff:127.0.0.1"])
def test_a_service_on_this_host_is_protected_at_all_its_addresses(listening, address):
    found = rules("127.0.0.0/8", "::1", services=[(listening, 6080)])
    assert not found.allows(address, 6080)
    assert found.allows(address, 6081)


def test_the_hosts_own_address_is_seen():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect(("192.0.2.254", 9))  # sends nothing; the kernel chooses where from
        own = sock.getsockname()[0]
    found = rules(services=[("0.0.0.0", 6080)])
    assert not found.allows(own, 6080)
    assert found.allows("198.51.100.1", 6080)


def test_a_link_local_address_is_taken_for_the_hosts_own():
    """Which host it is depends on the interface, and every interface has one of its own."""
    found = rules("fe80::/10", services=[("::", 6080)])
    assert not found.allows("fe80::7%lo", 6080)
    assert not found.allows("fe80::7", 6080)
    assert found.allows("fe80::7%lo", 5900)


def test_a_service_elsewhere_is_protected_there_only():
    found = rules(services=[("198.51.100.1", 5672), ("2001:db8::5", 3306)])
    assert not found.allows("198.51.100.1", 5672)
    assert not found.allows("::ffff:198.51.100.1", 5672)
    assert not found.allows("2001:db8::5", 3306)
    assert found.allows("198.51.100.2", 5672)
    assert found.allows("198.51.100.1", 5673)


def test_a_service_whose_name_does_not_resolve_closes_its_port_everywhere(caplog):
    found = rules(services=[("broker.invalid", 5672)])
    assert not found.allows("198.51.100.1", 5672)
    assert not found.allows("2001:db8::1", 5672)
    assert found.allows("198.51.100.1", 5900)
    assert "broker.invalid does not resolve" in caplog.text


class ScriptedLoop(asyncio.SelectorEventLoop):
    """Names resolve to what a test says, another answer each time; numbers to themselves."""

    def __init__(self, *answers):
        super().__init__()
        self.answers = list(answers)
        self.asked = []

    async def getaddrinfo(self, host, port, **kwargs):
        self.asked.append(host)
        return [(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM, 6, "",
                 (address, port)) for address in self.answers.pop(0)]

    def dial(self, rules, port):
        async def connect():
            connection = await dial("vm.example.org", port, 2, rules.allows)
            peer = connection.transport.get_extra_info("peername")[0]
            connection.abort()
            await asyncio.sleep(0)
            return peer
        try:
            return self.run_until_complete(connect())
        finally:
            self.close()


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as sock:
        yield sock


def test_a_name_is_resolved_once_and_its_address_dialled(listener):
    """A name server that answers otherwise the second time (DNS rebinding) is not asked again."""
    port = listener.getsockname()[1]
    loop = ScriptedLoop(["127.0.0.1"], ["127.0.0.2"])
    assert loop.dial(rules("127.0.0.1"), port) == "127.0.0.1"
    assert loop.asked == ["vm.example.org"]


def test_each_answer_is_judged_and_only_an_allowed_one_dialled(listener):
    """127.0.0.2 would answer too: were it dialled, it would be the first to."""
    port = listener.getsockname()[1]
    loop = ScriptedLoop(["127.0.0.2", "169.254.169.254", "127.0.0.1"])
    with socket.create_server(("127.0.0.2", port)):
        assert loop.dial(rules("127.0.0.1"), port) == "127.0.0.1"


def test_the_next_allowed_answer_is_tried_when_one_refuses(listener):
    loop = ScriptedLoop(["127.0.0.2", "127.0.0.1"])
    assert loop.dial(Targets(), listener.getsockname()[1]) == "127.0.0.1"


def test_no_allowed_answer_is_an_alarm(listener, caplog):
    loop = ScriptedLoop(["127.0.0.1", "169.254.169.254"])
    with pytest.raises(exception.TargetNotAllowed):
        loop.dial(rules("192.0.2.0/24"), listener.getsockname()[1])
    (record,) = [r for r in caplog.records if r.levelname == "WARNING"]
    assert "not allowed: vm.example.org" in record.getMessage()
    listener.settimeout(0)
    with pytest.raises(BlockingIOError):
        listener.accept()
