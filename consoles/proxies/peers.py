"""Who is asking: the client behind the balancers that we trust, and the key it is counted by."""

import dataclasses
import ipaddress
import re
from collections.abc import Iterable
from email.message import Message

from consoles.exception import ConfigError

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

#: Entries of X-Forwarded-For that are looked at; no chain of proxies is that long.
MAX_HOPS = 64
#: What one IPv6 subscriber has at least, and so at will.
_V6_PREFIX = 64
#: An entry of X-Forwarded-For with a port: `192.0.2.1:567`, `[2001:db8::1]:567`; or in brackets.
_PORT = re.compile(r"\A(?:\[(.*)\](?::\d{1,5})?|([^:]*):\d{1,5})\Z")


@dataclasses.dataclass(frozen=True)
class TrustedProxies:
    """The balancers whose word about their clients counts."""

    networks: tuple[Network, ...] = ()

    @classmethod
    def of(cls, entries: Iterable[str], needed: bool = False) -> "TrustedProxies":
        """From addresses and networks as in [proxy] trusted_proxies; `needed`: at least one.

        Raises ConfigError.
        """
        networks = tuple(_network(entry) for entry in entries)
        if needed and not networks:
            raise ConfigError(
                "[proxy] proxy_protocol needs [proxy] trusted_proxies: name the addresses of the "
                "balancers that send PROXY headers, for nobody else's are believed")
        return cls(networks)

    def __bool__(self) -> bool:
        return bool(self.networks)

    def trusts(self, address: str) -> bool:
        found = _address(address)
        return found is not None and any(found in network for network in self.networks)


def client_address(peer: str, headers: Message, trusted: TrustedProxies) -> str:
    """The address that a request comes from; `peer` is who has connected to us.

    X-Forwarded-For is asked only where the peer is trusted, and from the right: each proxy
    appends the address that connected to it, so the first one from the right that is no proxy of
    ours is the client as far as anybody of ours has seen, and what stands left of it is the
    client's own saying. An entry that is no address ends the walk at the last good one.
    """
    found = normal(peer)
    entries = ",".join(headers.get_all("X-Forwarded-For", [])).rsplit(",", MAX_HOPS)
    for entry in reversed(entries[-MAX_HOPS:]):
        if not trusted.trusts(found):
            break
        address = _address(_PORT.sub(r"\1\2", entry.strip()))
        if address is None:
            break
        found = str(address)
    return found


def forwarded_host(peer: str, headers: Message, trusted: TrustedProxies) -> str | None:
    """The host that the browser asked for, where a trusted peer says so.

    Of several values the last one counts: the trusted proxy that is nearest has written it, while
    those before may be the client's own. There is no such question for X-Forwarded-Proto: the
    scheme that must fit an Origin is that of the token's own URL.
    """
    if not trusted.trusts(peer):
        return None
    values = headers.get_all("X-Forwarded-Host", [""])
    return values[-1].rpartition(",")[2].strip() or None


def group(address: str) -> str:
    """What limits count by: an IPv4 address, or the /64 of an IPv6 one."""
    found = _address(address)
    if isinstance(found, ipaddress.IPv6Address):
        return str(ipaddress.IPv6Network((found, _V6_PREFIX), strict=False))
    return str(found or address)


def normal(address: str) -> str:
    """One spelling an address; an IPv4 address in IPv6's clothes counts as IPv4."""
    return str(_address(address) or address)


def _address(text: str) -> Address | None:
    """None for what is no address."""
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(found, ipaddress.IPv4Address):
        return found
    return found.ipv4_mapped or ipaddress.IPv6Address(int(found))  # without the scope of a link


def _network(entry: str) -> Network:
    try:
        found = ipaddress.ip_network(entry.strip())
    except ValueError as exc:
        raise ConfigError(
            f"[proxy] trusted_proxies has the entry {entry!r}, which is no address and no "
            f"network such as 192.0.2.0/24 or 2001:db8::/64: {exc}") from None
    if isinstance(found, ipaddress.IPv6Network):
        mapped = found.network_address.ipv4_mapped
        if mapped is not None and found.prefixlen >= 96:
            return ipaddress.IPv4Network((mapped, found.prefixlen - 96))
    return found
