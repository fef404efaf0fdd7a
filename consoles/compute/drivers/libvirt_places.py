"""Where the consoles of a domain are for a proxy, by its live XML and the configuration."""

import ipaddress
import logging
from collections.abc import Iterator
from typing import Any

from oslo_config import cfg

from consoles import exception
from consoles import model
from consoles.compute import console_log
from consoles.compute import shape
from consoles.compute.drivers import libvirt_xml
from consoles.compute.drivers.libvirt_xml import Domain
from consoles.compute.drivers.libvirt_xml import Line

LOG = logging.getLogger(__name__)

#: The option of a request that chooses among several lines: 0 is the first.
LINE = "line"
VNC, SPICE = "vnc", "spice"
SERVERS = {
    model.ConsoleType.NOVNC: VNC, model.ConsoleType.XVPVNC: VNC,
    model.ConsoleType.SPICE_HTML5: SPICE, model.ConsoleType.SPICE_DIRECT: SPICE,
}


def lines(conf: cfg.ConfigOpts) -> range:
    """The ports of [serial_console] port_range. Raises ConfigError."""
    first, end = map(int, conf.serial_console.port_range.split(":"))
    if not 0 < first < end <= 65536:
        raise exception.ConfigError(
            f"[serial_console] port_range = {conf.serial_console.port_range}: the first port, then "
            "the one behind the last, within 1:65536")
    return range(first, end)


def graphics(conf: cfg.ConfigOpts, domain: Domain, console_type: str) -> model.ConnectInfo:
    """Raises NotSupported, ConsoleTypeUnavailable, InstanceNotReady."""
    kind = SERVERS.get(model.ConsoleType(console_type))
    if kind is None:
        raise exception.NotSupported(f"libvirt has no {console_type} consoles")
    server = domain.graphics.get(kind)
    if server is None:
        raise exception.ConsoleTypeUnavailable(f"{domain.id} has no {console_type} console")
    port = server.port
    if port is None and console_type == model.ConsoleType.SPICE_DIRECT:
        port = server.tls_port
    if port is None and server.tls_port:
        raise exception.ConsoleTypeUnavailable(f"{domain.id} takes SPICE over TLS only")
    if port is None:
        raise exception.InstanceNotReady(f"the {kind} server of {domain.id} has no port")
    return model.ConnectInfo(
        instance_id=domain.id, console_type=console_type, port=port, tls_port=server.tls_port,
        host=conf[kind].server_proxyclient_address)


def reachable(domain: Domain) -> list[Line]:
    return [line for line in domain.lines if line.kind != libvirt_xml.FILE]


def line(domain: Domain, options: dict[str, Any]) -> Line:
    """The one that is asked for, the first if none is. Raises ConsoleTypeUnavailable, BadRequest.
    """
    found, number = reachable(domain), options.get(LINE, 0)
    if not isinstance(number, int) or number < 0:
        raise exception.BadRequest(f"{LINE}: a number from 0 on is wanted")
    if number >= len(found):
        raise exception.ConsoleTypeUnavailable(
            f"{domain.id} has {len(found)} serial lines that can be reached")
    return found[number]


def tcp(conf: cfg.ConfigOpts, domain: Domain, found: Line) -> model.ConnectInfo:
    """QEMU's own port, at the address that it is bound to unless that is any."""
    try:
        unspecified = ipaddress.ip_address(found.host).is_unspecified
    except ValueError:
        unspecified = not found.host
    host = conf.serial_console.proxyclient_address if unspecified else found.host
    return _serial(domain, host, found.port)


def served(conf: cfg.ConfigOpts, domain: Domain, port: int) -> model.ConnectInfo:
    """A port of the agent's."""
    return _serial(domain, conf.serial_console.proxyclient_address, port)


def _serial(domain: Domain, host: str, port: int) -> model.ConnectInfo:
    return model.ConnectInfo(instance_id=domain.id, console_type=model.ConsoleType.SERIAL.value,
                             host=host, port=port)


def live(domain: Domain) -> Iterator[shape.LiveConsole]:
    """How its servers were started."""
    for kind in (VNC, SPICE):
        server = domain.graphics.get(kind)
        if server is not None and server.listen:
            yield shape.LiveConsole(
                instance_id=domain.id, group=kind, listen=server.listen, port=server.port,
                keymap=server.keymap, agent=domain.agent if kind == SPICE else None)


def read_log(instance_id: str, path: str) -> str:
    """The end of a console log. Raises NotSupported where it cannot be read."""
    try:
        return console_log.tail(path)
    except FileNotFoundError:
        return ""  # it has not run yet
    except OSError as exc:
        LOG.warning("The console log of instance %s cannot be read: %s", instance_id, exc)
        raise exception.NotSupported(
            f"the console log of {instance_id} cannot be read") from None
