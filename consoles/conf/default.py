"""[DEFAULT]: the host's name on the bus, the proxies' TLS, and their recordings."""

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
    cfg.StrOpt(
        "record",
        help="""Proxy: record every session, into files whose names begin with this path.

With /var/lib/consoles/recordings/session they are session.1, session.2 and so on; none is ever
written over, and only the service's own user can read them. The directory must exist. They hold
all that was shown and, but for serial consoles, typed: passwords, too. Serial consoles are
recorded as asciicasts, the others in a format that the documentation describes. Unset, empty or
`false`: nothing is recorded."""),
    cfg.BoolOpt(
        "record_input", default=False,
        help="""Proxy: have what is typed in the recordings of serial consoles, too.

Those of the other consoles always have it: their pictures cannot be drawn without what the client
asked for."""),
    cfg.IntOpt(
        "record_max_size", default=1024 ** 3, min=0,
        help="Proxy: size in bytes at which the recording of a session ends; 0: any."),
    cfg.StrOpt(
        "record_on_error", default="stop_recording",
        choices=[("stop_recording", "The session goes on, and the log has an error."),
                 ("end_session", "Nobody has a console that is not recorded.")],
        help="""Proxy: what happens when a recording cannot go on.

That is when the disk is full or broken, when it is so slow that more than 16 MiB of a session or
64 MiB of a worker wait for it, and when record_max_size is reached. With end_session the session
ends (Close 1011), and one whose recording cannot even begin is refused (503)."""),
    cfg.BoolOpt(
        "daemon", default=False, deprecated_for_removal=True,
        deprecated_reason="Services stay in the foreground: a supervisor such as systemd starts "
                          "them, keeps their output and starts them again.",
        help="Proxy: does nothing, whatever it says. It is known so that older files still fit."),
]
