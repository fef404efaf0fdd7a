"""[serial_console]: serial consoles: text, over WebSocket."""

from oslo_config import cfg

GROUP = cfg.OptGroup("serial_console", title="Serial consoles",
                     help="""
Options of serial consoles.

Those of the agent must be set on every hypervisor, those of the proxy where the proxy runs.""")

OPTS = [
    cfg.BoolOpt("enabled", default=False,
                help="""Agent: offer serial consoles of this host's instances.

Where it is unset, a request for one is answered that the type is not available. The instances need
a serial line, see port_range, and users need the proxy at base_url. consoles-all-in-one starts the
serial proxy where it is set."""),
    cfg.HostAddressOpt("proxyclient_address", default="127.0.0.1",
                       help="""Agent: address at which proxies reach this host's serial lines.

Lines that the agent itself serves (port_range) listen here, so it is an address of this host."""),
    cfg.StrOpt("port_range", default="10000:20000", regex=r"^\d+:\d+$",
               help="""Agent: ports on which it serves lines that have no TCP port of their own.

From the first number up to, and without, the second one. With libvirt those are the lines of the
types `pty` and `unix`; a port is taken when a URL is asked for, and given back when the guest stops
or the URL is no longer used."""),
    cfg.URIOpt("base_url", default="ws://127.0.0.1:6083/",
               help="""Agent: public WebSocket URL of the serial proxy, as users reach it.

The token is added to it. With wss:// the proxy, or a balancer in front of it, speaks TLS. The same
URL with http:// or https:// shows the proxy's own page with a terminal."""),
    cfg.StrOpt("serialproxy_host", default="0.0.0.0",  # noqa: S104 - it is the public edge
               help="""Proxy: address on which consoles-serialproxy listens.

The default is every address of IPv4. Behind a balancer or a TLS terminator on the same host,
127.0.0.1 keeps everybody else out."""),
    cfg.PortOpt("serialproxy_port", default=6083,
                help="""Proxy: TCP port on which consoles-serialproxy listens.

Users reach it under base_url: the port there is this one, unless a balancer stands
between."""),
]
