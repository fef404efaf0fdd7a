"""Where the message bus is, as transport_url says."""

import logging
import socket

import oslo_messaging as messaging
from oslo_config import cfg

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
