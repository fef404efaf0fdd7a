"""[DEFAULT]: the host's name on the bus, and the proxies' TLS."""

import socket

from oslo_config import cfg

GROUP = None

OPTS = [
    cfg.HostAddressOpt(
        "host", default=socket.gethostname(), sample_default="<this host's name>",
        help="""Name of this host on the message bus.

Workers of proxies and copies of consoleauth are addressed by it. It must be unique in the cloud
and stay the same over restarts. The compute agent uses [compute] host when that is set."""),
    cfg.StrOpt(
        "cert",
        help="""Proxy: PEM file with the certificate that browsers are shown, and its chain.

Unset: no TLS; a balancer in front may speak it. A new certificate is read at SIGHUP."""),
    cfg.StrOpt(
        "key",
        help="""Proxy: PEM file with the private key of `cert`, without a passphrase.

Unset: the key is in `cert`."""),
    cfg.BoolOpt(
        "ssl_only", default=False,
        help="""Proxy: refuse what is not TLS.

Otherwise a proxy with a certificate speaks both on its one port. Needs `cert`."""),
    cfg.BoolOpt(
        "source_is_ipv6", default=False,
        help="""Proxy: listen on the IPv6 address of a name that has both.

An address in *_host says by itself what it is; `::` listens for IPv4, too."""),
]
