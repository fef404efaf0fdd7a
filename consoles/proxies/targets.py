"""Which addresses a proxy may dial: the operator's list, and what no list can allow.

A console's place comes over the message bus. Whoever could forge it must not get a proxy to
connect to what only the proxy can reach.
"""

import dataclasses
import ipaddress
import logging
import re
import socket
from collections.abc import Iterable
from collections.abc import Sequence

from consoles.exception import ConfigError

LOG = logging.getLogger(__name__)

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

#: No console is there: "this host", multicast, broadcast (RFC 6890).
NEVER = tuple(map(ipaddress.ip_network, (
    "0.0.0.0/8", "224.0.0.0/4", "255.255.255.255/32", "::/128", "ff00::/8")))
#: Only for those who ask for them by name; clouds serve their metadata, with secrets, there.
LINK_LOCAL = tuple(map(ipaddress.ip_network, (
    "169.254.0.0/16", "fe80::/10", "fd00:ec2::254/128")))
#: The last 32 bits are an IPv4 address: NAT64 (RFC 6052), IPv4-compatible (RFC 4291, 2.5.5.1).
CARRYING = tuple(map(ipaddress.ip_network, ("64:ff9b::/96", "::/96")))
ANYWHERE = tuple(map(ipaddress.ip_network, ("0.0.0.0/0", "::/0")))

_WITH_PORTS = re.compile(r"(?:\[(.+)\]|([^:\[\]]+)):(\d{1,5})(?:-(\d{1,5}))?")


@dataclasses.dataclass(frozen=True)
class Entry:
    """A network with the ports from `low` to `high`, both included."""

    network: Network
    low: int = 1
    high: int = 65535

    def covers(self, address: Address, port: int) -> bool:
        return address in self.network and self.low <= port <= self.high

    @property
    def is_link_local(self) -> bool:
        return any(self.network.version == network.version
                   and self.network.subnet_of(network)  # type: ignore[arg-type]
                   for network in LINK_LOCAL)


@dataclasses.dataclass(frozen=True)
class Protected:
    """A port of a service of ours: at `network`, or without one at every address of this host."""

    network: Network | None
    port: int

    def covers(self, address: Address, port: int) -> bool:
        if port != self.port:
            return False
        return _is_own(address) if self.network is None else address in self.network


@dataclasses.dataclass(frozen=True)
class Targets:
    """`entries` None: every address but those that no list can allow."""

    entries: tuple[Entry, ...] | None = None
    protected: tuple[Protected, ...] = ()

    def allows(self, address: str, port: int) -> bool:
        """Whether a console may be at `address`, a number as a name resolution answers it."""
        ips = _meant(address)
        if (any(ip in network for ip in ips for network in NEVER)
                or any(service.covers(ip, port) for ip in ips for service in self.protected)):
            return False
        link_local = any(ip in network for ip in ips for network in LINK_LOCAL)
        if self.entries is None:
            return not link_local
        return any(entry.covers(ips[0], port) and (entry.is_link_local or not link_local)
                   for entry in self.entries)


def parse(texts: Sequence[str] | None) -> tuple[Entry, ...] | None:
    """The option's entries; None when it is not set. Raises ConfigError."""
    if texts is None:
        return None
    if not texts:
        raise ConfigError("[proxy] allowed_targets is empty: name the networks of the "
                          "hypervisors, or leave the option out")
    return tuple(map(_entry, texts))


def protect(host: str, port: int) -> tuple[Protected, ...]:
    """What keeps a service of ours from being dialled, wherever its name leads now.

    `host` is empty where it listens at all addresses.
    One on this host is kept from being dialled at every address of this host. With a name that
    does not resolve the port is kept closed everywhere. Blocks for a name resolution.
    """
    try:
        found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM,
                                   flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError):
        LOG.warning("%s does not resolve: until the next start no console is reached at port %s "
                    "of any host", host, port)
        return tuple(Protected(network, port) for network in ANYWHERE)
    addresses = dict.fromkeys(ip for entry in found for ip in _meant(str(entry[4][0])))
    return tuple(dict.fromkeys(
        Protected(None if _is_own(ip) else ipaddress.ip_network(ip), port) for ip in addresses))


def build(texts: Sequence[str] | None, services: Iterable[tuple[str, int]]) -> Targets:
    """The rules from [proxy] allowed_targets and the services, (host, port), never to dial.

    Raises ConfigError.
    """
    return Targets(parse(texts), tuple(rule for host, port in services
                                       for rule in protect(host, port)))


def _entry(text: str) -> Entry:
    found = _WITH_PORTS.fullmatch(text)
    try:
        if found is None:
            return Entry(ipaddress.ip_network(text))
        entry = Entry(ipaddress.ip_network(found[1] or found[2]), int(found[3]),
                      int(found[4] or found[3]))
        if not 1 <= entry.low <= entry.high <= 65535:
            raise ValueError("ports go from 1 to 65535, the lower one first")
        return entry
    except ValueError as exc:
        raise ConfigError(f"[proxy] allowed_targets: {text!r}: {exc}. Write for example "
                          f"192.0.2.0/24, 192.0.2.7:5900-5999 or [2001:db8::/64]:5900") from None


def _meant(text: str) -> tuple[Address, ...]:
    """The address, and the IPv4 one that a translator or a tunnel may take it to."""
    ip = _plain(text)
    if not isinstance(ip, ipaddress.IPv6Address) or ip.is_loopback or ip.is_unspecified:
        return (ip,)
    if ip.sixtofour is not None:  # RFC 3056
        return ip, ip.sixtofour
    if any(ip in network for network in CARRYING):
        return ip, ipaddress.IPv4Address(ip.packed[-4:])
    return (ip,)


def _plain(text: str) -> Address:
    """Without its zone, and the IPv4 address where IPv6 only wraps one (RFC 4291, 2.5.5.2)."""
    ip = ipaddress.ip_address(text.partition("%")[0])
    return getattr(ip, "ipv4_mapped", None) or ip


def _is_own(address: Address) -> bool:
    """Whether it is this host's: what is sent to an own address is sent from it.

    IPv6's link-local ones are taken for own: whose they are depends on the interface.
    """
    if (address.is_loopback or address.is_unspecified
            or address.version == 6 and address.is_link_local):
        return True
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((str(address), 9))  # of a datagram socket: asks the routes, sends nothing
            return _plain(probe.getsockname()[0]) == address
    except OSError:
        return False
