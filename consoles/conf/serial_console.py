"""[serial_console]: serial consoles."""

from oslo_config import cfg

GROUP = cfg.OptGroup("serial_console", title="Serial consoles",
                     help="Options of serial consoles.")

OPTS = [
    cfg.BoolOpt("enabled", default=False,
                help="Agent: offer serial consoles of this host's instances."),
    cfg.HostAddressOpt("proxyclient_address", default="127.0.0.1",
                       help="Agent: address at which proxies reach this host's serial lines."),
    cfg.URIOpt("base_url", default="ws://127.0.0.1:6083/",
               help="Agent: public WebSocket URL of the serial proxy."),
]
