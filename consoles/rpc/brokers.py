"""Where the message bus is, as transport_url says."""

import oslo_messaging as messaging
from oslo_config import cfg

DEFAULT_PORT = 5672


def of(conf: cfg.ConfigOpts) -> list[tuple[str, int]]:
    """Host and port of each broker; none for a bus within the process."""
    return [(host.hostname, host.port or DEFAULT_PORT)
            for host in messaging.TransportURL.parse(conf).hosts if host.hostname]
