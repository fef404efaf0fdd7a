"""Which console types this host offers, and the public URL of each one's proxy."""

import ipaddress
import socket
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit
from urllib.parse import urlunsplit

import psutil
from oslo_config import cfg
from oslo_config import types
from oslo_utils import netutils

from consoles import exception
from consoles.conf.base_urls import BASE_URLS
from consoles.model import ConsoleType


def endpoints(conf: cfg.ConfigOpts) -> dict[str, str]:
    """→ {console_type: access_url_base} of the types that are on, at this host's own endpoint
    where it has one. Raises ConfigError."""
    urls = {kind.value: conf[group][option] for kind, (group, option) in BASE_URLS.items()
            if conf[group].enabled and conf[group][option]}
    if not conf.compute.public_endpoint:
        return urls
    host = public_host(conf.compute.public_endpoint)
    return {kind: _at(host, url) for kind, url in urls.items()}


def public_host(endpoint: str) -> str:
    """→ what stands in URLs for an address, a name, or an interface of this host.

    Raises ConfigError for an interface that has no address, for what is none of these, and where
    the system does not say which interfaces there are.
    """
    try:
        interface = psutil.net_if_addrs().get(endpoint)
    except OSError as exc:
        raise exception.ConfigError(
            f"[compute] public_endpoint: cannot see this host's interfaces ({exc.strerror}): the "
            "unit of consoles-compute needs RestrictAddressFamilies=AF_NETLINK") from exc
    if interface is not None:
        endpoint = _address(endpoint, interface)
    if netutils.is_valid_ipv6(endpoint):
        return netutils.escape_ipv6(endpoint)
    try:
        return str(types.HostAddress()(endpoint))
    except ValueError:
        raise exception.ConfigError(f"[compute] public_endpoint = {endpoint} is no address, "
                                    "no name and no interface of this host") from None


def _address(name: str, interface: Sequence[Any]) -> str:
    """The first that others can reach, IPv4 before IPv6: those of the link's own are none."""
    for family in (socket.AF_INET, socket.AF_INET6):
        for found in interface:
            if found.family == family and not ipaddress.ip_address(found.address).is_link_local:
                return str(found.address)
    raise exception.ConfigError(f"[compute] public_endpoint: the interface {name} has no address")


def _at(host: str, url: str) -> str:
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    return urlunsplit(parts._replace(netloc=f"{host}{port}"))


def tls_names(conf: cfg.ConfigOpts) -> dict[str, str]:
    """→ {console_type: the name in the certificate} of the types whose servers may speak TLS.

    Asks the resolver for this host's name where no option says it.
    """
    name = conf.vnc.vencrypt_server_name or socket.getfqdn()
    return {ConsoleType.NOVNC.value: name, ConsoleType.XVPVNC.value: name}
