"""What the URL of a console may be restricted to: one use, looking only, some addresses.

Restrictions are a dictionary such as {"single_use": True, "view_only": True, "client_cidr":
"192.0.2.0/24"}; those that are not wanted are left out. Whoever cannot keep one refuses it.
"""

import ipaddress
from collections.abc import Mapping
from typing import Any

from consoles import exception
from consoles.model import ConsoleType

#: IPv4 addresses as IPv6 sockets write them (RFC 4291, section 2.5.5.2).
MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")
#: Their clients come to a gateway that is not ours, and that nobody can hold to anything.
_ELSEWHERE = frozenset({ConsoleType.SPICE_DIRECT, ConsoleType.RDP_HTML5})
_OURS = frozenset(ConsoleType) - _ELSEWHERE
#: Which types can keep which restriction.
KEPT_BY = {"single_use": _OURS, "client_cidr": _OURS,
           "view_only": frozenset({ConsoleType.NOVNC, ConsoleType.XVPVNC, ConsoleType.SERIAL})}


def check(console_type: str, restrictions: Mapping[str, Any]) -> None:
    """Raises BadRequest for what cannot be kept, or understood."""
    for name, types in KEPT_BY.items():
        if restrictions.get(name) and console_type not in types:
            raise exception.BadRequest(f"{name}: not possible with {console_type}")
    if restrictions.get("client_cidr"):
        _check_network(restrictions["client_cidr"])


def _check_network(cidr: str) -> None:
    """Raises BadRequest for what is no network, and for one that no client's address is of:
    proxies know clients without a scope, and those of IPv4 as such."""
    if "%" in cidr:
        raise exception.BadRequest("client_cidr: write it without a scope (%)")
    try:
        network = ipaddress.ip_network(cidr)
    except ValueError:
        raise exception.BadRequest(
            "client_cidr: neither an address nor a network such as 192.0.2.0/24 or "
            "2001:db8::/64, without bits behind its prefix") from None
    if network.version == 6 and network.subnet_of(MAPPED):
        raise exception.BadRequest("client_cidr: write an IPv4-mapped address as IPv4")


def admits(restrictions: Mapping[str, Any], client_address: str) -> bool:
    """Whether a client of that address may come, as its proxy knows it."""
    cidr = restrictions.get("client_cidr")
    if not cidr:
        return True
    try:
        return ipaddress.ip_address(client_address) in ipaddress.ip_network(cidr)
    except ValueError:  # no address at all
        return False
