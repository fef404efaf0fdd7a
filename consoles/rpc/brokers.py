"""Where the message bus is, as transport_url says."""

import logging
import socket
from importlib import metadata

import oslo_messaging as messaging
from oslo_config import cfg

from consoles import exception

LOG = logging.getLogger(__name__)

DEFAULT_PORT = 5672
PROBE_TIMEOUT = 1.0


def of(conf: cfg.ConfigOpts) -> list[tuple[str, int]]:
    """Host and port of each broker; none for a bus within the process."""
    return [(host.hostname, host.port or DEFAULT_PORT)
            for host in messaging.TransportURL.parse(conf).hosts if host.hostname]


def answer(addresses: list[tuple[str, int]]) -> bool:
    """Whether one of them takes a connection within PROBE_TIMEOUT, or none is needed.

    RabbitMQ keeps silent about connections that end without a byte.
    """
    for address in addresses:
        try:
            socket.create_connection(address, PROBE_TIMEOUT).close()
            return True
        except OSError as exc:
            LOG.debug("No answer from a broker: %s", exc)
    return not addresses


def check(conf: cfg.ConfigOpts) -> None:
    """Raises ConfigError when there can be no bus of this transport_url; connects nowhere.

    The URL holds a password and so is never told.
    """
    try:
        url = messaging.TransportURL.parse(conf)
        driver = url.transport.partition("+")[0]
        nowhere = driver == "rabbit" and not any(host.hostname for host in url.hosts)
    except (messaging.InvalidTransportURL, ValueError):
        driver, nowhere = "", True
    if nowhere or not metadata.entry_points(group="oslo.messaging.drivers", name=driver):
        raise exception.ConfigError(
            "transport_url names no message bus: write it as "
            "rabbit://user:password@host:5672/vhost")
