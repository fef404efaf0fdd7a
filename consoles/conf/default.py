"""[DEFAULT]: the host's name on the bus."""

import socket

from oslo_config import cfg

GROUP = None

OPTS = [
    cfg.HostAddressOpt(
        "host", default=socket.gethostname(), sample_default="<this host's name>",
        help="""Name of this host on the message bus.

Workers of proxies and copies of consoleauth are addressed by it. It must be unique in the cloud
and stay the same over restarts. The compute agent uses [compute] host when that is set."""),
]
