"""[serial_console]: serial consoles: text, over WebSocket."""

from oslo_config import cfg

GROUP = cfg.OptGroup("serial_console", title="Serial consoles",
                     help="""
Options of serial consoles.

Those of the agent must be set on every hypervisor, those of the proxy where the proxy runs.""")

OPTS = [
    cfg.BoolOpt("enabled", default=False,
                help="Agent: offer serial consoles of this host's instances."),
    cfg.HostAddressOpt("proxyclient_address", default="127.0.0.1",
                       help="Agent: address at which proxies reach this host's serial lines."),
    cfg.URIOpt("base_url", default="ws://127.0.0.1:6083/",
               help="""Agent: public WebSocket URL of the serial proxy, as users reach it.

The token is added to it. With wss:// the proxy, or a balancer in front of it, speaks TLS. The same
URL with http:// or https:// shows the proxy's own page with a terminal."""),
    cfg.StrOpt("serialproxy_host", default="0.0.0.0",  # noqa: S104 - it is the public edge
               help="Proxy: address on which consoles-serialproxy listens."),
    cfg.PortOpt("serialproxy_port", default=6083,
                help="Proxy: TCP port on which consoles-serialproxy listens."),
]
